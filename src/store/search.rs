//! The nearest rows to a vector, or to another row's.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::filter::Compiled;
use super::row::{self, Row};
use super::statement::{Sharing, Statement};
use super::vector::VectorArgument;
use super::{Filter, Shape, StoreError, accuracy};
use crate::database::DatabaseError;
use crate::health::Planned;
use crate::settings::Metric;

/// Which rows may answer, and what of them.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Most rows.
    pub limit: u32,
    pub filter: Option<Filter>,
    /// Compare with every row, index or not.
    pub is_exact: bool,
    pub has_vectors: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            limit: 10,
            filter: None,
            is_exact: false,
            has_vectors: false,
        }
    }
}

/// A row and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    #[serde(flatten)]
    pub row: Row,
    /// By the table's metric, as pgvector computes it: of the inner product it is the negative.
    pub distance: f64,
    /// The cosine or the inner product, of which more is nearer; `None` for the other metrics.
    pub score: Option<f64>,
}

/// The nearest rows, nearest first and by key where they are equally far. Rows that have no distance, as zero vectors have no
/// angle, are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hits {
    pub rows: Vec<Hit>,
    /// Whether every row was compared: there is no index, it was asked for, or the index found fewer rows than were wanted.
    pub is_exact: bool,
}

/// What others are compared with.
#[derive(Debug, Clone)]
pub enum Origin {
    Vector(VectorArgument),
    /// The row of this key, which is none of the answers.
    Row(String),
}

/// Asks the index; where it finds fewer rows than are wanted, and so perhaps not all there are, asks every row.
pub async fn search(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    origin: &Origin,
    selection: &Selection,
) -> Result<Hits, StoreError> {
    if Route::first(shape, selection) == Route::Index {
        let rows = ask(
            connection,
            sharing,
            &statement(shape, sharing, origin, selection, Route::Index)?,
        )
        .await?;
        if rows.len() as u64 >= u64::from(selection.limit) {
            return hits(shape, &rows, false);
        }
    }
    let rows = ask(
        connection,
        sharing,
        &statement(shape, sharing, origin, selection, Route::Exact)?,
    )
    .await?;
    if rows.is_empty()
        && let Origin::Row(key) = origin
    {
        refuse_without_vector(connection, sharing, shape, key).await?;
    }
    hits(shape, &rows, true)
}

/// How the planner would have the statement that is sent first.
pub async fn explain(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    origin: &Origin,
    selection: &Selection,
) -> Result<Planned, StoreError> {
    let purpose = "explain a search";
    let mut statement = statement(shape, sharing, origin, selection, Route::first(shape, selection))?;
    statement.sql = format!("EXPLAIN (FORMAT JSON) {}", statement.sql);
    let rows = ask(connection, sharing, &statement).await?;
    let plan = rows
        .first()
        .and_then(|row| row.try_get_unchecked::<String, _>(0).ok());
    let planned = plan.and_then(|plan| Planned::parse(&plan));
    Ok(planned
        .ok_or(sqlx::Error::RowNotFound)
        .map_err(DatabaseError::statement(purpose))?)
}

/// How the rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Index,
    /// Every row is compared.
    Exact,
}

impl Route {
    fn first(shape: &Shape, selection: &Selection) -> Self {
        if shape.index.is_some() && !selection.is_exact {
            Self::Index
        } else {
            Self::Exact
        }
    }
}

/// The place of the distance among what is selected; the name of a column could be any.
const DISTANCE: usize = row::COLUMNS;

