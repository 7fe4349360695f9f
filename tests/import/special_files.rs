//! Files that are not what their names say, or far larger than anybody would read.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::chroma::fixture::files;
use crate::chroma::reading;
use crate::verdict::{Damage, Verdict};

/// 1 TiB of nothing: Chroma's own `link_lists.bin` has grown so (chroma issues 7678 and 7510).
const SPARSE: u64 = 1 << 40;

const INDEX_FILES: [&str; 5] = [
    "header.bin",
    "data_level0.bin",
    "length.bin",
    "link_lists.bin",
    "index_metadata.pickle",
];

#[test]
fn a_file_of_a_tebibyte_is_not_read_whole() {
    let damage = Damage::of("1.5.9");
    for name in INDEX_FILES {
        let file = damage.of_the_index(name);
        let whole = damage.bytes(&file);
        OpenOptions::new()
            .write(true)
            .open(damage.path(&file))
            .unwrap()
            .set_len(SPARSE)
            .unwrap();
        let verdict = damage.judge(damage.read());
        std::fs::write(damage.path(&file), whole).unwrap();
        // What counts is at the beginning of all the others, or nobody looks at them.
        let is_expected = match name {
            "index_metadata.pickle" => verdict.is_ok(),
            _ => verdict == Ok(Verdict::Whole),
        };
        assert!(is_expected, "{name}: {verdict:?}");
    }
    assert!(peak_megabytes() < 1024, "{} MB", peak_megabytes());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let damage = Damage::of("1.5.9");
    let everything = INDEX_FILES.map(|name| damage.of_the_index(name));
    for file in everything.into_iter().chain([PathBuf::from("chroma.sqlite3")]) {
        let path = damage.path(&file);
        let whole = damage.bytes(&file);
        type Put = fn(&Path);
        let puts: [(&str, Put); 3] = [
            ("a pipe", |path| {
                rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
                    .unwrap()
            }),
            ("a directory", |path| std::fs::create_dir(path).unwrap()),
            ("a device without end", |path| {
                std::os::unix::fs::symlink("/dev/zero", path).unwrap()
            }),
        ];
        for (what, put) in puts {
            std::fs::remove_file(&path).unwrap();
            put(&path);
            let verdict = damage.judge(damage.read());
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            std::fs::write(&path, &whole).unwrap();
            let is_expected = match &verdict {
                Ok(Verdict::Whole) => file.ends_with("link_lists.bin"),
                verdict => verdict.is_ok(),
            };
            assert!(is_expected, "{} as {what}: {verdict:?}", file.display());
        }
    }
}

#[test]
fn a_directory_without_a_catalog_is_refused_with_a_way_out() {
    let empty = tempfile::TempDir::new().unwrap();
    let error = reading::everything(empty.path()).unwrap_err();
    assert!(pgvector_setup::Explain::hint(&error).is_some(), "{error}");
    assert_eq!(files(empty.path()), Vec::<PathBuf>::new());
    reading::everything(&empty.path().join("missing")).unwrap_err();
    // Chroma before 0.4.
    for name in ["chroma-collections.parquet", "chroma-embeddings.parquet"] {
        std::fs::write(empty.path().join(name), b"PAR1").unwrap();
    }
    let error = reading::everything(empty.path()).unwrap_err();
    let said = format!("{error} {}", pgvector_setup::Explain::hint(&error).unwrap());
    assert!(said.contains("0.3") || said.contains("chroma-migrate"), "{said}");
}

/// `VmHWM`: the largest resident size of this process so far (proc(5)).
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
