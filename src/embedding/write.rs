//! Vectors into the table, in a short transaction.

use sqlx::PgConnection;

use super::EmbeddingError;
use super::rows::TextRow;
use super::subject::{Subject, begin, text_digest};
use crate::database::DatabaseError;
use crate::database::migrate::{SETUP_SCHEMA, qualified_queue_table, queue_table};
use crate::database::sql::composed;

/// Which rows a vector may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overwriting {
    /// Those without one.
    Missing,
    /// Those with one too: it was made of an older text.
    Any,
}

/// Writes vectors to the rows whose text is still the one that they were made of and that nobody is changing now; gives back the
/// keys of these rows.
pub(super) async fn write(
    connection: &mut PgConnection,
    subject: &Subject,
    rows: &[(TextRow, Vec<f32>)],
    overwriting: Overwriting,
) -> Result<Vec<String>, EmbeddingError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let purpose = "write vectors";
    let (key, column, table) = (
        subject.table.key.quoted(),
        subject.table.column.quoted(),
        subject.table.qualified(),
    );
    let is_open = match overwriting {
        Overwriting::Missing => format!("t.{column} IS NULL"),
        Overwriting::Any => "true".to_owned(),
    };
    let width = subject.dimensions;
    let sql = format!(
        "WITH given AS (
             SELECT {given_key} AS key, g.digest, g.position
               FROM ROWS FROM (unnest($1::text[]), unnest($2::bytea[])) WITH ORDINALITY AS g (key, digest, position)
         ), open AS (
             SELECT t.{key} AS key, given.position FROM {table} AS t JOIN given ON t.{key} = given.key
              WHERE {is_open} AND {digest} = given.digest
                FOR UPDATE OF t SKIP LOCKED
         )
         UPDATE {table} AS t SET {column} = {vector} FROM open WHERE t.{key} = open.key RETURNING t.{key}::text",
        given_key = subject.key_sql("g.key"),
        digest = subject.digest_sql(),
        vector = subject.vector_sql(&format!(
            "($3::real[])[(open.position - 1) * {width} + 1 : open.position * {width}]"
        )),
    );
    let keys: Vec<&str> = rows.iter().map(|(row, _)| row.key.as_str()).collect();
    let digests: Vec<Vec<u8>> = rows.iter().map(|(row, _)| text_digest(&row.text)).collect();
    let numbers: Vec<f32> = rows
        .iter()
        .flat_map(|(_, vector)| vector.iter().copied())
        .collect();
    let mut transaction = begin(connection).await?;
    let written: Vec<String> = sqlx::query_scalar(composed(sql))
        .persistent(false)
        .bind(keys)
        .bind(digests)
        .bind(numbers)
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    if overwriting == Overwriting::Missing {
        take_from_queue(&mut transaction, subject, &written).await?;
    }
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(written)
}

/// Takes rows that were just written out of the queue, where the table is watched: a worker would pay for them again. They are locked, so
/// who changes their text waits for us, and queues them anew.
async fn take_from_queue(
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
