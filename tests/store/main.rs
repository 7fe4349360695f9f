//! The vector store on a real server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod concurrency;
mod filters;
mod get;
mod search;
mod shapes;
mod site;
mod text;
mod upsert;
