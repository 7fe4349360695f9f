//! One search as an application asks it, for a row that is known: what `doctor` and `verify` look at.

use sqlx::{Connection as _, PgConnection, Row as _};

use super::search::{self, Origin, Selection};
use super::statement::{Sharing, Statement};
use super::vector::VectorArgument;
use super::{Shape, StoreError};
use crate::settings::{Metric, VectorTable};

/// Rows asked for by each search.
const NEIGHBOURS: u32 = 3;
/// A distance up to this is none: the server adds up single precision in its own order.
const NO_DISTANCE: f64 = 1e-6;

/// What was found for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The row's key.
    pub row: String,
    /// Whether a search for the row's own vector gave a row at no distance first; `None` for the inner product, where a longer
    /// vector is nearer than the same one.
    pub is_first: Option<bool>,
    /// How many other rows are similar to it.
    pub similar: usize,
}

/// Changes nothing: what a search sets would last as long as a transaction of the caller's, so it is rolled back.
///
/// # Errors
/// What keeps the table from being searched.
pub async fn trial(connection: &mut PgConnection, table: &VectorTable) -> Result<Option<Trial>, StoreError> {
    let purpose = "try a search";
    let mut transaction = connection.begin().await.map_err(StoreError::statement(purpose))?;
    let tried = attempt(&mut transaction, table).await;
    let ended = transaction.rollback().await;
    let trial = tried?;
    ended.map_err(StoreError::statement(purpose))?;
    Ok(trial)
}

async fn attempt(connection: &mut PgConnection, table: &VectorTable) -> Result<Option<Trial>, StoreError> {
    let sharing = Sharing::Transaction;
    let shape = Shape::read(connection, sharing, table).await?;
    let Some((row, vector)) = sample(connection, &shape).await? else {
        return Ok(None);
    };
    let selection = Selection {
        limit: NEIGHBOURS,
        ..Selection::default()
    };
    let itself = Origin::Vector(VectorArgument::new(vector, &shape, "the row's vector")?);
    let found = search::search(connection, sharing, &shape, &itself, &selection).await?;
    let is_near = found.rows.first().is_some_and(|hit| hit.distance <= NO_DISTANCE);
    let others = Origin::Row(row.clone());
    let similar = search::search(connection, sharing, &shape, &others, &selection).await?;
    Ok(Some(Trial {
        row,
        is_first: (shape.metric != Metric::Ip).then_some(is_near),
        similar: similar.rows.len(),
    }))
}

/// Any row with a vector that has a distance to itself.
async fn sample(
    connection: &mut PgConnection,
    shape: &Shape,
) -> Result<Option<(String, Vec<f32>)>, StoreError> {
    let purpose = "choose a row to search for";
    let (key, vector) = (shape.key.name.quoted(), shape.embedding.name.quoted());
    let sql = format!(
        "SELECT t.{key}::pg_catalog.text, t.{vector}::pg_catalog.float4[] FROM {} AS t
          WHERE t.{key} IS NOT NULL AND t.{vector} IS NOT NULL
            AND (t.{vector} {} t.{vector}) OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8 LIMIT 1",
        shape.qualified(),
        shape.distance_operator()
    );
    let rows = Statement::once(sql, Vec::new())
        .fetch(connection, Sharing::Transaction)
        .await;
    let rows = rows.map_err(StoreError::statement(purpose))?;
    let row = rows
        .first()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose();
    row.map_err(StoreError::statement(purpose))
}
