//! `index_metadata.pickle`: an error, or no more labels than it has bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::chroma::fuzzing;
use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a temporary directory"));

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.path().join("index_metadata.pickle");
    std::fs::write(&path, bytes).expect("written");
    if let Ok(labels) = fuzzing::labels(&Host::new(Environment::default()), &path) {
        assert!(labels.len() <= bytes.len());
    }
});
