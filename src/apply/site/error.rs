use crate::error::{Exit, Explain};
use crate::settings::UnitName;

/// A service did not come up. Codes E0561 to E0564.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("{}; what this deploy had changed of what it reads was put back, and it is well again{}", .failure, .failure.said)]
    PutBack { failure: Failure },
    #[error(
        "{}; what this deploy had changed of what it reads was put back, and it is not well on that either: {again}{}{}",
        .failure, if *.was_running { "" } else { "\nit was not running before this restart" }, .failure.said
    )]
    Down {
        failure: Failure,
        /// How it is now.
        again: String,
        was_running: bool,
    },
    /// There is nothing to put back.
    #[error(
        "{}; nothing that it reads had changed{}{}",
        .failure, if *.was_running { "" } else { "\nit was not running before this restart" }, .failure.said
    )]
    Unchanged { failure: Failure, was_running: bool },
    #[error("{}; what this deploy has changed of what it reads could not be put back: {problem}{}", .failure, .failure.said)]
    NotPutBack {
        failure: Failure,
        problem: Box<crate::Error>,
    },
}

/// What a service did instead of coming up.
#[derive(Debug)]
pub struct Failure {
    pub unit: UnitName,
    pub why: String,
    /// The last lines of its journal, each on a line of its own, without passwords of ours.
    pub said: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} did not come up: {}", self.unit, self.why)
    }
}

impl ServiceError {
    fn failure(&self) -> &Failure {
        match self {
            Self::PutBack { failure }
            | Self::Down { failure, .. }
            | Self::Unchanged { failure, .. }
            | Self::NotPutBack { failure, .. } => failure,
        }
    }
}

impl Explain for ServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::PutBack { .. } => "E0561",
            Self::Down { .. } => "E0562",
            Self::Unchanged { .. } => "E0563",
            Self::NotPutBack { .. } => "E0564",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::PutBack { .. } | Self::Down { .. } => Exit::Undone,
            Self::Unchanged { .. } | Self::NotPutBack { .. } => Exit::Resumable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(format!("journalctl -u {} -n 50", self.failure().unit))
    }
}
