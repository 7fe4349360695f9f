//! What was observed, as numbers and versions: for whoever keeps a history rather than reads findings.

use serde::Serialize;

use super::Severity;
use super::checks::{self, Case};

/// The measures of one table. What could not be read is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Measures {
    /// The vector indexes on the embedding column.
    pub indexes: Vec<IndexMeasures>,
    /// Share of the true ten nearest rows that searches returned; `None` where it was not measured.
    pub recall_at_10: Option<f64>,
    /// Version of the extension in this database.
    pub extension: Option<String>,
    /// Version of the library that runs, where the server tells it (PostgreSQL 18).
    pub library: Option<String>,
    /// Version of the server's files.
    pub offered: Option<String>,
    /// Known defects that are about this installation.
    pub advisories: Vec<AppliedAdvisory>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexMeasures {
    pub name: String,
    pub method: String,
    /// Whether searches can use it.
    pub valid: bool,
    pub building: bool,
    /// As of its build, or of the last VACUUM or ANALYZE.
    pub bytes: u64,
    /// Since the statistics were last reset, without those of this run.
    pub scans: Option<u64>,
    /// Those of this run.
    pub own_scans: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedAdvisory {
    pub id: String,
    pub severity: Severity,
    /// The first version without it.
    pub fixed: String,
}

impl Measures {
    pub(super) fn of(case: &Case<'_>) -> Self {
        let seen = case.seen;
        let library = seen.library.as_ref().and_then(|library| library.as_ref().ok());
        let recall = seen.recall.as_ref().and_then(|recall| recall.as_ref().ok());
        let own_scans = seen.own_scans.as_ref().and_then(|scans| scans.as_ref().ok());
        let own = |name: &str| own_scans.and_then(|scans| scans.get(name)).copied();
        let indexes = seen.catalog.indexes.iter().map(|index| IndexMeasures {
            name: index.name.clone(),
            method: index.method.clone(),
            valid: index.valid,
            building: index.building,
            bytes: index.bytes,
            scans: index.scans,
            own_scans: own(&index.name).unwrap_or(0),
        });
        let applying = checks::applying(case).into_iter();
        let advisories = applying.map(|(advisory, severity)| AppliedAdvisory {
            id: advisory.id.clone(),
            severity,
            fixed: advisory.fixed.to_string(),
        });
        Self {
            indexes: indexes.collect(),
            recall_at_10: recall.and_then(Option::as_ref).map(|recall| recall.mean),
            extension: seen.catalog.extension.as_ref().map(|found| found.version.clone()),
            library: library.and_then(|library| library.version.clone()),
            offered: seen.catalog.extension_available.clone(),
            advisories: advisories.collect(),
        }
    }
}
