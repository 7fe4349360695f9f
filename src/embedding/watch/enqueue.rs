//! Rows into the queue that nobody changes any more: those that were there before it was.

use sqlx::PgConnection;

use crate::database::DatabaseError;
use crate::database::migrate::qualified_queue_table;
use crate::database::sql::composed;
use crate::embedding::EmbeddingError;
use crate::embedding::subject::{Subject, begin};

/// What an error says that these statements are for.
const QUEUE: &str = "queue the rows without a vector";
/// So few that a page is a moment's work.
const KEYS_OF_A_PAGE: i64 = 5000;

/// Puts every row into the queue that has text and no vector, and is not there yet; how many. What another worker finishes meanwhile is not
/// queued again. A page of the keys at a time: an application that changes one of these rows waits for its page alone.
pub(super) async fn enqueue_missing(
    connection: &mut PgConnection,
    subject: &Subject,
) -> Result<u64, EmbeddingError> {
    let mut queued = 0;
    let mut last: Option<String> = None;
    loop {
        let mut transaction = begin(connection).await?;
        let page = missing_page(&mut transaction, subject, last.as_deref()).await?;
        queued += enqueue(&mut transaction, subject, &page).await?;
        transaction
            .commit()
            .await
            .map_err(DatabaseError::statement(QUEUE))?;
        let Some(end) = page.into_iter().next_back() else {
            return Ok(queued);
        };
        last = Some(end);
    }
}

/// The next keys of such rows, in their order.
async fn missing_page(
    connection: &mut PgConnection,
    subject: &Subject,
    after: Option<&str>,
) -> Result<Vec<String>, EmbeddingError> {
    let key = subject.table.key.quoted();
    let begins = match after {
        Some(_) => format!("t.{key} > {}", subject.key_sql("$2::text")),
        None => format!("t.{key} IS NOT NULL AND $2::text IS NULL"),
    };
    let sql = format!(
        "SELECT t.{key}::text FROM {table} AS t
          WHERE t.{column} IS NULL AND {begins} AND {text} ~ '\\S' ORDER BY t.{key} LIMIT $1",
        table = subject.table.qualified(),
        column = subject.table.column.quoted(),
        text = subject.text_sql(),
    );
    // Rows that have a vector are passed over, and there may be many.
    sqlx::raw_sql("SET LOCAL statement_timeout = '600s'")
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::statement(QUEUE))?;
    Ok(sqlx::query_scalar(composed(sql))
        .persistent(false)
        .bind(KEYS_OF_A_PAGE)
        .bind(after)
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::statement(QUEUE))?)
}

async fn enqueue(
    connection: &mut PgConnection,
    subject: &Subject,
    keys: &[String],
) -> Result<u64, EmbeddingError> {
    let sql = format!(
        "INSERT INTO {} (key) SELECT key FROM unnest($1::text[]) AS given (key) ON CONFLICT (key) DO NOTHING",
        qualified_queue_table(&subject.table)
    );
    let queued = sqlx::query(composed(sql))
        .persistent(false)
        .bind(keys)
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::statement(QUEUE))?;
    let finished = sqlx::query(composed(finished_meanwhile(subject)))
        .persistent(false)
        .bind(keys)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement(QUEUE))?;
    Ok(queued.rows_affected().saturating_sub(finished.rows_affected()))
}

/// Takes back those of the rows `$1` that this transaction has queued which another worker had finished by then: it writes the vector and takes
/// the row from the queue while the statement before still sees neither. This one sees both, because it begins later.
fn finished_meanwhile(subject: &Subject) -> String {
    format!(
        "DELETE FROM {queue} AS queue
          WHERE queue.key = ANY ($1::text[]) AND queue.xmin = pg_current_xact_id()::xid
            AND NOT EXISTS (SELECT FROM {table} AS t WHERE t.{key} = {queued} AND t.{column} IS NULL)",
        queue = qualified_queue_table(&subject.table),
        table = subject.table.qualified(),
        key = subject.table.key.quoted(),
        queued = subject.key_sql("queue.key"),
        column = subject.table.column.quoted(),
    )
}
