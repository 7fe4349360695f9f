//! The directories that other tests and the benchmark write themselves are such as chromadb itself reads, record by record.

use pgvector_setup::import::{Record, Space};

use crate::chroma::rows::Rows;
use crate::chroma::{reading, synthetic};
use crate::environment::{program, succeed};

const ROWS: u64 = 3000;
const INDEXED: u64 = 2600;

pub fn is_read_by_chroma() {
    for space in [Space::Cosine, Space::L2] {
        let place = tempfile::TempDir::new().unwrap();
        let (directory, got) = (place.path().join("chroma"), place.path().join("got"));
        let rows = Rows::new(7);
        synthetic::write(
            &directory,
            space,
            7,
            INDEXED,
            (1..=ROWS).map(|number| rows.record(number)),
        );
        let read = reading::everything(&directory).unwrap();
        let ours: Vec<&Record> = read.records.values().flatten().collect();
        assert_eq!(ours.len() as u64, ROWS);
        succeed(
            program("1.5.9", "get.py")
                .arg(&directory)
                .arg(synthetic::COLLECTION)
                .arg(&got),
        );
        let text = std::fs::read_to_string(got).unwrap();
        let theirs = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(theirs["id"], ours.id);
            assert_eq!(theirs["document"], ours.document.clone().unwrap());
            assert_eq!(theirs["metadata"].as_object().unwrap().len(), ours.metadata.len());
            let components = ours
                .embedding
                .iter()
                .flatten()
                .zip(theirs["embedding"].as_array().unwrap());
            for (ours, theirs) in components {
                let theirs = theirs.as_f64().unwrap();
                assert!(
                    (f64::from(*ours) - theirs).abs() <= 1e-6 * theirs.abs().max(1.0),
                    "{ours} {theirs}"
                );
            }
        }
        assert_eq!(text.lines().count() as u64, ROWS);
    }
}
