use crate::error::{Exit, Explain};

/// The state of the database could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error(transparent)]
    Database(#[from] crate::database::DatabaseError),
}

impl Explain for HealthError {
    fn code(&self) -> &'static str {
        match self {
            Self::Database(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Database(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Database(error) => error.hint(),
        }
    }
}
