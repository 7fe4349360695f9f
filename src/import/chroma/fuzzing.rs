//! What of the reader takes bytes of somebody else's, laid open for the tests that change them at random. Nobody else uses it.

use std::path::Path;

use super::DirectoryError;
use super::hnsw::{self, labels};
use super::log;
use crate::host::Host;
use crate::import::Value;

/// The ids of an `index_metadata.pickle`, as digests, with their labels, as far as nothing in it contradicts them.
///
/// # Errors
/// As the reader's own.
pub fn labels(host: &Host, pickle: &Path) -> Result<Vec<([u64; 2], u64)>, DirectoryError> {
    let labels = labels::Labels::read(&host.open_source(pickle)?, Some(0))?;
    Ok(labels
        .into_sound()
        .into_iter()
        .map(|(id, label)| (id.halves(), label))
        .collect())
}

/// Bytes of a record of `data_level0.bin`, the label's and the vector's place in it, and the vector's components, by `header.bin`.
///
/// # Errors
/// The place of the field that is wrong, and what belongs there.
pub fn header(bytes: &[u8; 100]) -> Result<[u64; 4], (u64, String)> {
    hnsw::header::Header::parse(bytes).map(|header| {
        [
            header.stride,
            header.label,
            header.vector,
            header.dimensions.into(),
        ]
    })
}

/// The entries of metadata in the log.
///
/// # Errors
/// An offset in bytes, and what was expected there.
pub fn metadata(text: &str) -> Result<Vec<(String, Value)>, (usize, &'static str)> {
    log::json::object(text)
}
