//! A directory by one version, or by several one after the other, against what was written.

use std::collections::BTreeMap;
use std::path::Path;

use pgvector_setup::import::{CollectionName, Metadata, Record, Space, Value};

use crate::chroma::comparison::{Truth, differences};
use crate::chroma::fixture::digests;
use crate::chroma::reading;
use crate::environment::{program, succeed};

/// These removed other collections' rows from the log before they were indexed (chroma issue 2922).
const LOSES_VECTORS: [&str; 1] = ["0.5.11"];

pub fn by(versions: &[&str]) {
    let place = tempfile::TempDir::new().unwrap();
    let (directory, truth) = (place.path().join("chroma"), place.path().join("truth"));
    for (seed, version) in (1..).zip(versions) {
        let mut writing = program(version, "write.py");
        succeed(writing.args([&directory, &truth]).arg(seed.to_string()));
    }
    let before = digests(&directory);
    let mut read = reading::everything(&directory).unwrap();
    assert_eq!(digests(&directory), before, "the source has changed");
    let truths = truths(&truth);
    assert!(read.records.keys().eq(truths.keys()), "{:?}", read.records.keys());
    let mut lost = 0;
    for (name, truth) in &truths {
        let records = read.records.get_mut(name).unwrap();
        for record in records.iter_mut().filter(|record| record.embedding.is_none()) {
            record.embedding = truth
                .records
                .get(&record.id)
                .and_then(|had| had.embedding.clone());
            lost += 1;
        }
        differences(records, truth).assert_none(&name.to_string());
        let told = read
            .inventory
            .collections
            .iter()
            .find(|collection| &collection.name == name)
            .unwrap();
        assert_eq!(
            (told.space, told.dimensions),
            (truth.space, truth.dimensions),
            "{name}"
        );
        assert_eq!(told.records, truth.records.len() as u64, "{name}");
    }
    let may_lose = versions.iter().any(|version| LOSES_VECTORS.contains(version));
    assert!(lost == 0 || may_lose, "{lost} records came without their vectors");
    let all: usize = truths.values().map(|truth| truth.records.len()).sum();
    println!(
        "{}: {all} records, {lost} of them without a vector",
        versions.join(", then ")
    );
}

#[derive(serde::Deserialize)]
struct Line {
    collection: String,
    space: Option<String>,
    dimension: Option<u32>,
    #[serde(default)]
    id: String,
    #[serde(default)]
    vector: String,
    document: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, serde_json::Value>,
}

/// What `write.py` has noted.
fn truths(path: &Path) -> BTreeMap<CollectionName, Truth> {
    let mut truths = BTreeMap::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let mut parts = line.collection.splitn(3, '/').map(String::from);
        let mut part = || parts.next().unwrap();
        let name = CollectionName {
            tenant: part(),
            database: part(),
            name: part(),
        };
        if let Some(space) = line.space {
            let space = match space.as_str() {
                "l2" => Space::L2,
                "cosine" => Space::Cosine,
                _ => Space::Ip,
            };
            let records = BTreeMap::new();
            truths.insert(
                name,
                Truth {
                    space,
                    dimensions: line.dimension,
                    records,
                },
            );
            continue;
        }
        let record = Record {
            id: line.id.clone(),
            embedding: Some(vector(&line.vector)),
            document: line.document,
            uri: None,
            metadata: line
                .metadata
                .into_iter()
                .map(|(key, value)| (key, parsed(value)))
                .collect::<Metadata>(),
        };
        truths.get_mut(&name).unwrap().records.insert(line.id, record);
    }
    truths
}

fn parsed(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap()),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(values) => Value::List(values.into_iter().map(parsed).collect()),
        value => panic!("metadata has no {value}"),
    }
}

/// Hexadecimal of little-endian float32.
fn vector(text: &str) -> Vec<f32> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    let component = |at: usize| f32::from_le_bytes([byte(at), byte(at + 2), byte(at + 4), byte(at + 6)]);
    (0..text.len()).step_by(8).map(component).collect()
}
