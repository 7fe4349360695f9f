//! The directory that is imported again and again.

use std::path::Path;

use pgvector_setup::import::{Record, Space};

use crate::chroma::rows::Rows;
use crate::chroma::synthetic;

pub const RECORDS: u64 = 20_000;
const DIMENSIONS: usize = 8;

/// What decides about the odd records. A NUL in an id ends a batch, so there are many commits to be killed between.
/// The index is a poor one, so that building it is not nearly all that an import does.
pub const OPTIONS: [&str; 10] = [
    "--m",
    "6",
    "--ef-construction",
    "12",
    "--on",
    "nul=replace",
    "--on",
    "not-finite=skip",
    "--on",
    "missing-vector=replace",
];

/// Odd records are among the others, so that every run that goes on has some before and some after.
pub fn write(directory: &Path) {
    let rows = Rows::new(DIMENSIONS);
    synthetic::write(
        directory,
        Space::L2,
        DIMENSIONS,
        RECORDS - 500,
        (1..=RECORDS).map(|number| record(&rows, number)),
    );
    // A catalog in this mode is read from a copy in a scratch directory, which a killed run leaves behind.
    let catalog = rusqlite::Connection::open(directory.join("chroma.sqlite3")).unwrap();
    let mode: String = catalog
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

/// Rows that are left out: those with NaN.
pub fn skipped() -> u64 {
    (1..=RECORDS).filter(|number| has_nan(*number)).count() as u64
}

fn has_nan(number: u64) -> bool {
    number % 101 == 5
}

fn record(rows: &Rows, number: u64) -> Record {
    let mut record = rows.record(number);
    if number % 97 == 3 {
        record.document = Some(format!("a\0b {number}"));
    }
    if number % 1009 == 7 {
        record.id = format!("nul\0{number}");
    }
    if has_nan(number) {
        record.embedding.as_mut().unwrap()[2] = f32::NAN;
    } else if number % 103 == 9 {
        record.embedding = None;
    }
    record
}
