//! A database whose last writer was killed has a journal beside it, which SQLite would roll back in place. Such a one is
//! copied with its journal, and the copy is read. Not so where the writer lives: Chroma up to 0.6 writes its index within the
//! transaction, so that the index has what the catalog may never have.

use std::path::{Path, PathBuf};

use super::super::watch::State;
use super::super::{DirectoryError, is_in_use};
use crate::host::{Host, Scratch, SourceFile, TEMPORARY};

/// Where the header says that the file is written through a log of its own (`-wal`), which a reader would have to write, too.
/// <https://www.sqlite.org/fileformat.html#file_format_version_numbers>
const READ_VERSION_OFFSET: u64 = 19;
const READ_VERSION_WAL: u8 = 2;

#[derive(Debug)]
pub(super) struct Readable {
    original: SourceFile,
    /// The original and what is beside it, before any of it was read.
    noted: State,
    path: PathBuf,
    copy: Option<Scratch>,
}

impl Readable {
    pub(super) fn of(host: &Host, path: &Path) -> Result<Self, DirectoryError> {
        let original = host.open_source(path)?;
        let noted = State::of(host, &original)?;
        let mut version = [0];
        original.read_at(READ_VERSION_OFFSET, &mut version)?;
        let hot: Vec<&str> = SUFFIXES
            .into_iter()
            .filter(|suffix| noted.size(&beside(path, suffix)) > 0)
            .collect();
        if hot.is_empty() && version[0] != READ_VERSION_WAL {
            return Ok(Self {
                original,
                noted,
                path: path.to_owned(),
                copy: None,
            });
        }
        if hot.contains(&JOURNAL) && is_in_use(host, &original) {
            return Err(DirectoryError::InUse {
                path: path.to_owned(),
                damage: "a transaction has begun and not ended".to_owned(),
            });
        }
        let scratch = copy(host, &original, &hot, &noted)?;
        Ok(Self {
            original,
            noted,
            path: scratch.path().join(NAME),
            copy: Some(scratch),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn original(&self) -> &SourceFile {
        &self.original
    }

    pub(super) fn noted(&self) -> &State {
        &self.noted
    }

    pub(super) fn is_copy(&self) -> bool {
        self.copy.is_some()
    }
}

const NAME: &str = "chroma.sqlite3";
/// A journal for rolling back, and a log of what is not in the database yet.
pub(in crate::import::chroma) const SUFFIXES: [&str; 2] = [JOURNAL, "-wal"];
const JOURNAL: &str = "-journal";

/// The file that SQLite keeps beside a database under this suffix.
pub(in crate::import::chroma) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn copy(host: &Host, original: &SourceFile, hot: &[&str], noted: &State) -> Result<Scratch, DirectoryError> {
    let path = original.path();
    let suffixes = || std::iter::once(&"").chain(hot);
    let needed = suffixes().map(|suffix| noted.size(&beside(path, suffix))).sum();
    let place = Path::new(TEMPORARY);
    if let Some(free) = host.free_bytes(place).filter(|free| *free < needed) {
        return Err(DirectoryError::NoRoom {
            path: path.to_owned(),
            place: place.to_owned(),
            needed,
            free,
        });
    }
    let scratch = host.scratch()?;
    let copied = suffixes().try_for_each(|suffix| {
        let name = beside(Path::new(NAME), suffix);
        scratch.copy(&beside(path, suffix), &name).map(drop)
    });
    noted.check(host, original)?;
    match copied {
        // A journal that went while it was copied, and was back: the next one can be in the same place of the file system.
        Err(error) if error.is_not_found() => Err(DirectoryError::Written {
            path: path.to_owned(),
        }),
        copied => Ok(copied.map(|()| scratch)?),
    }
}
