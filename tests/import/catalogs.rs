//! `chroma.sqlite3` by somebody who means harm, or by nobody who ever saw a Chroma: an error, or records that are right.

use std::path::Path;

use pgvector_setup::Explain as _;
use pgvector_setup::import::{ImportError, Value};
use rusqlite::Connection;

use crate::chroma::reading::Everything;
use crate::verdict::{Damage, Verdict};

/// What is done to the catalog, and whether the rest may still be read.
const CHANGES: [(&str, &str); 47] = [
    ("a view for a table", "ALTER TABLE embeddings RENAME TO e; CREATE VIEW embeddings AS SELECT * FROM e"),
    (
        "a view without end",
        "DROP TABLE embeddings; CREATE VIEW embeddings AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r)
         SELECT id, (SELECT id FROM segments WHERE scope = 'METADATA' LIMIT 1) AS segment_id, 'e' || id AS embedding_id,
                id AS seq_id, 0 AS created_at FROM r",
    ),
    (
        "a log without end",
        "DROP TABLE embeddings_queue; CREATE VIEW embeddings_queue AS
         WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
         SELECT n AS seq_id, 0 AS created_at, 0 AS operation, 'persistent://default/default/' || (SELECT id FROM collections LIMIT 1)
                AS topic, 'x' || n AS id, NULL AS vector, NULL AS encoding, '{}' AS metadata FROM r",
    ),
    ("collections by a view", "ALTER TABLE collections RENAME TO c; CREATE VIEW collections AS SELECT * FROM c"),
    ("no collections", "DROP TABLE collections"),
    ("no segments", "DROP TABLE segments"),
    ("no embeddings", "DROP TABLE embeddings"),
    ("no metadata", "DROP TABLE embedding_metadata"),
    ("no log", "DROP TABLE embeddings_queue"),
    ("no last numbers", "DROP TABLE max_seq_id"),
    ("no record of migrations", "DROP TABLE migrations"),
    ("migrations of the future", "UPDATE migrations SET version = version + 90"),
    ("an empty record of migrations", "DELETE FROM migrations"),
    ("a segment up the tree", "UPDATE segments SET id = '../../../../etc' WHERE rowid = (SELECT min(rowid) FROM segments WHERE scope = 'VECTOR')"),
    ("a segment from the root", "UPDATE segments SET id = '/etc' WHERE rowid = (SELECT min(rowid) FROM segments WHERE scope = 'VECTOR')"),
    ("a segment with a NUL", "UPDATE segments SET id = CAST(x'6100620063' AS TEXT) WHERE rowid = (SELECT min(rowid) FROM segments WHERE scope = 'VECTOR')"),
    ("a segment without a name", "UPDATE segments SET id = '' WHERE rowid = (SELECT min(rowid) FROM segments WHERE scope = 'VECTOR')"),
    ("a segment that is a number", "UPDATE segments SET id = x'00ff' WHERE rowid = (SELECT min(rowid) FROM segments WHERE scope = 'VECTOR')"),
    ("no segment of vectors", "DELETE FROM segments WHERE scope = 'VECTOR'"),
    ("no segment of metadata", "DELETE FROM segments WHERE scope = 'METADATA'"),
    ("two segments of vectors", "INSERT INTO segments SELECT id || 'x', type, scope, collection FROM segments"),
    ("segments of another kind", "UPDATE segments SET type = 'urn:chroma:segment/vector/hnsw-distributed' WHERE scope = 'VECTOR'"),
    ("segments of nobody", "UPDATE segments SET collection = 'nobody'"),
    ("databases of nobody", "DELETE FROM databases"),
    ("a negative dimension", "UPDATE collections SET dimension = -1"),
    ("no dimension", "UPDATE collections SET dimension = 0"),
    ("a dimension beyond all", "UPDATE collections SET dimension = 9223372036854775807"),
    ("a dimension in words", "UPDATE collections SET dimension = 'many'"),
    ("names that are numbers", "UPDATE collections SET name = x'ff00fe' WHERE rowid = (SELECT min(rowid) FROM collections)"),
    ("names that are no UTF-8", "UPDATE collections SET name = CAST(x'ff00fe' || CAST(name AS BLOB) AS TEXT)"),
    ("a schema that is no JSON", "UPDATE collections SET schema_str = '{\"keys\":'"),
    ("a schema of brackets", "UPDATE collections SET schema_str = replace(hex(zeroblob(500000)), '0', '[')"),
    ("a space that nobody knows", "UPDATE collections SET schema_str = replace(schema_str, '\"l2\"', '\"l7\"')"),
    ("ids that are numbers", "UPDATE embeddings SET embedding_id = x'ff00fe01' WHERE id = 1"),
    ("an id that is no UTF-8", "UPDATE embeddings SET embedding_id = CAST(x'fffe' AS TEXT) WHERE id = 1"),
    (
        "an id that comes twice",
        "CREATE TABLE e AS SELECT * FROM embeddings; DROP TABLE embeddings; ALTER TABLE e RENAME TO embeddings;
         UPDATE embeddings SET embedding_id = (SELECT embedding_id FROM embeddings WHERE id = 1) WHERE id = 2",
    ),
    ("a document that is no UTF-8", "UPDATE embedding_metadata SET string_value = CAST(x'fffe' AS TEXT) WHERE id = 1 AND key = 'chroma:document'"),
    ("a document that is a number", "UPDATE embedding_metadata SET string_value = x'00ff' WHERE id = 1 AND key = 'chroma:document'"),
    ("an integer in words", "UPDATE embedding_metadata SET int_value = 'seven' WHERE key = 'chunk'"),
    ("a truth that is seven", "UPDATE embedding_metadata SET bool_value = 7 WHERE key = 'draft'"),
    ("a value of two types", "UPDATE embedding_metadata SET string_value = 'two' WHERE key = 'chunk'"),
    ("last numbers in words", "UPDATE max_seq_id SET seq_id = 'last'"),
    ("last numbers of three bytes", "UPDATE max_seq_id SET seq_id = x'010203'"),
    ("an operation that nobody knows", "UPDATE embeddings_queue SET operation = 9"),
    ("an encoding that nobody knows", "UPDATE embeddings_queue SET encoding = 'FLOAT7'"),
    ("a vector of three bytes", "UPDATE embeddings_queue SET vector = x'010203' WHERE vector IS NOT NULL"),
    ("a vector of another dimension", "UPDATE embeddings_queue SET vector = vector || x'00000000' WHERE vector IS NOT NULL"),
];

