//! What the server and the database hold already. Read-only; three round trips.

use sqlx::{PgConnection, Row as _};

use super::DatabaseError;
use super::login::LoginFacts;
use super::migrate::{self, History, TableFacts};
use super::remote::Rights;
use super::sql::composed;
use crate::apply::Unfinished;
use crate::error::Result;
use crate::facts::network::NetworkFacts;
use crate::settings::{Settings, Target, VectorTable};

/// Everything the database plan depends on. `Default` is a server that has nothing of ours yet.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct DatabaseFacts {
    pub server: ServerFacts,
    pub role: Option<RoleFacts>,
    pub database: Option<DatabaseEntry>,
    /// `None` while the database is not there.
    pub inside: Option<InsideFacts>,
    /// Whether the application's password is on disk.
    pub credentials_exist: bool,
    /// Where `--role-password-file` gives the application's password: how it fits what is there.
    pub role_password: Option<GivenPassword>,
    /// Who is let in; `None` where that is not asked: the server is ours alone, or its files are out of reach.
    pub login: Option<LoginFacts>,
    /// What opening the server to other machines depends on; `None` where that was not asked for.
    pub network: Option<NetworkFacts>,
    /// What the receipt says that an earlier run of ours still owes.
    pub unfinished: Unfinished,
    /// What the connecting user may do, on a server that is not ours to administer.
    pub rights: Option<Rights>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ServerFacts {
    /// `server_version_num`: 180004 for 18.4; 0 while no server answers.
    pub version: i32,
    pub system_identifier: String,
    pub data_directory: String,
    pub is_in_recovery: bool,
    pub is_read_only: bool,
    pub administrator_is_superuser: bool,
    /// The pgvector that this server can load.
    pub available_pgvector: Option<String>,
}

/// A password that somebody else has chosen for the application's role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct GivenPassword {
    /// The credentials file has it.
    pub is_kept: bool,
    /// It lets the role in; `None` while the role is not there, or is not asked for a password.
    pub lets_in: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RoleFacts {
    pub is_superuser: bool,
    pub can_log_in: bool,
    pub oid: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DatabaseEntry {
    pub owner: String,
    pub encoding: String,
    pub allows_connections: bool,
    pub oid: String,
    pub role_may_connect: Option<bool>,
    /// Nobody has granted or revoked anything on it yet, so every role may connect.
    pub has_default_rights: bool,
}

#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct InsideFacts {
    /// The owner of the schema, if the schema is there.
    pub schema_owner: Option<String>,
    pub role_may_create: bool,
    pub extension_schema_exists: bool,
    pub history: History,
    pub table: TableFacts,
}

impl DatabaseFacts {
    /// As they will be once this pgvector is installed for the server.
    pub fn will_load_pgvector(&mut self, version: &str) {
        self.server.available_pgvector = Some(version.to_owned());
        if let Some(inside) = &mut self.inside {
            inside.table.available_extension = Some(version.to_owned());
        }
    }
}

/// `data_directory` is in `pg_settings` only for those who may read it, and `pg_control_system()` for those who may call it.
const SERVER: &str = "SELECT current_setting('server_version_num')::int4 AS version, \
    coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), '') AS data_directory, pg_is_in_recovery() AS is_in_recovery, \
    current_setting('default_transaction_read_only') = 'on' AS is_read_only, \
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS pgvector, \
    r.oid::text AS role_oid, r.rolsuper, r.rolcanlogin, \
    d.oid::text AS database_oid, pg_get_userbyid(d.datdba)::text AS owner, pg_encoding_to_char(d.encoding)::text AS encoding, \
    d.datallowconn, CASE WHEN r.oid IS NOT NULL AND d.oid IS NOT NULL THEN has_database_privilege(r.oid, d.oid, 'CONNECT') END AS may_connect, \
    d.datacl IS NULL AS has_default_rights \
    FROM (SELECT) AS one LEFT JOIN pg_roles r ON r.rolname = $1 LEFT JOIN pg_database d ON d.datname = $2";

