//! Proof: `verify` measures on data of its own, `doctor` reads what is there.
//!
//! [`verify`] does all its work in one transaction that it rolls back, so nothing of it can stay behind, however it ends.
//! [`doctor`] never writes: its transaction is `READ ONLY`. It observes first and judges afterwards; the judging is pure
//! (`checks`), so every finding can be tested without a server in the matching state.

pub mod advisories;
mod checks;
mod doctor;
mod error;
mod finding;
mod measures;
pub mod metrics;
mod neighbours;
mod planned;
pub mod report;
mod sources;
mod verify;
pub mod versions;

pub use doctor::{DoctorOptions, RECALL_FLOOR, doctor};
pub use error::HealthError;
pub use finding::{Finding, HealthReport, Severity};
pub use measures::{AppliedAdvisory, IndexMeasures, Measures};
pub use planned::Planned;
pub use verify::{Verification, VerifyOptions, suited_rows, verify};
