//! Rows as they come back: what is selected, and how it is read.

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Shape;
use crate::database::sql::literal;

/// Columns in one call of `jsonb_build_object`, which takes a hundred arguments.
const PAIRS: usize = 50;

/// One row. `None` is null, or a column that the table has not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The key's value as text.
    pub id: String,
    pub document: Option<String>,
    pub metadata: Option<Value>,
    /// All other columns, as PostgreSQL gives them as JSON.
    pub columns: Map<String, Value>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vec<f32>>,
}

/// How many columns [`columns`] selects.
pub const COLUMNS: usize = 5;

/// What is selected of the table as `t`.
pub fn columns(shape: &Shape, has_vectors: bool) -> String {
    let text = |column: &str| format!("t.{column}::pg_catalog.text");
    let optional = |column: Option<String>| column.unwrap_or_else(|| "NULL::pg_catalog.text".to_owned());
    let document = shape.document.as_ref().map(|column| text(&column.name.quoted()));
    let metadata = shape.metadata.as_ref().map(|column| text(&column.name.quoted()));
    let embedding = if has_vectors {
        format!("t.{}::pg_catalog.float4[]", shape.embedding.name.quoted())
    } else {
        "NULL::pg_catalog.float4[]".to_owned()
    };
    format!(
        "{}, {}, {}, {}, {embedding}",
        text(&shape.key.name.quoted()),
        optional(document),
        optional(metadata),
        optional(others(shape))
    )
}

fn others(shape: &Shape) -> Option<String> {
    let objects = shape.others.chunks(PAIRS).map(|columns| {
        let pairs: Vec<String> = columns
            .iter()
            .map(|column| format!("{}, t.{}", literal(column.name.as_str()), column.name.quoted()))
            .collect();
        format!("pg_catalog.jsonb_build_object({})", pairs.join(", "))
    });
    let joined = objects.reduce(|all, object| format!("{all} OPERATOR(pg_catalog.||) {object}"))?;
    Some(format!("({joined})::pg_catalog.text"))
}

/// Reads what [`columns`] selected; `None` where the key is null, which is no row.
pub fn read(row: &PgRow) -> Result<Option<Row>, sqlx::Error> {
    let Some(id) = row.try_get(0)? else {
        return Ok(None);
    };
    let columns = match json(row, 3)? {
        Some(Value::Object(columns)) => columns,
        _ => Map::new(),
    };
    Ok(Some(Row {
        id,
        document: row.try_get(1)?,
        metadata: json(row, 2)?,
        columns,
        embedding: row.try_get(4)?,
    }))
}

fn json(row: &PgRow, place: usize) -> Result<Option<Value>, sqlx::Error> {
    let text: Option<&str> = row.try_get(place)?;
    let value = text.map(serde_json::from_str).transpose();
    value.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