/// The statement, in the one shape that pgvector's indexes answer: ascending by the plain distance, with a limit.
pub fn statement(
    shape: &Shape,
    sharing: Sharing,
    origin: &Origin,
    selection: &Selection,
    route: Route,
) -> Result<Statement, StoreError> {
    let mut statement = match selection.filter {
        None => Statement::kept(sharing),
        // How many rows a condition lets through decides on the plan.
        Some(_) => Statement::default(),
    };
    let embedding = format!("t.{}", shape.embedding.name.quoted());
    let mut conditions = vec![format!("{embedding} IS NOT NULL")];
    let from = match origin {
        Origin::Vector(vector) => statement.vector(vector, &shape.vector_type()),
        Origin::Row(key) => {
            let key = key_value(&mut statement, shape, key);
            let vector = vector_of(shape, &key);
            conditions.push(format!(
                "t.{} OPERATOR(pg_catalog.<>) {key}",
                shape.key.name.quoted()
            ));
            conditions.push(format!("{vector} IS NOT NULL"));
            vector
        }
    };
    if route == Route::Index {
        conditions.extend(accuracy::condition(shape, selection));
    }
    if let Some(filter) = &selection.filter {
        let compiled = Compiled::new(filter, shape, &mut statement)?;
        conditions.push(match route {
            Route::Index => compiled.for_index(),
            Route::Exact => compiled.sql,
        });
    }
    let distance = format!("{embedding} {} {from}", shape.distance_operator());
    // No index is for this sum.
    let distance = match route {
        Route::Index => distance,
        Route::Exact => format!("({distance}) OPERATOR(pg_catalog.+) 0::pg_catalog.float8"),
    };
    statement.sql = format!(
        "SELECT {}, {distance} FROM {} AS t WHERE {} ORDER BY {} LIMIT {}",
        row::columns(shape, selection.has_vectors),
        shape.qualified(),
        conditions.join(" AND "),
        DISTANCE + 1,
        selection.limit
    );
    Ok(statement)
}

/// A key as a value of its column's type.
pub fn key_value(statement: &mut Statement, shape: &Shape, key: &str) -> String {
    format!("{}::{}", statement.text(key), shape.key.qualified_type())
}

/// The vector of one row: a subselect, which the index takes for a constant.
fn vector_of(shape: &Shape, key: &str) -> String {
    format!(
        "(SELECT o.{} FROM {} AS o WHERE o.{} OPERATOR(pg_catalog.=) {key} LIMIT 1)",
        shape.embedding.name.quoted(),
        shape.qualified(),
        shape.key.name.quoted()
    )
}

async fn ask(
    connection: &mut PgConnection,
    sharing: Sharing,
    statement: &Statement,
) -> Result<Vec<PgRow>, StoreError> {
    statement
        .fetch(connection, sharing)
        .await
        .map_err(StoreError::statement("search"))
}

/// Why a row is like no other: because it is not there, or has nothing to compare.
async fn refuse_without_vector(
    connection: &mut PgConnection,
    sharing: Sharing,
    shape: &Shape,
    key: &str,
) -> Result<(), StoreError> {
    let mut statement = Statement::default();
    let place = key_value(&mut statement, shape, key);
    statement.sql = format!(
        "SELECT o.{} IS NOT NULL FROM {} AS o WHERE o.{} OPERATOR(pg_catalog.=) {place} LIMIT 1",
        shape.embedding.name.quoted(),
        shape.qualified(),
        shape.key.name.quoted()
    );
    let rows = ask(connection, sharing, &statement).await?;
    let has_vector = rows.first().map(|row| row.try_get::<bool, _>(0)).transpose();
    match has_vector.map_err(StoreError::statement("read the row"))? {
        Some(true) => Ok(()),
        Some(false) => Err(StoreError::NoVector { key: key.to_owned() }),
        None => Err(StoreError::NoRow { key: key.to_owned() }),
    }
}

fn hits(shape: &Shape, rows: &[PgRow], is_exact: bool) -> Result<Hits, StoreError> {
    let mut hits = Vec::with_capacity(rows.len());
    for found in rows {
        let (row, distance) = read(found).map_err(StoreError::statement("read the rows"))?;
        if let Some(row) = row.filter(|_| !distance.is_nan()) {
            hits.push(Hit {
                row,
                distance,
                score: score(shape.metric, distance),
            });
        }
    }
    // An index that goes on gives rows a little out of order.
    hits.sort_by(|one, other| {
        one.distance
            .total_cmp(&other.distance)
            .then_with(|| one.row.id.cmp(&other.row.id))
    });
    Ok(Hits { rows: hits, is_exact })
}

fn read(found: &PgRow) -> Result<(Option<Row>, f64), sqlx::Error> {
    Ok((row::read(found)?, found.try_get(DISTANCE)?))
}

fn score(metric: Metric, distance: f64) -> Option<f64> {
    match metric {
        Metric::Cosine => Some(1.0 - distance),
        Metric::Ip => Some(-distance),
        Metric::L2 | Metric::L1 => None,
    }
}
