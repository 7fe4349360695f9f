//! What an apply tells while it works. The terminal, the JSON mode and the tests each listen in their own way.

use super::Outcome;
use crate::database::index::BuildProgress;
use crate::error::{Error, Result};
use crate::plan::{Plan, Step};

#[async_trait::async_trait]
pub trait Progress: Sync {
    /// A plan that could not be shown before, because what it depends on was read only now. `false` stops before it.
    async fn agrees(&self, _plan: &Plan) -> Result<bool> {
        Ok(true)
    }
    /// A step begins; `number` counts from 1 of `total`.
    fn begins(&self, _number: usize, _total: usize, _step: &Step) {}
    /// A step ended, in any way but by an error.
    fn ended(&self, _step: &Step, _outcome: &Outcome) {}
    /// A step ended by an error, which ends the apply as well.
    fn failed(&self, _step: &Step, _error: &Error) {}
    /// Something is taken back.
    fn undoes(&self, _what: &str) {}
    /// An index build moved on.
    fn builds(&self, _progress: &BuildProgress) {}
    /// Something is being waited for: a lock with its holder, a server that recovers.
    fn waits(&self, _what: &str) {}
}

/// Says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {}
