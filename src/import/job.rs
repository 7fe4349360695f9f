//! What is asked of an import, what it tells while it works, and what came of it.

use std::path::PathBuf;

use super::chroma::DirectoryError;
use super::judgement::Parts;
use super::load::Loaded;
use super::policy::{Action, Kind, Policies};
use super::progress::Progress;
use super::proof::Proof;
use super::rejects::Counts;
use super::{Collection, ImportError};
use crate::database::index::BuildProgress;
use crate::settings::VectorTable;

/// Is told how far an import is.
pub trait Listener {
    fn begins(&self, _what: &str) {}
    fn loaded(&self, _loaded: Loaded) {}
    fn builds(&self, _progress: &BuildProgress) {}
}

/// Says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Listener for Quiet {}

/// One collection and the table that is meant for it.
#[derive(Debug, Clone)]
pub struct Job {
    pub collection: Collection,
    /// The source's path or address, and what tells that it has not changed.
    pub source: String,
    pub fingerprint: Option<String>,
    pub table: VectorTable,
    pub parts: Parts,
    pub policies: Policies,
    /// Where records that are left out or changed are listed.
    pub rejects: PathBuf,
    /// The file is in a place of ours, so what is there is of an earlier run.
    pub rejects_are_ours: bool,
    pub is_restart: bool,
    /// Compares, and writes nothing.
    pub is_verification: bool,
}

impl Job {
    /// # Errors
    /// [`DirectoryError::Lost`] where vectors are lost to damage, and neither this job nor an earlier run with the policies `before`
    /// says what becomes of their records.
    pub(super) fn refuse_undecided_loss(&self, before: Option<&Policies>) -> Result<(), ImportError> {
        let decided = |policies: &Policies| policies.of(Kind::MissingVector) != Action::Fail;
        match (&self.collection.damage, self.collection.without_vector) {
            (Some(damage), Some(without_vector))
                if !decided(&self.policies) && !before.is_some_and(decided) =>
            {
                Err(DirectoryError::Lost {
                    collection: self.collection.name.to_string(),
                    damage: damage.clone(),
                    records: self.collection.records,
                    without_vector,
                }
                .into())
            }
            _ => Ok(()),
        }
    }

    /// Whether what the reject file holds is of this import, which `found` is the row of.
    pub(super) fn owns_rejects(&self, found: Option<&Progress>) -> bool {
        self.rejects_are_ours || found.is_some_and(|found| found.rejects == self.rejects_text())
    }

    /// The reject file as the row of the import keeps it.
    pub(super) fn rejects_text(&self) -> String {
        self.rejects.display().to_string()
    }
}

/// How far an import is before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    New,
    Begun { passed: u64 },
    Complete,
}

/// What came of one collection.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Imported {
    pub collection: String,
    pub table: String,
    pub parts: Parts,
    /// The import was complete before; this run has only compared.
    pub was_complete: bool,
    /// Records that the source says it has, and that were read.
    pub listed: u64,
    pub read: u64,
    /// As [`Collection::damage`] and [`Collection::without_vector`].
    pub damage: Option<String>,
    pub without_vector: Option<u64>,
    /// Rows written by this run, and by all runs of this import.
    pub written: u64,
    pub written_in_all: u64,
    pub skipped: Counts,
    pub replaced: Counts,
    /// The file that lists both, where there are any.
    pub rejects: Option<PathBuf>,
    pub load_seconds: f64,
    pub rows_per_second: Option<f64>,
    /// The index that this run has built or found, else why there is none.
    pub index: Option<String>,
    pub without_index: Option<String>,
    pub index_seconds: f64,
    pub proof: Proof,
    /// The version of the schema that takes all of this back; `None` where rows or column were there before.
    pub undone_by_version: Option<i32>,
}

impl Imported {
    /// Whether this run wrote anything: a load without rows notes its end as well.
    pub fn has_written(&self) -> bool {
        self.load_seconds > 0.0 || self.index_seconds > 0.0
    }

    /// Records there were, and no row for any of them.
    pub fn matches_nothing(&self) -> bool {
        self.parts == Parts::Embedding && self.read > 0 && self.written_in_all == 0
    }
}
