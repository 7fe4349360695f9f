//! Bytes that nobody wrote: what Chroma wrote, changed a hundred thousand times, always the same ones. An error or a value comes
//! of each, and a value that is none of another's.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::Value;
use pgvector_setup::import::chroma::fuzzing;

use crate::chroma::rows::Numbers;
use crate::verdict::Damage;

const PICKLES: usize = 20_000;
const HEADERS: usize = 40_000;
const METADATA: usize = 40_000;

#[test]
fn no_change_of_a_pickle_gives_an_id_the_label_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index_metadata.pickle");
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    let host = Host::new(Environment::default());
    let mut numbers = Numbers(5);
    for (flavour, pickle) in [("an object", OBJECT), ("a dictionary", DICTIONARY)] {
        let read = |bytes: &[u8]| {
            file.write_all_at(bytes, 0).unwrap();
            file.set_len(bytes.len() as u64).unwrap();
            fuzzing::labels(&host, &path)
        };
        let own: HashMap<_, _> = read(pickle).unwrap().into_iter().collect();
        assert_eq!(own.len(), 3, "{flavour}");
        let mut refused = 0;
        for _ in 0..PICKLES / 2 {
            let changed = mutated(&mut numbers, pickle);
            let Ok(labels) = read(&changed) else {
                refused += 1;
                continue;
            };
            assert!(labels.len() <= changed.len(), "{}", changed.escape_ascii());
            for (id, label) in labels {
                let expected = own.get(&id).copied().unwrap_or(label);
                assert_eq!(label, expected, "{flavour}: {}", changed.escape_ascii());
            }
        }
        assert!(
            (1..PICKLES / 2).contains(&refused),
            "{flavour}: {refused} refused"
        );
    }
}

#[test]
fn every_header_that_is_taken_agrees_with_itself() {
    let damage = Damage::of("1.5.9");
    let whole = damage.bytes(&damage.of_the_index("header.bin"));
    let mut numbers = Numbers(6);
    let mut taken = 0;
    for _ in 0..HEADERS {
        let mut changed = mutated(&mut numbers, &whole);
        changed.resize(whole.len(), 0);
        let bytes: &[u8; 100] = changed.as_slice().try_into().unwrap();
        match fuzzing::header(bytes) {
            Ok([stride, label, vector, dimensions]) => {
                assert!(stride <= u64::from(u32::MAX) && dimensions > 0, "{bytes:?}");
                assert_eq!((vector + 4 * dimensions, label + 8), (label, stride), "{bytes:?}");
                taken += 1;
            }
            Err((place, expected)) => assert!(place < 100 && !expected.is_empty(), "{bytes:?}"),
        }
    }
    assert!((1..HEADERS).contains(&taken), "{taken} taken");
}

#[test]
fn metadata_that_is_json_is_read_as_what_it_is() {
    let mut numbers = Numbers(7);
    let mut same = 0;
    for _ in 0..METADATA {
        let changed = mutated(&mut numbers, JSON.as_bytes());
        let Ok(text) = std::str::from_utf8(&changed) else {
            continue;
        };
        let read = fuzzing::metadata(text);
        if let Err((place, _)) = &read {
            assert!(text.is_char_boundary(*place), "{place}: {text}");
        }
        let Ok(expected) = serde_json::from_str::<serde_json::Map<_, _>>(text) else {
            continue;
        };
        if expected.values().any(is_nested) {
            assert!(read.is_err(), "{text}");
            continue;
        }
        // Of a key that comes twice the last counts, here as there.
        let read: HashMap<_, _> = read.expect(text).into_iter().collect();
        assert_eq!(read.len(), expected.len(), "{text}");
        for (key, value) in &expected {
            assert!(is_same(&read[key], value), "{key:?} of {text}: {:?}", read[key]);
        }
        same += 1;
    }
    assert!(same > METADATA / 20, "{same} are JSON");
}

/// One to three changes, each of a bit, a byte, or a few bytes that are cut out, doubled, or written elsewhere.
fn mutated(numbers: &mut Numbers, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=numbers.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = numbers.below(bytes.len());
        let end = (at + 1 + numbers.below(16)).min(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.bits() as u8,
            2 => bytes[at..end].fill([0, 0xff][numbers.below(2)]),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let to = numbers.below(bytes.len());
                let end = end.min(at + bytes.len() - to);
                bytes.copy_within(at..end, to);
            }
        }
    }
    bytes
}

fn is_nested(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(_) => true,
        serde_json::Value::Array(elements) => elements
            .iter()
            .any(|element| element.is_array() || element.is_object()),
        _ => false,
    }
}

fn is_same(read: &Value, expected: &serde_json::Value) -> bool {
    match (read, expected) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Boolean(read), serde_json::Value::Bool(expected)) => read == expected,
        (Value::Text(read), serde_json::Value::String(expected)) => read == expected,
        (Value::Integer(read), serde_json::Value::Number(expected)) => expected
            .as_i64()
            .map_or(expected.as_f64() == Some(*read as f64), |expected| {
                expected == *read
            }),
        (Value::Float(read), serde_json::Value::Number(expected)) => expected.as_f64() == Some(*read),
        (Value::List(read), serde_json::Value::Array(expected)) => {
            read.len() == expected.len()
                && read
                    .iter()
                    .zip(expected)
                    .all(|(read, expected)| is_same(read, expected))
        }
        _ => false,
    }
}

/// `{"max_seq_id": 7, "id_to_label": {...}, "label_to_id": {...}}` of three ids, as the state of Chroma's class up to 0.6.
const OBJECT: &[u8] = b"\x80\x05\x95\x00\x00\x00\x00\x00\x00\x00\x00\
    \x8c\x32chromadb.segment.impl.vector.local_persistent_hnsw\x94\x8c\x0ePersistentData\x94\x93\x94)\x81\x94}\x94(\
    \x8c\x0amax_seq_id\x94K\x07\x8c\x0bid_to_label\x94}\x94(\x8c\x03one\x94K\x01\x8c\x03two\x94M\x2c\x01\x8c\x05three\x94K\x03u\
    \x8c\x0blabel_to_id\x94}\x94(K\x01h\x08M\x2c\x01h\x09K\x03h\x0auub.";

/// The same as since 1.0, where no text is remembered.
const DICTIONARY: &[u8] = b"\x80\x03}(X\x0e\x00\x00\x00dimensionalityNX\x0b\x00\x00\x00id_to_label}(\
    X\x03\x00\x00\x00oneJ\x01\x00\x00\x00X\x03\x00\x00\x00twoJ\x2c\x01\x00\x00X\x05\x00\x00\x00threeJ\x03\x00\x00\x00u\
    X\x0b\x00\x00\x00label_to_id}(J\x01\x00\x00\x00X\x03\x00\x00\x00oneJ\x2c\x01\x00\x00X\x03\x00\x00\x00two\
    J\x03\x00\x00\x00X\x05\x00\x00\x00threeuX\x0c\x00\x00\x00id_to_seq_id}u.";

const JSON: &str = r#"{"chroma:document": "Größe \"値\" \ud83e\udd8a \\ \u0000", "page": -17, "score": 90.33333333333333,
    "tiny": 5e-324, "big": 9223372036854775807, "ok": true, "no": false, "gone": null, "tags": ["a", "b"], "few": [1, 2.5]}"#;
