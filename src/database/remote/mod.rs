//! A server that was named by a URL: how it is reached, what it is, and what its user may do there. Read-only.

mod pooling;
pub mod provider;
mod rights;

use sqlx::{FromRow as _, PgConnection};

pub use pooling::Pooling;
pub use provider::Provider;
pub use rights::{Rights, rights};

use super::{DatabaseError, Endpoint, Greeting, Login, RemoteEndpoint, connect};
use crate::error::{Error, Result};
use crate::settings::{Identifier, ServerUrl, TlsMode};

/// Where one connects when the URL's database is not there: every cluster has it, and what is managed keeps it.
pub const FALLBACK: &str = "postgres";

/// `invalid_catalog_name`: there is no such database.
const NO_DATABASE: &str = "3D000";

/// `invalid_password`.
const WRONG_PASSWORD: &str = "28P01";

/// What is known of the server before its database is looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemoteFacts {
    pub address: String,
    pub user: String,
    pub greeting: Greeting,
    /// The database that is connected to for what concerns the whole server.
    pub maintenance: String,
    pub pooling: Pooling,
    /// `server_version_num`.
    pub version: i32,
    pub is_in_recovery: bool,
    /// New transactions are read-only: by the server's setting, the role's or the database's.
    pub is_read_only: bool,
    /// The primary, where a standby tells.
    pub primary: Option<String>,
    pub provider: Provider,
    /// How many sessions more this user may open; `None` where there is no limit below the server's.
    pub connections_left: Option<i64>,
}

impl RemoteFacts {
    pub fn endpoint(&self, url: &ServerUrl) -> RemoteEndpoint {
        endpoint(url, &self.greeting, self.pooling)
    }
}

/// Every session with the server is opened as its greeting was: what spoke TLS is never spoken to without.
fn endpoint(url: &ServerUrl, greeting: &Greeting, pooling: Pooling) -> RemoteEndpoint {
    RemoteEndpoint {
        host: url.host.clone(),
        port: url.port,
        tls: match (&greeting.tls, url.tls) {
            (None, _) => TlsMode::Plain,
            (Some(_), TlsMode::Plain | TlsMode::Opportunistic) => TlsMode::Encrypted,
            (Some(_), verified) => verified,
        },
        root_certificate: url.root_certificate.clone(),
        is_shared: pooling != Pooling::Direct,
    }
}

/// The URL's user as the one who administers, as far as its rights go.
pub fn administrator(url: &ServerUrl) -> Login {
    Login::User {
        role: url.user.clone(),
        password: url.password.clone(),
        is_pinned: true,
    }
}

/// Connects and asks; `roots` are the root certificates where they are a file's.
///
/// # Errors
/// What [`super::greeting`] refuses; [`DatabaseError::Password`], [`DatabaseError::ServerLogin`],
/// [`DatabaseError::ServerUnreachable`].
pub async fn gather(url: &ServerUrl, roots: Option<Vec<u8>>) -> Result<RemoteFacts> {
    gathered(url, roots).await.map_err(|error| match error {
        Error::Database(DatabaseError::ServerLogin { address, code, .. }) if code == WRONG_PASSWORD => {
            DatabaseError::Password {
                address,
                user: url.user.to_string(),
                file: url.password_file.clone(),
            }
            .into()
        }
        other => other,
    })
}

async fn gathered(url: &ServerUrl, roots: Option<Vec<u8>>) -> Result<RemoteFacts> {
    let greeting = super::greeting(url, roots).await?;
    // Until it is known that there is no pooler, there is one.
    let endpoint = Endpoint::Server(endpoint(url, &greeting, Pooling::Transaction));
    let login = administrator(url);
    let mut maintenance = url.database.to_string();
    let mut connection = match connect(&endpoint, &login, &maintenance).await {
        Err(DatabaseError::ServerLogin { code, .. }) if code == NO_DATABASE && maintenance != FALLBACK => {
            maintenance = FALLBACK.to_owned();
            connect(&endpoint, &login, &maintenance).await?
        }
        outcome => outcome?,
    };
    let pooling = pooling::pooling(&mut connection, &endpoint, &login, &maintenance).await?;
    let (version, is_in_recovery, is_read_only, primary, connections_left) = server(&mut connection).await?;
    Ok(RemoteFacts {
        address: url.address(),
        user: url.user.to_string(),
        greeting,
        maintenance,
        pooling,
        provider: provider::recognise(&provider::signs(&mut connection).await?),
        version,
        is_in_recovery,
        is_read_only,
        primary,
        connections_left,
    })
}

/// Version, in recovery, read-only, primary, connections left.
type ServerRow = (i32, bool, bool, Option<String>, Option<i64>);

/// A standby names its primary only to those who may read its settings; its password is not among what is read.
///
/// One message is one transaction, behind a pooler too: the path goes with it, and no statement stays prepared.
const SERVER: &str = "SET LOCAL search_path = pg_catalog; SELECT current_setting('server_version_num')::int4 AS version, \
    pg_is_in_recovery() AS is_in_recovery, \
    current_setting('transaction_read_only') = 'on' AND NOT pg_is_in_recovery() AS is_read_only, \
    substring((SELECT setting FROM pg_settings WHERE name = 'primary_conninfo') FROM 'host=''?([^'' ]+)') AS primary, \
    (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) \
       FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0 AND NOT rolsuper) AS connections_left";

async fn server(connection: &mut PgConnection) -> Result<ServerRow> {
    let row = sqlx::raw_sql(SERVER).fetch_one(connection).await;
    let row = row.and_then(|row| ServerRow::from_row(&row));
    Ok(row.map_err(DatabaseError::statement("ask what the server is"))?)
}

/// The database that is connected to for what concerns `database` from outside, to drop it for example.
pub fn beside<'a>(maintenance: &'a str, database: &Identifier) -> &'a str {
    if maintenance == database.as_str() {
        FALLBACK
    } else {
        maintenance
    }
}
