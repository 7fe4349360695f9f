//! A persistent directory of Chroma 0.4.0 to 1.5, read as files: SQLite, HNSW, pickle and write-ahead log, without Chroma.
//!
//! The catalog (`sqlite`) says which collections there are; a collection's METADATA segment says which records live. Vectors come from
//! the index as it was last persisted (`hnsw`) and from the log written since (`log`). Nothing here writes to the directory.

mod collections;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod hnsw;
mod id;
mod inventory;
mod log;
mod metadata;
mod records;
mod space;
mod sqlite;
#[cfg(test)]
mod tests;
mod vectors;
mod versions;
mod watch;

use std::path::{Path, PathBuf};

pub use error::DirectoryError;

use self::records::{DirectoryRecords, Found};
use self::sqlite::Catalog;
use super::{Collection, ImportError, Inventory, Records, Source};
use crate::host::{Host, SourceFile};

/// Where SQLite's locks are in a database file, and how many bytes: <https://www.sqlite.org/c3ref/c_lock_exclusive.html>
const LOCKS: (u64, u64) = (0x4000_0000, 512);
const CATALOG: &str = "chroma.sqlite3";
/// What Chroma up to 0.3 wrote instead.
const OLD_NAMES: [&str; 2] = ["chroma-collections.parquet", "chroma-embeddings.parquet"];

/// An open directory of Chroma's.
#[derive(Debug)]
pub struct Directory {
    host: Host,
    /// As it was named.
    path: PathBuf,
    /// The same without symbolic links.
    root: PathBuf,
    catalog: Catalog,
    /// Of the collection that was counted last.
    found: Option<Found>,
}

impl Directory {
    /// # Errors
    /// Where there is no directory of a version that is known, or it cannot be read.
    pub fn open(host: &Host, path: &Path) -> Result<Self, DirectoryError> {
        let root = host.resolved(path)?;
        if !host.is_directory(&root) {
            return Err(not_a_directory(host, path, &root));
        }
        if !host.exists(&root.join(CATALOG)) {
            let names = host.list(&root);
            let old = names.into_iter().find(|name| OLD_NAMES.contains(&name.as_str()));
            return Err(match old {
                Some(found) => DirectoryError::BeforeSqlite {
                    path: path.to_owned(),
                    found,
                },
                None => DirectoryError::NotChroma {
                    path: path.to_owned(),
                },
            });
        }
        let catalog = Catalog::open(host, &host.resolved(&root.join(CATALOG))?)?;
        for (table, columns) in REQUIRED {
            catalog.require(table, columns)?;
        }
        Ok(Self {
            host: host.clone(),
            path: path.to_owned(),
            root,
            catalog,
            found: None,
        })
    }
}

impl Directory {
    /// Another process that has the catalog open, as far as this user is told.
    fn user(&self) -> Option<u32> {
        user(&self.host, self.catalog.file())
    }

    /// Whether a process is at work on the catalog right now.
    fn is_locked(&self) -> bool {
        is_locked(self.catalog.file())
    }

    fn is_in_use(&self) -> bool {
        is_in_use(&self.host, self.catalog.file())
    }
}

/// Whether somebody may be writing.
fn is_in_use(host: &Host, catalog: &SourceFile) -> bool {
    is_locked(catalog) || user(host, catalog).is_some()
}

fn user(host: &Host, catalog: &SourceFile) -> Option<u32> {
    host.process_with_open(catalog.path())
}

fn is_locked(catalog: &SourceFile) -> bool {
    catalog.is_locked(LOCKS.0, LOCKS.1)
}

fn not_a_directory(host: &Host, path: &Path, root: &Path) -> DirectoryError {
    let is_in_chroma = root
        .parent()
        .is_some_and(|parent| host.exists(&parent.join(CATALOG)));
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirectoryError::NotDirectory {
        path: path.to_owned(),
        directory: is_in_chroma.then(|| parent.to_owned()),
    }
}

/// What is read of every version; the rest is looked for.
const REQUIRED: [(&str, &[&str]); 6] = [
    ("collections", &["id", "name", "dimension"]),
    ("segments", &["id", "type", "scope", "collection"]),
    ("embeddings", &["id", "segment_id", "embedding_id", "seq_id"]),
    (
        "embedding_metadata",
        &["id", "key", "string_value", "int_value", "float_value"],
    ),
    (
        "embeddings_queue",
        &["seq_id", "operation", "topic", "id", "vector", "metadata"],
    ),
    ("max_seq_id", &["segment_id", "seq_id"]),
];

impl Source for Directory {
    fn inventory(&mut self) -> Result<Inventory, ImportError> {
        Ok(inventory::of(self)?)
    }

    fn records<'s>(
        &'s mut self,
        collection: &Collection,
        passed: u64,
    ) -> Result<Box<dyn Records + Send + 's>, ImportError> {
        let found = collections::list(&self.catalog)?
            .into_iter()
            .find(|entry| entry.id == collection.id);
        // It was there when the inventory was made.
        let entry = found.ok_or_else(|| DirectoryError::Written {
            path: self.path.clone(),
        })?;
        Ok(Box::new(DirectoryRecords::after(self, None, entry, passed)?))
    }
}