/// Reads the server, the role and the database from the administrator's session in any database.
pub async fn server(connection: &mut PgConnection, settings: &Settings) -> Result<DatabaseFacts> {
    let failed = || DatabaseError::statement("read what the server holds");
    let row = sqlx::query(SERVER)
        .bind(settings.role.as_str())
        .bind(settings.database.as_str())
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let system_identifier = match settings.target {
        Target::Url => None,
        Target::Embedded | Target::System | Target::Docker => {
            let sql = "SELECT system_identifier::text FROM pg_control_system()";
            let found = sqlx::query_scalar(sql).fetch_one(connection).await;
            Some(found.map_err(failed())?)
        }
    };
    let read = || -> Result<DatabaseFacts, sqlx::Error> {
        let role = match row.try_get::<Option<String>, _>("role_oid")? {
            None => None,
            Some(oid) => Some(RoleFacts {
                oid,
                is_superuser: row.try_get("rolsuper")?,
                can_log_in: row.try_get("rolcanlogin")?,
            }),
        };
        let database = match row.try_get::<Option<String>, _>("database_oid")? {
            None => None,
            Some(oid) => Some(DatabaseEntry {
                oid,
                owner: row.try_get("owner")?,
                encoding: row.try_get("encoding")?,
                allows_connections: row.try_get("datallowconn")?,
                role_may_connect: row.try_get("may_connect")?,
                has_default_rights: row.try_get("has_default_rights")?,
            }),
        };
        let server = ServerFacts {
            version: row.try_get("version")?,
            system_identifier: system_identifier.clone().unwrap_or_default(),
            data_directory: row.try_get("data_directory")?,
            is_in_recovery: row.try_get("is_in_recovery")?,
            is_read_only: row.try_get("is_read_only")?,
            administrator_is_superuser: row.try_get("is_superuser")?,
            available_pgvector: row.try_get("pgvector")?,
        };
        Ok(DatabaseFacts {
            server,
            role,
            database,
            inside: None,
            credentials_exist: false,
            role_password: None,
            login: None,
            network: None,
            unfinished: Unfinished::default(),
            rights: None,
        })
    };
    Ok(read().map_err(failed())?)
}

const INSIDE: &str = "SELECT pg_get_userbyid(s.nspowner)::text AS schema_owner, \
    CASE WHEN s.oid IS NOT NULL AND r.oid IS NOT NULL THEN has_schema_privilege(r.oid, s.oid, 'CREATE') ELSE false END AS may_create, \
    EXISTS (SELECT FROM pg_namespace WHERE nspname = $2) AS extension_schema_exists \
    FROM (SELECT) AS one LEFT JOIN pg_namespace s ON s.nspname = $1 LEFT JOIN pg_roles r ON r.rolname = $3";

/// Reads what stands inside the database, from the administrator's session in it.
pub async fn inside(connection: &mut PgConnection, settings: &Settings) -> Result<InsideFacts> {
    let failed = || DatabaseError::statement("read what the database holds");
    let (schema_owner, role_may_create, extension_schema_exists): (Option<String>, bool, bool) =
        sqlx::query_as(INSIDE)
            .bind(settings.table.schema.as_str())
            .bind(settings.table.extension_schema.as_str())
            .bind(settings.role.as_str())
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
    let history = migrate::read_history(connection, &settings.table).await?;
    let table = migrate::table_facts(connection, &settings.table).await?;
    Ok(InsideFacts {
        schema_owner,
        role_may_create,
        extension_schema_exists,
        history,
        table,
    })
}

/// The databases that can be connected to, without templates.
pub async fn databases(connection: &mut PgConnection) -> Result<Vec<String>> {
    const SQL: &str =
        "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";
    let names = sqlx::query_scalar(SQL).fetch_all(connection).await;
    Ok(names.map_err(DatabaseError::statement("list the databases"))?)
}

pub async fn has_extension(connection: &mut PgConnection) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')";
    let found = sqlx::query_scalar(SQL).fetch_one(connection).await;
    Ok(found.map_err(DatabaseError::statement("look for the extension"))?)
}

/// Every table of this database that has rows, besides our own records; at most 20.
pub async fn tables_with_rows(connection: &mut PgConnection) -> Result<Vec<String>> {
    const TABLES: &str = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgvector_setup') \
        AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 1 LIMIT 200";
    let failed = || DatabaseError::statement("look for data");
    let tables: Vec<String> = sqlx::query_scalar(TABLES)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let mut held = Vec::new();
    for table in tables {
        let sql = composed(format!("SELECT EXISTS (SELECT FROM {table})"));
        let has_rows: bool = sqlx::query_scalar(sql)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
        if has_rows && held.len() < 20 {
            held.push(table);
        }
    }
    Ok(held)
}

/// What taking this migration back would lose: the rows of a table that it made, the vectors of a column that it added.
pub async fn held_by_migration(
    connection: &mut PgConnection,
    table: &VectorTable,
    version: i32,
) -> Result<Vec<String>> {
    let history = migrate::read_history(connection, table).await?;
    let is_made = history.find(version).is_some_and(|applied| applied.made);
    let (sql, what) = match version {
        2 => (format!("SELECT count(*) FROM {}", table.qualified()), "rows"),
        3 => (
            format!(
                "SELECT count({}) FROM {}",
                table.column.quoted(),
                table.qualified()
            ),
            "vectors",
        ),
        _ => return Ok(Vec::new()),
    };
    if !is_made {
        return Ok(Vec::new());
    }
    let count: i64 = sqlx::query_scalar(composed(sql))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("count what is held"))?;
    let name = format!("{}.{} ({count} {what})", table.schema, table.table);
    Ok(if count > 0 { vec![name] } else { Vec::new() })
}
