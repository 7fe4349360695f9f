//! Which pgvector each database of a server has: the SQL objects of the extension, and the library that runs behind them.
//!
//! A package replaces the library for every new session at once; the SQL objects stay as they were, in each database by
//! itself, until `ALTER EXTENSION vector UPDATE` is run there.

mod inside;
mod sessions;

use sqlx::{Connection as _, PgConnection, Row as _};

pub use inside::{Installed, Library, VectorIndex};
pub use sessions::{Session, on_an_older_library};

use super::{DatabaseError, Endpoint, Login, connect};

/// What one server has of pgvector.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ServerVersions {
    /// `server_version_num`: 180004 for 18.4.
    pub server: i32,
    pub is_in_recovery: bool,
    /// The version that `CREATE EXTENSION` makes and `ALTER EXTENSION … UPDATE` goes to; `None` without the files.
    pub offered: Option<String>,
    /// Settings that load the library before a session needs it: `shared_preload_libraries`, `session_preload_libraries`.
    pub preloaded_by: Vec<String>,
    /// Where the server's own libraries are (`PKGLIBDIR`); `None` where it does not tell this role.
    pub library_directory: Option<String>,
    /// The library's file was changed after the server started: what is preloaded is the file of before.
    pub is_older_than_library: bool,
    pub databases: Vec<DatabaseVersions>,
}

/// One database, template or not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DatabaseVersions {
    pub name: String,
    pub is_template: bool,
    pub state: DatabaseState,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    /// The extension is not there.
    Without,
    Installed(Box<Installed>),
    /// It allows no connections.
    Closed,
    /// It could not be asked; the server's words.
    Unreadable(String),
}

impl DatabaseVersions {
    pub fn installed(&self) -> Option<&Installed> {
        match &self.state {
            DatabaseState::Installed(installed) => Some(installed),
            _ => None,
        }
    }
}

const SERVER: &str = "SELECT current_setting('server_version_num')::int4 AS version, pg_is_in_recovery() AS is_in_recovery, \
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS offered, \
    ARRAY(SELECT name FROM pg_settings WHERE name IN ('shared_preload_libraries', 'session_preload_libraries') \
          AND setting ~ '(^|[,/\" ])vector(\\.so|\\.dylib)?($|[,\" ])' ORDER BY name) AS preloaded_by";

/// The server's own file of the library, and when it was last put there; needs `pg_read_server_files`.
const LIBRARY_CHANGED: &str = "SELECT (pg_stat_file((SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR') || '/' || file, true)).change \
    AS changed FROM unnest(ARRAY['vector.so', 'vector.dylib']) AS file";

/// `template0` takes no connections by design and can hold nothing.
const DATABASES: &str = "SELECT datname::text AS name, datistemplate, datallowconn AND datconnlimit <> -2 AS is_open \
    FROM pg_database WHERE datname <> 'template0' ORDER BY datname";

/// Asks every database of the server, each by a session of its own that only reads. `maintenance` is the database that
/// the first session is in.
///
/// # Errors
/// [`DatabaseError`] when the server cannot be asked; a single database that cannot is [`DatabaseState::Unreadable`].
pub async fn gather(
    endpoint: &Endpoint,
    login: &Login,
    maintenance: &str,
) -> Result<ServerVersions, DatabaseError> {
    let mut connection = connect(endpoint, login, maintenance).await?;
    let failed = || DatabaseError::statement("read which databases there are");
    let row = sqlx::query(SERVER)
        .fetch_one(&mut connection)
        .await
        .map_err(failed())?;
    let mut versions = ServerVersions {
        server: row.get("version"),
        is_in_recovery: row.get("is_in_recovery"),
        offered: row.get("offered"),
        preloaded_by: row.get("preloaded_by"),
        library_directory: library_directory(&mut connection).await,
        is_older_than_library: is_older_than_library(&mut connection).await,
        databases: Vec::new(),
    };
    let rows = sqlx::query(DATABASES)
        .fetch_all(&mut connection)
        .await
        .map_err(failed())?;
    for row in rows {
        let name: String = row.get("name");
        let state = if row.get("is_open") {
            state(endpoint, login, &name, versions.server).await
        } else {
            DatabaseState::Closed
        };
        versions.databases.push(DatabaseVersions {
            name,
            is_template: row.get("datistemplate"),
            state,
        });
    }
    // Nobody waits for the server's answer to our goodbye.
    let _ = connection.close().await;
    Ok(versions)
}

async fn state(endpoint: &Endpoint, login: &Login, database: &str, server: i32) -> DatabaseState {
    let read = async {
        let mut connection = connect(endpoint, login, database).await?;
        let installed = inside::read(&mut connection, server).await;
        // A database cannot be dropped, or copied as a template, while we are in it.
        let _ = connection.close().await;
        installed
    };
    match read.await {
        Ok(None) => DatabaseState::Without,
        Ok(Some(installed)) => DatabaseState::Installed(Box::new(installed)),
        Err(error) => DatabaseState::Unreadable(error.to_string()),
    }
}

async fn library_directory(connection: &mut PgConnection) -> Option<String> {
    let sql = "SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'";
    let answer = sqlx::query_scalar(sql).fetch_optional(connection).await;
    answer.ok().flatten()
}

async fn is_older_than_library(connection: &mut PgConnection) -> bool {
    let sql = format!(
        "SELECT coalesce(bool_or(changed > pg_postmaster_start_time()), false) FROM ({LIBRARY_CHANGED}) AS file"
    );
    let answer = sqlx::query_scalar(super::sql::composed(sql))
        .fetch_one(connection)
        .await;
    answer.unwrap_or(false)
}
