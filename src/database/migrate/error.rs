use crate::error::{Exit, Explain};

/// A migration was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("another run holds the migration lock of this database")]
    Locked,
}

impl Explain for MigrateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Locked => "E0701",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Locked => Exit::Busy,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Locked => Some("pgvector-setup migrate status".to_owned()),
        }
    }
}
