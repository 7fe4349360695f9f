//! A failure that leaves the machine as it was before: what this program added and could not be used is taken back.

use super::{Installation, MachineFacts};
use crate::apply::receipt::{self, Made};
use crate::apply::{self, ApplyError, Engine, Outcome};
use crate::error::{Error, Result};
use crate::plan::system::instead_of_repository;
use crate::plan::{self, DataFacts, Step, UndoStep};

impl Installation<'_> {
    /// The failure as the user gets it. A package repository that we added and that did not serve is removed again, so that
    /// the user's own package manager works as before; every other failure stays as it is, for a re-run to go on from.
    pub(super) async fn take_back(&self, engine: &mut Engine<'_>, error: Error) -> Error {
        let made = receipt::made(engine.receipt.records());
        if !is_of_a_repository(&error) || !is_unused(&made) {
            return error;
        }
        match self.take_back_repository(engine, &made).await {
            Ok(true) => ApplyError::Undone {
                cause: Box::new(error),
                instead: self.instead().await,
            }
            .into(),
            // What could not be taken back is in the receipt, for the next run or for rollback.
            Ok(false) | Err(_) => error,
        }
    }

    /// Whether all of it is gone.
    async fn take_back_repository(&self, engine: &mut Engine<'_>, made: &[Made]) -> Result<bool> {
        let steps = plan::undo_plan(made, &DataFacts::default(), self.settings)?;
        let kept = if made.iter().all(is_preparation) {
            apply::undo(engine, &steps).await?
        } else {
            let since = made.iter().find(|entry| is_addition(entry));
            let since = since.map_or(u32::MAX, |entry| entry.sequence);
            let later: Vec<UndoStep> = steps.into_iter().filter(|step| step.sequence >= since).collect();
            apply::undo_some(engine, &later).await?
        };
        Ok(kept.is_empty())
    }

    async fn instead(&self) -> Vec<String> {
        match self.machine_facts().await {
            Ok(MachineFacts::System(facts)) => instead_of_repository(&facts, self.settings),
            _ => Vec::new(),
        }
    }
}

/// A repository that did not answer as it should, or has not what it was added for.
fn is_of_a_repository(error: &Error) -> bool {
    match error {
        Error::Apply(ApplyError::Packages(error)) => error.is_of_a_repository(),
        Error::Apply(ApplyError::Rpm(error)) => error.is_of_a_repository(),
        // Found out only after steps of this run: what was added has not what it was added for.
        Error::Apply(ApplyError::HalfWay(_)) => true,
        _ => false,
    }
}

/// Whether a repository was added and nothing was installed since. `made` is newest first.
fn is_unused(made: &[Made]) -> bool {
    let Some(position) = made.iter().position(is_addition) else {
        return false;
    };
    made[..position].iter().all(left_nothing)
}

fn left_nothing(entry: &Made) -> bool {
    matches!(
        (&entry.step, &entry.outcome),
        (Step::RefreshPackageIndex { .. } | Step::DisableModule { .. }, _)
            | (Step::InstallPackages { .. }, Some(Outcome::Failed { .. }))
    )
}

fn is_addition(entry: &Made) -> bool {
    matches!(
        entry.step,
        Step::AddRepository { .. } | Step::AddRpmRepository { .. }
    )
}

/// What comes before anything of worth is made.
fn is_preparation(entry: &Made) -> bool {
    left_nothing(entry) || is_addition(entry) || matches!(entry.step, Step::CreateDirectory { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::manager::Manager;

    fn made(words: &str) -> Vec<Made> {
        let entry = |(index, word): (usize, &str)| Made {
            sequence: index as u32 + 1,
            step: match word {
                "add" => Step::AddRepository {
                    manager: Manager::Apt,
                    name: String::new(),
                    uri: String::new(),
                    suite: String::new(),
                    fingerprint: String::new(),
                    directories: Vec::new(),
                    files: Vec::new(),
                },
                "read" | "unread" => Step::RefreshPackageIndex {
                    manager: Manager::Apt,
                    argv: Vec::new(),
                },
                "directory" => Step::CreateDirectory {
                    path: "/x".into(),
                    mode: "0755".to_owned(),
                    owner: None,
                },
                _ => Step::InstallPackages {
                    manager: Manager::Apt,
                    packages: Vec::new(),
                    argv: Vec::new(),
                    clusters: Vec::new(),
                },
            },
            outcome: match word {
                "cut" => None,
                "unread" | "failed" => Some(Outcome::Failed { error: String::new() }),
                _ => Some(Outcome::Changed { object: None }),
            },
        };
        let mut made: Vec<Made> = words.split_whitespace().enumerate().map(entry).collect();
        made.reverse();
        made
    }

    #[test]
    fn a_repository_is_taken_back_until_something_came_from_it() {
        for (steps, is_expected) in [
            ("directory add unread", true),
            ("directory add read failed", true),
            ("directory read add unread", true),
            ("directory add unread read failed", true),
            ("directory add read cut", false),
            ("directory add read installed", false),
            ("directory add read installed read failed", false),
            ("directory read failed", false),
            ("", false),
        ] {
            assert_eq!(is_unused(&made(steps)), is_expected, "{steps}");
        }
    }

    #[test]
    fn everything_goes_only_where_nothing_else_was_made() {
        for (steps, is_expected) in [
            ("directory add unread", true),
            ("directory read add read failed", true),
            ("directory installed add unread", false),
        ] {
            assert_eq!(made(steps).iter().all(is_preparation), is_expected, "{steps}");
        }
    }
}
