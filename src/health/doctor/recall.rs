//! Recall on the real table: its own rows as queries, each compared with the exact scan.

use std::time::Instant;

use sqlx::{PgConnection, Row as _};

use super::attempt::Failure;
use super::attempt::Observed;
use super::catalog::{Index, Table};
use super::probe::Search;
use crate::database::DatabaseError;
use crate::database::sql::{composed, literal};
use crate::health::neighbours::hits;

/// Neighbours asked for by each search.
const NEIGHBOURS: u32 = 10;
/// Vectors of 1,536 dimensions that one process compares in a second.
const COMPARED_PER_SECOND: u64 = 280_000;
/// Seconds that all exact scans together should stay under.
const EXACT_SECONDS: u64 = 10;
/// The least recall that is good.
pub const FLOOR: f64 = 0.95;

#[derive(Debug, Clone)]
pub struct Recall {
    pub queries: u32,
    /// Share of the true ten nearest that the index returned.
    pub mean: f64,
    /// The same for the worst query.
    pub worst: f64,
    /// Queries that returned fewer rows than the exact scan.
    pub short: u32,
    pub approximate_milliseconds: f64,
    pub exact_milliseconds: f64,
    /// The setting that decides accuracy, and its value in this session.
    pub setting: &'static str,
    pub value: u32,
    /// The smallest tried value of the setting that gives enough recall, where this session's does not.
    pub sufficient: Option<u32>,
}

/// One query: which row it is, its vector, and what the exact scan found.
struct Query {
    row: String,
    vector: Vec<f32>,
    nearest: Vec<f64>,
}

struct Measured {
    mean: f64,
    worst: f64,
    short: u32,
}

/// Measures with this session's own settings, as the application would search.
///
/// # Errors
/// The outer error is a lost connection, the inner one the server's refusal (a statement timeout, say).
pub async fn recall(
    connection: &mut PgConnection,
    search: &Search<'_>,
    facts: &Table,
    index: &Index,
    queries: u32,
) -> Result<Observed<Option<Recall>>, DatabaseError> {
    let purpose = "measure recall";
    execute(
        connection,
        "SAVEPOINT recall; SET LOCAL statement_timeout = '60s'",
    )
    .await
    .map_err(DatabaseError::statement(purpose))?;
    let refused = match measure(connection, search, facts, index, queries).await {
        Ok(recall) => return Ok(Ok(recall)),
        Err(sqlx::Error::Database(refused)) => refused,
        Err(lost) => return Err(DatabaseError::statement(purpose)(lost)),
    };
    execute(connection, "ROLLBACK TO SAVEPOINT recall")
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(Err(Failure {
        sqlstate: refused.code().unwrap_or_default().into_owned(),
        message: refused.message().to_owned(),
    }))
}

async fn measure(
    connection: &mut PgConnection,
    search: &Search<'_>,
    facts: &Table,
    index: &Index,
    queries: u32,
) -> Result<Option<Recall>, sqlx::Error> {
    let (setting, ladder) = accuracy(index);
    let value: String = sqlx::query_scalar("SELECT current_setting($1)")
        .persistent(false)
        .bind(setting)
        .fetch_one(&mut *connection)
        .await?;
    let value = value.parse().unwrap_or(1);
    let mut queries = draw(connection, search, facts, queries).await?;
    if queries.is_empty() {
        return Ok(None);
    }
    execute(
        connection,
        "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off",
    )
    .await?;
    let started = Instant::now();
    for query in &mut queries {
        query.nearest = neighbours(connection, search, query).await?;
    }
    let exact_milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    execute(
        connection,
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on",
    )
    .await?;
    let started = Instant::now();
    let measured = compare(connection, search, &queries).await?;
    let approximate_milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    let mut sufficient = None;
    if measured.mean < FLOOR {
        for step in ladder.into_iter().filter(|step| *step > value) {
            let set = format!(
                "SELECT set_config({}, {}, true)",
                literal(setting),
                literal(&step.to_string())
            );
            execute(connection, &set).await?;
            if compare(connection, search, &queries).await?.mean >= FLOOR {
                sufficient = Some(step);
                break;
            }
        }
    }
    Ok(Some(Recall {
        queries: u32::try_from(queries.len()).unwrap_or(u32::MAX),
        mean: measured.mean,
        worst: measured.worst,
        short: measured.short,
        approximate_milliseconds,
        exact_milliseconds,
        setting,
        value,
        sufficient,
    }))
}

