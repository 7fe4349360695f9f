//! An index that cannot be read: what it alone had is lost and told, everything else comes over, and no vector is another record's.

use std::path::Path;

use pgvector_setup::Explain as _;
use rusqlite::Connection;

use crate::chroma::reading::Everything;
use crate::user::User;
use crate::verdict::{Damage, Verdict};

/// Those whose vectors are not all in the log.
const VERSIONS: [&str; 4] = ["0.5.23", "0.6.3", "1.0.21", "1.5.9"];
const NAME: &str = "big_cosine";

#[test]
fn a_damaged_index_costs_the_vectors_that_the_log_has_not() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        for name in [
            "index_metadata.pickle",
            "header.bin",
            "data_level0.bin",
            "length.bin",
        ] {
            let file = damage.of_the_index(name);
            let whole = damage.bytes(&file);
            let torn = match name {
                "index_metadata.pickle" => vec![Some(&whole[..whole.len() / 2]), Some(&[][..]), None],
                "header.bin" => vec![Some(&whole[..50]), Some(&[][..]), None],
                _ => vec![None],
            };
            for bytes in torn {
                let what = format!("{version} {name} of {:?} bytes", bytes.map(<[u8]>::len));
                let read = damage.read_with(&file, bytes).unwrap();
                let (records, lost, told) = told(&read);
                assert!(told.contains(name), "{what}: {told}");
                assert_eq!(lost, records - in_log(&damage), "{what}");
                assert!(lost > 0 && lost < records, "{what}: {lost} of {records}");
                let verdict = damage.judge(Ok(read));
                assert_eq!(verdict, Ok(Verdict::Without(lost as usize)), "{what}");
            }
        }
    }
}

#[test]
fn what_was_added_a_second_time_does_not_become_the_vector_that_was_lost() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let catalog = catalog(&damage);
        let segment = "SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection
                        WHERE c.name = 'big_cosine' AND s.scope = 'METADATA'";
        let sql = format!(
            "INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata)
             SELECT 0, (SELECT topic FROM embeddings_queue q JOIN collections c ON q.topic LIKE '%/' || c.id
                         WHERE c.name = 'big_cosine' LIMIT 1),
                    embedding_id, zeroblob(24), 'FLOAT32', '{{}}'
               FROM embeddings WHERE segment_id = ({segment})"
        );
        assert!(catalog.execute(&sql, []).unwrap() > 900, "{version}");
        assert_eq!(
            damage.judge(damage.read()),
            Ok(Verdict::Whole),
            "{version}: to Chroma they did nothing"
        );
        let vectors = damage.of_the_index("data_level0.bin");
        let half = damage.bytes(&vectors);
        let cut = damage.read_with(&vectors, Some(&half[..half.len() / 2]));
        assert!(matches!(damage.judge(cut), Ok(Verdict::Without(_))), "{version}");
        let pickle = damage.of_the_index("index_metadata.pickle");
        for bytes in [Some(&[][..]), None] {
            let read = damage.read_with(&pickle, bytes).unwrap();
            let (_, lost, _) = told(&read);
            assert_eq!(
                damage.judge(Ok(read)),
                Ok(Verdict::Without(lost as usize)),
                "{version}"
            );
        }
    }
}

#[test]
fn an_index_that_is_not_needed_may_be_torn() {
    let damage = Damage::of("0.4.24");
    let pickle = damage.of_the_index("index_metadata.pickle");
    let read = damage.read_with(&pickle, Some(&[])).unwrap();
    assert!(
        read.inventory
            .collections
            .iter()
            .all(|collection| collection.damage.is_none())
    );
    assert_eq!(damage.judge(Ok(read)), Ok(Verdict::Whole));
}

/// Of the collection: records, those without a vector, and the damage, which an oddity tells as well.
fn told(read: &Everything) -> (u64, u64, &str) {
    let mut collections = read.inventory.collections.iter();
    let damaged = collections
        .find(|collection| collection.damage.is_some())
        .unwrap();
    assert_eq!(damaged.name.name, NAME);
    assert!(
        collections.all(|collection| collection.damage.is_none()),
        "the others are whole"
    );
    let damage = damaged.damage.as_deref().unwrap();
    assert!(
        damaged.oddities.iter().any(|oddity| oddity.contains(damage)),
        "{damaged:?}"
    );
    (damaged.records, damaged.without_vector.unwrap(), damage)
}

/// How many records of the collection were last given a vector by a line that is still in the log.
fn in_log(damage: &Damage) -> u64 {
    let sql = "SELECT count(DISTINCT e.id) FROM embeddings e
                 JOIN segments s ON s.id = e.segment_id AND s.scope = 'METADATA'
                 JOIN collections c ON c.id = s.collection AND c.name = 'big_cosine'
                 JOIN embeddings_queue q ON q.topic LIKE '%/' || c.id AND q.id = e.embedding_id AND q.vector IS NOT NULL";
    catalog(damage)
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .unwrap()
        .cast_unsigned()
}

fn catalog(damage: &Damage) -> Connection {
    Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap()
}

#[test]
fn an_index_that_somebody_may_be_writing_is_not_taken_for_torn() {
    let damage = Damage::of("0.6.3");
    let _user = User::of(&damage);
    let pickle = damage.of_the_index("index_metadata.pickle");
    let read = damage.read_with(&pickle, Some(&[]));
    assert_eq!(read.unwrap_err().code(), "E0808");
}

#[test]
fn a_vector_that_somebody_may_be_writing_is_not_taken_for_lost() {
    let damage = Damage::of("0.6.3");
    let _user = User::of(&damage);
    let vectors = damage.of_the_index("data_level0.bin");
    let half = damage.bytes(&vectors).len() / 2;
    let read = damage.read_with(&vectors, Some(&damage.bytes(&vectors)[..half]));
    assert_eq!(read.unwrap_err().code(), "E0808");
}
