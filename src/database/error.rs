use super::Endpoint;
use crate::error::{Exit, Explain};

/// The server refused, failed or went away.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("no PostgreSQL answers at {}: {detail}", shown(endpoint))]
    Unreachable { endpoint: Endpoint, detail: String },
    #[error("the server refused the connection ({code}): {message}")]
    Login { code: String, message: String },
    #[error("cannot {purpose} ({}): {source}", sqlstate(source).unwrap_or_else(|| "no SQLSTATE".into()))]
    Statement { purpose: String, source: sqlx::Error },
}

impl DatabaseError {
    /// For `map_err`: names what the statement was for.
    pub fn statement(purpose: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let purpose = purpose.into();
        move |source| Self::Statement { purpose, source }
    }
}

/// The five-character SQLSTATE of a server error.
pub fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(std::borrow::Cow::into_owned)
}

fn shown(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Socket { directory, port } => format!("{} port {port}", directory.display()),
        Endpoint::Tcp { host, port } => format!("{host}:{port}"),
    }
}

impl Explain for DatabaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "E0601",
            Self::Login { .. } => "E0602",
            Self::Statement { .. } => "E0603",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Login { .. } => Exit::Refused,
            Self::Statement { .. } => Exit::Resumable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => "pgvector-setup start".to_owned(),
            Self::Login { .. } => "pgvector-setup status".to_owned(),
            Self::Statement { source, .. } => match sqlstate(source).as_deref() {
                Some("53100") => "make room on the server's disk, then run the same command again".to_owned(),
                Some("53300") => "close idle connections, then run the same command again".to_owned(),
                _ => "pgvector-setup doctor".to_owned(),
            },
        })
    }
}
