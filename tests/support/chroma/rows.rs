//! What a synthetic directory holds: row N is the same in every run and on every machine.

use pgvector_setup::import::{Metadata, Record, Value};

/// Directions that the vectors vary in. Vectors of texts have few as well; were it all of them, every vector would be about as
/// far from every other, and no index could tell which are nearest.
const DIRECTIONS: usize = 16;

/// Rows with vectors of so many components.
#[derive(Debug)]
pub struct Rows {
    dimensions: usize,
    /// One vector for each direction.
    directions: Vec<Vec<f32>>,
}

impl Rows {
    pub fn new(dimensions: usize) -> Self {
        let mut numbers = Numbers(1);
        let directions = (0..DIRECTIONS)
            .map(|_| (0..dimensions).map(|_| numbers.next()).collect())
            .collect();
        Self {
            dimensions,
            directions,
        }
    }

    pub fn record(&self, number: u64) -> Record {
        let metadata = [
            ("source", Value::Text(format!("s{}", number % 17))),
            ("page", Value::Integer(number.cast_signed())),
            ("score", Value::Float(number as f64 / 1000.0)),
            ("ok", Value::Boolean(number.is_multiple_of(2))),
        ];
        Record {
            id: format!("https://example.org/doc/{number:07}"),
            embedding: Some(self.vector(number)),
            document: Some(format!(
                "Document {number} {}",
                "lorem ipsum dolor sit amet ".repeat(8)
            )),
            uri: None,
            metadata: Metadata::from(metadata.map(|(key, value)| (key.to_owned(), value))),
        }
    }

    pub fn vector(&self, number: u64) -> Vec<f32> {
        // Seeds that follow each other give sequences that have nothing in common.
        let mut numbers = Numbers(number.wrapping_mul(0xd129_0d3d_9b5e_1f1b));
        let mut vector: Vec<f32> = (0..self.dimensions).map(|_| 0.1 * numbers.next()).collect();
        for direction in &self.directions {
            let share = numbers.next();
            for (component, part) in vector.iter_mut().zip(direction) {
                *component += share * part;
            }
        }
        vector
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014), as numbers from -1 to 1.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// Evenly from 0 to one less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