#[test]
fn a_catalog_of_somebody_else_is_survived() {
    for (what, sql) in CHANGES {
        let damage = Damage::of("1.5.9");
        change(&damage, sql);
        // What the catalog says is true where it can be: a record is only compared with itself.
        if let Ok(read) = damage.read() {
            for collection in &read.inventory.collections {
                for vector in read.records[&collection.name]
                    .iter()
                    .filter_map(|record| record.embedding.as_ref())
                {
                    assert_eq!(
                        Some(vector.len() as u32),
                        collection.dimensions,
                        "{what}: {}",
                        collection.name
                    );
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_read_at_all_is_refused() {
    let refused = [
        "a view for a table",
        "a view without end",
        "a log without end",
        "collections by a view",
        "no collections",
        "no segments",
        "no embeddings",
        "no metadata",
        "no log",
        "a segment up the tree",
        "a segment from the root",
        "a segment with a NUL",
        "an id that comes twice",
    ];
    for (what, sql) in CHANGES.iter().filter(|(what, _)| refused.contains(what)) {
        let damage = Damage::of("1.5.9");
        change(&damage, sql);
        let verdict = damage.judge(damage.read());
        assert_eq!(verdict, Ok(Verdict::Refused), "{what}");
    }
}

#[test]
fn a_log_that_is_no_log_is_not_taken_for_one() {
    for (what, metadata) in [
        ("no JSON", "'{'"),
        ("a list", "'[1]'"),
        ("brackets", "replace(hex(zeroblob(1000000)), '0', '[')"),
        ("half of a surrogate", "'{\"a\": \"\\ud800\"}'"),
        ("no UTF-8", "CAST(x'7b2261223a22ff227d' AS TEXT)"),
    ] {
        let error = with_metadata_in_the_log(metadata).expect_err(what);
        assert_eq!(error.code(), "E0807", "{what}: {error}");
        assert!(
            error.to_string().contains("table embeddings_queue, row "),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_number_in_the_log_is_the_nearest_that_there_is() {
    for (written, nearest) in [
        ("1e999999999", f64::INFINITY),
        ("99999999999999999999999999", 1e26),
    ] {
        let read = with_metadata_in_the_log(&format!("'{{\"a\": {written}}}'")).expect(written);
        let mut records = read.records.values().flatten();
        let value = Some(&Value::Float(nearest));
        assert!(
            records.any(|record| record.metadata.get("a") == value),
            "{written}"
        );
    }
}

/// Every line with this SQL expression as its metadata, and all of them read: no segment has taken anything over yet.
fn with_metadata_in_the_log(metadata: &str) -> Result<Everything, ImportError> {
    let damage = Damage::of("1.5.9");
    change(
        &damage,
        &format!("UPDATE max_seq_id SET seq_id = 0; UPDATE embeddings_queue SET metadata = {metadata}"),
    );
    damage.read()
}

#[test]
fn files_that_are_no_catalog_are_refused() {
    let damage = Damage::of("1.5.9");
    let catalog = Path::new("chroma.sqlite3");
    let whole = damage.bytes(catalog);
    let mut another_page_size = whole.clone();
    another_page_size[16..18].copy_from_slice(&[0x02, 0x00]);
    let mut all_pages = whole.clone();
    all_pages[100..].chunks_mut(4096).for_each(|page| page[0] = 0x2a);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("text", b"not a database".to_vec()),
        ("the header alone", whole[..100].to_vec()),
        ("another page size", another_page_size),
        ("every page of another kind", all_pages),
    ] {
        assert_eq!(
            damage.verdict(catalog, Some(&bytes), what),
            Verdict::Refused,
            "{what}"
        );
    }
}

fn change(damage: &Damage, sql: &str) {
    let connection = Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
        .unwrap();
    connection.execute_batch(sql).unwrap();
}
