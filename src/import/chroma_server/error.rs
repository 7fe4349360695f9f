use crate::error::{Exit, Explain};
use crate::host::http::HttpError;

/// Why a Chroma server cannot be read. Codes E0810 to E0819.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{server} is no Chroma server (status {status})")]
    NotChroma { server: String, status: u16 },
    #[error("the Chroma server at {server} has no v2 API, as those of Chroma 0.4")]
    OldServer { server: String },
    #[error("{server} does not take the token, or none was given (status {status})")]
    NoAccess { server: String, status: u16 },
    #[error("{server} has no {place}")]
    NoPlace {
        server: String,
        /// `tenant "t"`, `database "d" of tenant "t"`
        place: String,
    },
    #[error("{server} fails with status {status}: {words}")]
    Failed {
        server: String,
        status: u16,
        /// The server's own.
        words: String,
    },
    #[error("the answer of {server} cannot be used: {problem}")]
    Answer { server: String, problem: String },
    #[error("{collection} changed while it was read: records before number {position} are gone")]
    Changed { collection: String, position: u64 },
}

impl Explain for ServerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(error) => error.code(),
            Self::NotChroma { .. } => "E0810",
            Self::OldServer { .. } => "E0811",
            Self::NoAccess { .. } => "E0812",
            Self::NoPlace { .. } => "E0813",
            Self::Failed { .. } => "E0814",
            Self::Answer { .. } => "E0815",
            Self::Changed { .. } => "E0816",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Http(error) => error.exit(),
            Self::NotChroma { .. } | Self::OldServer { .. } | Self::Answer { .. } => Exit::Refused,
            Self::NoAccess { .. } | Self::NoPlace { .. } => Exit::Usage,
            Self::Failed { .. } | Self::Changed { .. } => Exit::Resumable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Http(error) => return error.hint(),
            Self::NotChroma { server, .. } => format!("curl -i {server}/api/v2/heartbeat"),
            Self::OldServer { .. } => {
                "stop it and read its directory, which takes no server: pgvector-setup import chroma DIR".to_owned()
            }
            Self::NoAccess { .. } => {
                "put the token into a file of mode 0600: --token-file FILE, or into PGVECTOR_SETUP_CHROMA_TOKEN"
                    .to_owned()
            }
            Self::NoPlace { .. } => "--tenant NAME, --chroma-database NAME".to_owned(),
            Self::Failed { .. } => {
                "run the same command again; where it stays so, stop the server and read its directory: pgvector-setup import chroma DIR"
                    .to_owned()
            }
            Self::Answer { server, .. } => format!("look whether {server} is the server that is meant"),
            Self::Changed { .. } => {
                "stop what deletes records there, then run the same command again".to_owned()
            }
        })
    }
}
