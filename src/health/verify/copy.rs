//! PostgreSQL's binary COPY format (manual, "COPY", "Binary Format") for rows of one integer and one vector.

use pgvector::HalfVector;

use crate::settings::ColumnType;

/// Signature, flags and length of the header's extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const COLUMNS: [u8; 2] = 2_i16.to_be_bytes();

/// The whole stream; row `i` (from 0) gets the number `i`.
pub fn encode(vectors: &[Vec<f32>], column_type: ColumnType) -> Vec<u8> {
    let mut stream = HEADER.to_vec();
    for (number, vector) in (0_i32..).zip(vectors) {
        stream.extend(COLUMNS);
        stream.extend(4_i32.to_be_bytes());
        stream.extend(number.to_be_bytes());
        field(&mut stream, vector, column_type);
    }
    stream.extend(TRAILER);
    stream
}

/// pgvector's `vector_send` and `halfvec_send`: the number of components, an unused 0, the components.
fn field(stream: &mut Vec<u8>, vector: &[f32], column_type: ColumnType) {
    let width: usize = match column_type {
        ColumnType::Vector => 4,
        ColumnType::Halfvec => 2,
    };
    // At most 16,000 components: neither number can be out of range.
    stream.extend(((4 + width * vector.len()) as i32).to_be_bytes());
    stream.extend((vector.len() as u16).to_be_bytes());
    stream.extend(0_u16.to_be_bytes());
    match column_type {
        ColumnType::Vector => stream.extend(vector.iter().flat_map(|component| component.to_be_bytes())),
        ColumnType::Halfvec => stream.extend(
            HalfVector::from_f32_slice(vector)
                .as_slice()
                .iter()
                .flat_map(|component| component.to_be_bytes()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_number_and_a_vector_in_network_order() {
        let stream = encode(&[vec![1.0, -2.0]], ColumnType::Vector);
        let row = &stream[HEADER.len()..stream.len() - 2];
        assert_eq!(row[..10], [0, 2, 0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(
            row[10..],
            [0, 0, 0, 12, 0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]
        );
        let half = encode(&[vec![1.0]], ColumnType::Halfvec);
        assert_eq!(
            half[HEADER.len() + 10..half.len() - 2],
            [0, 0, 0, 6, 0, 1, 0, 0, 0x3c, 0]
        );
    }
}
