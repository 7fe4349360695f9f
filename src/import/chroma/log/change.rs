//! Replaying metadata: what the log says of a record after the METADATA segment was last brought up to date.

use super::super::DirectoryError;
use super::super::sqlite::Catalog;
use super::{Entry, Operation, TABLE, effective, json};
use crate::import::{Metadata, Record, Value};

/// A record without its vector, while its lines are replayed.
#[derive(Debug, Default)]
pub(in crate::import::chroma) struct Draft {
    pub(in crate::import::chroma) document: Option<String>,
    pub(in crate::import::chroma) uri: Option<String>,
    pub(in crate::import::chroma) metadata: Metadata,
}

impl Draft {
    /// Sets or, with [`Value::Null`] from the log, deletes one key. Chroma shows no other key of its own prefix.
    pub(in crate::import::chroma) fn set(&mut self, key: String, value: Option<Value>) {
        match (key.as_str(), value) {
            ("chroma:document", Some(Value::Text(text))) => self.document = Some(text),
            ("chroma:document", _) => self.document = None,
            ("chroma:uri", Some(Value::Text(text))) => self.uri = Some(text),
            ("chroma:uri", _) => self.uri = None,
            (hidden, _) if hidden.starts_with("chroma:") => {}
            (_, Some(value)) => {
                self.metadata.insert(key, value);
            }
            (_, None) => {
                self.metadata.remove(&key);
            }
        }
    }

    /// Replays the lines of this record's id. `None` where it is deleted in the end.
    pub(in crate::import::chroma) fn replayed(
        base: Option<Self>,
        entries: &[Entry],
        catalog: &Catalog,
    ) -> Result<Option<Self>, DirectoryError> {
        let mut now = base;
        for (entry, _) in effective(entries, now.is_some()) {
            if entry.operation == Operation::Delete {
                now = None;
                continue;
            }
            let draft = now.get_or_insert_default();
            for (key, value) in metadata(catalog, entry.position)? {
                draft.set(key, Some(value).filter(|value| *value != Value::Null));
            }
        }
        Ok(now)
    }

    pub(in crate::import::chroma) fn into_record(self, id: String, embedding: Option<Vec<f32>>) -> Record {
        Record {
            id,
            embedding,
            document: self.document,
            uri: self.uri,
            metadata: self.metadata,
        }
    }
}

fn metadata(catalog: &Catalog, position: i64) -> Result<Vec<(String, Value)>, DirectoryError> {
    let mut entries = Vec::new();
    let sql = "SELECT metadata FROM embeddings_queue WHERE seq_id = ?1";
    catalog.each(sql, [position], |row| {
        if let Some(text) = catalog.optional_text(row, 0, TABLE, position)? {
            entries = json::object(text).map_err(|(at, expected)| {
                let problem = format!("metadata at byte {at}: expected {expected}");
                catalog.row_error(TABLE, position, &problem)
            })?;
        }
        Ok(())
    })?;
    Ok(entries)
}
