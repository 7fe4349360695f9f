//! One bit turned over, some hundreds of times, always the same ones.
//!
//! What is claimed: a bit of a vector's own bytes, or of the length that goes with it, may change this vector and nothing else;
//! no file has anything that would tell. Any other bit of the index files costs vectors at most. A bit of the catalog may change
//! what it holds, because SQLite keeps no checksums; it never leads to a panic, to a record that comes twice, or to a vector of
//! another dimension.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pgvector_setup::import::Record;

use crate::chroma::comparison::debug;
use crate::chroma::rows::Numbers;
use crate::verdict::{Damage, Verdict};

/// Those whose vectors are in the index files, in both pickles that there are.
const VERSIONS: [&str; 2] = ["0.6.3", "1.5.9"];

#[test]
fn no_bit_of_a_header_makes_a_vector_wrong() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let mut costly = 0;
        for file in of_persisted_segments(&damage, "header.bin") {
            let bytes = damage.bytes(&file);
            let bits = (0..bytes.len() * 8).step_by(3).collect();
            let tried = flip_each(&damage, &file, bits);
            costly += tried.iter().filter(|verdict| **verdict != Verdict::Whole).count();
        }
        assert!(costly > 0, "{version}: nothing in a header matters");
    }
}

#[test]
fn no_bit_of_the_labels_makes_a_vector_wrong() {
    let mut numbers = Numbers(2);
    for version in VERSIONS {
        let damage = Damage::of(version);
        for file in of_persisted_segments(&damage, "index_metadata.pickle") {
            let bits = some_bits(&mut numbers, damage.bytes(&file).len(), 20);
            flip_each(&damage, &file, bits);
        }
        for file in of_persisted_segments(&damage, "data_level0.bin") {
            let [stride, label, _] = layout(&damage, &file);
            let count = damage.bytes(&file).len() / stride;
            let bits = (0..15).map(|_| 8 * (numbers.below(count) * stride + label) + numbers.below(64));
            flip_each(&damage, &file, bits.collect());
        }
    }
}

#[test]
fn a_bit_of_a_vector_changes_this_vector_alone() {
    let mut numbers = Numbers(3);
    for version in VERSIONS {
        let damage = Damage::of(version);
        for file in of_persisted_segments(&damage, "data_level0.bin") {
            let [stride, label, data] = layout(&damage, &file);
            let count = damage.bytes(&file).len() / stride;
            for _ in 0..10 {
                let byte = numbers.below(count) * stride + data + numbers.below(label - data);
                changes_one_at_most(&damage, &file, 8 * byte + numbers.below(8));
            }
        }
        for file in of_persisted_segments(&damage, "length.bin") {
            for bit in some_bits(&mut numbers, damage.bytes(&file).len(), 10) {
                changes_one_at_most(&damage, &file, bit);
            }
        }
    }
}

#[test]
fn a_bit_of_the_catalog_leads_to_an_error_or_to_records_that_could_be() {
    let mut numbers = Numbers(4);
    for version in VERSIONS {
        let damage = Damage::of(version);
        let catalog = Path::new("chroma.sqlite3");
        let bytes = damage.bytes(catalog);
        // The first page has the header and the schema.
        let first = some_bits(&mut numbers, 4096, 30);
        for bit in first.into_iter().chain(some_bits(&mut numbers, bytes.len(), 60)) {
            let Ok(read) = damage.read_with(catalog, Some(&flipped(&bytes, bit))) else {
                continue;
            };
            for collection in &read.inventory.collections {
                let records = &read.records[&collection.name];
                let ids: BTreeSet<_> = records.iter().map(|record| &record.id).collect();
                assert_eq!(
                    ids.len(),
                    records.len(),
                    "{version} bit {bit}: a record comes twice"
                );
                for vector in records.iter().filter_map(|record| record.embedding.as_ref()) {
                    assert_eq!(
                        Some(vector.len() as u32),
                        collection.dimensions,
                        "{version} bit {bit}"
                    );
                }
            }
        }
    }
}

fn flip_each(damage: &Damage, file: &Path, bits: Vec<usize>) -> Vec<Verdict> {
    let bytes = damage.bytes(file);
    let verdict = |bit| damage.verdict_on_one(file, Some(&flipped(&bytes, bit)), &format!("bit {bit}"));
    bits.into_iter().map(verdict).collect()
}

fn changes_one_at_most(damage: &Damage, file: &Path, bit: usize) {
    let whole = damage.read_one_with(file, Some(&damage.bytes(file))).unwrap();
    let Ok(read) = damage.read_one_with(file, Some(&flipped(&damage.bytes(file), bit))) else {
        return;
    };
    let pairs = whole.iter().zip(&read);
    let changed: Vec<_> = pairs
        .filter(|(before, after)| debug(before) != debug(after))
        .collect();
    assert!(changed.len() <= 1, "{} bit {bit}: {changed:?}", file.display());
    for (before, after) in changed {
        let contents = |record: &Record| debug(&(&record.id, &record.document, &record.metadata));
        assert_eq!(contents(before), contents(after), "{} bit {bit}", file.display());
    }
}

/// Files of this name beside a pickle: without one the directory's vectors are in the log alone.
fn of_persisted_segments(damage: &Damage, name: &str) -> Vec<PathBuf> {
    let has_pickle = |file: &PathBuf| damage.path(file).with_file_name("index_metadata.pickle").exists();
    let named = damage
        .index_files()
        .into_iter()
        .filter(|file| file.ends_with(name));
    named.filter(has_pickle).collect()
}

/// Stride, place of the label, place of the vector: bytes in a record of `data_level0.bin`, as the header beside it has them.
fn layout(damage: &Damage, file: &Path) -> [usize; 3] {
    let header = damage.bytes(&file.with_file_name("header.bin"));
    [28, 36, 44].map(|at| u64::from_le_bytes(header[at..at + 8].try_into().unwrap()) as usize)
}

fn some_bits(numbers: &mut Numbers, length: usize, count: usize) -> Vec<usize> {
    (0..count).map(|_| numbers.below(length * 8)).collect()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}
