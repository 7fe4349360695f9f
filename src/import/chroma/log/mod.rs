//! The write-ahead log (`embeddings_queue`): what was written, in order, as far as it was not purged.

mod certain;
mod change;
pub(super) mod json;
mod topics;

pub(super) use certain::certain;
pub(super) use change::Draft;
pub(super) use topics::Topics;

use super::DirectoryError;
use super::id::IdDigest;
use super::sqlite::Catalog;

const TABLE: &str = "embeddings_queue";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Does nothing where the id is there.
    Add,
    /// Does nothing where the id is not there.
    Update,
    Upsert,
    Delete,
}

/// One line of the log without what was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: IdDigest,
    pub(super) position: i64,
    pub(super) operation: Operation,
    pub(super) has_vector: bool,
}

/// The lines of one collection, by id and then in order. 32 bytes each.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
}

impl Log {
    /// The lines after a position. Vectors and metadata are not read.
    pub(super) fn after(
        catalog: &Catalog,
        topics: &Topics,
        collection: &str,
        position: i64,
    ) -> Result<Self, DirectoryError> {
        let mut entries = Vec::new();
        let (first, last) = match topics.positions(collection) {
            Some((first, last)) if last > position => (first.max(position.saturating_add(1)), last),
            _ => return Ok(Self::default()),
        };
        let suffix = format!("/{collection}");
        // typeof() is answered without reading a vector's pages.
        let sql = "SELECT seq_id, topic, operation, id, typeof(vector) = 'blob' FROM embeddings_queue \
                   WHERE seq_id BETWEEN ?1 AND ?2 ORDER BY seq_id";
        catalog.each(sql, [first, last], |row| {
            let position = catalog.number(row, 0, TABLE)?;
            if catalog.text(row, 1, TABLE, position)?.ends_with(&suffix) {
                let operation = match catalog.number(row, 2, TABLE)? {
                    0 => Operation::Add,
                    1 => Operation::Update,
                    2 => Operation::Upsert,
                    3 => Operation::Delete,
                    other => {
                        let problem = format!("operation {other} is not known");
                        return Err(catalog.row_error(TABLE, position, &problem));
                    }
                };
                entries.push(Entry {
                    id: IdDigest::of(catalog.text(row, 3, TABLE, position)?.as_bytes()),
                    position,
                    operation,
                    has_vector: catalog.number(row, 4, TABLE)? != 0,
                });
            }
            Ok(())
        })?;
        entries.shrink_to_fit();
        entries.sort_unstable_by_key(|entry| (entry.id, entry.position));
        Ok(Self { entries })
    }

    /// The first line that has a vector.
    pub(super) fn first_vector(&self) -> Option<i64> {
        let lines = self.entries.iter().filter(|entry| entry.has_vector);
        lines.map(|entry| entry.position).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The lines of one id, in order.
    pub(super) fn of(&self, id: IdDigest) -> &[Entry] {
        let from = id.first_in(&self.entries, |entry| entry.id);
        let count = self.entries[from..].partition_point(|entry| entry.id == id);
        &self.entries[from..from + count]
    }

    /// The lines of each id.
    pub(super) fn by_id(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(|one, other| one.id == other.id)
    }
}

/// Where the vector of an id is once its lines are replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// The id is not there.
    Gone,
    /// In the index, as before these lines.
    Index,
    /// In the log at this position.
    Log(i64),
}

/// Replays the lines of one id over what the index has of it.
pub(super) fn whereabouts(entries: &[Entry], is_in_index: bool) -> Whereabouts {
    let before = if is_in_index {
        Whereabouts::Index
    } else {
        Whereabouts::Gone
    };
    entries.iter().fold(before, |now, entry| {
        let is_there = now != Whereabouts::Gone;
        match entry.operation {
            Operation::Delete => Whereabouts::Gone,
            Operation::Add if is_there => now,
            Operation::Update if !is_there => now,
            _ if entry.has_vector => Whereabouts::Log(entry.position),
            _ => now,
        }
    })
}

/// Whether the id was not there before these lines: the catalog notes one of them as the last that changed it, and it could have
/// changed nothing had the id been there. No version of Chroma notes the addition of an id that is there.
pub(super) fn is_made_by(entries: &[Entry], noted: i64) -> bool {
    entries.iter().any(|entry| entry.position == noted)
        && effective(entries, true).all(|(entry, _)| entry.position != noted)
}

/// The lines that changed anything, replayed over an id that is there or not, with whether it is there before each.
pub(super) fn effective(entries: &[Entry], is_there: bool) -> impl Iterator<Item = (&Entry, bool)> {
    entries
        .iter()
        .scan(is_there, |is_there, entry| {
            let before = *is_there;
            let counts = match entry.operation {
                Operation::Add => !before,
                Operation::Update | Operation::Delete => before,
                Operation::Upsert => true,
            };
            if counts {
                *is_there = entry.operation != Operation::Delete;
            }
            Some(counts.then_some((entry, before)))
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::{Entry, IdDigest, Operation, Whereabouts, effective, is_made_by, whereabouts};

    fn entry(position: i64, operation: Operation, has_vector: bool) -> Entry {
        Entry {
            id: IdDigest::of(b"x"),
            position,
            operation,
            has_vector,
        }
    }

    #[test]
    fn lines_are_replayed_as_chroma_does() {
        use Operation::{Add, Delete, Update, Upsert};
        let lines = |lines: &[(Operation, bool)]| -> Vec<Entry> {
            (1..)
                .zip(lines)
                .map(|(position, (operation, has_vector))| entry(position, *operation, *has_vector))
                .collect()
        };
        for (is_in_index, replayed, expected) in [
            (true, lines(&[]), Whereabouts::Index),
            (true, lines(&[(Add, true)]), Whereabouts::Index),
            (false, lines(&[(Add, true), (Add, true)]), Whereabouts::Log(1)),
            (false, lines(&[(Update, true)]), Whereabouts::Gone),
            (true, lines(&[(Update, false)]), Whereabouts::Index),
            (
                true,
                lines(&[(Update, true), (Upsert, false)]),
                Whereabouts::Log(1),
            ),
            (false, lines(&[(Upsert, true)]), Whereabouts::Log(1)),
            (true, lines(&[(Delete, false), (Add, true)]), Whereabouts::Log(2)),
            (true, lines(&[(Delete, false), (Update, true)]), Whereabouts::Gone),
        ] {
            assert_eq!(whereabouts(&replayed, is_in_index), expected, "{replayed:?}");
        }
    }

    #[test]
    fn an_addition_that_the_catalog_notes_made_the_record() {
        let lines = [
            entry(5, Operation::Add, true),
            entry(6, Operation::Add, true),
            entry(7, Operation::Update, false),
        ];
        assert!(is_made_by(&lines, 5));
        for noted in [4, 7, 8] {
            assert!(!is_made_by(&lines, noted), "{noted}");
        }
        assert!(!is_made_by(&[], 5));
    }

    #[test]
    fn lines_without_effect_are_passed_over() {
        let lines = [
            entry(1, Operation::Update, true),
            entry(2, Operation::Add, true),
            entry(3, Operation::Add, true),
            entry(4, Operation::Delete, false),
            entry(5, Operation::Upsert, true),
        ];
        let counted: Vec<(i64, bool)> = effective(&lines, false)
            .map(|(entry, before)| (entry.position, before))
            .collect();
        assert_eq!(counted, [(2, false), (4, true), (5, false)]);
    }
}
