//! Placeholder until the package backend lands.
use super::{Outcome, Progress};
use crate::error::Result;
use crate::host::Host;
use crate::plan::Step;

pub async fn apply(_host: &Host, _step: &Step, _progress: &dyn Progress) -> Result<Outcome> {
    Ok(Outcome::AlreadyThere)
}

pub async fn undo(
    _host: &Host,
    _undo: &crate::plan::Undo,
    _progress: &dyn Progress,
) -> Result<Option<String>> {
    Ok(None)
}
