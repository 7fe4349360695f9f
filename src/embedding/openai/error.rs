use crate::error::{Exit, Explain};
use crate::host::http::HttpError;

/// Why a service made no vectors, whatever the text. Codes E0861 to E0869.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{server} does not take the key, or none was given (status {status})")]
    NoAccess { server: String, status: u16 },
    #[error("{server} does not know the model {model}, or has no embeddings at this URL: {words}")]
    Unknown {
        server: String,
        model: String,
        /// The service's own.
        words: String,
    },
    #[error("the account at {server} has no quota left")]
    Quota { server: String },
    #[error("{server} was too busy in all the time that it was given (status {status})")]
    Busy { server: String, status: u16 },
    #[error("{server} refuses the request with status {status}: {words}")]
    Refused {
        server: String,
        status: u16,
        /// The service's own.
        words: String,
    },
    #[error("the service refuses every text for {model}, a single word too: {words}")]
    RefusesAll {
        model: String,
        /// The service's own.
        words: String,
    },
    #[error("the answer of {server} cannot be used: {problem}")]
    Answer { server: String, problem: String },
    #[error("the model {model} gave {found} components where {expected} are expected")]
    Dimensions {
        model: String,
        expected: usize,
        found: usize,
    },
}

impl Explain for ServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(error) => error.code(),
            Self::NoAccess { .. } => "E0861",
            Self::Unknown { .. } => "E0862",
            Self::Quota { .. } => "E0863",
            Self::Busy { .. } => "E0864",
            Self::Refused { .. } => "E0865",
            Self::Answer { .. } => "E0866",
            Self::Dimensions { .. } => "E0867",
            Self::RefusesAll { .. } => "E0868",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Http(error) => error.exit(),
            Self::Busy { .. } | Self::Quota { .. } | Self::Answer { .. } => Exit::Resumable,
            Self::NoAccess { .. } | Self::Unknown { .. } => Exit::Usage,
            Self::Refused { .. } | Self::RefusesAll { .. } | Self::Dimensions { .. } => Exit::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Http(error) => return error.hint(),
            Self::NoAccess { .. } => {
                "put the key into a file of mode 0600: --embedder-key-file FILE, or into PGVECTOR_SETUP_EMBEDDER_KEY".to_owned()
            }
            Self::Unknown { .. } => {
                "name the model as the service does, and the URL up to /embeddings: --embedder-url http://HOST:PORT/v1 --embedder-model NAME".to_owned()
            }
            Self::Quota { .. } => "look at the account's billing, then run the same command again".to_owned(),
            Self::Busy { .. } => "run the same command again".to_owned(),
            Self::Refused { .. } => "look at what the service says".to_owned(),
            Self::RefusesAll { .. } => {
                "what it says may be of the key, the model or the URL: --embedder-key-file FILE --embedder-model NAME --embedder-url URL".to_owned()
            }
            Self::Answer { server, .. } => {
                format!("look whether {server} is the service that is meant, then run the same command again")
            }
            Self::Dimensions { found, .. } => {
                format!("use the model that the column is for, or make a column for this one: --dimensions {found}")
            }
        })
    }
}
