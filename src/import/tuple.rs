//! One record as one row of binary COPY.

use super::Record;
use super::digest::RowDigest;
use super::json_text::metadata_text;
use super::judgement::{Parts, Shape};
use crate::database::binary_copy::{field, jsonb_field, null_field, vector_field};

/// Appends the row; gives back the digest of its fields. With [`Parts::Whole`] id, document, metadata and embedding, else id and
/// embedding.
pub fn append(stream: &mut Vec<u8>, record: &Record, shape: Shape) -> RowDigest {
    let count: i16 = match shape.parts {
        Parts::Whole => 4,
        Parts::Embedding => 2,
    };
    stream.extend(count.to_be_bytes());
    let begin = stream.len();
    field(stream, record.id.as_bytes());
    if shape.parts == Parts::Whole {
        match &record.document {
            Some(document) => field(stream, document.as_bytes()),
            None => null_field(stream),
        }
        jsonb_field(stream, &metadata_text(&record.metadata, record.uri.as_deref()));
    }
    match &record.embedding {
        Some(vector) => vector_field(stream, vector, shape.column_type),
        None => null_field(stream),
    }
    RowDigest::of(&stream[begin..])
}

/// Appends a row of a record's id and its digest alone.
pub fn append_key(stream: &mut Vec<u8>, id: &str, digest: RowDigest) {
    stream.extend(2_i16.to_be_bytes());
    field(stream, id.as_bytes());
    field(stream, &digest.to_bytes());
}
