//! Units for podman's quadlet: systemd runs the containers.

use super::Rendering;
use crate::plan::Refusal;
use crate::settings::Settings;

/// # Errors
/// [`Refusal`] for an image whose PostgreSQL major cannot be told.
pub fn units(_settings: &Settings) -> Result<Rendering, Refusal> {
    Ok(Rendering::default())
}
