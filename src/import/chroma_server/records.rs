use std::collections::VecDeque;

use serde_json::json;

use super::ServerError;
use super::api::{Api, collection_path};
use super::page;
use crate::host::http::HttpError;
use crate::import::{Collection, ImportError, Record, Records};

/// Of the vectors of one page, as JSON text.
const PAGE_BYTES: u32 = 4 * 1024 * 1024;
/// An `f64` in its shortest text, as servers of 0.5 and 0.6 write each component, and its comma.
const COMPONENT_BYTES: u32 = 24;
/// The cloud gives 300 records at once, of which one is the last that is known.
const MOST_RECORDS: u32 = 299;

/// A collection's records in the server's own order, which is that of their first writing: an update keeps a record's place, a new
/// one goes to the end (seen with 0.6.3, 1.0.21 and 1.5.9), so that deleting alone moves others.
///
/// Each page begins with the last record of the page before. Where another one is in its place, something before it was deleted and
/// a record would be left out without a word: reading ends with an error.
#[derive(Debug)]
pub(super) struct ServerRecords<'s> {
    api: &'s Api,
    collection: String,
    path: String,
    /// New records of one page.
    most: u32,
    /// How many records were passed or read.
    position: u64,
    /// The last record that was read; `None` before the first.
    last: Option<String>,
    read: VecDeque<Record>,
    is_over: bool,
}

impl<'s> ServerRecords<'s> {
    pub(super) fn new(api: &'s Api, collection: &Collection, passed: u64) -> Self {
        let dimensions = collection.dimensions.unwrap_or(1).max(1);
        let fitting = PAGE_BYTES / dimensions.saturating_mul(COMPONENT_BYTES);
        Self {
            api,
            collection: collection.name.to_string(),
            path: format!("{}/get", collection_path(&collection.name, &collection.id)),
            most: fitting.clamp(1, MOST_RECORDS),
            position: passed,
            last: None,
            read: VecDeque::new(),
            is_over: false,
        }
    }

    fn read_page(&mut self) -> Result<(), ServerError> {
        let overlap = u32::from(self.position > 0);
        let mut records = page::read(&self.page(overlap)?).map_err(|problem| self.api.unusable(problem))?;
        if records.len() > (self.most + overlap) as usize {
            return Err(self.api.unusable("it has more records than were asked for"));
        }
        if overlap == 1 {
            let is_in_place = |first: &Record| self.last.as_ref().is_none_or(|last| *last == first.id);
            if !records.first().is_some_and(is_in_place) {
                return Err(ServerError::Changed {
                    collection: self.collection.clone(),
                    position: self.position,
                });
            }
            records.remove(0);
        }
        self.is_over = records.is_empty();
        self.position += records.len() as u64;
        if let Some(last) = records.last() {
            self.last = Some(last.id.clone());
        }
        self.read.extend(records);
        Ok(())
    }

    /// The body of an answer with half as many records each time, where documents make it too large.
    fn page(&mut self, overlap: u32) -> Result<Vec<u8>, ServerError> {
        loop {
            let request = json!({
                "include": ["embeddings", "documents", "metadatas", "uris"],
                "offset": self.position - u64::from(overlap),
                "limit": self.most + overlap,
            });
            match self.api.post(&self.path, &request) {
                Err(ServerError::Http(HttpError::TooLarge { .. })) if self.most > 1 => self.most /= 2,
                outcome => return outcome,
            }
        }
    }
}

impl Records for ServerRecords<'_> {
    fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, ImportError> {
        if self.read.is_empty() && !self.is_over {
            self.read_page()?;
        }
        let length = most.min(self.read.len());
        Ok(self.read.drain(..length).collect())
    }
}
