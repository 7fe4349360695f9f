//! Connections: every one has a deadline, a name that `pg_stat_activity` shows, and a pinned search path where it is privileged.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, PgConnection};

use super::DatabaseError;
use crate::secret::Secret;
use crate::settings::Identifier;

/// Longest that making one connection may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The directory that holds `.s.PGSQL.<port>`.
    Socket { directory: PathBuf, port: u16 },
    /// An address of this machine.
    Tcp { host: String, port: u16 },
}

impl Endpoint {
    pub fn port(&self) -> u16 {
        match self {
            Self::Socket { port, .. } | Self::Tcp { port, .. } => *port,
        }
    }
}

/// Who connects, and whether the session is privileged.
#[derive(Debug, Clone)]
pub enum Login {
    /// The administrator, let in by peer authentication; its search path is pinned to `pg_catalog`.
    Administrator { role: String },
    /// The application's role with its password and its own search path.
    Application { role: Identifier, password: Secret },
}

/// Opens one connection.
///
/// # Errors
/// [`DatabaseError::Unreachable`] when nothing answers within 10 s, [`DatabaseError::Login`] when the server refuses.
pub async fn connect(
    endpoint: &Endpoint,
    login: &Login,
    database: &str,
) -> Result<PgConnection, DatabaseError> {
    let mut options = PgConnectOptions::new_without_pgpass()
        .application_name("pgvector-setup")
        .ssl_mode(PgSslMode::Disable)
        .database(database)
        .port(endpoint.port())
        .log_statements(tracing::log::LevelFilter::Off);
    options = match endpoint {
        Endpoint::Socket { directory, .. } => options.socket(directory),
        Endpoint::Tcp { host, .. } => options.host(host),
    };
    options = match login {
        Login::Administrator { role } => options.username(role).options([("search_path", "pg_catalog")]),
        Login::Application { role, password } => options.username(role.as_str()).password(password.expose()),
    };
    let unreachable = |detail: String| DatabaseError::Unreachable {
        endpoint: endpoint.clone(),
        detail,
    };
    match tokio::time::timeout(CONNECT_DEADLINE, options.connect()).await {
        Err(_) => Err(unreachable(format!(
            "no answer within {} s",
            CONNECT_DEADLINE.as_secs()
        ))),
        Ok(Err(sqlx::Error::Database(error))) => Err(DatabaseError::Login {
            code: error.code().unwrap_or_default().into_owned(),
            message: error.message().to_owned(),
        }),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Ok(Ok(connection)) => Ok(connection),
    }
}
