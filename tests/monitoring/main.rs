//! Metrics, rules, dashboard and units as their readers see them: promtool, Prometheus, node_exporter, systemd, and the types
//! that Grafana generates from its schema.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![allow(clippy::disallowed_methods, reason = "the tests stand outside the product")]

mod chain;
mod dashboard;
mod doctor;
mod programs;
mod rendered;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod units;
