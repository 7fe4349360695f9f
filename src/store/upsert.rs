//! Writing rows: all of a call or none of it, and only the columns that are given.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::catalog::Column;
use super::shape::{DOCUMENT, METADATA};
use super::statement::{Sharing, Statement};
use super::vector::VectorArgument;
use super::{Shape, StoreError};

/// Most rows of one statement.
const ROWS: usize = 500;
/// Most parameters of one statement (PostgreSQL's protocol counts them in 16 bits).
const PARAMETERS: usize = 60_000;
/// Bytes of vectors that one statement may carry, more or less.
const BYTES: usize = 8 << 20;

/// A row as it is to be. What is `None` or missing stays as it is, and has its default in a new row; but a document that is another than
/// before takes the row's vector away, unless one comes with it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    #[serde(deserialize_with = "text_or_number")]
    pub id: String,
    #[serde(default)]
    pub document: Option<String>,
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    #[serde(default)]
    pub embedding: Option<Vec<f32>>,
    /// Other columns, by name; null stands for NULL.
    #[serde(default)]
    pub columns: Map<String, Value>,
}

/// What came of an upsert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that were made or changed.
    pub rows: u64,
    /// Of these, how many had a vector of another document, which is gone.
    pub cleared: u64,
}

/// An item whose columns are the table's and whose values can be sent.
#[derive(Debug, Clone)]
pub struct Checked {
    id: String,
    /// By the column's name.
    values: BTreeMap<String, Given>,
}

#[derive(Debug, Clone)]
enum Given {
    /// A text that stands for a value of the column's type; `None` for NULL.
    Text(Option<String>),
    Vector(VectorArgument),
}

impl Item {
    /// # Errors
    /// [`StoreError::Item`] for a column that the table has not or a text with NUL, [`StoreError::Dimensions`] and
    /// [`StoreError::Vector`] for a vector that the column could not hold. `place` names the item for a reader.
    pub fn check(self, shape: &Shape, place: &str) -> Result<Checked, StoreError> {
        let refused = |problem: String| StoreError::Item {
            place: place.to_owned(),
            problem,
        };
        let document = self
            .document
            .map(|text| (DOCUMENT.to_owned(), Value::String(text)));
        let metadata = self
            .metadata
            .map(|object| (METADATA.to_owned(), Value::Object(object)));
        let mut values = BTreeMap::new();
        for (name, value) in self.columns.into_iter().chain(document).chain(metadata) {
            if !columns(shape).any(|column| column.name.as_str() == name && column != &shape.embedding) {
                return Err(refused(format!(
                    "has {name}, and {} has no such column",
                    shape.qualified()
                )));
            }
            if holds_nul(&value) {
                return Err(refused(format!(
                    "holds NUL in {name}, which PostgreSQL does not take"
                )));
            }
            values.insert(name, Given::Text(as_text(value)));
        }
        if self.id.contains('\0') {
            return Err(refused(
                "holds NUL in its id, which PostgreSQL does not take".to_owned(),
            ));
        }
        if let Some(vector) = self.embedding {
            let vector = VectorArgument::new(vector, shape, place)?;
            values.insert(shape.embedding.name.to_string(), Given::Vector(vector));
        }
        Ok(Checked { id: self.id, values })
    }
}

/// Writes the items in one transaction; the later of two with the same key adds to the earlier.
///
/// Rows are locked in the order of their keys, so that two writers of the same rows wait for each other and never both.
pub async fn upsert(
    connection: &mut PgConnection,
    shape: &Shape,
    items: Vec<Checked>,
) -> Result<Written, StoreError> {
    if !shape.is_key_unique {
        return Err(StoreError::NotUnique {
            table: shape.qualified(),
            column: shape.key.name.quoted(),
        });
    }
    let rounds = rounds(items, shape);
    let purpose = "write the rows";
    let mut transaction = connection.begin().await.map_err(StoreError::statement(purpose))?;
    let mut cleared = 0;
    for round in &rounds {
        for run in runs(shape, round) {
            cleared += write(&mut transaction, shape, run).await?;
        }
    }
    transaction
        .commit()
        .await
        .map_err(StoreError::statement(purpose))?;
    Ok(Written {
        rows: rounds.first().map_or(0, |round| round.len() as u64),
        cleared,
    })
}

