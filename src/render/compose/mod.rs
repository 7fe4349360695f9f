//! A compose project: the database, the migrations once it answers, and where an application hooks in.

use super::Rendering;
use crate::plan::Refusal;
use crate::settings::Settings;

/// # Errors
/// [`Refusal`] for an image whose PostgreSQL major cannot be told.
pub fn project(_settings: &Settings) -> Result<Rendering, Refusal> {
    Ok(Rendering::default())
}
