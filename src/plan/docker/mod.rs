//! Target `docker`: write the compose project, start its server.

use super::{Plan, Refusal};
use crate::facts::docker::DockerFacts;
use crate::settings::Settings;

/// # Errors
/// [`Refusal`] where no engine answers, with what is missing.
pub fn server_plan(_facts: &DockerFacts, _settings: &Settings) -> Result<Plan, Refusal> {
    Err(Refusal::Unavailable {
        fact: "the target docker is not there yet".into(),
        alternatives: vec!["pgvector-setup up --target embedded".into()],
    })
}
