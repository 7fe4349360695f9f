//! Directories whose writer was ended by SIGKILL: what it was told to be written is there, and all is as chromadb itself finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pgvector_setup::import::{Record, Space, Value};

use crate::chroma::comparison::is_same;
use crate::chroma::fixture::{digests, files};
use crate::chroma::reading::{self, Everything};
use crate::environment::{program, succeed};

const DIMENSION: u64 = 6;

pub fn many(version: &str, kills: usize) {
    let place = tempfile::TempDir::new().unwrap();
    let mut killing = program(version, "kill.py");
    succeed(killing.arg(place.path()).arg(kills.to_string()).arg("1"));
    let (mut hot, mut cut, mut ahead, mut unlabelled) = (0, 0, 0, 0);
    for number in 0..kills {
        let one = place.path().join(number.to_string());
        let what = format!("{version}, kill {number}");
        hot += usize::from(one.join("chroma/chroma.sqlite3-journal").exists());
        let directory = one.join("chroma");
        let before = digests(&directory);
        let read = reading::everything(&directory);
        assert_eq!(digests(&directory), before, "{what}: the source has changed");
        let mut read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
        let acknowledged = acknowledged(&one.join("acknowledged"));
        if has_cut_labels(&read) {
            let is_expected = version.starts_with("0.") && is_lost_to_chroma(&one.join("got"));
            assert!(is_expected, "{what}: {:?}", read.inventory);
            cut += 1;
        }
        let lost = put_lost_vectors(&mut read, &acknowledged, &what);
        assert!(
            lost == 0 || version.starts_with("0."),
            "{what}: {:?}",
            read.inventory
        );
        ahead += usize::from(lost > 0);
        unlabelled += usize::from(put_vectors_before_their_labels(&mut read, &one, &acknowledged, &what) > 0);
        is_whole(&one, &read, &acknowledged, &what);
    }
    println!(
        "{version}: {kills} writers killed, {hot} of them with a hot journal, {cut} while the labels were written, {ahead} with an index that has what was never committed, \
         {unlabelled} between its vectors and its labels"
    );
}

/// Chroma up to 0.6 empties the file of the labels before it writes it anew: who is killed in between leaves vectors that are nobody's.
fn has_cut_labels(read: &Everything) -> bool {
    let mut damages = read
        .inventory
        .collections
        .iter()
        .filter_map(|collection| collection.damage.as_ref());
    damages.any(|damage| damage.contains("index_metadata.pickle"))
}

/// What the inventory says is lost is given back, so that all else can be compared. Returns how many of them an index lost that can be
/// read: Chroma up to 0.6 writes it before it commits, and the killed call alone can have changed or removed a vector there.
fn put_lost_vectors(read: &mut Everything, acknowledged: &Acknowledged, what: &str) -> usize {
    let mut ahead = 0;
    for collection in &read.inventory.collections {
        let mut lost = 0;
        for record in read.records.get_mut(&collection.name).unwrap() {
            if record.embedding.is_none() {
                let (number, version) = (number(record, "number", what), number(record, "version", what));
                record.embedding = Some(components(number.cast_unsigned(), version.cast_unsigned()));
                lost += 1;
                if collection.damage.is_none() {
                    let key = (collection.name.name.clone(), record.id.clone());
                    let is_touched = acknowledged.intended.contains_key(&key);
                    assert!(is_touched, "{what}: {key:?} has no vector");
                    ahead += 1;
                }
            }
        }
        assert_eq!(collection.without_vector, Some(lost), "{what}");
    }
    ahead
}

/// Chroma up to 0.6 writes vectors in the place of those before them, then the norms of a cosine collection, then the labels: of who is
/// killed in between, no file tells that a vector, or its direction alone, is newer than its record. Only the times of the files do,
/// which no copy of a directory keeps. It is what chromadb itself gives then; the record's own is put in its place, so that all else can
/// be compared. Returns how many were put.
fn put_vectors_before_their_labels(
    read: &mut Everything,
    place: &Path,
    acknowledged: &Acknowledged,
    what: &str,
) -> usize {
    let mut newer = 0;
    for (name, records) in &mut read.records {
        for record in records {
            let key = (name.name.clone(), record.id.clone());
            let (number, version) = (number(record, "number", what), number(record, "version", what));
            let of = |version: i64| components(number.cast_unsigned(), version.cast_unsigned());
            let intended = acknowledged.intended.get(&key);
            let (Some(vector), Some(intended)) = (&record.embedding, intended) else {
                continue;
            };
            if *intended > version && !is_same(vector, &of(version), Space::Cosine) {
                assert!(
                    has_vectors_after_labels(&place.join("chroma")),
                    "{what}: {record:?}"
                );
                assert!(
                    is_given_by_chroma(&place.join("got"), &key, vector),
                    "{what}: {record:?}"
                );
                record.embedding = Some(of(version));
                newer += 1;
            }
        }
    }
    newer
}

