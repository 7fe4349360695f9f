//! The live records of a collection in the order they were made: what the METADATA segment has is alive, brought up to date from the
//! log's end; each gets its vector from wherever it is.

mod count;

use std::path::PathBuf;

use rusqlite::{OptionalExtension as _, params};

use super::collections::Entry;
use super::hnsw::Window;
use super::id::IdDigest;
use super::log::{Draft, Log, Operation, Topics, Whereabouts, effective, whereabouts};
use super::vectors::Vectors;
use super::watch::State;
use super::{Directory, DirectoryError, metadata};
use crate::import::{ImportError, Record, Records};
use crate::lanes;

/// Records looked at in one go where none is wanted.
const PASSED_AT_ONCE: u64 = 8192;

/// What was read of a collection before its records: it takes as long as a third of them.
#[derive(Debug)]
pub(super) struct Found {
    collection: Entry,
    vectors: Vectors,
    /// What the METADATA segment lacks; most often nothing.
    changes: Log,
    /// As it was before anything was read.
    state: State,
}

#[derive(Debug)]
pub(super) struct DirectoryRecords<'d> {
    // Mutable, because a connection may be handed to another thread but not shared with one.
    directory: &'d mut Directory,
    found: Found,
    /// Ids that only the changes have, by the position that made them.
    added: std::vec::IntoIter<(i64, String)>,
    has_lists: bool,
    /// The number in `embeddings` up to which records were handed on, and the last there is.
    after: i64,
    last: i64,
    /// Nobody had the catalog open when a vector was missing.
    is_left_alone: bool,
}

/// A record of the METADATA segment, without what it holds.
struct Listed {
    /// In `embeddings`.
    number: i64,
    id: String,
    /// The last position in the log that changed it; `None` where that cannot be read.
    noted: Option<i64>,
}

impl Found {
    /// # Errors
    /// [`DirectoryError::Written`] where somebody writes meanwhile; as [`Vectors::find`] and [`Log::after`].
    fn look(
        directory: &Directory,
        topics: Option<&Topics>,
        collection: Entry,
    ) -> Result<Self, DirectoryError> {
        let (host, catalog, root) = (&directory.host, &directory.catalog, &directory.root);
        let segments: Vec<PathBuf> = collection
            .vectors
            .iter()
            .map(|segment| root.join(&segment.id))
            .collect();
        let state = catalog.noted().with(host, &segments)?;
        let places = places(directory, topics, &collection);
        // Also where it failed: a writer at work explains what looks like damage.
        state.check(host, catalog.file())?;
        let (vectors, changes) = places?;
        Ok(Self {
            collection,
            vectors,
            changes,
            state,
        })
    }

    /// Whether it is of this collection, and nothing was written since.
    fn is_still(&self, directory: &Directory, collection: &Entry) -> bool {
        let unchanged = self.state.check(&directory.host, directory.catalog.file());
        self.collection == *collection && unchanged.is_ok()
    }
}

impl<'d> DirectoryRecords<'d> {
    /// `topics` where they are known already.
    pub(super) fn after(
        directory: &'d mut Directory,
        topics: Option<&Topics>,
        collection: Entry,
        passed: u64,
    ) -> Result<Self, DirectoryError> {
        let before = directory.found.take();
        let found = match before.filter(|found| found.is_still(directory, &collection)) {
            Some(found) => found,
            None => Found::look(directory, topics, collection)?,
        };
        let catalog = &directory.catalog;
        let segment = found
            .collection
            .metadata
            .as_ref()
            .map_or("", |segment| &segment.id);
        let bound = |bound| {
            let sql = format!("SELECT {bound}(id) FROM embeddings WHERE segment_id = ?1");
            catalog.integer(&sql, [segment])
        };
        let (first, last) = (bound("min")?, bound("max")?);
        let lists = "SELECT EXISTS (SELECT 1 FROM embedding_metadata_array)";
        let mut records = Self {
            has_lists: catalog.has("embedding_metadata_array", "id")
                && catalog.integer(lists, [])? == Some(1),
            after: first.unwrap_or(0).saturating_sub(1),
            last: last.unwrap_or(-1),
            added: Vec::new().into_iter(),
            directory,
            found,
            is_left_alone: false,
        };
        records.refuse_damage_in_use()?;
        records.added = records.additions()?.into_iter();
        records.pass(passed)?;
        Ok(records)
    }

