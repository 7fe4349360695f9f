//! The examples for Ansible and cloud-init, run by Ansible and by cloud-init's own modules.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![allow(clippy::disallowed_methods, reason = "the tests stand outside the product")]

mod ansible;
mod cloud_init;
mod doctor;
mod place;
mod programs;
mod removal;
#[path = "../support/mod.rs"]
mod support;
