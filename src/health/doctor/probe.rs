//! What can only be known by trying: whether the library loads, what the data looks like, what the planner does.

use serde::Deserialize;
use sqlx::PgConnection;

use super::attempt::{Failure, Observed, attempt};
use super::catalog::{Catalog, Extension, Server, Table};
use crate::database::DatabaseError;
use crate::health::planned::Planned;
use crate::settings::{Identifier, VectorTable};

/// Tables up to this size are counted; larger ones are estimated.
pub const COUNTED_BYTES: u64 = 32 << 20;
/// Bytes of vectors that a sample may read.
const SAMPLE_BYTES: u64 = 8 << 20;

/// The library behind the extension.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its own version, where the server can tell (PostgreSQL 18).
    pub version: Option<String>,
}

/// Loads the library by computing one distance.
pub async fn library(
    connection: &mut PgConnection,
    server: &Server,
    extension: &Extension,
) -> Result<Observed<Library>, DatabaseError> {
    let schema = quoted(&extension.schema);
    let mut statements =
        format!("SELECT ('[1,2]'::{schema}.vector OPERATOR({schema}.<=>) '[1,3]'::{schema}.vector)::text");
    if server.version_number >= 180_000 {
        statements.push_str("; SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'vector'");
    }
    let answers = attempt(connection, "load the extension's library", &statements).await?;
    Ok(answers.map(|answers| Library {
        version: answers.into_iter().nth(1).filter(|version| !version.is_empty()),
    }))
}

/// How many rows there are, and how many have an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub total: u64,
    pub embedded: u64,
    pub exact: bool,
}

/// A sample of the embeddings that are not null.
#[derive(Debug, Clone, Deserialize)]
pub struct Sample {
    pub rows: u64,
    /// Vectors of length zero.
    pub zero: u64,
    /// Vectors whose length is not 1 within a thousandth.
    pub not_unit: u64,
    /// Different numbers of dimensions.
    pub dimensions: u64,
}

#[derive(Deserialize)]
struct Count {
    total: u64,
    embedded: u64,
}

/// Counts, or estimates where counting would take long.
pub async fn coverage(
    connection: &mut PgConnection,
    catalog: &Catalog,
    facts: &Table,
    table: &VectorTable,
) -> Result<Observed<Coverage>, DatabaseError> {
    if facts.bytes > COUNTED_BYTES && facts.estimated_rows > 0.0 {
        let nulls = catalog.column.as_ref().and_then(|column| column.null_fraction);
        let total = facts.estimated_rows;
        return Ok(Ok(Coverage {
            total: total as u64,
            embedded: (total * (1.0 - nulls.unwrap_or(0.0))).round() as u64,
            exact: false,
        }));
    }
    let statement = format!(
        "SELECT json_build_object('total', count(*), 'embedded', count({}))::text FROM {}",
        table.column.quoted(),
        table.qualified()
    );
    let answers = attempt(connection, "count the rows", &statement).await?;
    Ok(answers.and_then(|answers| {
        let Count { total, embedded } = decode(&answers)?;
        Ok(Coverage {
            total,
            embedded,
            exact: true,
        })
    }))
}

/// Looks at a few vectors.
pub async fn sample(
    connection: &mut PgConnection,
    extension: &Extension,
    half: bool,
    facts: &Table,
    table: &VectorTable,
) -> Result<Observed<Sample>, DatabaseError> {
    let schema = quoted(&extension.schema);
    let norm = if half { "l2_norm" } else { "vector_norm" };
    let statement = format!(
        "SELECT json_build_object('rows', count(*), 'zero', count(*) FILTER (WHERE norm = 0), \
         'not_unit', count(*) FILTER (WHERE abs(norm - 1) > 0.001), 'dimensions', count(DISTINCT dimensions))::text \
         FROM (SELECT {schema}.{norm}(e) AS norm, {schema}.vector_dims(e) AS dimensions FROM ({}) AS sampled) AS measured",
        sampled(table, facts)
    );
    let answers = attempt(connection, "sample the vectors", &statement).await?;
    Ok(answers.and_then(|answers| decode(&answers)))
}

