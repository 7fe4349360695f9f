//! A writer that was killed leaves `chroma.sqlite3-journal` and pages that were never committed.

use std::path::Path;

use pgvector_setup::error::Explain as _;
use pgvector_setup::import::Source as _;
use rusqlite::Connection;

use crate::chroma::fixture::{VERSIONS, digests};
use crate::chroma::reading;
use crate::user::User;
use crate::verdict::{Damage, Verdict};

#[test]
fn a_hot_journal_is_rolled_back_in_a_copy() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        leave_a_hot_journal(&damage);
        let before = digests(&damage.fixture.directory());
        assert_eq!(damage.judge(damage.read()), Ok(Verdict::Whole), "{version}");
        assert_eq!(digests(&damage.fixture.directory()), before, "{version}");
    }
}

#[test]
fn a_hot_journal_that_is_torn_is_never_taken_for_committed() {
    let damage = Damage::of("1.5.9");
    leave_a_hot_journal(&damage);
    let journal = Path::new("chroma.sqlite3-journal");
    let bytes = damage.bytes(journal);
    for length in (0..bytes.len()).step_by(64 * 1024).skip(1) {
        // A record that is not whole ends the journal: SQLite plays back what is before it.
        if let Ok(read) = damage.read_with(journal, Some(&bytes[..length])) {
            let all = read.records.values().map(Vec::len).sum::<usize>();
            assert!(all > 0, "cut at {length}");
        }
    }
}

#[test]
fn a_transaction_whose_writer_lives_is_not_rolled_back() {
    let damage = Damage::of("0.6.3");
    leave_a_hot_journal(&damage);
    let _user = User::of(&damage);
    assert_eq!(damage.read().unwrap_err().code(), "E0808");
}

#[test]
fn a_copy_is_not_read_once_the_original_was_written_to() {
    let damage = Damage::of("0.6.3");
    leave_a_hot_journal(&damage);
    let mut source = reading::open(&damage.fixture.directory()).unwrap();
    // Whoever opens it next rolls it back.
    let next = Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap();
    next.execute_batch("UPDATE collections SET name = name").unwrap();
    assert_eq!(source.inventory().unwrap_err().code(), "E0808");
}

#[test]
fn nothing_is_read_that_was_written_since_the_inventory() {
    let damage = Damage::of("0.6.3");
    let mut source = reading::open(&damage.fixture.directory()).unwrap();
    let inventory = source.inventory().unwrap();
    let writer = Connection::open(damage.path(Path::new("chroma.sqlite3"))).unwrap();
    writer.execute_batch("DELETE FROM embeddings_queue").unwrap();
    let read = reading::of(&mut source, &inventory.collections[0], 0);
    assert_eq!(read.unwrap_err().code(), "E0808");
}

/// As a kill in the middle of a large transaction leaves it: pages in the database that only the journal can take back.
fn leave_a_hot_journal(damage: &Damage) {
    let catalog = damage.path(Path::new("chroma.sqlite3"));
    let journal = damage.path(Path::new("chroma.sqlite3-journal"));
    let elsewhere = tempfile::TempDir::new().unwrap();
    let connection = Connection::open(&catalog).unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
             UPDATE embedding_metadata SET string_value = 'never committed ' || id WHERE string_value IS NOT NULL;
             DELETE FROM embeddings_queue WHERE seq_id % 2 = 0;",
        )
        .unwrap();
    let kept = [elsewhere.path().join("catalog"), elsewhere.path().join("journal")];
    std::fs::copy(&catalog, &kept[0]).unwrap();
    std::fs::copy(&journal, &kept[1]).unwrap();
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    let before = std::fs::read(&catalog).unwrap();
    std::fs::copy(&kept[0], &catalog).unwrap();
    std::fs::copy(&kept[1], &journal).unwrap();
    assert_ne!(std::fs::read(&catalog).unwrap(), before, "pages were written");
}
