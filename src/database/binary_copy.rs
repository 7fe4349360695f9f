//! PostgreSQL's binary COPY format (manual, "COPY", "Binary Format"): the pieces that streams are made of, and rows read back.

use pgvector::HalfVector;

use crate::lanes;
use crate::settings::ColumnType;

/// Signature, flags and length of the header's extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// One field that is `NULL`.
pub fn null_field(stream: &mut Vec<u8>) {
    stream.extend(NULL);
}

/// One field of these bytes: text as UTF-8, and what else is sent as it is.
pub fn field(stream: &mut Vec<u8>, bytes: &[u8]) {
    // PostgreSQL takes no field of a gigabyte, and refuses the length of a larger one.
    stream.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
    stream.extend(bytes);
}

/// One field of `jsonb`: the version of its form, then JSON as text.
pub fn jsonb_field(stream: &mut Vec<u8>, json: &str) {
    let length = i32::try_from(json.len() + 1).unwrap_or(i32::MAX);
    stream.extend(length.to_be_bytes());
    stream.push(1);
    stream.extend(json.as_bytes());
}

/// pgvector's `vector_send` and `halfvec_send`: the number of components, an unused 0, the components.
pub fn vector_field(stream: &mut Vec<u8>, vector: &[f32], column_type: ColumnType) {
    let width: usize = match column_type {
        ColumnType::Vector => 4,
        ColumnType::Halfvec => 2,
    };
    // At most 16,000 components: neither number can be out of range.
    stream.extend(((4 + width * vector.len()) as i32).to_be_bytes());
    stream.extend((vector.len() as u16).to_be_bytes());
    stream.extend(0_u16.to_be_bytes());
    let begin = stream.len();
    stream.resize(begin + width * vector.len(), 0);
    let places = &mut stream[begin..];
    match column_type {
        ColumnType::Vector => lanes::to_be_bytes(vector, places),
        ColumnType::Halfvec => {
            let halves = HalfVector::from_f32_slice(vector);
            for (place, component) in places.as_chunks_mut().0.iter_mut().zip(halves.as_slice()) {
                *place = component.to_be_bytes();
            }
        }
    }
}

/// One row of a stream that is read back.
#[derive(Debug)]
pub struct Tuple<'a> {
    /// Every field with its length, as they follow each other in the stream.
    pub encoded: &'a [u8],
    /// `None` for `NULL`.
    pub fields: Vec<Option<&'a [u8]>>,
}

/// The stream is not what the format says.
#[derive(Debug, thiserror::Error)]
#[error("the server's binary copy cannot be read")]
pub struct Malformed;

/// Puts rows together from a stream that arrives in pieces.
#[derive(Debug, Default)]
pub struct TupleReader {
    pending: Vec<u8>,
    is_begun: bool,
    is_ended: bool,
}

impl TupleReader {
    /// Takes the next piece, and hands every row that is whole now to `take`.
    ///
    /// # Errors
    /// [`Malformed`]; what came before it was handed over.
    pub fn feed(&mut self, piece: &[u8], mut take: impl FnMut(Tuple<'_>)) -> Result<(), Malformed> {
        self.pending.extend_from_slice(piece);
        let mut begin = 0;
        if !self.is_begun {
            if self.pending.len() < HEADER.len() {
                return Ok(());
            }
            if !self.pending.starts_with(HEADER) {
                return Err(Malformed);
            }
            (self.is_begun, begin) = (true, HEADER.len());
        }
        while !self.is_ended {
            match tuple(&self.pending[begin..])? {
                Parsed::Partial => break,
                Parsed::End => self.is_ended = true,
                Parsed::Tuple(tuple) => {
                    begin += 2 + tuple.encoded.len();
                    take(tuple);
                }
            }
        }
        self.pending.drain(..begin);
        Ok(())
    }

    /// Whether the stream came to its end.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }
}

enum Parsed<'a> {
    Partial,
    End,
    Tuple(Tuple<'a>),
}

fn tuple(bytes: &[u8]) -> Result<Parsed<'_>, Malformed> {
    let Some((count, mut rest)) = bytes.split_first_chunk() else {
        return Ok(Parsed::Partial);
    };
    let count = i16::from_be_bytes(*count);
    if count == -1 {
        return Ok(Parsed::End);
    }
    let body = rest;
    let mut fields = Vec::with_capacity(usize::try_from(count).map_err(|_| Malformed)?);
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk() else {
            return Ok(Parsed::Partial);
        };
        rest = after;
        match i32::from_be_bytes(*length) {
            -1 => fields.push(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                let Some((field, after)) = rest.split_at_checked(length) else {
                    return Ok(Parsed::Partial);
                };
                fields.push(Some(field));
                rest = after;
            }
        }
    }
    let encoded = &body[..body.len() - rest.len()];
    Ok(Parsed::Tuple(Tuple { encoded, fields }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut stream = HEADER.to_vec();
        for key in ["a", "bc"] {
            stream.extend(3_i16.to_be_bytes());
            field(&mut stream, key.as_bytes());
            null_field(&mut stream);
            jsonb_field(&mut stream, "{}");
        }
        stream.extend(TRAILER);
        stream
    }

    #[test]
    fn rows_are_the_same_however_the_stream_is_cut() {
        let stream = stream();
        for size in [1, 2, 7, stream.len()] {
            let (mut reader, mut keys) = (TupleReader::default(), Vec::new());
            for piece in stream.chunks(size) {
                reader
                    .feed(piece, |tuple| {
                        assert_eq!(tuple.fields[1..], [None, Some(&b"\x01{}"[..])]);
                        keys.push(tuple.fields[0].unwrap().to_vec());
                    })
                    .unwrap();
            }
            assert!(reader.is_ended());
            assert_eq!(keys, [b"a".to_vec(), b"bc".to_vec()], "pieces of {size}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_has_not_ended_and_another_one_is_refused() {
        let stream = stream();
        let mut reader = TupleReader::default();
        reader.feed(&stream[..stream.len() - 1], |_| {}).unwrap();
        assert!(!reader.is_ended());
        assert!(
            TupleReader::default()
                .feed(b"id,document,metadata,embedding", |_| {})
                .is_err()
        );
    }

    #[test]
    fn vectors_are_in_network_order() {
        let mut stream = Vec::new();
        vector_field(&mut stream, &[1.0, -2.0], ColumnType::Vector);
        assert_eq!(stream, [0, 0, 0, 12, 0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]);
        stream.clear();
        vector_field(&mut stream, &[1.0], ColumnType::Halfvec);
        assert_eq!(stream, [0, 0, 0, 6, 0, 1, 0, 0, 0x3c, 0]);
    }
}