/// A subquery of embeddings `e`: pages at random from a large table, all of a small one.
fn sampled(table: &VectorTable, facts: &Table) -> String {
    let wanted = (SAMPLE_BYTES / (4 * u64::from(table.dimensions.count()))).clamp(100, 1_000);
    let share = 200.0 * wanted as f64 / facts.rows().max(1) as f64;
    let pages = if share < 100.0 {
        format!("TABLESAMPLE SYSTEM ({share:.4})")
    } else {
        String::new()
    };
    let column = table.column.quoted();
    format!(
        "SELECT {column} AS e FROM {} {pages} WHERE {column} IS NOT NULL LIMIT {wanted}",
        table.qualified()
    )
}

/// What the planner does with the application's search.
#[derive(Debug, Clone)]
pub struct Plans {
    /// As the session stands.
    pub usual: Planned,
    /// With `enable_seqscan = off`: whether the index can serve the search at all.
    pub forced: Planned,
    /// For a prepared statement without knowing its parameter (PostgreSQL 16 and later).
    pub generic: Option<Planned>,
}

pub async fn plans(
    connection: &mut PgConnection,
    server: &Server,
    search: &Search<'_>,
) -> Result<Observed<Plans>, DatabaseError> {
    let constant = format!("array_fill(0.5::real, ARRAY[{}])", search.dimensions);
    let mut statements = format!("EXPLAIN (FORMAT JSON) {}; ", search.sql("1", &constant, 10));
    let generic = server.version_number >= 160_000;
    if generic {
        statements.push_str(&format!(
            "EXPLAIN (GENERIC_PLAN, FORMAT JSON) {}; ",
            search.sql("1", "$1", 10)
        ));
    }
    statements.push_str(&format!(
        "SET LOCAL enable_seqscan = off; EXPLAIN (FORMAT JSON) {}",
        search.sql("1", &constant, 10)
    ));
    let answers = attempt(connection, "explain a search", &statements).await?;
    Ok(answers.and_then(|answers| {
        let mut plans = answers.iter().filter_map(|answer| Planned::parse(answer));
        let mut next = || plans.next().ok_or_else(|| unreadable("no plan was returned"));
        Ok(Plans {
            usual: next()?,
            generic: generic.then(&mut next).transpose()?,
            forced: next()?,
        })
    }))
}

/// The application's search, as the facts about the column have it.
#[derive(Debug)]
pub struct Search<'a> {
    pub table: &'a VectorTable,
    pub extension_schema: &'a str,
    pub type_name: &'a str,
    pub dimensions: u16,
}

impl Search<'_> {
    /// Selects `output` of the nearest rows to `vector` (an expression of type `real[]`).
    pub fn sql(&self, output: &str, vector: &str, limit: u32) -> String {
        format!(
            "SELECT {output} FROM {} ORDER BY {} LIMIT {limit}",
            self.table.qualified(),
            self.distance(vector)
        )
    }

    pub fn distance(&self, vector: &str) -> String {
        let schema = quoted(self.extension_schema);
        format!(
            "{} OPERATOR({schema}.{}) ({vector}::pg_catalog.float4[])::{schema}.{}({})",
            self.table.column.quoted(),
            self.table.metric.operator(),
            self.type_name,
            self.dimensions
        )
    }
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(answers: &[String]) -> Observed<T> {
    let text = answers.first().map(String::as_str).unwrap_or_default();
    serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(message: impl Into<String>) -> Failure {
    Failure {
        sqlstate: "no SQLSTATE".to_owned(),
        message: message.into(),
    }
}

/// A name that the server told us.
fn quoted(name: &str) -> String {
    Identifier::new(name).map_or_else(
        |_| format!("\"{}\"", name.replace('"', "\"\"")),
        |name| name.quoted(),
    )
}