/// Whether a segment's vectors were written after its labels.
fn has_vectors_after_labels(directory: &Path) -> bool {
    let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified());
    let mut files = files(directory).into_iter().map(|file| directory.join(file));
    files.any(|labels| {
        labels.ends_with("index_metadata.pickle")
            && written(&labels.with_file_name("data_level0.bin")).unwrap() > written(&labels).unwrap()
    })
}

/// Or it gives nothing.
fn is_given_by_chroma(got: &Path, key: &Key, vector: &[f32]) -> bool {
    let text = std::fs::read_to_string(got).unwrap();
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.any(|line| {
        let is_meant = line[0] == key.0.as_str() && line[1] == key.1.as_str();
        line.get("error").is_some() || is_meant && is_same(&numbers(&line[2]), vector, Space::Cosine)
    })
}

fn numbers(list: &serde_json::Value) -> Vec<f32> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap() as f32).collect()
}

fn number(record: &Record, key: &str, what: &str) -> i64 {
    match record.metadata.get(key) {
        Some(Value::Integer(number)) => *number,
        other => panic!("{what}: {key} of {:?} is {other:?}", record.id),
    }
}

fn is_lost_to_chroma(got: &Path) -> bool {
    std::fs::read_to_string(got).unwrap().contains(r#"{"error""#)
}

fn is_whole(place: &Path, read: &Everything, acknowledged: &Acknowledged, what: &str) {
    let mut found = BTreeMap::new();
    for (name, records) in &read.records {
        for record in records {
            found.insert((name.name.clone(), record.id.clone()), version_of(record, what));
        }
    }
    for (key, version) in &acknowledged.versions {
        let found = found.get(key).copied();
        let may_be_next = acknowledged.intended.get(key) == found.as_ref().or(Some(&-1));
        assert!(
            found == Some(*version) || may_be_next,
            "{what}: {key:?} is {found:?}, was {version}"
        );
    }
    for key in found.keys() {
        let is_known = acknowledged.versions.contains_key(key) || acknowledged.intended.contains_key(key);
        assert!(is_known, "{what}: {key:?} was deleted or never put in");
    }
    is_as_chroma_has_it(&place.join("got"), &found, what);
}

/// The version of the record that its metadata tells; its vector and document have to be that version's.
pub fn version_of(record: &Record, what: &str) -> i64 {
    let (number, version) = (number(record, "number", what), number(record, "version", what));
    assert_eq!(record.id, number.to_string(), "{what}");
    assert_eq!(
        record.document.as_deref(),
        Some(format!("{number} at {version}").as_str()),
        "{what}"
    );
    let vector = record
        .embedding
        .as_ref()
        .unwrap_or_else(|| panic!("{what}: {:?} has no vector", record.id));
    let expected = components(number.cast_unsigned(), version.cast_unsigned());
    assert!(
        is_same(vector, &expected, Space::Cosine),
        "{what}: {record:?}, expected {expected:?}"
    );
    version
}

/// As `kill.py` has it.
fn components(number: u64, version: u64) -> Vec<f32> {
    let component = |component| ((number * 31 + component * 17 + version * 7) % 1000 + 1) as f64 / 1000.0;
    (0..DIMENSION).map(|index| component(index) as f32).collect()
}

type Key = (String, String);

/// What the writer was told.
struct Acknowledged {
    versions: BTreeMap<Key, i64>,
    /// The call that it was killed in; -1 is a deletion.
    intended: BTreeMap<Key, i64>,
}

fn acknowledged(path: &Path) -> Acknowledged {
    let (mut versions, mut intended) = (BTreeMap::new(), BTreeMap::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        // The last line may be torn: then its call never began.
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if line[0] == "intends" {
            let collection = line[1].as_str().unwrap();
            let records = line[2].as_object().unwrap().iter();
            intended = records
                .map(|(id, to)| ((collection.to_owned(), id.clone()), to.as_i64().unwrap()))
                .collect();
        } else {
            versions.extend(std::mem::take(&mut intended));
            versions.retain(|_, version| *version >= 0);
        }
    }
    Acknowledged { versions, intended }
}

fn is_as_chroma_has_it(got: &Path, found: &BTreeMap<Key, i64>, what: &str) {
    let text = std::fs::read_to_string(got).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    if let Some(error) = lines.iter().find_map(|line| line.get("error")) {
        println!("{what}: chromadb itself fails with {error}");
        return;
    }
    let got: BTreeSet<(Key, i64)> = lines
        .iter()
        .map(|line| {
            let text = |at: usize| line[at].as_str().unwrap().to_owned();
            ((text(0), text(1)), line[4]["version"].as_i64().unwrap())
        })
        .collect();
    let found: BTreeSet<(Key, i64)> = found
        .iter()
        .map(|(key, version)| (key.clone(), *version))
        .collect();
    let differing: Vec<_> = got.symmetric_difference(&found).collect();
    assert!(
        differing.is_empty(),
        "{what}: chromadb has it otherwise: {differing:?}"
    );
}
