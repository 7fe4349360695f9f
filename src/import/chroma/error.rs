use std::path::{Path, PathBuf};

use crate::error::{Exit, Explain};
use crate::host::{HostError, quote_word};

/// Why a Chroma directory cannot be read. Codes E0801 to E0809.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("{} is no Chroma directory: it has no chroma.sqlite3", path.display())]
    NotChroma { path: PathBuf },
    #[error("{} is a file, and not a Chroma directory", path.display())]
    NotDirectory {
        path: PathBuf,
        /// The directory that the file is in, where that is one of Chroma's.
        directory: Option<PathBuf>,
    },
    #[error("a file of Chroma's cannot be read: {source}")]
    File {
        #[from]
        source: HostError,
    },
    #[error("{} was written by Chroma 0.3, which kept its data in another format ({found})", path.display())]
    BeforeSqlite { path: PathBuf, found: String },
    #[error("{}: {problem}: {source}", path.display())]
    Sqlite {
        path: PathBuf,
        /// What could not be done.
        problem: String,
        source: rusqlite::Error,
    },
    /// Of no version that is known, or made by somebody else.
    #[error("{}: {problem}", path.display())]
    Schema { path: PathBuf, problem: String },
    #[error("{}: at byte {offset}: expected {expected}", path.display())]
    Damaged {
        path: PathBuf,
        /// Bytes from the file's beginning.
        offset: u64,
        expected: String,
    },
    /// Vectors that a file had which is damaged, and that are nowhere else.
    #[error(
        "{collection}: {damage}: the vectors of {without_vector} of its {records} records are nowhere else"
    )]
    Lost {
        collection: String,
        /// A clause that names the file.
        damage: String,
        records: u64,
        without_vector: u64,
    },
    /// One row of the catalog holds what cannot be there.
    #[error("{}: table {table}, row {row}: {problem}", path.display())]
    Row {
        path: PathBuf,
        table: &'static str,
        /// SQLite's rowid, or the position in the log.
        row: i64,
        problem: String,
    },
    #[error("{} was written to while it was read", path.display())]
    Written { path: PathBuf },
    /// What looks like damage, where somebody may be at work on the file.
    #[error("{} is open in another program, which may be writing: {damage}", path.display())]
    InUse {
        path: PathBuf,
        /// A clause that names the file.
        damage: String,
    },
    #[error("{} needs {needed} bytes for a private copy, because its last writer was killed; {free} are free in {}", path.display(), place.display())]
    NoRoom {
        path: PathBuf,
        place: PathBuf,
        needed: u64,
        free: u64,
    },
}

impl DirectoryError {
    /// Whether a file's content is gone, as against one that this user may not read.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::File { source } => source.is_not_found() || source.is_of_the_device(),
            _ => false,
        }
    }
}

impl Explain for DirectoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotChroma { .. } | Self::NotDirectory { .. } => "E0801",
            Self::File { .. } => "E0802",
            Self::BeforeSqlite { .. } => "E0803",
            Self::Sqlite { .. } => "E0804",
            Self::Schema { .. } => "E0805",
            Self::Damaged { .. } | Self::Lost { .. } => "E0806",
            Self::Row { .. } => "E0807",
            Self::Written { .. } | Self::InUse { .. } => "E0808",
            Self::NoRoom { .. } => "E0809",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Written { .. } | Self::InUse { .. } => Exit::Resumable,
            _ => Exit::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotDirectory {
                directory: Some(directory),
                ..
            } => format!("pgvector-setup import chroma {} --inspect", word(directory)),
            Self::NotDirectory { path, .. } => looked_for(&above(path, ".")),
            Self::NotChroma { path } => looked_for(&above(path, path)),
            Self::File { source } => return source.hint(),
            Self::BeforeSqlite { path, .. } => format!(
                "bring it to Chroma 0.4 first, then import what that wrote: pip install chroma-migrate && chroma-migrate   # from {}",
                word(path)
            ),
            Self::Sqlite { path, .. } => format!("sqlite3 {} 'PRAGMA integrity_check'", word(path)),
            Self::Schema { path, .. } | Self::Row { path, .. } => format!("sqlite3 {} .schema", word(path)),
            Self::Damaged { path, .. } => format!(
                "the other collections can still be imported; look at the file, or take it from a backup: ls -la {}",
                word(path)
            ),
            Self::Lost { .. } => "--on missing-vector=replace brings these records over without a vector, --on missing-vector=skip \
                                  leaves them out, and both list them; or take the file from a backup, or name the others by --collection NAME"
                .to_owned(),
            Self::Written { .. } | Self::InUse { .. } => {
                "stop the program that uses this directory, then run the same command again: it goes on"
                    .to_owned()
            }
            Self::NoRoom { place, .. } => format!("make room: df -h {}", word(place)),
        })
    }
}

fn looked_for(place: &Path) -> String {
    format!(
        "give the directory that chromadb.PersistentClient(path=...) was given: find {} -name chroma.sqlite3",
        word(place)
    )
}

/// The directory above, or what stands for it where the path is a name alone.
fn above(path: &Path, else_in: impl AsRef<Path>) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(else_in.as_ref()).to_owned()
}

fn word(path: &Path) -> String {
    quote_word(&path.display().to_string())
}
