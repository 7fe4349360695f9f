//! What a fixture has to give.
//!
//! Ids and vectors are those that were handed to `add()`, `update()` and `upsert()` (`expected.orig`). Documents, URIs and
//! metadata are what `collection.get()` of the version that wrote the directory returned (`expected.get`), but for what get()
//! itself leaves out: a key whose value was NaN, which the versions before 1.0 keep as a key without a value.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use pgvector_setup::import::{CollectionName, Record, Space, Value};

use crate::chroma::comparison::Truth;
use crate::chroma::fixture::Fixture;

#[derive(serde::Deserialize)]
struct Expected<Of> {
    cols: BTreeMap<String, Of>,
}

#[derive(serde::Deserialize)]
struct Given {
    ids: Vec<String>,
    /// The array's name in the `.npz`; missing there where there are no records.
    npz: String,
}

#[derive(serde::Deserialize)]
struct Got {
    ids: Vec<String>,
    documents: Vec<Option<String>>,
    uris: Vec<Option<String>>,
    metadatas: Vec<Option<BTreeMap<String, serde_json::Value>>>,
}

pub fn of(fixture: &Fixture) -> BTreeMap<CollectionName, Truth> {
    let given: Expected<Given> = parsed(&fixture.expected("orig.json"));
    let got: Expected<Got> = parsed(&fixture.expected("get.json"));
    assert!(
        given.cols.keys().eq(got.cols.keys()),
        "both speak of the same collections"
    );
    let mut vectors = Vectors::open(&fixture.expected("orig.npz"));
    let truths = given.cols.into_iter().zip(got.cols.into_values());
    truths
        .map(|((name, given), got)| {
            let vectors = vectors.take(&given.npz, given.ids.len());
            let dimensions = dimensions(&name);
            let records = records(given.ids, vectors, got, fixture.is_before_1());
            let space = space(&name);
            (
                parse_name(&name),
                Truth {
                    space,
                    dimensions,
                    records,
                },
            )
        })
        .collect()
}

/// As the program that wrote the fixtures names its collections; `second` has one of the same name without a space.
fn space(name: &str) -> Space {
    match name {
        "default_tenant/second/docs_cosine" => Space::L2,
        _ if name.ends_with("_cosine") || name.ends_with("/empty") => Space::Cosine,
        _ if name.ends_with("/ip_smallsync") => Space::Ip,
        _ => Space::L2,
    }
}

fn dimensions(name: &str) -> Option<u32> {
    match name.rsplit('/').next().unwrap() {
        "empty" => None,
        "big_cosine" | "big_l2" | "ip_smallsync" => Some(6),
        "emptied" | "emptied_after_snapshot" | "renamed" => Some(8),
        _ => Some(16),
    }
}

fn records(
    ids: Vec<String>,
    vectors: Vec<Vec<f32>>,
    got: Got,
    keeps_nan_as_null: bool,
) -> BTreeMap<String, Record> {
    let mut records: BTreeMap<String, Record> = ids
        .into_iter()
        .zip(vectors)
        .map(|(id, vector)| {
            let embedding = Some(vector);
            (
                id.clone(),
                Record {
                    id,
                    embedding,
                    ..Record::default()
                },
            )
        })
        .collect();
    assert_eq!(records.len(), got.ids.len(), "both have the same records");
    let rest = got.ids.iter().zip(got.documents).zip(got.uris).zip(got.metadatas);
    for (((id, document), uri), metadata) in rest {
        let record = records.get_mut(id).expect("both have the same ids");
        record.document = document;
        record.uri = uri;
        record.metadata = metadata.unwrap_or_default().into_iter().map(value).collect();
        if id == "nan" && keeps_nan_as_null {
            record.metadata.insert("n".into(), Value::Null);
        }
    }
    records
}

fn value((key, value): (String, serde_json::Value)) -> (String, Value) {
    (key, scalar_or_list(value))
}

fn scalar_or_list(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap()),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap()),
        serde_json::Value::String(text) if text == INFINITY => Value::Float(f64::INFINITY),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(values) => Value::List(values.into_iter().map(scalar_or_list).collect()),
        value => panic!("metadata has no {value}"),
    }
}

/// `tenant/database/name`, none of which has a slash in it here.
fn parse_name(name: &str) -> CollectionName {
    let mut parts = name.splitn(3, '/').map(String::from);
    let mut part = || parts.next().expect("three parts");
    CollectionName {
        tenant: part(),
        database: part(),
        name: part(),
    }
}

/// Python writes infinity as a bare word, which is no JSON.
const INFINITY: &str = "<infinity>";

fn parsed<Of: serde::de::DeserializeOwned>(path: &Path) -> Of {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace(": Infinity", &format!(": \"{INFINITY}\""));
    serde_json::from_str(&text).unwrap()
}

/// Arrays of numpy in a zip file.
struct Vectors(zip::ZipArchive<std::fs::File>);

impl Vectors {
    fn open(path: &Path) -> Self {
        Self(zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap())
    }

    /// The rows of one array: `rows` vectors of equal length.
    fn take(&mut self, name: &str, rows: usize) -> Vec<Vec<f32>> {
        if rows == 0 {
            return Vec::new();
        }
        let mut bytes = Vec::new();
        let mut entry = self.0.by_name(&format!("{name}.npy")).unwrap();
        entry.read_to_end(&mut bytes).unwrap();
        // Format 1.0: magic, version, length of the description, description, the numbers row by row.
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let description = String::from_utf8_lossy(&bytes[10..start]);
        assert!(
            description.contains("'<f4'") && description.contains("'fortran_order': False"),
            "{description}"
        );
        let numbers: Vec<f32> = bytes[start..]
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        numbers
            .chunks(numbers.len() / rows)
            .map(<[f32]>::to_vec)
            .collect()
    }
}
