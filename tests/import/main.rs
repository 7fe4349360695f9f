//! What is imported, against directories that Chroma itself has written, whole and damaged.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test unpacks, damages and compares files without the product"
)]

mod acceptance;
mod catalogs;
#[path = "../support/chroma/mod.rs"]
mod chroma;
mod cut;
mod flips;
mod journal;
mod mutations;
mod pickles;
mod purged;
mod special_files;
mod torn;
mod truth;
mod uncommitted;
mod user;
mod verdict;
