//! A directory as Chroma 1.5.9 leaves it, of any size and in seconds: one collection, its first records in the index files,
//! the rest in the write-ahead log alone.
//!
//! The catalog's tables are those of the fixture of that version. The graph of the index has no edges, which costs a search
//! its answers but not a reader its vectors; the slow tier has Chroma itself read such a directory.

use std::path::Path;

use pgvector_setup::import::{Record, Space};

use super::catalog::Catalog;
use super::index_files::IndexFiles;

pub const COLLECTION: &str = "articles";

/// Writes a new directory with these records, whose vectors all have `dimensions` components; those after the first `indexed`
/// are in the write-ahead log alone. A record without a vector is one that Chroma has lost it of.
pub fn write(
    directory: &Path,
    space: Space,
    dimensions: usize,
    indexed: u64,
    records: impl Iterator<Item = Record>,
) {
    std::fs::create_dir(directory).unwrap();
    let catalog = Catalog::create(directory, space, dimensions);
    let mut index = IndexFiles::create(&directory.join(catalog.vector_segment()), space, dimensions);
    let mut rows = catalog.rows();
    let mut last = 0;
    for record in records {
        last += 1;
        rows.insert(last, &record);
        let Some(vector) = &record.embedding else {
            continue;
        };
        if last <= indexed {
            index.push(&record.id, vector);
        }
        if last >= indexed {
            // The row of the last vector that is indexed stays in the log, as Chroma has it.
            rows.log(last, &record);
        }
    }
    drop(rows);
    index.finish();
    catalog.finish(last, indexed);
}
