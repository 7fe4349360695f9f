//! Where the vectors of a collection are: in the index as it was last persisted, with the log's end replayed over it; or all in
//! the log, where Chroma kept all of it. Of an index that cannot be read, the log has what it still has.

use std::path::Path;

use super::DirectoryError;
use super::collections::{Entry, Segment};
use super::hnsw::{LABELS, Snapshot};
use super::id::IdDigest;
use super::log::{Log, Operation, Topics, Whereabouts, certain, effective, is_made_by, whereabouts};
use super::sqlite::Catalog;
use crate::host::Host;
use crate::import::Space;

/// The vectors of one collection, found by id.
#[derive(Debug)]
pub(super) struct Vectors {
    snapshot: Option<Snapshot>,
    /// How far in the log the index is, where that is known.
    position: Option<i64>,
    log: Log,
    /// Why an index that was there cannot be read: a clause that names the file. What it had of an id is unknown then.
    pub(super) damage: Option<String>,
    /// How far in the log the METADATA segment is.
    noted_to: i64,
    /// Read from the log alone: cosine vectors are exact then.
    pub(super) is_whole_log: bool,
    /// Components of each; `None` where there is none.
    pub(super) dimensions: Option<u32>,
}

impl Vectors {
    /// # Errors
    /// As [`Snapshot::open`] and [`Log::after`].
    pub(super) fn find(
        host: &Host,
        catalog: &Catalog,
        root: &Path,
        topics: &Topics,
        collection: &Entry,
    ) -> Result<Self, DirectoryError> {
        if is_never_purged(catalog)? {
            let log = Log::after(catalog, topics, &collection.id, -1)?;
            if is_whole(catalog, collection, &log)? {
                return Ok(Self {
                    snapshot: None,
                    position: None,
                    damage: None,
                    noted_to: collection.metadata_position(),
                    is_whole_log: true,
                    dimensions: dimensions(catalog, &log)?,
                    log,
                });
            }
        }
        let segment = collection.vectors.as_ref();
        let committed = committed(topics, collection);
        let (snapshot, damage) = match segment {
            Some(segment) => opened(host, root, segment, collection.space, committed)?,
            None => (None, None),
        };
        let noted = segment.and_then(|segment| segment.position);
        let position = noted.or(snapshot.as_ref().and_then(|snapshot| snapshot.position));
        // The pickle is written before the end of the transaction.
        let position = match committed {
            Some(committed) => position.map(|position| position.min(committed)),
            None => position,
        };
        let begin = match damage {
            // Lines that the index had as well are in the log until Chroma writes again.
            Some(_) => beginning(catalog, collection)?,
            None => position.unwrap_or(-1),
        };
        let log = Log::after(catalog, topics, &collection.id, begin)?;
        let of_index = snapshot.as_ref().and_then(Snapshot::dimensions);
        Ok(Self {
            dimensions: match of_index {
                Some(_) => of_index,
                None => dimensions(catalog, &log)?,
            },
            log,
            snapshot,
            position,
            damage,
            noted_to: collection.metadata_position(),
            is_whole_log: false,
        })
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// `noted` is the last position in the log that changed the record, as the METADATA segment has it.
    pub(super) fn whereabouts(&self, id: IdDigest, noted: Option<i64>) -> Whereabouts {
        let is_in_index = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.has(id));
        let may_have_lost = |snapshot: &Snapshot| {
            !is_in_index && snapshot.may_have_lost(id) || snapshot.is_uncommitted(id, noted)
        };
        if self.damage.is_some() || self.snapshot.as_ref().is_some_and(may_have_lost) {
            return certain(self.log.of(id), noted, self.noted_to);
        }
        let lines = self.log.of(id);
        // 0.5.6 to 0.5.12 purged lines that no index had yet: what is left can be an older vector of the record.
        let is_lost = |noted: i64| {
            self.position.is_some_and(|position| noted > position)
                && !lines.iter().any(|line| line.position == noted)
        };
        if noted.is_some_and(is_lost) {
            return Whereabouts::Gone;
        }
        // A damaged index can name an id that it never had.
        let is_made_later = noted.is_some_and(|noted| is_made_by(lines, noted));
        whereabouts(lines, is_in_index && !is_made_later)
    }
}

/// The last position that the catalog has of the collection, in its log or in its segments' notes. `None` where Chroma did not note any
/// of the METADATA segment: it does so in each transaction that writes.
fn committed(topics: &Topics, collection: &Entry) -> Option<i64> {
    collection.metadata.as_ref()?.position?;
    let in_log = topics.positions(&collection.id).map(|(_, last)| last);
    collection.claimed().max(in_log)
}

