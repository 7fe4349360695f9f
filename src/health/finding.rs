//! What `doctor` says: findings, and the report that carries them.

use serde::{Deserialize, Serialize};

use super::Measures;
use crate::database::versions::DatabaseVersions;

/// How much a finding matters. The order is from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Searches fail or give wrong results.
    Critical,
    /// Data, safety or results are at risk.
    High,
    /// Slower or larger than need be.
    Medium,
    /// Worth knowing.
    Low,
    /// Checked, and as it should be.
    Ok,
    /// Not checked, for the reason given.
    Skipped,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Ok => "ok",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a database with such a finding counts as unhealthy.
    pub fn is_unhealthy(self) -> bool {
        matches!(self, Self::Critical | Self::High)
    }
}

/// The result of one check. The identifiers are stable: scripts may look for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: &'static str,
    pub severity: Severity,
    /// One sentence without full stop.
    pub fact: String,
    /// The numbers and names that the fact was read from.
    pub evidence: String,
    /// A SQL statement or a command of this program, as it can be typed.
    pub fix: Option<String>,
}

impl Finding {
    pub fn new(
        id: &'static str,
        severity: Severity,
        fact: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Self {
        Self {
            id,
            severity,
            fact: fact.into(),
            evidence: evidence.into(),
            fix: None,
        }
    }

    #[must_use]
    pub fn fix(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(command.into());
        self
    }
}

/// Everything `doctor` found. The keys from `healthy` to `error` are those of the health check that existing
/// monitoring already reads; `null` stands for a number that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthReport {
    /// Version of this JSON document's layout.
    pub schema: u32,
    /// No finding is critical or high, and there was no error.
    pub healthy: bool,
    pub extension_installed: bool,
    /// Rows whose embedding is not null.
    pub articles_with_embeddings: Option<u64>,
    pub total_articles: Option<u64>,
    /// Whether the two counts above were counted, rather than estimated from the planner's statistics.
    pub counts_exact: bool,
    /// Why nothing, or not everything, could be checked.
    pub error: Option<String>,
    pub findings: Vec<Finding>,
    /// The package that pgvector's files are of, as its manager says.
    pub package: Option<String>,
    /// Every database of the server with its extension and library; empty where only one was asked.
    pub databases: Vec<DatabaseVersions>,
    /// What the findings were judged from, as numbers; `None` where nothing could be read.
    pub measures: Option<Measures>,
}

impl HealthReport {
    pub const SCHEMA: u32 = 1;

    /// The report of a server that could not be asked.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self {
            schema: Self::SCHEMA,
            healthy: false,
            extension_installed: false,
            articles_with_embeddings: None,
            total_articles: None,
            counts_exact: false,
            error: Some(error.into()),
            findings: Vec::new(),
            package: None,
            databases: Vec::new(),
            measures: None,
        }
    }
}
