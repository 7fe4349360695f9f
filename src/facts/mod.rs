//! Host -> Facts: what is here, by read-only probes.

mod error;
pub mod os;
mod os_release;

pub use error::FactsError;
