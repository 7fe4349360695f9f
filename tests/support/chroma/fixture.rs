//! Directories that five versions of Chroma have written, each unpacked afresh for the test that reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub const VERSIONS: [&str; 5] = ["0.4.24", "0.5.23", "0.6.3", "1.0.21", "1.5.9"];

/// One directory of one version, removed when dropped.
#[derive(Debug)]
pub struct Fixture {
    pub version: &'static str,
    unpacked: TempDir,
}

impl Fixture {
    pub fn unpack(version: &'static str) -> Self {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/fixtures/chroma/chroma-mini-{version}.tar.zst"));
        let file = std::fs::File::open(archive).unwrap();
        let unpacked = TempDir::new().unwrap();
        let stream = ruzstd::decoding::StreamingDecoder::new(file).unwrap();
        tar::Archive::new(stream).unpack(unpacked.path()).unwrap();
        Self { version, unpacked }
    }

    /// What a person would name: the directory with chroma.sqlite3.
    pub fn directory(&self) -> PathBuf {
        self.unpacked.path().join("chroma")
    }

    /// `expected.get.json` and its neighbours.
    pub fn expected(&self, name: &str) -> PathBuf {
        self.unpacked.path().join(format!("expected.{name}"))
    }

    /// Whether Chroma itself, not yet rewritten in Rust, wrote the directory.
    pub fn is_before_1(&self) -> bool {
        self.version.starts_with("0.")
    }
}

/// Every file below a directory by its path there, with a digest of what it holds.
pub fn digests(directory: &Path) -> BTreeMap<PathBuf, String> {
    files(directory)
        .into_iter()
        .map(|path| {
            let digest = Sha256::digest(std::fs::read(directory.join(&path)).unwrap());
            (path, format!("{digest:x?}"))
        })
        .collect()
}

/// Every file below a directory by its path there, in order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        for entry in std::fs::read_dir(directory.join(&relative)).unwrap() {
            let entry = entry.unwrap();
            let path = relative.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
