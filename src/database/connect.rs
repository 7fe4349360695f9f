//! Connections and pools of them: every one has a deadline, a name that `pg_stat_activity` shows, and a pinned search path where it is privileged.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};

use super::DatabaseError;
use super::sql::composed;
use crate::secret::Secret;
use crate::settings::{Identifier, ServerHost, TlsMode};

/// Longest that making one connection may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// A connection of a pool that was used so lately is taken to be there still.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);

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
    /// A pooler may give a session to others after us, so that no setting is left on it.
    pub is_shared: bool,
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
    let options = options(endpoint, login, database);
    let connecting = tokio::time::timeout(CONNECT_DEADLINE, options.connect());
    let mut connection = match connecting.await {
        Err(_) => return Err(failed(endpoint, sqlx::Error::PoolTimedOut)),
        Ok(connection) => connection.map_err(|error| failed(endpoint, error))?,
    };
    if let Some(statement) = preparation(endpoint, login, None) {
        use sqlx::Executor as _;
        let prepared = connection.execute(composed(statement)).await;
        prepared.map_err(DatabaseError::statement("pin the search path"))?;
    }
    Ok(connection)
}

/// Opens a pool of at most `size` connections, with the first of them made. `role` is taken on in each by `SET ROLE`.
///
/// # Errors
/// As [`connect`].
pub async fn pool(
    endpoint: &Endpoint,
    login: &Login,
    database: &str,
    role: Option<&Identifier>,
    size: u32,
) -> Result<PgPool, DatabaseError> {
    let preparation = preparation(endpoint, login, role);
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(CONNECT_DEADLINE)
        .after_connect(move |connection, _| {
            let preparation = preparation.clone();
            Box::pin(async move {
                if let Some(statement) = preparation {
                    sqlx::raw_sql(composed(statement)).execute(connection).await?;
                }
                Ok(())
            })
        })
        // Asking each time whether the server is there takes as long as a search.
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options(endpoint, login, database))
        .await
        .map_err(|error| failed(endpoint, error))
}

fn options(endpoint: &Endpoint, login: &Login, database: &str) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .application_name("pgvector-setup")
        .ssl_mode(PgSslMode::Disable)
        .database(database)
        .port(endpoint.port())
        .log_statements(tracing::log::LevelFilter::Off);
    let options = match endpoint {
        Endpoint::Socket { directory, .. } => options.socket(directory),
        Endpoint::Tcp { host, .. } => options.host(host),
        Endpoint::Server(server) => through_tls(options, server),
    };
    match login {
        Login::Administrator { role } => options.username(role).options([("search_path", "pg_catalog")]),
        Login::User { role, password, .. } => match password {
            Some(password) => options.username(role.as_str()).password(password.expose()),
            None => options.username(role.as_str()),
        },
        Login::Application { role, password } => options.username(role.as_str()).password(password.expose()),
    }
}

/// What a session begins with. A pooler refuses what it does not know at the start of a session; so it is set right after it.
fn preparation(endpoint: &Endpoint, login: &Login, role: Option<&Identifier>) -> Option<String> {
    let is_shared = matches!(endpoint, Endpoint::Server(server) if server.is_shared);
    let pinned = matches!(login, Login::User { is_pinned: true, .. }) && !is_shared;
    let path = pinned.then(|| "SET search_path = pg_catalog".to_owned());
    let role = role.map(|role| format!("SET ROLE {}", role.quoted()));
    let statements: Vec<String> = path.into_iter().chain(role).collect();
    (!statements.is_empty()).then(|| statements.join("; "))
}

fn failed(endpoint: &Endpoint, error: sqlx::Error) -> DatabaseError {
    let detail = match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            let message = error.message().to_owned();
            return match endpoint {
                Endpoint::Server(server) => DatabaseError::ServerLogin {
                    address: server.address(),
                    code,
                    message,
                },
                _ => DatabaseError::Login { code, message },
            };
        }
        sqlx::Error::PoolTimedOut => format!("no answer within {} s", CONNECT_DEADLINE.as_secs()),
        error => error.to_string(),
    };
    match endpoint {
        Endpoint::Server(server) => DatabaseError::ServerUnreachable {
            address: server.address(),
            detail,
        },
        _ => DatabaseError::Unreachable {
            endpoint: endpoint.clone(),
            detail,
        },
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
