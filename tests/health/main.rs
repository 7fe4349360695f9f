//! Proof against a real server: what `verify` measures, and that every check of `doctor` can fail.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod checks;
mod doctor;
mod recall;
mod sabotage;
mod site;
mod verify;
