//! Proof: `verify` measures, `doctor` reads.

mod error;

pub use error::HealthError;
