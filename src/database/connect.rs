//! Connections: every one has a deadline, a name that `pg_stat_activity` shows, and a pinned search path where it is privileged.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, PgConnection};

use super::DatabaseError;
use crate::secret::Secret;
use crate::settings::{Identifier, ServerHost, TlsMode};

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
    /// A server that was named by a URL.
    Server(RemoteEndpoint),
}

/// A server elsewhere, with what was settled for every session with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemoteEndpoint {
    pub host: ServerHost,
    pub port: u16,
    /// Never [`TlsMode::Opportunistic`]: whether the server has TLS is known by now, and is not asked again.
    pub tls: TlsMode,
    pub root_certificate: Option<PathBuf>,
}

impl RemoteEndpoint {
    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host.text(), self.port)
    }
}

impl Endpoint {
    /// What libpq's `PGHOST` takes.
    pub fn host(&self) -> String {
        match self {
            Self::Socket { directory, .. } => directory.display().to_string(),
            Self::Tcp { host, .. } => host.clone(),
            Self::Server(server) => server.host.text(),
        }
    }

    pub fn port(&self) -> u16 {
        match self {
            Self::Socket { port, .. } | Self::Tcp { port, .. } => *port,
            Self::Server(server) => server.port,
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
    /// The user of a URL: the administrator as far as its rights go, with a pinned search path, or the application.
    User {
        role: Identifier,
        password: Option<Secret>,
        is_pinned: bool,
    },
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
        Endpoint::Server(server) => through_tls(options, server),
    };
    options = match login {
        Login::Administrator { role } => options.username(role).options([("search_path", "pg_catalog")]),
        Login::User { role, password, .. } => match password {
            Some(password) => options.username(role.as_str()).password(password.expose()),
            None => options.username(role.as_str()),
        },
        Login::Application { role, password } => options.username(role.as_str()).password(password.expose()),
    };
    let unreachable = |detail: String| match endpoint {
        Endpoint::Server(server) => DatabaseError::ServerUnreachable {
            address: server.address(),
            detail,
        },
        _ => DatabaseError::Unreachable {
            endpoint: endpoint.clone(),
            detail,
        },
    };
    match tokio::time::timeout(CONNECT_DEADLINE, options.connect()).await {
        Err(_) => Err(unreachable(format!(
            "no answer within {} s",
            CONNECT_DEADLINE.as_secs()
        ))),
        Ok(Err(sqlx::Error::Database(error))) => {
            let (code, message) = (
                error.code().unwrap_or_default().into_owned(),
                error.message().to_owned(),
            );
            Err(match endpoint {
                Endpoint::Server(server) => DatabaseError::ServerLogin {
                    address: server.address(),
                    code,
                    message,
                },
                _ => DatabaseError::Login { code, message },
            })
        }
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Ok(Ok(mut connection)) => {
            // A pooler refuses what it does not know at the start of a session; so it is set right after it.
            if let Login::User { is_pinned: true, .. } = login {
                use sqlx::Executor as _;
                let pinned = connection.execute("SET search_path = pg_catalog").await;
                pinned.map_err(DatabaseError::statement("pin the search path"))?;
            }
            Ok(connection)
        }
    }
}

fn through_tls(options: PgConnectOptions, server: &RemoteEndpoint) -> PgConnectOptions {
    let options = match &server.host {
        ServerHost::Tcp(host) => options.host(host),
        ServerHost::Socket(directory) => options.socket(directory),
    };
    // Poolers know only a few parameters at the start of a session, and this is none of them.
    let options = options.extra_float_digits(None).ssl_mode(match server.tls {
        TlsMode::Plain => PgSslMode::Disable,
        TlsMode::Opportunistic | TlsMode::Encrypted => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    });
    match &server.root_certificate {
        Some(path) => options.ssl_root_cert(path),
        None => options,
    }
}
