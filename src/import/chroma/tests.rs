//! Real directories, read by the whole reader. Ground truth is compared in `tests/import`.
#![allow(clippy::disallowed_methods, reason = "a test writes what is read")]

use std::path::Path;

use super::{Directory, DirectoryError};
use crate::error::Explain as _;
use crate::host::{Environment, Host};

fn open(path: &Path) -> Result<Directory, DirectoryError> {
    Directory::open(&Host::new(Environment::default()), path)
}

#[test]
fn what_is_no_directory_of_chroma_is_told_apart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path();
    assert!(matches!(
        open(&path.join("nowhere")),
        Err(DirectoryError::File { .. })
    ));
    assert!(matches!(open(path), Err(DirectoryError::NotChroma { .. })));

    std::fs::write(path.join("file"), "").expect("written");
    let error = open(&path.join("file")).expect_err("a file");
    assert!(matches!(
        error,
        DirectoryError::NotDirectory { directory: None, .. }
    ));

    std::fs::write(path.join("chroma-embeddings.parquet"), "PAR1").expect("written");
    assert!(matches!(open(path), Err(DirectoryError::BeforeSqlite { .. })));

    std::fs::write(
        path.join("chroma.sqlite3"),
        "no database at all, but longer than a header is",
    )
    .expect("written");
    assert!(matches!(open(path), Err(DirectoryError::Sqlite { .. })));
    let error = open(&path.join("chroma.sqlite3")).expect_err("the catalog itself");
    let hint = format!("pgvector-setup import chroma {} --inspect", path.display());
    assert_eq!(error.hint(), Some(hint));
}

#[test]
fn an_empty_database_lacks_the_tables() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("chroma.sqlite3"), "").expect("written");
    let error = open(directory.path()).expect_err("no tables");
    assert!(
        error.to_string().ends_with("leaves out collections.id"),
        "{error}"
    );
}
