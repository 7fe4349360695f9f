//! Counting the records of a collection before they are read.

use super::super::DirectoryError;
use super::super::id::IdDigest;
use super::super::log::Whereabouts;
use super::{DirectoryRecords, PASSED_AT_ONCE};

impl DirectoryRecords<'_> {
    /// How many records there are, and how many of them have no vector. Reads neither vectors nor metadata; takes 24 bytes a record
    /// for as long as it counts. Whoever reads the records next need not look for them again.
    ///
    /// # Errors
    /// [`DirectoryError::Row`] for an id that comes twice: SQLite's index forbids it, and is not asked when rows are read in order.
    pub(in crate::import::chroma) fn count(mut self) -> Result<(u64, u64), DirectoryError> {
        let mut without_vector = 0;
        let mut numbers: Vec<(IdDigest, i64)> = Vec::new();
        for (made, id) in std::mem::take(&mut self.added) {
            let digest = IdDigest::of(id.as_bytes());
            without_vector += u64::from(self.whereabouts_of_added(digest) == Whereabouts::Gone);
            numbers.push((digest, made));
        }
        loop {
            let page = self.page(PASSED_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            self.after = last.number;
            for listed in &page {
                let digest = IdDigest::of(listed.id.as_bytes());
                if self.is_alive(digest) {
                    let whereabouts = self.found.vectors.whereabouts(digest, listed.noted);
                    without_vector += u64::from(whereabouts == Whereabouts::Gone);
                    numbers.push((digest, listed.number));
                }
            }
        }
        numbers.sort_unstable();
        match numbers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            None => {
                self.directory.found = Some(self.found);
                Ok((numbers.len() as u64, without_vector))
            }
            Some(pair) => {
                let problem = format!("row {} has the same id", pair[0].1);
                let catalog = &self.directory.catalog;
                Err(catalog.row_error("embeddings", pair[1].1, &problem))
            }
        }
    }
}
