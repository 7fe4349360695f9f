//! The operating system's PostgreSQL by dnf.

use crate::facts::system::SystemFacts;
use crate::plan::system::alternatives;
use crate::plan::{Plan, Refusal};
use crate::settings::Settings;

/// Plans the way from the machine as it is to a running server that has pgvector's files.
///
/// # Errors
/// A [`Refusal`]; nothing was changed.
pub fn server_plan(facts: &SystemFacts, _settings: &Settings) -> Result<Plan, Refusal> {
    Err(alternatives::no_manager(facts))
}
