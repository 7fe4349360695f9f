//! An index that has what its catalog never had, as Chroma up to 0.6 leaves it where its writer is killed before it commits.

use std::path::Path;

use rusqlite::Connection;

use crate::chroma::reading::Everything;
use crate::verdict::{Damage, Verdict};

/// The last that writes so.
const VERSION: &str = "0.6.3";
/// How far in the log the index of `big_cosine` is; the log begins there.
const INDEXED: u16 = 1124;
/// Lines that the index shall have from a write of its own.
const LINES: u16 = 30;
/// From a line to one that the catalog does not have.
const FURTHER: u16 = 10_000;

#[test]
fn a_vector_that_was_never_committed_is_no_records() {
    let damage = Damage::of(VERSION);
    let (read, uncommitted) = read_with_uncommitted(&damage, INDEXED - LINES);
    assert_eq!(uncommitted, u64::from(LINES));
    assert_eq!(lost(&read, uncommitted), uncommitted);
    assert_eq!(damage.judge(Ok(read)), Ok(Verdict::Without(usize::from(LINES))));
}

#[test]
fn the_vector_that_the_log_has_comes_over_in_its_place() {
    let damage = Damage::of(VERSION);
    let (read, uncommitted) = read_with_uncommitted(&damage, 0);
    let lost = lost(&read, uncommitted);
    assert_eq!(lost, records(&damage) - records_in_log(&damage));
    assert!(lost < uncommitted, "some of them the log has");
    assert_eq!(damage.judge(Ok(read)), Ok(Verdict::Without(lost as usize)));
}

/// As though the lines after this one that gave a vector had never been committed, with their number.
fn read_with_uncommitted(damage: &Damage, committed: u16) -> (Everything, u64) {
    let pickle = damage.of_the_index("index_metadata.pickle");
    let (bytes, uncommitted) = moved(&damage.bytes(&pickle), committed);
    (damage.read_with(&pickle, Some(&bytes)).unwrap(), uncommitted)
}

/// The pickle with the positions after this one moved on, and their number. The dictionary has the ids from the memo.
fn moved(pickle: &[u8], committed: u16) -> (Vec<u8>, u64) {
    let key = b"id_to_seq_id\x94}\x94(";
    let start = pickle
        .windows(key.len())
        .position(|window| window == key)
        .unwrap()
        + key.len();
    let (mut bytes, mut rest, mut count) = (pickle[..start].to_vec(), &pickle[start..], 0);
    loop {
        let (length, position) = match *rest {
            // BINGET, LONG_BINGET and FRAME.
            [b'h', ..] => (2, None),
            [b'j', ..] => (5, None),
            [0x95, ..] => (9, None),
            // BININT1 and BININT2.
            [b'K', position, ..] => (2, Some(u16::from(position))),
            [b'M', low, high, ..] => (3, Some(u16::from_le_bytes([low, high]))),
            _ => break,
        };
        match position.filter(|position| *position > committed) {
            Some(position) => {
                bytes.push(b'M');
                bytes.extend((position + FURTHER).to_le_bytes());
                count += 1;
            }
            None => bytes.extend(&rest[..length]),
        }
        rest = &rest[length..];
    }
    bytes.extend(rest);
    (bytes, count)
}

/// How many records of the collection have no vector; the inventory says why.
fn lost(read: &Everything, uncommitted: u64) -> u64 {
    let mut collections = read.inventory.collections.iter();
    let collection = collections
        .find(|collection| collection.name.name == "big_cosine")
        .unwrap();
    let told = format!("Its index has {uncommitted} vectors of a write that the catalog never had");
    assert!(
        collection.oddities.iter().any(|oddity| oddity.contains(&told)),
        "{collection:?}"
    );
    collection.without_vector.unwrap()
}

fn records(damage: &Damage) -> u64 {
    counted(damage, "TRUE")
}

/// Those that a line after the index gave a vector.
fn records_in_log(damage: &Damage) -> u64 {
    let line = format!(
        "EXISTS (SELECT 1 FROM embeddings_queue q WHERE q.topic LIKE '%/' || c.id AND q.id = e.embedding_id \
                  AND q.vector IS NOT NULL AND q.seq_id > {INDEXED})"
    );
    counted(damage, &line)
}

fn counted(damage: &Damage, condition: &str) -> u64 {
    let sql = format!(
        "SELECT count(*) FROM embeddings e JOIN segments s ON s.id = e.segment_id AND s.scope = 'METADATA'
           JOIN collections c ON c.id = s.collection AND c.name = 'big_cosine' WHERE {condition}"
    );
    let catalog = Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap();
    let count: i64 = catalog.query_row(&sql, [], |row| row.get(0)).unwrap();
    count.cast_unsigned()
}
