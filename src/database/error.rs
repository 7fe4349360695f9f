use std::path::PathBuf;

use super::{Endpoint, GreetingError};
use crate::error::{Exit, Explain};

/// The server refused, failed or went away.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("no PostgreSQL answers at {}: {detail}", shown(endpoint))]
    Unreachable { endpoint: Endpoint, detail: String },
    #[error("the server refused the connection ({code}): {message}")]
    Login { code: String, message: String },
    #[error("no PostgreSQL answers at {address}: {detail}")]
    ServerUnreachable { address: String, detail: String },
    #[error("{address} refused the connection ({code}): {message}")]
    ServerLogin {
        address: String,
        code: String,
        message: String,
    },
    #[error("{address} does not accept the password of {user}")]
    Password {
        address: String,
        user: String,
        /// The file that the password is from, where a flag named one.
        file: Option<PathBuf>,
    },
    #[error("no query was answered within {seconds} s: {last}")]
    NotYet { seconds: u64, last: String },
    /// A server that had answered went away while its database was being changed.
    #[error("the connection was lost: {detail}")]
    Lost { detail: String },
    #[error(transparent)]
    Greeting(#[from] GreetingError),
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
        Endpoint::Server(server) => server.address(),
    }
}

impl Explain for DatabaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "E0601",
            Self::Login { .. } => "E0602",
            Self::Statement { .. } => "E0603",
            Self::ServerUnreachable { .. } => "E0604",
            Self::ServerLogin { .. } => "E0605",
            Self::Lost { .. } => "E0606",
            Self::Password { .. } => "E0607",
            Self::NotYet { .. } => "E0608",
            Self::Greeting(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. }
            | Self::Login { .. }
            | Self::ServerUnreachable { .. }
            | Self::ServerLogin { .. }
            | Self::Password { .. }
            | Self::NotYet { .. } => Exit::Refused,
            Self::Statement { .. } | Self::Lost { .. } => Exit::Resumable,
            Self::Greeting(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => "pgvector-setup start".to_owned(),
            Self::Login { .. } => "pgvector-setup status".to_owned(),
            Self::ServerUnreachable { .. } => {
                "look whether the server runs, and whether its firewall or allow-list lets this machine in"
                    .to_owned()
            }
            Self::ServerLogin { code, .. } => login_hint(code).to_owned(),
            Self::Password { file: None, .. } => {
                "give the right password: --password-file FILE, ~/.pgpass, or --url-file FILE (all of mode 0600)".to_owned()
            }
            Self::Password { user, file: Some(file), .. } => format!(
                "is {} right? The volume of a container keeps the password of its first start; inside, none is asked for, so this gives {user} another: docker compose exec --user postgres database psql -U {user} -d postgres -c '\\password'",
                file.display()
            ),
            Self::NotYet { .. } => {
                "look why it does not start (docker compose logs database), or give it longer: --wait SECONDS".to_owned()
            }
            Self::Lost { .. } => "when the server answers again, the same command goes on".to_owned(),
            Self::Greeting(error) => return error.hint(),
            Self::Statement { source, .. } => match sqlstate(source).as_deref() {
                Some("53100") => "make room on the server's disk, then run the same command again".to_owned(),
                Some("53300") => "close idle connections, then run the same command again".to_owned(),
                _ => "pgvector-setup doctor".to_owned(),
            },
        })
    }
}

/// What lets one in, by SQLSTATE (PostgreSQL, "Error Codes").
fn login_hint(code: &str) -> &'static str {
    match code {
        "28000" => {
            "let this user in from here: a line in the server's pg_hba.conf, or the provider's network settings"
        }
        "3D000" => "name a database that is there, and the new one by --database NAME",
        "53300" => "close idle connections, then run the same command again",
        _ => "pgvector-setup status",
    }
}