    pub(super) fn vectors(&self) -> &Vectors {
        &self.found.vectors
    }

    /// Chroma up to 0.6 empties the labels and fills them again: what a writer has not filled yet is not lost.
    fn refuse_damage_in_use(&self) -> Result<(), DirectoryError> {
        match &self.found.vectors.damage {
            Some(damage) if self.directory.is_in_use() => Err(self.in_use(damage.clone())),
            _ => Ok(()),
        }
    }

    /// The files of an index are written one after the other: what one has and another not yet is not lost either.
    fn refuse_loss_in_use(&mut self, batch: &[Record]) -> Result<(), DirectoryError> {
        if self.is_left_alone {
            return Ok(());
        }
        let Some(record) = batch.iter().find(|record| record.embedding.is_none()) else {
            return Ok(());
        };
        if self.directory.is_in_use() {
            return Err(self.in_use(format!("record {:?} has no vector", record.id)));
        }
        // Whoever begins to write from now on changes what is watched.
        self.is_left_alone = true;
        Ok(())
    }

    fn in_use(&self, damage: String) -> DirectoryError {
        DirectoryError::InUse {
            path: self.directory.path.clone(),
            damage,
        }
    }

    /// The next records of the METADATA segment.
    fn page(&self, most: u64) -> Result<Vec<Listed>, DirectoryError> {
        let Some(segment) = self
            .found
            .collection
            .metadata
            .as_ref()
            .filter(|_| self.after < self.last)
        else {
            return Ok(Vec::new());
        };
        let catalog = &self.directory.catalog;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut page = Vec::new();
        // The plus keeps SQLite from the index by segment, which is not in the order of numbers.
        let sql = "SELECT id, embedding_id, seq_id FROM embeddings \
                   WHERE id > ?1 AND id <= ?2 AND +segment_id = ?3 ORDER BY id LIMIT ?4";
        catalog.each(sql, params![self.after, self.last, segment.id, most], |row| {
            let number = catalog.number(row, 0, "embeddings")?;
            page.push(Listed {
                number,
                id: catalog.text(row, 1, "embeddings", number)?.to_owned(),
                noted: catalog.position(row, 2, "embeddings", number).ok(),
            });
            Ok(())
        })?;
        Ok(page)
    }

    /// Whether a record of the METADATA segment outlives the changes.
    fn is_alive(&self, id: IdDigest) -> bool {
        if self.found.changes.is_empty() {
            return true;
        }
        let last = effective(self.found.changes.of(id), true).last();
        last.is_none_or(|(line, _)| line.operation != Operation::Delete)
    }

    /// The METADATA segment has no such record yet, so whatever the index has under this id is not its vector.
    fn whereabouts_of_added(&self, id: IdDigest) -> Whereabouts {
        whereabouts(self.found.changes.of(id), false)
    }

    fn additions(&self) -> Result<Vec<(i64, String)>, DirectoryError> {
        let catalog = &self.directory.catalog;
        let segment = self
            .found
            .collection
            .metadata
            .as_ref()
            .map_or("", |segment| &segment.id);
        let mut added = Vec::new();
        for lines in self.found.changes.by_id() {
            let mut made = None;
            for (line, was_there) in effective(lines, false) {
                if !was_there {
                    made = Some(line.position);
                }
                if line.operation == Operation::Delete {
                    made = None;
                }
            }
            let Some(made) = made else { continue };
            let mut id = None;
            catalog.each(
                "SELECT id FROM embeddings_queue WHERE seq_id = ?1",
                [made],
                |row| {
                    id = Some(catalog.text(row, 0, "embeddings_queue", made)?.to_owned());
                    Ok(())
                },
            )?;
            let Some(id) = id else { continue };
            let known = "SELECT 1 FROM embeddings WHERE segment_id = ?1 AND embedding_id = ?2";
            if catalog.integer(known, [segment, &id])?.is_none() {
                added.push((made, id));
            }
        }
        added.sort_unstable();
        Ok(added)
    }

