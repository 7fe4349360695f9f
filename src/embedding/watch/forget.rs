//! Rows out of the queue that got their vector elsewhere.

use sqlx::PgConnection;

use crate::database::DatabaseError;
use crate::database::migrate::{SETUP_SCHEMA, qualified_queue_table, queue_table};
use crate::database::sql::composed;
use crate::embedding::EmbeddingError;
use crate::embedding::subject::Subject;

/// Takes rows out of the queue that this transaction has just written, where the table is watched: a worker would pay for them again.
/// They are locked, so who changes their text waits for us, and queues them anew.
pub(in crate::embedding) async fn forget(
    connection: &mut PgConnection,
    subject: &Subject,
    written: &[String],
) -> Result<(), EmbeddingError> {
    if !has_queue(connection, subject).await? {
        return Ok(());
    }
    let queue = qualified_queue_table(&subject.table);
    let sql = format!(
        "WITH ours AS (SELECT key FROM {queue} WHERE key = ANY ($1::text[]) FOR UPDATE SKIP LOCKED)
         DELETE FROM {queue} AS queue USING ours WHERE queue.key = ours.key"
    );
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(written)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("take rows from the queue"))?;
    Ok(())
}

/// Whether there is one, and this role may change it: whoever fills the column need not be who watches it.
async fn has_queue(connection: &mut PgConnection, subject: &Subject) -> Result<bool, DatabaseError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' AND has_schema_privilege(n.oid, 'USAGE')
            AND (SELECT bool_and(has_table_privilege(c.oid, needed)) FROM unnest(ARRAY['SELECT', 'UPDATE', 'DELETE']) needed))",
    )
    .persistent(false)
    .bind(SETUP_SCHEMA)
    .bind(queue_table(&subject.table).as_str())
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::statement("look for the queue"))
}
