//! Host -> Facts: what is here, by read-only probes.

mod error;

pub use error::FactsError;
