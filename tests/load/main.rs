//! Records into tables on a real server: policies, going on after an end in the middle, the proof and what it finds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod going_on;
mod memory;
mod policies;
mod proof;
mod site;
mod whole;
