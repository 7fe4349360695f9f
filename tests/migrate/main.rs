//! Migrations on a real server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod down;
mod history;
mod index;
mod locks;
mod script;
mod site;
mod up;
