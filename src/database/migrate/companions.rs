//! What stands beside one vector column in the schema of the histories: which model made its vectors, and what waits for one.
//!
//! The administrator makes and owns it, so that nothing which a superuser reads can be changed into something else; the
//! application's role may read and write it. It goes with the column's migration.

use sqlx::PgConnection;

use super::history::{SETUP_SCHEMA, companion, read_history};
use super::roles::other_role;
use super::script::{self, fill};
use super::{MigrateError, lock, watch};
use crate::database::DatabaseError;
use crate::database::sql::{composed, literal};
use crate::settings::{Identifier, VectorTable};

const MODEL_UP: &str = include_str!("../../../migrations/embedding/model.up.sql");
const MODEL_DOWN: &str = include_str!("../../../migrations/embedding/model.down.sql");

/// The table with the model's name, without its schema.
pub fn model_table(table: &VectorTable) -> Identifier {
    companion(table, "model")
}

/// The table with the model's name as it stands in SQL.
pub fn qualified_model_table(table: &VectorTable) -> String {
    qualified(&model_table(table))
}

pub(super) fn qualified(name: &Identifier) -> String {
    format!("{SETUP_SCHEMA}.{}", name.quoted())
}

/// Whether a table of that name, without its schema, stands there.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn has_companion(connection: &mut PgConnection, name: &Identifier) -> Result<bool, DatabaseError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r')",
    )
    .persistent(false)
    .bind(SETUP_SCHEMA)
    .bind(name.as_str())
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::statement("look for what is kept of a column"))
}

/// # Errors
/// [`MigrateError::Unmigrated`] for a column that these migrations neither made nor adopted.
pub(super) async fn refuse_unmigrated(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<(), MigrateError> {
    let history = read_history(connection, table).await?;
    if history.find(script::COLUMN).is_some() {
        return Ok(());
    }
    Err(MigrateError::Unmigrated {
        what: format!("column {} of {}", table.column.quoted(), table.qualified()),
    })
}

/// Makes the record of the model where it is not there. As the administrator, in the database of the table.
///
/// # Errors
/// [`MigrateError::Unmigrated`] for a column that these migrations neither made nor adopted; [`MigrateError::Locked`];
/// [`MigrateError::Database`].
pub async fn prepare_model_record(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: &Identifier,
) -> Result<(), MigrateError> {
    lock::acquire(connection).await?;
    let outcome = prepare(connection, table, role).await;
    let released = lock::release(connection).await;
    outcome?;
    released
}

async fn prepare(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: &Identifier,
) -> Result<(), MigrateError> {
    refuse_unmigrated(&mut *connection, table).await?;
    let sql = model_up(connection, table, role).await?;
    sqlx::raw_sql(composed(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("make the record of the model"))?;
    Ok(())
}

/// The statements that make the record of the model, as the session's own role.
pub(super) async fn model_up(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: &Identifier,
) -> Result<String, MigrateError> {
    // An owner needs no grant, and would lose its own rights with it when that is taken back.
    let grantee = other_role(connection, role).await?.map(Identifier::quoted);
    let what = format!(
        "Model of the vectors in {} of {}",
        table.column.quoted(),
        table.qualified()
    );
    fill(
        MODEL_UP,
        minijinja::context! {
            model => qualified_model_table(table),
            comment => literal(&what),
            setup_schema => SETUP_SCHEMA,
            role => grantee,
        },
    )
}

/// The statements that take all of it away, after the triggers on the table; as the session's own role.
pub(super) async fn down(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: &Identifier,
) -> Result<Vec<String>, MigrateError> {
    let model = minijinja::context! { model => qualified_model_table(table) };
    let mut statements = vec![
        watch::function_down(table),
        watch::queue_down(table),
        fill(MODEL_DOWN, model)?,
    ];
    if is_schema_granted_for_this_alone(connection, table, role).await? {
        statements.push(format!(
            "REVOKE USAGE ON SCHEMA {SETUP_SCHEMA} FROM {}",
            role.quoted()
        ));
    }
    Ok(statements)
}

/// Whether the role was let into the schema, and has nothing else there.
async fn is_schema_granted_for_this_alone(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: &Identifier,
) -> Result<bool, MigrateError> {
    let granted: Option<bool> = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.grantee = r.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a
                             WHERE c.relnamespace = n.oid AND a.grantee = r.oid AND c.relname <> ALL ($3))
           FROM pg_catalog.pg_namespace n, pg_catalog.pg_roles r
          WHERE n.nspname = $1 AND r.rolname = $2 AND n.nspowner <> r.oid",
    )
    .bind(SETUP_SCHEMA)
    .bind(role.as_str())
    .bind(vec![
        model_table(table).to_string(),
        watch::queue_table(table).to_string(),
    ])
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see what a role has in our schema"))?;
    Ok(granted == Some(true))
}
