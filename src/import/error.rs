use std::path::PathBuf;

use super::chroma::DirectoryError;
use super::chroma_server::ServerError;
use super::job::Imported;
use super::judgement::Parts;
use super::policy::Kind;
use crate::database::DatabaseError;
use crate::database::migrate::MigrateError;
use crate::error::{Exit, Explain};
use crate::host::{HostError, quote_word};
use crate::settings::SettingsError;

/// Why an import stopped. Codes: E0801-E0809 a directory, E0810-E0819 a server, E0820-E0839 the import itself.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("record {id:?} of {collection} cannot be a row: {reason}")]
    Record {
        collection: String,
        id: String,
        kind: Kind,
        reason: String,
    },
    #[error(
        "{table} has the row {id:?}{} already{}",
        match parts {
            Parts::Whole => "",
            Parts::Embedding => " with another embedding",
        },
        match others {
            0 => String::new(),
            others => format!(", and {others} more of the same batch"),
        }
    )]
    Existing {
        table: String,
        id: String,
        others: usize,
        parts: Parts,
    },
    #[error("there is no collection {name:?}; there are: {}", known.join(", "))]
    UnknownCollection { name: String, known: Vec<String> },
    #[error("{name:?} is the name of several collections: {}", full.join(", "))]
    Ambiguous { name: String, full: Vec<String> },
    #[error("{option} is for one collection, and {count} are meant")]
    Several { option: &'static str, count: usize },
    #[error("{collection} {problem}")]
    NoTable {
        collection: String,
        problem: String,
        hint: String,
    },
    #[error("table {table} {problem}")]
    Unfit {
        table: String,
        problem: String,
        hint: String,
    },
    #[error("{collection} is not what the import was begun with: {fact}")]
    SourceChanged { collection: String, fact: String },
    #[error("the import of {collection} was begun otherwise: {difference}")]
    BegunOtherwise { collection: String, difference: String },
    #[error("no finished import of {collection} into {table} is known")]
    NothingToVerify { collection: String, table: String },
    #[error("{} is there and not of this import", path.display())]
    RejectFile { path: PathBuf },
    #[error("records that are left out cannot be listed in {}: {problem}", path.display())]
    RejectPlace { path: PathBuf, problem: String },
    #[error("there is room for {free}, and at least {needed} are needed")]
    NoRoom { free: String, needed: String },
    #[error("the record of an earlier import cannot be read: {detail}")]
    Progress { detail: String },
    #[error("stopped by a signal; what was written is recorded")]
    Interrupted { exit: Exit },
    #[error("the server's binary copy cannot be read")]
    Stream,
    #[error("the reading of the source ended without a word")]
    Reader,
    /// One of several imports, after others.
    #[error("{error}")]
    Later {
        /// What came of those before it.
        imported: Vec<Imported>,
        #[source]
        error: Box<Self>,
    },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Explain for ImportError {
    fn code(&self) -> &'static str {
        match self {
            Self::Directory(error) => error.code(),
            Self::Server(error) => error.code(),
            Self::Record { .. } => "E0820",
            Self::Existing { .. } => "E0821",
            Self::UnknownCollection { .. } => "E0822",
            Self::Ambiguous { .. } => "E0823",
            Self::NoTable { .. } => "E0824",
            Self::Unfit { .. } => "E0825",
            Self::SourceChanged { .. } => "E0826",
            Self::BegunOtherwise { .. } => "E0827",
            Self::NothingToVerify { .. } => "E0828",
            Self::RejectFile { .. } => "E0829",
            Self::NoRoom { .. } => "E0830",
            Self::Progress { .. } => "E0831",
            Self::Interrupted { .. } => "E0832",
            Self::Stream => "E0833",
            Self::Reader => "E0834",
            Self::Several { .. } => "E0835",
            Self::RejectPlace { .. } => "E0836",
            Self::Later { error, .. } => error.code(),
            Self::Settings(error) => error.code(),
            Self::Host(error) => error.code(),
            Self::Migrate(error) => error.code(),
            Self::Database(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Directory(error) => error.exit(),
            Self::Server(error) => error.exit(),
            Self::Record { .. } | Self::Existing { .. } => Exit::Resumable,
            Self::UnknownCollection { .. }
            | Self::Ambiguous { .. }
            | Self::NoTable { .. }
            | Self::Unfit { .. }
            | Self::SourceChanged { .. }
            | Self::BegunOtherwise { .. }
            | Self::NothingToVerify { .. }
            | Self::RejectFile { .. }
            | Self::NoRoom { .. }
            | Self::Progress { .. } => Exit::Refused,
            Self::Several { .. } | Self::RejectPlace { .. } => Exit::Usage,
            // Something was changed by now.
            Self::Later { error, .. } => match error.exit() {
                Exit::Refused | Exit::Usage => Exit::Resumable,
                exit => exit,
            },
            Self::Interrupted { exit } => *exit,
            Self::Stream | Self::Reader => Exit::Bug,
            Self::Settings(error) => error.exit(),
            Self::Host(error) => error.exit(),
            Self::Migrate(error) => error.exit(),
            Self::Database(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Directory(error) => return error.hint(),
            Self::Server(error) => return error.hint(),
            Self::Record { kind, .. } => match kind {
                Kind::Dimension => "the same command with --on dimension=skip goes on; what it leaves out is listed".to_owned(),
                kind => format!("the same command with --on {kind}=skip or --on {kind}=replace goes on; what it leaves out or changes is listed"),
            },
            Self::Existing { .. } => {
                "the same command with --on existing=skip (it stays as it is) or --on existing=replace (it is overwritten) goes on".to_owned()
            }
            Self::UnknownCollection { .. } => "pgvector-setup import chroma SOURCE --inspect lists what is there".to_owned(),
            Self::Ambiguous { full, .. } => match full.first() {
                Some(first) => format!("--collection {}", quote_word(first)),
                None => "--collection TENANT/DATABASE/NAME".to_owned(),
            },
            Self::Several { .. } => "name that one: --collection NAME".to_owned(),
            Self::NoTable { hint, .. } | Self::Unfit { hint, .. } => hint.clone(),
            Self::SourceChanged { .. } => {
                "--restart begins anew; rows that are there are judged by --on existing=fail|skip|replace".to_owned()
            }
            Self::BegunOtherwise { .. } => "give the options of before, or begin anew: --restart".to_owned(),
            Self::NothingToVerify { .. } => "run the import first: the same command without --verify-only".to_owned(),
            Self::RejectFile { .. } => "name another file: --rejects FILE".to_owned(),
            Self::RejectPlace { .. } => "name a file in a directory that you may write to: --rejects FILE".to_owned(),
            Self::Later { error, .. } => return error.hint(),
            Self::NoRoom { .. } => "make room on the disk that has the database".to_owned(),
            Self::Progress { .. } => "use the version that made it, or begin anew: --restart".to_owned(),
            Self::Interrupted { .. } => "the same command goes on".to_owned(),
            Self::Stream | Self::Reader => {
                "report it with the output of `pgvector-setup --version`".to_owned()
            }
            Self::Settings(error) => return error.hint(),
            Self::Host(error) => return error.hint(),
            Self::Migrate(error) => return error.hint(),
            Self::Database(error) => return error.hint(),
        })
    }
}
