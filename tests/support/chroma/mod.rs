//! Chroma directories: those that Chroma itself has written, and larger ones of the same format.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test unpacks, writes and compares files without the product"
)]

mod catalog;
pub mod comparison;
pub mod fixture;
mod index_files;
mod pickle;
pub mod reading;
pub mod rows;
pub mod synthetic;
