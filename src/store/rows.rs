//! Rows by their keys or by a condition, without any distance.

use sqlx::{PgConnection, Row as _};

use super::filter::Compiled;
use super::row::{self, Row};
use super::search::Selection;
use super::statement::{Argument, Sharing, Statement};
use super::{Filter, Shape, StoreError};

/// The rows of these keys in their order; `None` for a key that no row has.
pub async fn by_key(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    keys: &[String],
    has_vectors: bool,
) -> Result<Vec<Option<Row>>, StoreError> {
    let mut statement = Statement::kept(sharing);
    let wanted = statement.bind(Argument::Texts(keys.to_vec()));
    statement.sql = format!(
        "SELECT {} FROM pg_catalog.unnest({wanted}::pg_catalog.text[]::{}[]) WITH ORDINALITY AS k (key, place) \
         LEFT JOIN {} AS t ON t.{} OPERATOR(pg_catalog.=) k.key ORDER BY k.place",
        row::columns(shape, has_vectors),
        shape.key.qualified_type(),
        shape.qualified(),
        shape.key.name.quoted()
    );
    fetch(connection, sharing, &statement).await
}

/// The rows that meet the selection's condition, by key, as many as its limit.
pub async fn by_filter(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    selection: &Selection,
) -> Result<Vec<Row>, StoreError> {
    let mut statement = Statement::default();
    let condition = condition(selection.filter.as_ref(), shape, &mut statement)?;
    statement.sql = format!(
        "SELECT {} FROM {} AS t WHERE {condition} ORDER BY t.{} LIMIT {}",
        row::columns(shape, selection.has_vectors),
        shape.qualified(),
        shape.key.name.quoted(),
        selection.limit
    );
    Ok(fetch(connection, sharing, &statement)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// How many rows there are, and how many of them have a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub total: u64,
    pub embedded: u64,
}

pub async fn count(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    filter: Option<&Filter>,
) -> Result<Count, StoreError> {
    let purpose = "count the rows";
    let mut statement = Statement::default();
    let condition = condition(filter, shape, &mut statement)?;
    statement.sql = format!(
        "SELECT pg_catalog.count(*), pg_catalog.count(t.{}) FROM {} AS t WHERE {condition}",
        shape.embedding.name.quoted(),
        shape.qualified()
    );
    let rows = statement
        .fetch(connection, sharing)
        .await
        .map_err(StoreError::statement(purpose))?;
    let Some(row) = rows.first() else {
        return Ok(Count {
            total: 0,
            embedded: 0,
        });
    };
    let number = |place: usize| row.try_get::<i64, _>(place).map(i64::unsigned_abs);
    Ok(Count {
        total: number(0).map_err(StoreError::statement(purpose))?,
        embedded: number(1).map_err(StoreError::statement(purpose))?,
    })
}

/// The condition as SQL, or one that every row meets.
pub fn condition(
    filter: Option<&Filter>,
    shape: &Shape,
    statement: &mut Statement,
) -> Result<String, StoreError> {
    match filter {
        Some(filter) => Ok(Compiled::new(filter, shape, statement)?.sql),
        None => Ok("true".to_owned()),
    }
}

async fn fetch(
    connection: &mut PgConnection,
    sharing: Sharing,
    statement: &Statement,
) -> Result<Vec<Option<Row>>, StoreError> {
    let rows = statement
        .fetch(connection, sharing)
        .await
        .map_err(StoreError::statement("read the rows"))?;
    let rows: Result<_, _> = rows.iter().map(row::read).collect();
    rows.map_err(StoreError::statement("read the rows"))
}
