//! What keeps a queue of the rows that need a vector: a table, a function and two triggers on the user's table.

use std::time::Duration;

use sqlx::{PgConnection, Row as _};

use super::companions::{qualified, refuse_unmigrated};
use super::history::{SETUP_SCHEMA, companion};
use super::lock_wait::Change;
use super::roles::{has_schema_privilege, other_role};
use super::script::fill;
use super::{MigrateError, lock};
use crate::database::DatabaseError;
use crate::database::sql::literal;
use crate::settings::{Identifier, VectorTable};

const UP: &str = include_str!("../../../migrations/embedding/watch.up.sql");

/// How long a lock on the user's table may be waited for in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The queue's table, without its schema; the channel of its notifications has the same name.
pub fn queue_table(table: &VectorTable) -> Identifier {
    companion(table, "queue")
}

/// The queue's table as it stands in SQL.
pub fn qualified_queue_table(table: &VectorTable) -> String {
    qualified(&queue_table(table))
}

/// What is to be watched, beside the table's names.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    pub table: &'a VectorTable,
    /// Columns that the text of a row is made of.
    pub texts: &'a [Identifier],
    /// `vector` or `halfvec`.
    pub vector_type: &'a str,
}

/// Makes the queue and the triggers, or makes the triggers anew for other columns or for another function; rows that wait stay. Where
/// all is there as it should be nothing is locked. As the administrator.
///
/// # Errors
/// [`MigrateError::Unmigrated`], [`MigrateError::Locked`], [`MigrateError::Blocked`] or [`MigrateError::Database`].
pub async fn install_watch(
    connection: &mut PgConnection,
    watched: Watched<'_>,
    role: &Identifier,
) -> Result<(), MigrateError> {
    let table = watched.table;
    refuse_unmigrated(&mut *connection, table).await?;
    let owner = owner(connection, table).await?.unwrap_or_else(|| role.clone());
    let up = up(connection, watched, &owner, role).await?;
    if is_installed(connection, watched, body(&up)).await? {
        return Ok(());
    }
    let mut statements = triggers_down(connection, table).await?;
    let role_to_be = other_role(connection, &owner).await?.cloned();
    if let Some(owner) = role_to_be.filter(|_| !statements.is_empty()) {
        statements.insert(0, format!("SET LOCAL ROLE {}", owner.quoted()));
        statements.push("RESET ROLE".to_owned());
    }
    statements.push(function_down(table));
    statements.push(up);
    change(connection, table, "watch the table", None, &[], &statements).await
}

/// Takes queue, function and triggers away; the rows that waited are forgotten.
///
/// # Errors
/// [`MigrateError::Locked`], [`MigrateError::Blocked`] or [`MigrateError::Database`].
pub async fn remove_watch(connection: &mut PgConnection, table: &VectorTable) -> Result<(), MigrateError> {
    let owner = owner(connection, table).await?;
    let role = match &owner {
        Some(owner) => other_role(connection, owner).await?,
        None => None,
    };
    let triggers = triggers_down(connection, table).await?;
    let rest = [function_down(table), queue_down(table)];
    change(
        connection,
        table,
        "stop watching the table",
        role,
        &triggers,
        &rest,
    )
    .await
}

/// Whether the queue is there, and both triggers with the columns that are to be watched and a function of this body: that of an
/// earlier version is another.
async fn is_installed(
    connection: &mut PgConnection,
    watched: Watched<'_>,
    body: &str,
) -> Result<bool, MigrateError> {
    let table = watched.table;
    let columns: Vec<&str> = std::iter::once(&table.key)
        .chain(watched.texts)
        .map(Identifier::as_str)
        .collect();
    Ok(sqlx::query_scalar(
        "SELECT pg_catalog.count(*) = 2 AND pg_catalog.bool_or(
                    (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attname) FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::pg_catalog.int2[]))
                  = (SELECT pg_catalog.array_agg(DISTINCT wanted ORDER BY wanted) FROM pg_catalog.unnest($4::pg_catalog.text[]) wanted))
                AND pg_catalog.bool_and(p.prosrc = $6) AND pg_catalog.to_regclass($5) IS NOT NULL
           FROM pg_catalog.pg_trigger t
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
           JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND t.tgname = ANY ($3) AND NOT t.tgisinternal",
    )
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .bind(trigger_names(table))
    .bind(columns)
    .bind(qualified_queue_table(table))
    .bind(body)
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::statement("look for our triggers"))
    .map(|installed: Option<bool>| installed == Some(true))?)
}

