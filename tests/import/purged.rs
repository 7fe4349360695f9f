//! What Chroma purges of its log is in its segments, and the line that they end with is in them as well.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::verdict::{Damage, Verdict};

/// Those that purge.
const VERSIONS: [&str; 4] = ["0.5.23", "0.6.3", "1.0.21", "1.5.9"];

#[test]
fn a_log_without_the_lines_that_the_segments_have_gives_the_same_records() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let catalog = catalog(&damage);
        let mut purged = 0;
        for Held {
            topic,
            vectors,
            metadata,
        } in held(&catalog)
        {
            let sql = "DELETE FROM embeddings_queue WHERE topic LIKE '%/' || ?1 AND seq_id <= ?2";
            purged += catalog.execute(sql, (topic, vectors.min(metadata))).unwrap();
        }
        assert!(purged > 0, "{version}");
        assert_eq!(damage.judge(damage.read()), Ok(Verdict::Whole), "{version}");
    }
}

#[test]
fn the_line_that_a_segment_ends_with_is_not_replayed() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let catalog = catalog(&damage);
        let mut changed = 0;
        for Held {
            topic,
            vectors,
            metadata,
        } in held(&catalog)
        {
            // Would be seen, whatever the line said before: of a record that lives, another vector and another key.
            let sql = "UPDATE embeddings_queue SET operation = 2, vector = zeroblob(4 * (SELECT dimension FROM collections WHERE id = ?1)),
                       id = (SELECT embedding_id FROM embeddings WHERE segment_id =
                             (SELECT id FROM segments WHERE collection = ?1 AND scope = 'METADATA') LIMIT 1)
                       WHERE seq_id = ?2 AND EXISTS (SELECT 1 FROM embeddings e JOIN segments s ON s.id = e.segment_id
                                                     WHERE s.collection = ?1)";
            changed += catalog.execute(sql, (&topic, vectors)).unwrap();
            let sql = "UPDATE embeddings_queue SET metadata = '{\"another\": \"key\"}' WHERE seq_id = ?1";
            changed += catalog.execute(sql, [metadata]).unwrap();
        }
        assert!(changed > 0, "{version}");
        assert_eq!(damage.judge(damage.read()), Ok(Verdict::Whole), "{version}");
    }
}

/// How far in the log the segments of a collection hold everything.
struct Held {
    topic: String,
    vectors: i64,
    metadata: i64,
}

/// Of the collections whose two segments both note it.
fn held(catalog: &Connection) -> Vec<Held> {
    let sql = "SELECT v.collection, pv.seq_id, pm.seq_id FROM segments v JOIN segments m ON m.collection = v.collection
               JOIN max_seq_id pv ON pv.segment_id = v.id JOIN max_seq_id pm ON pm.segment_id = m.id
               WHERE v.scope = 'VECTOR' AND m.scope = 'METADATA'";
    let mut statement = catalog.prepare(sql).unwrap();
    let held = statement.query_map([], |row| {
        Ok(Held {
            topic: row.get(0)?,
            vectors: position(row.get_ref(1)?),
            metadata: position(row.get_ref(2)?),
        })
    });
    held.unwrap().map(Result::unwrap).collect()
}

/// Eight bytes until 1.0, an integer since.
fn position(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Blob(bytes) => i64::from_be_bytes(bytes.try_into().unwrap()),
        other => other.as_i64().unwrap(),
    }
}

fn catalog(damage: &Damage) -> Connection {
    Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap()
}
