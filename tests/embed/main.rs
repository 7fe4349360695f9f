//! Which model a column holds, and giving every row its vector, on a real server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod backfill;
mod embedder;
mod key;
mod model;
mod queue;
mod site;
mod watch;
mod write;
