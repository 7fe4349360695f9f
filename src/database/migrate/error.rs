use super::lock_wait::Blocker;
use crate::database::DatabaseError;
use crate::error::{Exit, Explain};
use crate::host::HostError;

/// A migration was refused, failed, or had to wait too long.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "another run of pgvector-setup is at work there{}",
        holder.map(|pid| format!(": server process {pid}")).unwrap_or_default()
    )]
    Locked { holder: Option<i32> },
    #[error(
        "migration V{version} ({name}) was applied in another form:{}",
        lines(differences)
    )]
    Divergent {
        version: i32,
        name: String,
        differences: Vec<String>,
    },
    #[error(
        "the history has migration V{version} ({name}), which this version of pgvector-setup does not know"
    )]
    Future { version: i32, name: String },
    #[error("the history has later migrations, but not V{version} ({name})")]
    Missing { version: i32, name: &'static str },
    #[error("the migration history cannot be trusted: {detail}")]
    History { detail: String },
    #[error("{fact}")]
    Extension { fact: String, hint: String },
    #[error("{what} is already there and differs:{}", lines(differences))]
    Differs {
        what: String,
        differences: Vec<String>,
        hint: String,
    },
    #[error("migration V{version} is recorded as applied, but {fact}")]
    Drifted { version: i32, fact: String },
    #[error("cannot {purpose}: {blocker}")]
    Blocked { purpose: String, blocker: Blocker },
    #[error("server process {pid} is building {index} now: {query}")]
    Building { index: String, pid: i32, query: String },
    #[error("the index {index} was built but the server does not call it valid")]
    Invalid { index: String },
    #[error(
        "{what} holds {}, and was not named for removal",
        rows.map_or("rows".to_owned(), |rows| format!("{rows} values"))
    )]
    HoldsData {
        what: String,
        /// `None` where they were not counted.
        rows: Option<i64>,
        consent: String,
    },
    #[error("{what} has what these migrations did not make:{}", lines(items))]
    Foreign { what: String, items: Vec<String> },
    #[error("cannot export the embeddings: {source}")]
    Export { source: HostError },
    #[error("there is no migration V{version}; there are 0 (none) to {last}")]
    Version { version: i32, last: i32 },
    #[error("a migration's template is broken: {detail}")]
    Template { detail: String },
    #[error("{what} was neither made nor adopted by these migrations")]
    Unmigrated { what: String },
    #[error("the migrations could not be run: {source}")]
    Refinery { source: refinery::Error },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

impl Explain for MigrateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "E0701",
            Self::Divergent { .. } => "E0702",
            Self::Future { .. } => "E0703",
            Self::Missing { .. } => "E0704",
            Self::History { .. } => "E0705",
            Self::Extension { .. } => "E0706",
            Self::Differs { .. } => "E0707",
            Self::Drifted { .. } => "E0708",
            Self::Blocked { .. } => "E0709",
            Self::Building { .. } => "E0710",
            Self::Invalid { .. } => "E0711",
            Self::HoldsData { .. } => "E0712",
            Self::Foreign { .. } => "E0713",
            Self::Export { .. } => "E0714",
            Self::Version { .. } => "E0715",
            Self::Template { .. } => "E0716",
            Self::Refinery { .. } => "E0717",
            Self::Unmigrated { .. } => "E0718",
            Self::Database(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Locked { .. } | Self::Building { .. } => Exit::Busy,
            Self::Divergent { .. }
            | Self::Future { .. }
            | Self::Missing { .. }
            | Self::History { .. }
            | Self::Extension { .. }
            | Self::Differs { .. }
            | Self::Drifted { .. }
            | Self::HoldsData { .. }
            | Self::Foreign { .. }
            | Self::Unmigrated { .. } => Exit::Refused,
            Self::Blocked { .. } | Self::Invalid { .. } => Exit::Resumable,
            Self::Export { source } => source.exit(),
            Self::Version { .. } => Exit::Usage,
            Self::Template { .. } | Self::Refinery { .. } => Exit::Bug,
            Self::Database(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Locked { .. } | Self::Building { .. } | Self::Missing { .. } | Self::History { .. } => {
                "pgvector-setup migrate status".to_owned()
            }
            Self::Divergent { version, .. } | Self::Drifted { version, .. } => format!(
                "give the settings of before, or take it back first: pgvector-setup migrate down --to {}",
                version - 1
            ),
            Self::Future { .. } => "use the newer pgvector-setup that made it".to_owned(),
            Self::Extension { hint, .. } | Self::Differs { hint, .. } => hint.clone(),
            Self::Blocked { blocker, .. } => format!(
                "end that session, then run the same command again: SELECT pg_terminate_backend({})",
                blocker.pid
            ),
            Self::Invalid { .. } | Self::Unmigrated { .. } => "pgvector-setup migrate up".to_owned(),
            Self::HoldsData { consent, .. } => consent.clone(),
            Self::Foreign { .. } => "drop those by hand first, or keep it: nothing was changed".to_owned(),
            Self::Export { source } => return source.hint(),
            Self::Version { .. } => "pgvector-setup migrate status".to_owned(),
            Self::Template { .. } | Self::Refinery { .. } => "pgvector-setup --version".to_owned(),
            Self::Database(error) => return error.hint(),
        })
    }
}
