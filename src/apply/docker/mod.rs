//! A compose project: its files, its image, its server, and taking them back.

mod failure;
mod files;
mod image;
mod removal;
mod start;

pub use failure::DockerError;
pub(super) use files::{remove as remove_files, write};
pub(super) use image::pull;
pub use removal::stop;
pub(super) use removal::{remove_containers, remove_image};
pub(super) use start::start;

use super::{Made, Outcome};
use crate::plan::Step;

/// Whether a run of ours wrote files, or began to start the server from them, and did not see it answer since. `made` is
/// newest first.
pub fn start_is_owed(made: &[Made]) -> bool {
    let of_project =
        |entry: &&Made| matches!(entry.step, Step::WriteProject { .. } | Step::StartProject { .. });
    made.iter().find(of_project).is_some_and(|last| {
        let is_start = matches!(last.step, Step::StartProject { .. });
        !(is_start
            && matches!(
                last.outcome,
                Some(Outcome::Changed { .. } | Outcome::AlreadyThere)
            ))
    })
}
