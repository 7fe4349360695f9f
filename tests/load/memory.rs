//! A source that holds its records in memory.

use std::sync::{Arc, Mutex};

use pgvector_setup::import::{
    Collection, CollectionName, ImportError, Inventory, Record, Records, SharedSource, Source, Space, Value,
};

/// Gives these records, and fails after so many of them where that is wanted.
pub struct Memory {
    pub records: Vec<Record>,
    pub ends_after: Option<usize>,
}

impl Memory {
    pub fn shared(records: Vec<Record>) -> SharedSource {
        Self::ending(records, None)
    }

    pub fn ending(records: Vec<Record>, ends_after: Option<usize>) -> SharedSource {
        Arc::new(Mutex::new(Box::new(Self { records, ends_after })))
    }
}

impl Source for Memory {
    fn inventory(&mut self) -> Result<Inventory, ImportError> {
        Ok(Inventory {
            source: "memory".into(),
            version: "test".into(),
            fingerprint: None,
            collections: vec![collection(&self.records)],
            oddities: vec![],
        })
    }

    fn records<'s>(
        &'s mut self,
        _: &Collection,
        passed: u64,
    ) -> Result<Box<dyn Records + Send + 's>, ImportError> {
        let passed = usize::try_from(passed).unwrap();
        Ok(Box::new(Reading {
            left: &self.records[passed..],
            ends_after: self.ends_after,
        }))
    }
}

struct Reading<'s> {
    left: &'s [Record],
    ends_after: Option<usize>,
}

impl Records for Reading<'_> {
    fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, ImportError> {
        let most = self.ends_after.map_or(most, |left| most.min(left));
        if most == 0 {
            return Err(ImportError::Reader);
        }
        let (batch, left) = self.left.split_at(most.min(self.left.len()));
        self.left = left;
        self.ends_after = self.ends_after.map(|left| left - batch.len());
        Ok(batch.to_vec())
    }
}

pub fn collection(records: &[Record]) -> Collection {
    Collection {
        id: "8a1e7ad5-3f7e-4d55-a5a1-0f1d3a6f5a01".into(),
        name: CollectionName {
            tenant: "default_tenant".into(),
            database: "default_database".into(),
            name: "articles".into(),
        },
        dimensions: Some(3),
        space: Space::L2,
        records: records.len() as u64,
        without_vector: None,
        damage: None,
        oddities: vec![],
    }
}

/// Records of every type of metadata, each different.
pub fn records(count: usize) -> Vec<Record> {
    (0..count).map(record).collect()
}

pub fn record(number: usize) -> Record {
    let n = i64::try_from(number).unwrap();
    let metadata = [
        ("integer", Value::Integer(n)),
        ("float", Value::Float(n as f64)),
        ("tiny", Value::Float(5e-324)),
        ("large", Value::Float(1e20)),
        ("boolean", Value::Boolean(number.is_multiple_of(2))),
        ("text", Value::Text(format!("\"q\" \\ \u{1} \n é {number}"))),
        ("list", Value::List(vec![Value::Float(1.0), Value::Float(-0.5)])),
        ("nothing", Value::Null),
    ];
    Record {
        id: format!("id-{number}"),
        embedding: Some(vec![number as f32, -0.0, 1.0 / (number as f32 + 1.0)]),
        document: (!number.is_multiple_of(5)).then(|| format!("document {number}")),
        uri: number.is_multiple_of(7).then(|| format!("file:///{number}")),
        metadata: metadata.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}
