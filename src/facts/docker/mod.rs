//! Which container engine is here, whether it answers, and what it has of this project.

use crate::error::Result;
use crate::host::Host;
use crate::settings::Settings;

/// What is known before anything is started.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct DockerFacts {}

pub async fn gather(_host: &Host, _settings: &Settings) -> Result<DockerFacts> {
    Ok(DockerFacts::default())
}
