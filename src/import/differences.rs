//! Which rows differ, and in what. The server compares; only rows that differ come back.

use half::f16;

use super::digest::Buckets;
use super::judgement::{Parts, Shape};
use super::proof::Proof;
use super::target::Target;
use crate::settings::ColumnType;

/// Rows of the source that are compared one by one.
pub const ROWS: &str = "pg_temp.pgvector_setup_source";

/// Most differences that are named.
const MOST: usize = 100;

/// Chroma keeps cosine vectors normalised, with their norm: multiplying both rounds a component by at most this part of the
/// vector's largest.
const ROUNDING: f32 = 3e-7;

/// One row that is not the same in source and target.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    pub id: String,
    /// `missing`, `extra`, or the parts that differ.
    pub what: String,
}

/// Compares [`ROWS`] with the table: id there, id here, whether document and metadata differ, both embeddings.
pub fn statement(target: &Target, is_alone: bool) -> String {
    let (table, key) = (target.table.qualified(), target.table.key.quoted());
    let column = format!("t.{}", target.table.column.quoted());
    // Rows that only the target has count where it has no others.
    let join = if is_alone { "FULL" } else { "LEFT" };
    let texts = match target.shape.parts {
        Parts::Whole => [
            r#"s.document COLLATE "C" IS DISTINCT FROM t.document COLLATE "C""#,
            r#"s.metadata::text COLLATE "C" IS DISTINCT FROM t.metadata::text COLLATE "C""#,
        ],
        Parts::Embedding => ["false", "false"],
    };
    let [document, metadata] = texts;
    let both = format!("s.key IS NOT NULL AND t.{key} IS NOT NULL");
    format!(
        r#"COPY (SELECT s.key, t.{key}::text, {both} AND {document}, {both} AND {metadata},
                 CASE WHEN {both} THEN s.embedding END, CASE WHEN {both} THEN {column} END
            FROM {ROWS} s {join} JOIN {table} t ON s.key COLLATE "C" = t.{key}::text COLLATE "C"
           WHERE s.key IS NULL OR t.{key} IS NULL OR {document} OR {metadata} OR {} IS DISTINCT FROM {})
         TO STDOUT (FORMAT binary)"#,
        target.bits("s.embedding"),
        target.bits(&column)
    )
}

/// Counts one row of the answer.
pub fn count(
    fields: &[Option<&[u8]>],
    differing: &Buckets,
    shape: Shape,
    is_rounded: bool,
    proof: &mut Proof,
) {
    let [source_key, target_key, document, metadata, expected, found] = fields else {
        return;
    };
    let key = source_key.or(*target_key).unwrap_or_default();
    if !differing.has(key) {
        // A row of the table that was not staged, because its digest is right.
        return;
    }
    let what = match (source_key, target_key) {
        (Some(_), None) => {
            proof.missing += 1;
            "missing".to_owned()
        }
        (None, _) => {
            proof.extra += 1;
            "extra".to_owned()
        }
        (Some(_), Some(_)) => {
            let mut parts = Vec::new();
            for (name, differs) in [("document", document), ("metadata", metadata)] {
                if *differs == Some(&[1]) {
                    parts.push(name.to_owned());
                }
            }
            if expected != found {
                match embedding(*expected, *found, shape.column_type) {
                    Vectors::Rounded(_) if is_rounded => {
                        if parts.is_empty() {
                            proof.within_rounding += 1;
                            return;
                        }
                    }
                    Vectors::Rounded(place) | Vectors::Other(place) => parts.push(place),
                }
            }
            proof.changed += 1;
            parts.join(", ")
        }
    };
    if proof.differences.len() < MOST {
        let id = String::from_utf8_lossy(key).into_owned();
        proof.differences.push(Difference { id, what });
    }
}

enum Vectors {
    /// No component is further away than Chroma rounds; what to say of them otherwise.
    Rounded(String),
    /// What to say of them.
    Other(String),
}

fn embedding(expected: Option<&[u8]>, found: Option<&[u8]>, column_type: ColumnType) -> Vectors {
    let (Some(expected), Some(found)) = (expected, found) else {
        let side = if expected.is_none() {
            "only in the table"
        } else {
            "only in the source"
        };
        return Vectors::Other(format!("embedding ({side})"));
    };
    let (expected, found) = (components(expected, column_type), components(found, column_type));
    if expected.len() != found.len() {
        return Vectors::Other("embedding (other dimensions)".to_owned());
    }
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, component| largest.max(component.abs()));
    let mut pairs = expected.iter().zip(&found);
    let position = pairs
        .clone()
        .position(|(ours, theirs)| ours.to_bits() != theirs.to_bits());
    let place = match position {
        Some(position) => format!(
            "embedding (component {}: {} -> {})",
            position + 1,
            expected[position],
            found[position]
        ),
        None => "embedding".to_owned(),
    };
    let is_rounded = pairs.all(|(ours, theirs)| (ours - theirs).abs() <= ROUNDING * largest);
    // halfvec rounds much more itself, to the same for both.
    if is_rounded && column_type == ColumnType::Vector {
        Vectors::Rounded(place)
    } else {
        Vectors::Other(place)
    }
}

/// As `vector_send` and `halfvec_send` give them.
fn components(sent: &[u8], column_type: ColumnType) -> Vec<f32> {
    let sent = sent.get(4..).unwrap_or_default();
    match column_type {
        ColumnType::Vector => sent
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_be_bytes(*bytes))
            .collect(),
        ColumnType::Halfvec => sent
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f16::from_be_bytes(*bytes).to_f32())
            .collect(),
    }
}