    /// Goes past the first records, reading nothing of them but their ids.
    fn pass(&mut self, mut passed: u64) -> Result<(), DirectoryError> {
        while passed > 0 {
            let page = self.page(passed.min(PASSED_AT_ONCE))?;
            let Some(last) = page.last() else { break };
            self.after = last.number;
            let alive = page
                .iter()
                .filter(|listed| self.is_alive(IdDigest::of(listed.id.as_bytes())));
            passed -= alive.count() as u64;
        }
        self.added
            .by_ref()
            .take(usize::try_from(passed).unwrap_or(usize::MAX))
            .for_each(drop);
        Ok(())
    }

    fn read(&mut self, most: usize) -> Result<Vec<Record>, DirectoryError> {
        let batch = self.batch(most);
        // Also where it failed.
        self.found
            .state
            .check(&self.directory.host, self.directory.catalog.file())?;
        let batch = batch?;
        self.refuse_loss_in_use(&batch)?;
        Ok(batch)
    }

    fn batch(&mut self, most: usize) -> Result<Vec<Record>, DirectoryError> {
        let mut batch = Vec::new();
        while batch.len() < most {
            let page = self.page((most - batch.len()) as u64)?;
            let Some(last) = page.last() else { break };
            self.after = last.number;
            let numbers: Vec<i64> = page.iter().map(|listed| listed.number).collect();
            let drafts = metadata::of(&self.directory.catalog, &numbers, self.has_lists)?;
            let drafts = page.into_iter().zip(drafts).map(|(listed, draft)| {
                let digest = IdDigest::of(listed.id.as_bytes());
                let whereabouts = self.found.vectors.whereabouts(digest, listed.noted);
                (listed.id, digest, whereabouts, Some(draft))
            });
            self.finish(drafts, &mut batch)?;
        }
        let added: Vec<_> = self.added.by_ref().take(most - batch.len()).collect();
        let added = added.into_iter().map(|(_, id)| {
            let digest = IdDigest::of(id.as_bytes());
            (id, digest, self.whereabouts_of_added(digest), None)
        });
        self.finish(added, &mut batch)?;
        Ok(batch)
    }

    /// Replays the changes of each record and adds its vector.
    fn finish(
        &self,
        drafts: impl Iterator<Item = (String, IdDigest, Whereabouts, Option<Draft>)>,
        batch: &mut Vec<Record>,
    ) -> Result<(), DirectoryError> {
        let catalog = &self.directory.catalog;
        let mut in_log = catalog.prepare("SELECT vector FROM embeddings_queue WHERE seq_id = ?1")?;
        let mut window = Window::default();
        for (id, digest, whereabouts, draft) in drafts {
            let Some(draft) = Draft::replayed(draft, self.found.changes.of(digest), catalog)? else {
                continue;
            };
            let vector = match whereabouts {
                Whereabouts::Gone => None,
                Whereabouts::Index => match self.found.vectors.snapshot() {
                    Some(snapshot) => snapshot.vector(digest, &mut window)?,
                    None => None,
                },
                Whereabouts::Log(position) => {
                    let bytes: Option<Vec<u8>> = in_log
                        .query_row([position], |row| row.get(0))
                        .optional()
                        .map_err(|source| catalog.failed(source))?;
                    let bytes = bytes.unwrap_or_default();
                    let dimensions = self.found.vectors.dimensions.unwrap_or(0);
                    if bytes.is_empty() || bytes.len() as u64 != u64::from(dimensions) * 4 {
                        let problem = format!(
                            "a vector of {} bytes, where the others have {dimensions} components of 4",
                            bytes.len()
                        );
                        return Err(catalog.row_error("embeddings_queue", position, &problem));
                    }
                    Some(lanes::from_le_bytes(&bytes))
                }
            };
            batch.push(draft.into_record(id, vector));
        }
        Ok(())
    }
}

/// Where the vectors of a collection are, and what its METADATA segment lacks.
fn places(
    directory: &Directory,
    topics: Option<&Topics>,
    collection: &Entry,
) -> Result<(Vectors, Log), DirectoryError> {
    let (host, catalog, root) = (&directory.host, &directory.catalog, &directory.root);
    let own_topics;
    let topics = match topics {
        Some(topics) => topics,
        None => {
            own_topics = Topics::of(catalog)?;
            &own_topics
        }
    };
    let changes = Log::after(catalog, topics, &collection.id, collection.metadata_position())?;
    Ok((Vectors::find(host, catalog, root, topics, collection)?, changes))
}

impl Records for DirectoryRecords<'_> {
    fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, ImportError> {
        Ok(self.read(most)?)
    }
}
