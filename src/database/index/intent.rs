//! The write-ahead note of a build that no transaction covers.

use sqlx::PgConnection;

use crate::database::DatabaseError;
use crate::database::migrate::SETUP_SCHEMA;
use crate::database::sql::{composed, literal};
use crate::settings::VectorTable;

/// Notes what is about to be built; committed before the build begins.
pub(super) async fn write_intent(
    connection: &mut PgConnection,
    table: &VectorTable,
    statement: &str,
) -> Result<(), DatabaseError> {
    let sql = format!(
        "INSERT INTO {SETUP_SCHEMA}.index_build (schema_name, table_name, index_name, statement)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (schema_name, table_name, index_name)
         DO UPDATE SET statement = excluded.statement, started_at = excluded.started_at"
    );
    sqlx::query(composed(sql))
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .bind(table.index_name().as_str())
        .bind(statement)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("note the index build"))?;
    Ok(())
}

/// Whether a build of ours began and was never recorded as done: then the index that is there is ours.
pub async fn has_intent(connection: &mut PgConnection, table: &VectorTable) -> Result<bool, DatabaseError> {
    let purpose = "look for an unfinished index build";
    let noted: bool = sqlx::query_scalar("SELECT pg_catalog.to_regclass($1) IS NOT NULL")
        .bind(format!("{SETUP_SCHEMA}.index_build"))
        .fetch_one(&mut *connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    if !noted {
        return Ok(false);
    }
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {SETUP_SCHEMA}.index_build WHERE {})",
        of(table)
    );
    sqlx::query_scalar(composed(sql))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement(purpose))
}

/// The statement that takes the note away, to be run in the transaction that records the index.
pub fn clear_intent(table: &VectorTable) -> String {
    format!("DELETE FROM {SETUP_SCHEMA}.index_build WHERE {}", of(table))
}

fn of(table: &VectorTable) -> String {
    format!(
        "schema_name = {} AND table_name = {} AND index_name = {}",
        literal(table.schema.as_str()),
        literal(table.table.as_str()),
        literal(table.index_name().as_str())
    )
}
