//! Which Chroma wrote a directory, by the migrations that it applied.

use super::DirectoryError;
use super::sqlite::Catalog;

/// The newest schema that was looked at: sysdb, metadb, embeddings_queue.
const NEWEST: (i64, i64, i64) = (10, 6, 2);

/// What was found, in words, and a remark where it is newer than anything known.
pub(super) fn of(catalog: &Catalog) -> Result<(String, Option<String>), DirectoryError> {
    if !(catalog.has("migrations", "dir") && catalog.has("migrations", "version")) {
        return Ok(("Chroma, of an unknown version".to_owned(), None));
    }
    let level = |name: &str| -> Result<i64, DirectoryError> {
        let found = catalog.integer("SELECT max(version) FROM migrations WHERE dir = ?1", [name])?;
        Ok(found.unwrap_or(0))
    };
    let (sysdb, metadb, queue) = (level("sysdb")?, level("metadb")?, level("embeddings_queue")?);
    let is_newer = sysdb > NEWEST.0 || metadb > NEWEST.1 || queue > NEWEST.2;
    let remark = is_newer.then(|| {
        format!(
            "Its schema (sysdb {sysdb}, metadb {metadb}, embeddings_queue {queue}) is newer than that of Chroma 1.5, which is \
             the newest that is known; what both have was read."
        )
    });
    let words = match is_newer {
        true => "Chroma newer than 1.5",
        false => words(sysdb, metadb),
    };
    Ok((words.to_owned(), remark))
}

/// The versions whose last migrations these are; a directory may have been begun by an older one.
fn words(sysdb: i64, metadb: i64) -> &'static str {
    match (sysdb, metadb) {
        (..=3, _) => "Chroma 0.4.0 to 0.4.14",
        (4, _) => "Chroma 0.4.15 to 0.4.24",
        (5, _) => "Chroma 0.5.0 to 0.5.2",
        (6, _) => "Chroma 0.5.3 to 0.5.4",
        (7 | 8, _) => "Chroma 0.5.5 to 0.5.6",
        (9, ..=4) => "Chroma 0.5.7 to 0.6.3",
        (9, _) => "Chroma 1.0 to 1.2",
        (_, ..=5) => "Chroma 1.3 to 1.4",
        _ => "Chroma 1.5",
    }
}
