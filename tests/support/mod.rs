//! What the tests share: a real server, made by the product itself.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod account;
pub mod bundle;
pub mod embedder;
pub mod server;
