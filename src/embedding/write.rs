//! Vectors into the table, in short transactions: a row that the table does not take costs the others nothing.

use sqlx::PgConnection;

use super::EmbeddingError;
use super::model;
use super::rows::TextRow;
use super::subject::{Subject, begin, text_digest};
use super::watch::forget;
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};

/// Which rows a vector may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overwriting {
    /// Those without one.
    Missing,
    /// Those with one too: it was made of an older text.
    Any,
}

/// A row that the table does not take, and why.
pub(super) type RefusedWrite = (String, String);

/// What became of rows that were to get a vector; one in neither list was changed meanwhile, or is being changed.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub keys: Vec<String>,
    pub refused: Vec<RefusedWrite>,
}

/// Writes vectors of the model to the rows whose text is still the one that they were made of and that nobody is changing now. Rows
/// that the server refuses are halved until the one that it refuses is alone.
///
/// # Errors
/// [`EmbeddingError::OtherModel`], and what every write fails with; the halves before are written then.
pub(super) async fn write(
    connection: &mut PgConnection,
    subject: &Subject,
    model: &str,
    rows: &[(TextRow, Vec<f32>)],
    overwriting: Overwriting,
) -> Result<Written, EmbeddingError> {
    let mut written = Written::default();
    let mut fitting = Vec::with_capacity(rows.len());
    for row in rows {
        match misfit(&subject.vector_name, &row.1) {
            Some(reason) => written.refused.push((row.0.key.clone(), reason)),
            None => fitting.push(row),
        }
    }
    let mut open = vec![fitting.as_slice()];
    while let Some(part) = open.pop() {
        match write_all(connection, subject, model, part, overwriting).await {
            Ok(keys) => written.keys.extend(keys),
            Err(error) => match (refusal(&error), part) {
                (Some(reason), [row]) => written.refused.push((row.0.key.clone(), reason)),
                (Some(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    open.extend([second, first]);
                }
                (None, _) => return Err(error),
            },
        }
    }
    Ok(written)
}

/// What no `halfvec` holds; a `vector` holds every finite number.
fn misfit(vector_name: &str, vector: &[f32]) -> Option<String> {
    let is_too_large = |component: &f32| !half::f16::from_f32(*component).is_finite();
    let place = vector
        .iter()
        .position(is_too_large)
        .filter(|_| vector_name == "halfvec")?;
    Some(format!(
        "its vector is too large for half precision in its component {}",
        place + 1
    ))
}

/// What the server says against a row, where another may fare better: a value (SQLSTATE class 22), a constraint (23), a trigger of the
/// user's (P0), or that it took too long (57014).
fn refusal(error: &EmbeddingError) -> Option<String> {
    let EmbeddingError::Database(DatabaseError::Statement { source, .. }) = error else {
        return None;
    };
    let code = sqlstate(source)?;
    let is_of_rows = ["22", "23", "P0", "57014"]
        .iter()
        .any(|class| code.starts_with(class));
    let words = source.as_database_error().filter(|_| is_of_rows)?.message();
    Some(format!("the table does not take its vector: {words}"))
}

/// All of these rows, or none; gives back the keys of those that were written.
async fn write_all(
    connection: &mut PgConnection,
    subject: &Subject,
    model: &str,
    rows: &[&(TextRow, Vec<f32>)],
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
    model::hold(&mut transaction, &subject.table, model).await?;
    let written: Vec<String> = sqlx::query_scalar(composed(sql))
        .persistent(false)
        .bind(keys)
        .bind(digests)
        .bind(numbers)
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    if overwriting == Overwriting::Missing {
        forget(&mut transaction, subject, &written).await?;
    }
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(written)
}

/// Takes the vector away from rows that have no text any more: it was made of an older one. Gives back those that the table does not
/// take without one.
pub(super) async fn clear(
    connection: &mut PgConnection,
    subject: &Subject,
    rows: &[TextRow],
) -> Result<Vec<RefusedWrite>, EmbeddingError> {
    let mut refused = Vec::new();
    let mut open = vec![rows];
    while let Some(part) = open.pop() {
        match clear_all(connection, subject, part).await {
            Ok(()) => {}
            Err(error) => match (refusal(&error), part) {
                (Some(reason), [row]) => refused.push((row.key.clone(), reason)),
                (Some(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    open.extend([second, first]);
                }
                (None, _) => return Err(error),
            },
        }
    }
    Ok(refused)
}

async fn clear_all(
    connection: &mut PgConnection,
    subject: &Subject,
    rows: &[TextRow],
) -> Result<(), EmbeddingError> {
    if rows.is_empty() {
        return Ok(());
    }
    let purpose = "clear vectors of rows without text";
    let (key, column, table) = (
        subject.table.key.quoted(),
        subject.table.column.quoted(),
        subject.table.qualified(),
    );
    let sql = format!(
        "WITH open AS (
             SELECT t.{key} AS key FROM {table} AS t JOIN unnest($1::text[]) AS given (key) ON t.{key} = {given}
              WHERE t.{column} IS NOT NULL AND {text} !~ '\\S' FOR UPDATE OF t SKIP LOCKED
         )
         UPDATE {table} AS t SET {column} = NULL FROM open WHERE t.{key} = open.key",
        given = subject.key_sql("given.key"),
        text = subject.text_sql(),
    );
    let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    let mut transaction = begin(connection).await?;
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(keys)
        .execute(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_half_precision_does_not_hold_is_known_before_it_is_sent() {
        let table = [
            ("halfvec", [1.0, 65_504.0], None),
            ("halfvec", [1.0, -65_536.0], Some("component 2")),
            ("vector", [1.0, -65_536.0], None),
        ];
        for (name, vector, expected) in table {
            let problem = misfit(name, &vector);
            assert_eq!(problem.is_some(), expected.is_some(), "{name} {vector:?}");
            assert!(
                problem
                    .unwrap_or_default()
                    .ends_with(expected.unwrap_or_default())
            );
        }
    }
}
