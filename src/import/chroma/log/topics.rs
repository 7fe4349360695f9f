//! Which part of the log is whose: one pass over all of it, because no index is by collection.

use std::collections::HashMap;

use super::super::DirectoryError;
use super::super::sqlite::Catalog;
use super::TABLE;

/// First and last position in the log, by collection.
#[derive(Debug, Default)]
pub(in crate::import::chroma) struct Topics {
    positions: HashMap<String, (i64, i64)>,
}

impl Topics {
    pub(in crate::import::chroma) fn of(catalog: &Catalog) -> Result<Self, DirectoryError> {
        let mut positions: HashMap<String, (i64, i64)> = HashMap::new();
        catalog.each(
            "SELECT seq_id, topic FROM embeddings_queue ORDER BY seq_id",
            [],
            |row| {
                let position = catalog.number(row, 0, TABLE)?;
                let topic = catalog.text(row, 1, TABLE, position)?;
                // `persistent://default/default/<collection>`, where the two words before are settings.
                let collection = topic.rsplit_once('/').map_or(topic, |(_, collection)| collection);
                match positions.get_mut(collection) {
                    Some((_, last)) => *last = position,
                    None => {
                        positions.insert(collection.to_owned(), (position, position));
                    }
                }
                Ok(())
            },
        )?;
        Ok(Self { positions })
    }

    /// `None` where the log has nothing of the collection.
    pub(in crate::import::chroma) fn positions(&self, collection: &str) -> Option<(i64, i64)> {
        self.positions.get(collection).copied()
    }
}
