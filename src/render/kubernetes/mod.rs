//! Manifests for the operator CloudNativePG, and a job for the migrations.

use super::Rendering;
use crate::plan::Refusal;
use crate::settings::Settings;

/// # Errors
/// [`Refusal`] for what the operator has no way to do.
pub fn manifests(_settings: &Settings) -> Result<Rendering, Refusal> {
    Ok(Rendering::default())
}
