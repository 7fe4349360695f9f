//! Seeded vectors in clusters, as embeddings of texts have them: the same seed gives the same bits on every machine.

use pgvector::HalfVector;

use crate::settings::ColumnType;

const CLUSTERS: usize = 16;

/// Vectors of unit length around [`CLUSTERS`] centres.
pub struct Vectors {
    state: u64,
    dimensions: usize,
    centres: Vec<Vec<f32>>,
}

impl Vectors {
    pub fn new(seed: u64, dimensions: u16) -> Self {
        let mut vectors = Self {
            state: seed,
            dimensions: usize::from(dimensions),
            centres: Vec::new(),
        };
        vectors.centres = (0..CLUSTERS).map(|_| vectors.noise()).collect();
        vectors
    }

    /// The next vector, as the column type keeps it: for `halfvec` its components are rounded to half precision.
    pub fn next(&mut self, column_type: ColumnType) -> Vec<f32> {
        let mut vector = self.noise();
        let cluster = (self.random() % CLUSTERS as u64) as usize;
        let centre = &self.centres[cluster];
        for (component, offset) in vector.iter_mut().zip(centre) {
            *component += offset;
        }
        let norm = vector
            .iter()
            .map(|component| component * component)
            .sum::<f32>()
            .sqrt();
        if norm > f32::EPSILON {
            vector.iter_mut().for_each(|component| *component /= norm);
        } else {
            vector[0] = 1.0;
        }
        match column_type {
            ColumnType::Vector => vector,
            ColumnType::Halfvec => HalfVector::from_f32_slice(&vector)
                .as_slice()
                .iter()
                .map(|component| component.to_f32())
                .collect(),
        }
    }

    /// Components from -1 to 1.
    fn noise(&mut self) -> Vec<f32> {
        (0..self.dimensions)
            .map(|_| (self.random() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
            .collect()
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_of_unit_vectors() {
        let draw = |seed| Vectors::new(seed, 8).next(ColumnType::Vector);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let norm: f32 = draw(1).iter().map(|component| component * component).sum();
        assert!((norm - 1.0).abs() < 1e-5, "{norm}");
    }

    #[test]
    fn half_precision_vectors_are_already_rounded() {
        let vector = Vectors::new(1, 8).next(ColumnType::Halfvec);
        let again: Vec<f32> = HalfVector::from_f32_slice(&vector)
            .as_slice()
            .iter()
            .map(|component| component.to_f32())
            .collect();
        assert_eq!(vector, again);
    }
}
