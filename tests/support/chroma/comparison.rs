//! What was read beside what is true.

use std::collections::BTreeMap;

use pgvector_setup::import::{Record, Space};

/// What is true of one collection.
#[derive(Debug)]
pub struct Truth {
    pub space: Space,
    pub dimensions: Option<u32>,
    pub records: BTreeMap<String, Record>,
}

/// How what was read differs from what is true; empty where it does not.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<String>);

impl Differences {
    #[track_caller]
    pub fn assert_none(&self, of: &str) {
        assert!(
            self.0.is_empty(),
            "{of}: {} differences, first: {}",
            self.0.len(),
            self.0[0]
        );
    }
}

/// Ids, documents, URIs and metadata exactly; vectors as [`is_same`] has it.
pub fn differences(read: &[Record], truth: &Truth) -> Differences {
    let mut missing: BTreeMap<_, _> = truth.records.iter().collect();
    let mut differences = Vec::new();
    for record in read {
        let Some(expected) = missing.remove(&record.id) else {
            differences.push(format!("{:?} was not put in, or comes twice", record.id));
            continue;
        };
        let is_same_vector = match (&record.embedding, &expected.embedding) {
            (Some(read), Some(expected)) => is_same(read, expected, truth.space),
            (read, expected) => read == expected,
        };
        if !is_same_vector || contents(record) != contents(expected) {
            differences.push(format!("read {record:?}, expected {expected:?}"));
        }
    }
    differences.extend(missing.keys().map(|id| format!("{id:?} is missing")));
    Differences(differences)
}

/// By text, because NaN is then equal to itself, and -0.0 and 0.0 differ.
fn contents(record: &Record) -> String {
    debug(&(&record.document, &record.uri, &record.metadata))
}

pub fn debug(value: &(impl std::fmt::Debug + ?Sized)) -> String {
    format!("{value:?}")
}

/// Bit by bit. Only cosine collections may differ, by the rounding of the norm that Chroma divides their vectors by: each
/// component by at most 3e-7 of the largest one.
pub fn is_same(read: &[f32], expected: &[f32], space: Space) -> bool {
    let bits = |vector: &[f32]| {
        vector
            .iter()
            .map(|component| component.to_bits())
            .collect::<Vec<_>>()
    };
    if bits(read) == bits(expected) {
        return true;
    }
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, component| largest.max(component.abs()));
    let is_near = |(read, expected): (&f32, &f32)| {
        f64::from(read - expected).abs() <= 3e-7 * f64::from(largest) || read.is_nan() && expected.is_nan()
    };
    space == Space::Cosine && read.len() == expected.len() && read.iter().zip(expected).all(is_near)
}