/// The items by key, each key once; but what has to be written after an earlier item of the same key, and not with it, comes in a
/// later round. The first round has every key, so later ones wait for nobody.
fn rounds(items: Vec<Checked>, shape: &Shape) -> Vec<Vec<Checked>> {
    let mut rounds: Vec<BTreeMap<String, Checked>> = Vec::new();
    for item in items {
        let latest = rounds.iter().rposition(|round| round.contains_key(&item.id));
        let earlier = latest.and_then(|latest| rounds.get_mut(latest)?.get_mut(&item.id));
        match earlier {
            Some(earlier) if !earlier.loses_its_vector_to(&item, shape) => earlier.values.extend(item.values),
            _ => {
                let next = latest.map_or(0, |latest| latest + 1);
                if next == rounds.len() {
                    rounds.push(BTreeMap::new());
                }
                rounds[next].insert(item.id.clone(), item);
            }
        }
    }
    rounds
        .into_iter()
        .map(|round| round.into_values().collect())
        .collect()
}

impl Checked {
    /// Whether a later item of the same key brings another document and no vector for it.
    fn loses_its_vector_to(&self, later: &Self, shape: &Shape) -> bool {
        let vector = shape.embedding.name.as_str();
        let is_same = match (self.values.get(DOCUMENT), later.values.get(DOCUMENT)) {
            (_, None) => true,
            (Some(Given::Text(one)), Some(Given::Text(other))) => one == other,
            _ => false,
        };
        !is_same && self.values.contains_key(vector) && !later.values.contains_key(vector)
    }
}

/// Neighbours that give the same columns, as many as one statement takes.
fn runs<'a>(shape: &Shape, items: &'a [Checked]) -> impl Iterator<Item = &'a [Checked]> {
    let most = (BYTES / (4 * usize::from(shape.dimensions))).clamp(1, ROWS);
    items
        .chunk_by(|one, other| one.values.keys().eq(other.values.keys()))
        .flat_map(move |run| run.chunks(most.min(PARAMETERS / (run[0].values.len() + 1))))
}

/// Returns how many rows have lost their vector.
async fn write(connection: &mut PgConnection, shape: &Shape, run: &[Checked]) -> Result<u64, StoreError> {
    let given: Vec<&Column> = columns(shape)
        .filter(|column| run[0].values.contains_key(column.name.as_str()))
        .collect();
    let missing: Vec<String> = columns(shape)
        .filter(|column| column.is_required && !given.contains(column))
        .map(|column| column.name.to_string())
        .collect();
    let mut statement = Statement::default();
    let rows: Vec<String> = run
        .iter()
        .map(|item| row(&mut statement, shape, &given, item))
        .collect();
    let rows = rows.join(", ");
    let is_new_possible = missing.is_empty();
    statement.sql = if is_new_possible {
        insert(shape, &given, &rows)
    } else {
        update(shape, &given, &rows)
    };
    let failed = StoreError::statement("write the rows");
    let (written, cleared) = if is_text_alone(shape, &given) {
        // The transaction is the caller's.
        let rows = statement
            .fetch(connection, Sharing::Session)
            .await
            .map_err(failed)?;
        let cleared = rows.iter().filter(|row| row.get(0));
        (rows.len() as u64, cleared.count() as u64)
    } else {
        (statement.execute(connection).await.map_err(failed)?, 0)
    };
    if is_new_possible || written == run.len() as u64 {
        return Ok(cleared);
    }
    Err(StoreError::Required {
        table: shape.qualified(),
        columns: missing,
    })
}

/// Whether documents are given without vectors, so that what is there may be of another text.
fn is_text_alone(shape: &Shape, given: &[&Column]) -> bool {
    let document = shape.document.as_ref();
    document.is_some_and(|document| given.contains(&document)) && !given.contains(&&shape.embedding)
}

/// Every column that may be given beside the key.
fn columns(shape: &Shape) -> impl Iterator<Item = &Column> {
    let parts = [&shape.embedding]
        .into_iter()
        .chain(&shape.document)
        .chain(&shape.metadata);
    parts.chain(&shape.others)
}

