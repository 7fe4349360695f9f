use crate::error::{Exit, Explain};

/// The machine could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    #[error("{what} could not be understood: {detail}")]
    Unreadable { what: String, detail: String },
}

impl Explain for FactsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "E0301",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { what, .. } => Some(format!("look at {what}")),
        }
    }
}
