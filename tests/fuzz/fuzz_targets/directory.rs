//! A directory that Chroma 1.5.9 wrote, with bytes of one file written over: an error, or vectors of the dimensions that are told.
//!
//! An input is the number of a file, an offset in it, and what is written there.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::chroma::Directory;
use pgvector_setup::import::{ImportError, Source as _};
use tempfile::TempDir;

const ARCHIVE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../fixtures/chroma/chroma-mini-1.5.9.tar.zst"
);

struct Unpacked {
    place: TempDir,
    /// As they were written.
    files: Vec<(PathBuf, Vec<u8>)>,
}

static UNPACKED: LazyLock<Unpacked> = LazyLock::new(|| {
    let place = TempDir::new().expect("a temporary directory");
    let archive = std::fs::File::open(ARCHIVE).expect("the archive");
    let stream = ruzstd::decoding::StreamingDecoder::new(archive).expect("zstd");
    tar::Archive::new(stream).unpack(place.path()).expect("unpacked");
    let mut files = Vec::new();
    let mut waiting = vec![place.path().join("chroma")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("listed") {
            let path = entry.expect("listed").path();
            match path.is_dir() {
                true => waiting.push(path),
                false => files.push((path.clone(), std::fs::read(&path).expect("read"))),
            }
        }
    }
    files.sort();
    Unpacked { place, files }
});

fuzz_target!(|input: (u8, u32, &[u8])| {
    let (file, offset, written) = input;
    let (path, whole) = &UNPACKED.files[usize::from(file) % UNPACKED.files.len()];
    let mut bytes = whole.clone();
    let from = offset as usize % (bytes.len() + 1);
    let end = (from + written.len()).min(bytes.len());
    bytes[from..end].copy_from_slice(&written[..end - from]);
    std::fs::write(path, bytes).expect("written");
    // An error is as good as a value; what matters is how it comes.
    let _ = read(&UNPACKED.place.path().join("chroma"));
    std::fs::write(path, whole).expect("written");
});

fn read(path: &Path) -> Result<(), ImportError> {
    let mut source = Directory::open(&Host::new(Environment::default()), path)?;
    for collection in &source.inventory()?.collections {
        let mut records = source.records(collection, 0)?;
        loop {
            let batch = records.next_batch(1000)?;
            if batch.is_empty() {
                break;
            }
            for vector in batch.iter().filter_map(|record| record.embedding.as_ref()) {
                assert_eq!(Some(vector.len() as u32), collection.dimensions);
            }
        }
    }
    Ok(())
}
