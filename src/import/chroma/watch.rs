//! Whether the source stayed as it is while it was read: all of it is noted before the first byte of it is read, and looked at again
//! after the last.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::DirectoryError;
use super::hnsw::FILES;
use super::sqlite::{SUFFIXES, beside};
use crate::digest::sha256_hex;
use crate::host::{FileIdentity, Host, SourceFile};

/// Where SQLite counts the transactions that changed the file, 4 bytes: <https://www.sqlite.org/fileformat.html#file_change_counter>
const CHANGE_COUNTER: u64 = 24;
/// How long two changes of a file may bear the same time: Linux before 6.13 takes it from a clock that goes by 1 to 10 ms.
/// <https://docs.kernel.org/filesystems/multigrain-ts.html>
const TICK: Duration = Duration::from_millis(10);
/// How long is waited for files that are changed all the time.
const PATIENCE: Duration = Duration::from_millis(200);

/// The state of the catalog and of some segments' files.
#[derive(Debug, Clone)]
pub(super) struct State {
    changes: [u8; 4],
    /// The catalog is the first.
    files: Identities,
}

impl State {
    /// The catalog alone, `catalog` being the original.
    ///
    /// # Errors
    /// [`DirectoryError::Written`] where it is changed all the time.
    pub(super) fn of(host: &Host, catalog: &SourceFile) -> Result<Self, DirectoryError> {
        let path = catalog.path();
        let sqlite = SUFFIXES.iter().map(|suffix| beside(path, suffix));
        let files = std::iter::once(path.to_owned()).chain(sqlite).collect();
        // Counted first: a transaction that ends in between shows in the files.
        let changes = changes(catalog)?;
        Ok(Self {
            changes,
            files: settled(host, files)?,
        })
    }

    /// The catalog as it was, with the files of these directories as they are.
    ///
    /// # Errors
    /// As [`State::of`].
    pub(super) fn with(&self, host: &Host, segments: &[PathBuf]) -> Result<Self, DirectoryError> {
        let files = segments
            .iter()
            .flat_map(|segment| FILES.map(|name| segment.join(name)))
            .collect();
        let mut state = self.clone();
        state.files.extend(settled(host, files)?);
        Ok(state)
    }

    /// Whether all is still as it was.
    ///
    /// # Errors
    /// [`DirectoryError::Written`] names a file that is another than before.
    pub(super) fn check(&self, host: &Host, catalog: &SourceFile) -> Result<(), DirectoryError> {
        let changed = self
            .files
            .iter()
            .find(|(path, before)| host.identity(path) != *before);
        match changed {
            Some((path, _)) => Err(DirectoryError::Written { path: path.clone() }),
            None if changes(catalog)? != self.changes => Err(DirectoryError::Written {
                path: catalog.path().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Bytes of a file that is watched; 0 where it is not there.
    pub(super) fn size(&self, path: &Path) -> u64 {
        let found = self.files.iter().find(|(watched, _)| watched == path);
        found
            .and_then(|(_, identity)| *identity)
            .map_or(0, |identity| identity.size)
    }

    /// Differs where anything was written; the same for a copy that keeps the times.
    pub(super) fn fingerprint(&self, root: &Path) -> String {
        let mut text = format!("{:?}\n", self.changes);
        for (path, identity) in &self.files {
            let name = path.strip_prefix(root).unwrap_or(path);
            let state = identity.map(|identity| (identity.size, identity.modified));
            text.push_str(&format!("{}\0{state:?}\n", name.display()));
        }
        sha256_hex(text.as_bytes())
    }
}

fn changes(catalog: &SourceFile) -> Result<[u8; 4], DirectoryError> {
    let mut changes = [0; 4];
    catalog.read_at(CHANGE_COUNTER, &mut changes)?;
    Ok(changes)
}

type Identities = Vec<(PathBuf, Option<FileIdentity>)>;

/// The files as they are once the next change of any shows in its time.
fn settled(host: &Host, files: Vec<PathBuf>) -> Result<Identities, DirectoryError> {
    let begin = Instant::now();
    let mut first = None;
    loop {
        // Before the files are looked at: one that is changed in between is all the younger.
        let now = SystemTime::now();
        let noted: Identities = files
            .iter()
            .map(|path| (path.clone(), host.identity(path)))
            .collect();
        let young = noted
            .iter()
            .find(|(_, identity)| identity.is_some_and(|identity| is_young(identity, now)));
        let Some((path, _)) = young else {
            return Ok(noted);
        };
        if begin.elapsed() > PATIENCE {
            // A file that stays young and the same is dated by a clock that is ahead.
            return match first {
                Some(first) if first != noted => Err(DirectoryError::Written { path: path.clone() }),
                _ => Ok(noted),
            };
        }
        first.get_or_insert(noted);
        std::thread::sleep(TICK);
    }
}

/// Whether it was changed so short before `now` that the next change may bear the same time. What is dated far ahead never is.
fn is_young(identity: FileIdentity, now: SystemTime) -> bool {
    const AHEAD: i128 = 1_000_000_000;
    let nanoseconds = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    let now = now.duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
    let age = now - identity.modified;
    age > -AHEAD && age < nanoseconds(TICK)
}
