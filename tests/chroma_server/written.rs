//! The records that the tests write.

use pgvector_setup::import::{Metadata, Record, Value};

pub const DIMENSIONS: usize = 24;

/// So many records in an order that no sorting gives, with vectors of all magnitudes and every kind of metadata. Servers of 1.5 have
/// lists, and keep another float than they were sent where its text is long, so that theirs are short.
pub fn records(count: usize, is_new: bool) -> Vec<Record> {
    (0..count).map(|number| record(number, is_new)).collect()
}

fn record(number: usize, is_new: bool) -> Record {
    let mut random = Random(number as u64);
    Record {
        id: format!("{:x}/\u{e9}t\u{e9}-{number}", random.next()),
        embedding: Some(vector(number, &mut random)),
        document: (!number.is_multiple_of(5)).then(|| format!("text {number} \"quoted\"\n\u{1f9ca}")),
        uri: number.is_multiple_of(7).then(|| format!("file:///{number}")),
        metadata: if number.is_multiple_of(3) {
            Metadata::new()
        } else {
            metadata(number, &mut random, is_new)
        },
    }
}

fn vector(number: usize, random: &mut Random) -> Vec<f32> {
    match number {
        0 => vec![f32::MAX; DIMENSIONS],
        1 => vec![f32::from_bits(1); DIMENSIONS],
        2 => vec![-0.0; DIMENSIONS],
        // Becomes another one on the way through f64.
        3 => vec![f32::from_bits(0x15ae_43fd); DIMENSIONS],
        _ => (0..DIMENSIONS).map(|_| random.float()).collect(),
    }
}

fn metadata(number: usize, random: &mut Random, is_new: bool) -> Metadata {
    let mut metadata = Metadata::from([
        ("text".to_owned(), Value::Text(format!("value {number}"))),
        ("integer".to_owned(), Value::Integer(random.next().cast_signed())),
        ("whole".to_owned(), Value::Float(number as f64)),
        (
            "float".to_owned(),
            Value::Float(if is_new {
                number as f64 / 8.0
            } else {
                f64::from_bits(random.next() >> 2)
            }),
        ),
        ("yes".to_owned(), Value::Boolean(number.is_multiple_of(2))),
    ]);
    if is_new {
        let texts = vec![Value::Text("one".to_owned()), Value::Text(String::new())];
        metadata.insert("texts".to_owned(), Value::List(texts));
        metadata.insert(
            "one integer".to_owned(),
            Value::List(vec![Value::Integer(number as i64)]),
        );
        metadata.insert(
            "floats".to_owned(),
            Value::List(vec![Value::Float(1.0), Value::Float(-2.5)]),
        );
        metadata.insert("flags".to_owned(), Value::List(vec![Value::Boolean(false)]));
    }
    metadata
}

/// Numbers that are the same in each run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Of every magnitude, so that every exponent is seen; finite.
    fn float(&mut self) -> f32 {
        let bits = (self.next() >> 32) as u32;
        let float = f32::from_bits(bits);
        if float.is_finite() { float } else { 0.5 }
    }
}