/// What the server keeps of the function in the script.
fn body(up: &str) -> &str {
    up.split("$body$").nth(1).unwrap_or_default()
}

/// The statements that take the triggers away, as the table's owner; none where there are none.
pub(super) async fn triggers_down(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Vec<String>, MigrateError> {
    let names = trigger_names(table);
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT t.tgname::pg_catalog.text FROM pg_catalog.pg_trigger t
           JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND t.tgname = ANY ($3) AND NOT t.tgisinternal",
    )
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .bind(&names)
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("look for our triggers"))?;
    let drop = |name: &Identifier| format!("DROP TRIGGER {} ON {}", name.quoted(), table.qualified());
    Ok([insert_trigger(table), update_trigger(table)]
        .iter()
        .filter(|name| found.iter().any(|found| found == name.as_str()))
        .map(drop)
        .collect())
}

/// After the triggers. As the administrator.
pub(super) fn function_down(table: &VectorTable) -> String {
    format!("DROP FUNCTION IF EXISTS {}()", function(table))
}

pub(super) fn queue_down(table: &VectorTable) -> String {
    format!("DROP TABLE IF EXISTS {}", qualified_queue_table(table))
}

async fn up(
    connection: &mut PgConnection,
    watched: Watched<'_>,
    owner: &Identifier,
    role: &Identifier,
) -> Result<String, MigrateError> {
    let table = watched.table;
    let setup_schema = Identifier::new(SETUP_SCHEMA).unwrap_or_else(|_| table.schema.clone());
    let is_in = has_schema_privilege(connection, owner, &setup_schema, "USAGE").await?;
    let grantee = other_role(connection, role).await?.map(Identifier::quoted);
    let columns: Vec<String> = std::iter::once(&table.key)
        .chain(watched.texts)
        .map(Identifier::quoted)
        .collect();
    let changes: Vec<String> = columns
        .iter()
        .map(|column| format!("OLD.{column}::pg_catalog.text IS DISTINCT FROM NEW.{column}::pg_catalog.text"))
        .collect();
    let what = format!(
        "Rows of {} that wait for a vector in {}",
        table.qualified(),
        table.column.quoted()
    );
    fill(
        UP,
        minijinja::context! {
            queue => qualified_queue_table(table),
            queue_index => queue_table(table).with_suffix("_due").quoted(),
            comment => literal(&what),
            function => function(table),
            channel => literal(queue_table(table).as_str()),
            key => table.key.quoted(),
            column => table.column.quoted(),
            table => table.qualified(),
            insert_trigger => insert_trigger(table).quoted(),
            update_trigger => update_trigger(table).quoted(),
            watched => columns.join(", "),
            changes => changes.join(" OR "),
            same_vector => format!("{}.{}_eq", table.extension_schema.quoted(), watched.vector_type),
            owner => owner.quoted(),
            lets_owner_in => is_in == Some(false),
            setup_schema => SETUP_SCHEMA,
            role => grantee,
        },
    )
}

/// In one transaction, tried again while only a lock is in the way.
async fn change(
    connection: &mut PgConnection,
    table: &VectorTable,
    purpose: &str,
    role: Option<&Identifier>,
    statements: &[String],
    record: &[String],
) -> Result<(), MigrateError> {
    lock::acquire(connection).await?;
    let change = Change {
        purpose,
        role,
        statements,
        record,
        relation: &table.qualified(),
        patience: PATIENCE,
    };
    let outcome = change.run(connection).await;
    let released = lock::release(connection).await;
    outcome?;
    released
}

async fn owner(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<Identifier>, MigrateError> {
    let row = sqlx::query(
        "SELECT pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text AS owner
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see whose the table is"))?;
    Ok(row.and_then(|row| Identifier::new(row.get::<String, _>("owner")).ok()))
}

fn function(table: &VectorTable) -> String {
    qualified(&companion(table, "enqueue"))
}

fn trigger_names(table: &VectorTable) -> Vec<String> {
    vec![
        insert_trigger(table).to_string(),
        update_trigger(table).to_string(),
    ]
}

fn insert_trigger(table: &VectorTable) -> Identifier {
    companion(table, "watch_insert")
}

fn update_trigger(table: &VectorTable) -> Identifier {
    companion(table, "watch_update")
}
