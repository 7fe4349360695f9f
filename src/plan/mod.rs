//! Facts x Settings -> Plan: pure functions, one file a backend. Nothing here can reach the machine.

mod refusal;
mod step;
pub mod system;

pub use refusal::Refusal;
pub use step::{Package, Plan, Step};
