//! Reading alone: every record of a directory, and nothing done with it.

use std::path::Path;
use std::time::Instant;

use pgvector_setup::import::Source as _;

use super::{chroma, table};

const PASSES: usize = 5;
/// As many as the import asks for at once.
const BATCH: usize = 315;

/// The first pass, which warms the page cache, does not count.
pub fn measure(directory: &Path, rows: u64) {
    let rates: Vec<f64> = (0..=PASSES)
        .map(|_| rows as f64 / pass(directory, rows))
        .collect();
    let what = format!("read {rows} records, warm");
    table::row(&what, &rates[1..], table::ROWS_A_SECOND, "100000 rows/s");
}

/// Seconds.
fn pass(directory: &Path, rows: u64) -> f64 {
    let started = Instant::now();
    let mut source = chroma::reading::open(directory).unwrap();
    let inventory = source.inventory().unwrap();
    let mut records = source.records(&inventory.collections[0], 0).unwrap();
    let mut read = 0;
    loop {
        let batch = records.next_batch(BATCH).unwrap();
        if batch.is_empty() {
            break;
        }
        read += batch.len() as u64;
        std::hint::black_box(batch);
    }
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(read, rows);
    seconds
}
