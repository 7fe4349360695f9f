//! Host -> Facts: what is here, by read-only probes.

pub mod apt;
pub mod clusters;
mod error;
pub mod os;
pub mod os_release;
pub mod packages;
pub mod privilege;
pub mod system;

pub use error::FactsError;
