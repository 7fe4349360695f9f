//! Rows of one integer and one vector as a binary COPY.

use crate::database::binary_copy::{HEADER, TRAILER, field, vector_field};
use crate::settings::ColumnType;

const COLUMNS: [u8; 2] = 2_i16.to_be_bytes();

/// The whole stream; row `i` (from 0) gets the number `i`.
pub fn encode(vectors: &[Vec<f32>], column_type: ColumnType) -> Vec<u8> {
    let mut stream = HEADER.to_vec();
    for (number, vector) in (0_i32..).zip(vectors) {
        stream.extend(COLUMNS);
        field(&mut stream, &number.to_be_bytes());
        vector_field(&mut stream, vector, column_type);
    }
    stream.extend(TRAILER);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_number_and_a_vector() {
        let stream = encode(&[vec![1.0]], ColumnType::Vector);
        let row = &stream[HEADER.len()..stream.len() - 2];
        assert_eq!(row[..10], [0, 2, 0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(row[10..14], [0, 0, 0, 8]);
    }
}