/// One item as a row of VALUES: its key, then the columns.
fn row(statement: &mut Statement, shape: &Shape, given: &[&Column], item: &Checked) -> String {
    let mut values = vec![format!(
        "{}::{}",
        statement.text(item.id.as_str()),
        shape.key.qualified_type()
    )];
    for column in given {
        values.push(match item.values.get(column.name.as_str()) {
            Some(Given::Vector(vector)) => statement.vector(vector, &shape.vector_type()),
            Some(Given::Text(Some(text))) => {
                format!("{}::{}", statement.text(text.as_str()), column.qualified_type())
            }
            Some(Given::Text(None)) | None => format!("NULL::{}", column.qualified_type()),
        });
    }
    format!("({})", values.join(", "))
}

fn insert(shape: &Shape, given: &[&Column], rows: &str) -> String {
    let key = shape.key.name.quoted();
    let names: String = given
        .iter()
        .map(|column| format!(", {}", column.name.quoted()))
        .collect();
    let mut changes: Vec<String> = given
        .iter()
        .map(|column| format!("{name} = EXCLUDED.{name}", name = column.name.quoted()))
        .collect();
    let mut returning = String::new();
    if is_text_alone(shape, given) {
        changes.push(kept_vector(shape, &format!("EXCLUDED.{}", quoted_document())));
        returning = has_lost_vector(shape);
    }
    let on_conflict = if changes.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", changes.join(", "))
    };
    format!(
        "INSERT INTO {} AS t ({key}{names}) VALUES {rows} ON CONFLICT ({key}) DO {on_conflict}{returning}",
        shape.qualified()
    )
}

/// For rows that are there: a new one would lack a column that must not be null.
fn update(shape: &Shape, given: &[&Column], rows: &str) -> String {
    let key = shape.key.name.quoted();
    let names: String = (0..given.len()).map(|number| format!(", c{number}")).collect();
    let mut changes: Vec<String> = given
        .iter()
        .enumerate()
        .map(|(number, column)| format!("{} = v.c{number}", column.name.quoted()))
        .collect();
    if changes.is_empty() {
        changes.push(format!("{key} = t.{key}"));
    }
    let mut returning = String::new();
    let text = given
        .iter()
        .position(|column| Some(*column) == shape.document.as_ref());
    if let Some(number) = text.filter(|_| is_text_alone(shape, given)) {
        changes.push(kept_vector(shape, &format!("v.c{number}")));
        returning = has_lost_vector(shape);
    }
    format!(
        "UPDATE {} AS t SET {} FROM (VALUES {rows}) AS v (key{names}) WHERE t.{key} OPERATOR(pg_catalog.=) v.key{returning}",
        shape.qualified(),
        changes.join(", ")
    )
}

/// The vector of row `t`, where its document is the given one bit by bit: a collation or a type of its own could call others equal.
fn kept_vector(shape: &Shape, given: &str) -> String {
    let (vector, document) = (shape.embedding.name.quoted(), quoted_document());
    let bytes = |text: &str| {
        format!("COALESCE(pg_catalog.textsend({text}::pg_catalog.text), '\\x00'::pg_catalog.bytea)")
    };
    format!(
        "{vector} = CASE WHEN {} OPERATOR(pg_catalog.=) {} THEN t.{vector} END",
        bytes(&format!("t.{document}")),
        bytes(given)
    )
}

fn quoted_document() -> String {
    format!("\"{DOCUMENT}\"")
}

/// Whether row `t` had a vector when the statement began, and has none now.
fn has_lost_vector(shape: &Shape) -> String {
    let (key, vector) = (shape.key.name.quoted(), shape.embedding.name.quoted());
    format!(
        " RETURNING t.{vector} IS NULL AND COALESCE((SELECT o.{vector} IS NOT NULL FROM {} AS o \
         WHERE o.{key} OPERATOR(pg_catalog.=) t.{key}), false)",
        shape.qualified()
    )
}

/// Keys may be numbers.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("id is neither a text nor a number")),
    }
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(object) => object
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