/// The index of a segment, or why there is none any more.
fn opened(
    host: &Host,
    root: &Path,
    segment: &Segment,
    space: Space,
    committed: Option<i64>,
) -> Result<(Option<Snapshot>, Option<String>), DirectoryError> {
    let directory = root.join(&segment.id);
    match Snapshot::open(host, &directory, space, committed) {
        Ok(None) => Ok((None, segment.position.map(|position| gone(&directory, position)))),
        Ok(snapshot) => Ok((snapshot, None)),
        Err(error) if error.is_damage() => Ok((None, Some(error.to_string()))),
        Err(error) => Err(error),
    }
}

/// Chroma notes the position when it persists, never before.
fn gone(directory: &Path, position: i64) -> String {
    format!(
        "{} is not there, and the catalog says that the index has the log up to {position}",
        directory.join(LABELS).display()
    )
}

/// The position after which lines can be told by the catalog's notes. Where its segments claim more than the log has, positions may have
/// been given twice, and only those that the catalog has not noted yet are sure.
fn beginning(catalog: &Catalog, collection: &Entry) -> Result<i64, DirectoryError> {
    let end = catalog.integer("SELECT max(seq_id) FROM embeddings_queue", [])?;
    let is_ahead = collection.claimed() > end;
    Ok(if is_ahead {
        collection.metadata_position()
    } else {
        -1
    })
}

/// Components of the first vector in the log.
fn dimensions(catalog: &Catalog, log: &Log) -> Result<Option<u32>, DirectoryError> {
    let Some(position) = log.first_vector() else {
        return Ok(None);
    };
    let bytes = catalog.integer(
        "SELECT length(vector) FROM embeddings_queue WHERE seq_id = ?1",
        [position],
    )?;
    Ok(bytes.and_then(|bytes| u32::try_from(bytes / 4).ok()))
}

/// Chroma before 0.5.7 kept its log for ever, and later versions do so in a directory of that time until its log is vacuumed.
fn is_never_purged(catalog: &Catalog) -> Result<bool, DirectoryError> {
    if catalog.has("maintenance_log", "id")
        && catalog.integer("SELECT count(*) FROM maintenance_log", [])? != Some(0)
    {
        return Ok(false);
    }
    let mut is_never_purged = true;
    let table = "embeddings_queue_config";
    if catalog.has(table, "config_json_str") {
        catalog.each(
            "SELECT rowid, config_json_str FROM embeddings_queue_config",
            [],
            |row| {
                let number = catalog.number(row, 0, table)?;
                let text = catalog.optional_text(row, 1, table, number)?.unwrap_or_default();
                let configuration: Option<serde_json::Value> = serde_json::from_str(text).ok();
                let purges = configuration
                    .and_then(|configuration| configuration.get("automatically_purge")?.as_bool());
                is_never_purged &= purges == Some(false);
                Ok(())
            },
        )?;
    }
    Ok(is_never_purged)
}

/// Whether the log begins before the collection's first record: replayed from nothing it gives each live record a vector, ends with
/// the very line that the catalog noted for it, and makes the records in the order of their numbers. Had lines been lost, the
/// addition of an id that was there could be taken for its first.
fn is_whole(catalog: &Catalog, collection: &Entry, log: &Log) -> Result<bool, DirectoryError> {
    let Some(segment) = &collection.metadata else {
        return Ok(false);
    };
    let table = "embeddings";
    let (mut is_whole, mut made_before) = (!log.is_empty(), -1);
    let sql = "SELECT id, embedding_id, seq_id FROM embeddings WHERE +segment_id = ?1 ORDER BY id";
    let noted_to = collection.metadata_position();
    catalog.each(sql, [&segment.id], |row| {
        if !is_whole {
            return Ok(());
        }
        let number = catalog.number(row, 0, table)?;
        let id = IdDigest::of(catalog.text(row, 1, table, number)?.as_bytes());
        let noted = catalog.position(row, 2, table, number)?;
        let (mut made, mut last) = (None, None);
        let lines = log.of(id);
        let noted_lines = &lines[..lines.partition_point(|line| line.position <= noted_to)];
        for (line, was_there) in effective(noted_lines, false) {
            if !was_there {
                made = Some(line.position);
            }
            last = (line.operation != Operation::Delete).then_some(line.position);
        }
        let has_vector = matches!(whereabouts(noted_lines, false), Whereabouts::Log(_));
        is_whole = has_vector && last == Some(noted) && made.is_some_and(|made| made > made_before);
        made_before = made.unwrap_or(made_before);
        Ok(())
    })?;
    Ok(is_whole)
}