/// The setting that trades speed for accuracy, and the values worth trying.
fn accuracy(index: &Index) -> (&'static str, Vec<u32>) {
    if index.method == "ivfflat" {
        let lists = index.option("lists").unwrap_or(100);
        (
            "ivfflat.probes",
            vec![lists.isqrt().max(2), lists.div_ceil(4), lists.div_ceil(2), lists],
        )
    } else {
        ("hnsw.ef_search", vec![80, 160, 400])
    }
}

/// Rows of the table as queries: fewer where each exact scan takes long.
async fn draw(
    connection: &mut PgConnection,
    search: &Search<'_>,
    facts: &Table,
    wanted: u32,
) -> Result<Vec<Query>, sqlx::Error> {
    let rows = facts.rows().max(1);
    let affordable = EXACT_SECONDS * COMPARED_PER_SECOND / rows;
    let wanted = u64::from(wanted).min(affordable).max(5);
    let share = 300.0 * wanted as f64 / rows as f64;
    let method = if rows > 100_000 { "SYSTEM" } else { "BERNOULLI" };
    let pages = if share < 100.0 {
        format!("TABLESAMPLE {method} ({share:.4}) REPEATABLE (42)")
    } else {
        String::new()
    };
    let column = search.table.column.quoted();
    let statement = format!(
        "SELECT tableoid::text || ctid::text, {column}::pg_catalog.float4[] FROM {} {pages} \
         WHERE {column} IS NOT NULL LIMIT {wanted}",
        search.table.qualified()
    );
    let rows = sqlx::query(composed(statement))
        .persistent(false)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Query {
                row: row.try_get(0)?,
                vector: row.try_get(1)?,
                nearest: Vec::new(),
            })
        })
        .collect()
}

/// Ascending distances to the nearest rows other than the query itself.
async fn neighbours(
    connection: &mut PgConnection,
    search: &Search<'_>,
    query: &Query,
) -> Result<Vec<f64>, sqlx::Error> {
    let output = format!("tableoid::text || ctid::text, {}", search.distance("$1"));
    let rows = sqlx::query(composed(search.sql(&output, "$1", NEIGHBOURS + 1)))
        .persistent(false)
        .bind(&query.vector)
        .fetch_all(connection)
        .await?;
    let mut distances = Vec::with_capacity(rows.len());
    for row in &rows {
        // Where there are fewer than are asked for, an exact scan ends with the rows that have no vector.
        let distance: Option<f64> = row.try_get(1)?;
        if row.try_get::<String, _>(0)? != query.row {
            distances.extend(distance);
        }
    }
    distances.truncate(NEIGHBOURS as usize);
    Ok(distances)
}

async fn compare(
    connection: &mut PgConnection,
    search: &Search<'_>,
    queries: &[Query],
) -> Result<Measured, sqlx::Error> {
    let (mut found, mut wanted, mut short, mut worst) = (0, 0, 0, 1.0_f64);
    for query in queries {
        let approximate = neighbours(connection, search, query).await?;
        let near = hits(&query.nearest, &approximate);
        found += near;
        wanted += query.nearest.len();
        short += u32::from(approximate.len() < query.nearest.len());
        worst = worst.min(near as f64 / query.nearest.len().max(1) as f64);
    }
    Ok(Measured {
        mean: found as f64 / wanted.max(1) as f64,
        worst,
        short,
    })
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(composed(statement))
        .execute(connection)
        .await
        .map(|_| ())
}
