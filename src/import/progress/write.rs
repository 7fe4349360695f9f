//! Changing the row of an import.

use sqlx::PgConnection;

use super::State;
use crate::database::DatabaseError;
use crate::database::migrate::SETUP_SCHEMA;
use crate::database::sql::{composed, literal};
use crate::import::judgement::Parts;
use crate::import::policy::Policies;
use crate::import::{Collection, ImportError};
use crate::settings::VectorTable;

/// What a new import begins with.
#[derive(Debug)]
pub struct Beginning<'a> {
    pub source: &'a str,
    pub fingerprint: Option<&'a str>,
    pub parts: Parts,
    pub is_alone: bool,
    pub policies: &'a Policies,
    pub rejects: &'a str,
}

/// Writes the row of a new import; what was known of an earlier one is forgotten.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn begin(
    connection: &mut PgConnection,
    collection: &Collection,
    table: &VectorTable,
    beginning: &Beginning<'_>,
) -> Result<i64, ImportError> {
    forget(connection, collection, table).await?;
    let sql = format!(
        "INSERT INTO {SETUP_SCHEMA}.import
           (collection_id, schema_name, table_name, column_name, relation, attribute, collection, source, fingerprint,
            parts, is_alone, policies, rejects, version)
         SELECT $1, n.nspname, c.relname, a.attname, c.oid, a.attnum, $5, $6, $7, $8, $9, $10, $11, $12
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
          WHERE n.nspname = $2 AND c.relname = $3 AND a.attname = $4
         RETURNING id"
    );
    let parts = match beginning.parts {
        Parts::Whole => "whole",
        Parts::Embedding => "embedding",
    };
    Ok(sqlx::query_scalar(composed(sql))
        .persistent(false)
        .bind(&collection.id)
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .bind(table.column.as_str())
        .bind(collection.name.to_string())
        .bind(beginning.source)
        .bind(beginning.fingerprint)
        .bind(parts)
        .bind(beginning.is_alone)
        .bind(beginning.policies.to_string())
        .bind(beginning.rejects)
        .bind(env!("CARGO_PKG_VERSION"))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("record the new import"))?)
}

async fn forget(
    connection: &mut PgConnection,
    collection: &Collection,
    table: &VectorTable,
) -> Result<(), ImportError> {
    let sql = format!(
        "DELETE FROM {SETUP_SCHEMA}.import
          WHERE collection_id = $1 AND schema_name = $2 AND table_name = $3 AND column_name = $4"
    );
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(&collection.id)
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .bind(table.column.as_str())
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("forget an earlier import"))?;
    Ok(())
}

/// The statement that notes, in the transaction of a batch, how far its rows reach. As text, because it goes to the server in one
/// message with the commit, and such a message takes no parameters.
pub fn advance(id: i64, passed: u64, written: u64, digest: &str) -> String {
    format!(
        "UPDATE {SETUP_SCHEMA}.import
            SET passed = {passed}, written = written + {written}, digest = {}, changed_at = pg_catalog.now()
          WHERE id = {id}",
        literal(digest)
    )
}

/// What changes about an import that goes on: the policies joined, and where rejects are listed now.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn resume(
    connection: &mut PgConnection,
    id: i64,
    policies: &Policies,
    rejects: &str,
) -> Result<(), ImportError> {
    let sql = format!("UPDATE {SETUP_SCHEMA}.import SET policies = $2, rejects = $3 WHERE id = $1");
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(id)
        .bind(policies.to_string())
        .bind(rejects)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("record how the import goes on"))?;
    Ok(())
}

/// # Errors
/// [`DatabaseError::Statement`].
pub async fn set_state(connection: &mut PgConnection, id: i64, state: State) -> Result<(), ImportError> {
    let sql =
        format!("UPDATE {SETUP_SCHEMA}.import SET state = $2, changed_at = pg_catalog.now() WHERE id = $1");
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(id)
        .bind(state.name())
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("record the state of the import"))?;
    Ok(())
}
