//! `chroma.sqlite3` of a synthetic directory: that of the fixture, emptied but for one collection.

use std::path::Path;

use pgvector_setup::import::{Record, Space, Value};
use rusqlite::{Connection, Statement, params};

use super::fixture::Fixture;
use super::synthetic::COLLECTION;

/// All in one transaction, which [`Catalog::finish`] commits.
pub struct Catalog {
    connection: Connection,
    collection: String,
    vector_segment: String,
    metadata_segment: String,
}

impl Catalog {
    pub fn create(directory: &Path, space: Space, dimensions: usize) -> Self {
        let file = directory.join("chroma.sqlite3");
        std::fs::copy(Fixture::unpack("1.5.9").directory().join("chroma.sqlite3"), &file).unwrap();
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN",
            )
            .unwrap();
        let collection = keep_one_collection(&connection, space, dimensions);
        let segment = |scope: &str| -> String {
            connection
                .query_row("SELECT id FROM segments WHERE scope = ?1", [scope], |row| {
                    row.get(0)
                })
                .unwrap()
        };
        let (vector_segment, metadata_segment) = (segment("VECTOR"), segment("METADATA"));
        Self {
            connection,
            collection,
            vector_segment,
            metadata_segment,
        }
    }

    pub fn vector_segment(&self) -> &str {
        &self.vector_segment
    }

    pub fn rows(&self) -> CatalogRows<'_> {
        let prepare = |sql: &str| self.connection.prepare(sql).unwrap();
        let metadata = |column: &str| {
            prepare(&format!(
                "INSERT INTO embedding_metadata (id, key, {column}) VALUES (?1, ?2, ?3)"
            ))
        };
        CatalogRows {
            catalog: self,
            record: prepare(
                "INSERT INTO embeddings (id, segment_id, embedding_id, seq_id) VALUES (?1, ?2, ?3, ?1)",
            ),
            text: metadata("string_value"),
            integer: metadata("int_value"),
            float: metadata("float_value"),
            boolean: metadata("bool_value"),
            log: prepare(
                "INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding, metadata)
                 VALUES (?1, 0, ?2, ?3, ?4, 'FLOAT32', ?5)",
            ),
        }
    }

    /// `last`: how many records there are; `indexed`: of these, how many the index files have.
    pub fn finish(self, last: u64, indexed: u64) {
        for (segment, number) in [(&self.metadata_segment, last), (&self.vector_segment, indexed)] {
            let sql = "INSERT INTO max_seq_id (segment_id, seq_id) VALUES (?1, ?2)";
            self.connection
                .execute(sql, params![segment, number.cast_signed()])
                .unwrap();
        }
        self.connection.execute_batch("COMMIT").unwrap();
    }
}

/// The statements that put records in.
pub struct CatalogRows<'c> {
    catalog: &'c Catalog,
    record: Statement<'c>,
    text: Statement<'c>,
    integer: Statement<'c>,
    float: Statement<'c>,
    boolean: Statement<'c>,
    log: Statement<'c>,
}

impl CatalogRows<'_> {
    /// The record as the metadata segment has it; `number` is its place in the log, from 1.
    pub fn insert(&mut self, number: u64, record: &Record) {
        let number = number.cast_signed();
        self.record
            .execute(params![number, self.catalog.metadata_segment, record.id])
            .unwrap();
        if let Some(document) = &record.document {
            self.text
                .execute(params![number, "chroma:document", document])
                .unwrap();
        }
        for (key, value) in &record.metadata {
            let done = match value {
                Value::Text(value) => self.text.execute(params![number, key, value]),
                Value::Integer(value) => self.integer.execute(params![number, key, value]),
                Value::Float(value) => self.float.execute(params![number, key, value]),
                Value::Boolean(value) => self.boolean.execute(params![number, key, value]),
                value => panic!("no synthetic record has {value:?}"),
            };
            done.unwrap();
        }
    }

    /// The record as the write-ahead log has it, its vector with it.
    pub fn log(&mut self, number: u64, record: &Record) {
        let vector: Vec<u8> = record
            .embedding
            .iter()
            .flatten()
            .flat_map(|component| component.to_le_bytes())
            .collect();
        let topic = format!("persistent://default/default/{}", self.catalog.collection);
        let metadata = serde_json::json!({ "chroma:document": record.document }).to_string();
        let values = params![number.cast_signed(), topic, record.id, vector, metadata];
        self.log.execute(values).unwrap();
    }
}

/// Of the fixture's two empty collections with a space of their own, the one that fits stays; gives its id.
fn keep_one_collection(connection: &Connection, space: Space, dimensions: usize) -> String {
    let kept = match space {
        Space::Cosine => "empty",
        Space::L2 => "emptied",
        Space::Ip => panic!("the fixture has no empty collection for inner products"),
    };
    connection
        .execute_batch(&format!(
            "DELETE FROM embeddings; DELETE FROM embedding_metadata; DELETE FROM embedding_metadata_array;
             DELETE FROM embeddings_queue; DELETE FROM max_seq_id;
             DELETE FROM collections WHERE name <> '{kept}';
             DELETE FROM segments WHERE collection NOT IN (SELECT id FROM collections);
             DELETE FROM collection_metadata WHERE collection_id NOT IN (SELECT id FROM collections);
             UPDATE collections SET name = '{COLLECTION}', dimension = {dimensions};"
        ))
        .unwrap();
    connection
        .query_row("SELECT id FROM collections", [], |row| row.get(0))
        .unwrap()
}
