//! What a failure tells its reader: a stable code, an exit status, the fact, and the next command.
//!
//! Every module has its own error enum; [`Error`] joins them. Each enum answers [`Explain`] with an exhaustive match,
//! so a new variant cannot be added without deciding what its reader should do next.

use std::process::ExitCode;

/// The process's exit status: what a script may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done, healthy, or nothing to do.
    Done = 0,
    /// A health check or the verification failed.
    Unhealthy = 1,
    /// The command line or a setting is wrong.
    Usage = 2,
    /// Refused before any change.
    Refused = 3,
    /// Failed, and what had been changed was undone.
    Undone = 4,
    /// Failed; running the same command again continues.
    Resumable = 5,
    /// Another run holds the lock.
    Busy = 6,
    /// Source and target data differ.
    Mismatch = 7,
    /// `plan --check`, `upgrade --check`, `render … --check`: changes are pending.
    Pending = 8,
    /// A defect in this program.
    Bug = 70,
    /// Ended by SIGINT (Ctrl-C).
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What an error enum must be able to say about each of its variants.
pub trait Explain: std::error::Error {
    /// Stable, documented code: `E` and four digits.
    fn code(&self) -> &'static str;
    /// The exit status that this failure ends the program with.
    fn exit(&self) -> Exit;
    /// The next command as it can be typed, or the one thing to change. `None` only where nothing can be done.
    fn hint(&self) -> Option<String>;
}

/// Any failure of this program. The variants are the modules' own enums.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
    #[error(transparent)]
    Host(#[from] crate::host::HostError),
    #[error(transparent)]
    Http(#[from] crate::host::http::HttpError),
    #[error(transparent)]
    Facts(#[from] crate::facts::FactsError),
    #[error(transparent)]
    Refused(#[from] crate::plan::Refusal),
    #[error(transparent)]
    Apply(#[from] crate::apply::ApplyError),
    #[error(transparent)]
    Database(#[from] crate::database::DatabaseError),
    #[error(transparent)]
    Migrate(#[from] crate::database::migrate::MigrateError),
    #[error(transparent)]
    Health(#[from] crate::health::HealthError),
    #[error(transparent)]
    Import(#[from] crate::import::ImportError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Embedding(#[from] crate::embedding::EmbeddingError),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! delegate {
    ($self:ident, $method:ident) => {
        match $self {
            Error::Settings(error) => error.$method(),
            Error::Host(error) => error.$method(),
            Error::Http(error) => error.$method(),
            Error::Facts(error) => error.$method(),
            Error::Refused(error) => error.$method(),
            Error::Apply(error) => error.$method(),
            Error::Database(error) => error.$method(),
            Error::Migrate(error) => error.$method(),
            Error::Health(error) => error.$method(),
            Error::Import(error) => error.$method(),
            Error::Store(error) => error.$method(),
            Error::Embedding(error) => error.$method(),
        }
    };
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        delegate!(self, code)
    }

    fn exit(&self) -> Exit {
        delegate!(self, exit)
    }

    fn hint(&self) -> Option<String> {
        delegate!(self, hint)
    }
}
