//! What a directory has, with what a person should know of it.

use std::path::PathBuf;

use super::collections::{self, Entry};
use super::log::Topics;
use super::records::DirectoryRecords;
use super::vectors::Vectors;
use super::{Directory, DirectoryError, versions};
use crate::import::{Collection, Inventory};

pub(super) fn of(directory: &mut Directory) -> Result<Inventory, DirectoryError> {
    let (version, newer) = versions::of(&directory.catalog)?;
    let mut oddities = of_directory(directory);
    oddities.extend(newer);
    let entries = collections::list(&directory.catalog)?;
    let segments: Vec<PathBuf> = entries
        .iter()
        .filter_map(|entry| Some(directory.root.join(&entry.vectors.as_ref()?.id)))
        .collect();
    let state = directory.catalog.noted().with(&directory.host, &segments)?;
    let collections = collections(directory, entries);
    // Also where it failed: a writer at work explains what looks like damage.
    state.check(&directory.host, directory.catalog.file())?;
    Ok(Inventory {
        source: directory.path.display().to_string(),
        version,
        fingerprint: Some(state.fingerprint(&directory.root)),
        collections: collections?,
        oddities,
    })
}

fn collections(directory: &mut Directory, entries: Vec<Entry>) -> Result<Vec<Collection>, DirectoryError> {
    let topics = Topics::of(&directory.catalog)?;
    entries
        .into_iter()
        .map(|entry| collection(directory, &topics, entry))
        .collect()
}

fn of_directory(directory: &Directory) -> Vec<String> {
    let mut oddities = Vec::new();
    if directory.catalog.is_copy() {
        oddities.push(
            "Its last writer ended in the middle of a write, or keeps a log of SQLite's own: a private copy of the catalog is \
             read, and the directory stays as it is."
                .to_owned(),
        );
    }
    if let Some(process) = directory.user() {
        oddities.push(format!(
            "Process {process} has it open: stop it, because an import ends where it writes."
        ));
    } else if directory.is_locked() {
        oddities
            .push("A process uses it right now: stop it, because an import ends where it writes.".to_owned());
    }
    oddities
}

fn collection(
    directory: &mut Directory,
    topics: &Topics,
    entry: Entry,
) -> Result<Collection, DirectoryError> {
    let mut collection = Collection {
        id: entry.id.clone(),
        name: entry.name.clone(),
        dimensions: entry
            .dimensions
            .and_then(|dimensions| u32::try_from(dimensions).ok()),
        space: entry.space,
        records: 0,
        without_vector: None,
        damage: None,
        oddities: entry.oddities.clone(),
    };
    collection.oddities.extend(ahead_of_log(directory, &entry)?);
    match DirectoryRecords::after(directory, Some(topics), entry.clone(), 0) {
        Ok(records) => {
            // What the vectors have, whatever was noted of them.
            collection.dimensions = records.vectors().dimensions.or(collection.dimensions);
            collection.oddities.extend(of_vectors(&entry, records.vectors())?);
            let damage = records.vectors().damage.clone();
            let (all, without_vector) = records.count()?;
            collection.records = all;
            collection.without_vector = Some(without_vector);
            collection.oddities.extend(match &damage {
                Some(damage) => Some(of_damage(damage, all, without_vector)),
                None => of_missing(&entry, without_vector),
            });
            collection.damage = damage.filter(|_| without_vector > 0);
        }
        // The other collections can be read all the same.
        Err(error @ DirectoryError::File { .. }) => {
            collection.records = counted(directory, &entry)?;
            collection
                .oddities
                .push(format!("Its vectors cannot be read: {error}."));
        }
        Err(error) => return Err(error),
    }
    Ok(collection)
}

/// Chroma itself passes over whatever it writes next at a position that its segments claim to hold already.
fn ahead_of_log(directory: &Directory, entry: &Entry) -> Result<Option<String>, DirectoryError> {
    let end = directory
        .catalog
        .integer("SELECT max(seq_id) FROM embeddings_queue", [])?;
    Ok(match (entry.claimed(), end) {
        (Some(claimed), Some(end)) if claimed > end => Some(format!(
            "It claims to hold the log up to {claimed}, which ends at {end}: Chroma passes over what is written next."
        )),
        _ => None,
    })
}

fn of_vectors(entry: &Entry, vectors: &Vectors) -> Result<Vec<String>, DirectoryError> {
    let mut oddities = Vec::new();
    if vectors.is_whole_log {
        oddities.push(
            "Its log was never purged and is whole: vectors are read from it, exact to the last bit."
                .to_owned(),
        );
    }
    if let (Some(noted), Some(found)) = (entry.dimensions, vectors.dimensions)
        && noted != i64::from(found)
    {
        oddities.push(format!(
            "It is noted with {noted} dimensions, and its vectors have {found}."
        ));
    }
    let Some(snapshot) = vectors.snapshot() else {
        return Ok(oddities);
    };
    if snapshot.lost > 0 {
        let lost = snapshot.lost;
        oddities.push(format!(
            "Its index names {lost} vectors that its files do not have: they end too early, or were mixed."
        ));
    }
    let uncommitted = snapshot.uncommitted();
    if uncommitted > 0 {
        oddities.push(format!(
            "Its index has {uncommitted} vectors of a write that the catalog never had: the writer ended before it committed. \
             No record gets one: its own comes from the log, or counts as missing."
        ));
    }
    let (broken, seen) = snapshot.sample()?;
    if broken > 0 {
        oddities.push(format!(
            "Of {seen} vectors that were looked at, {broken} are not of length 1 as Chroma stores them for cosine: such a vector \
             counts as missing."
        ));
    }
    Ok(oddities)
}

fn of_damage(damage: &str, all: u64, without_vector: u64) -> String {
    let rest = match without_vector {
        0 => "the log still has every vector.".to_owned(),
        lost => format!(
            "{lost} of {all} records have an id, a document and metadata, and no vector; the log still has those of the others. \
             An import takes --on missing-vector=replace or --on missing-vector=skip."
        ),
    };
    format!("Its index cannot be read ({damage}): {rest}")
}

fn of_missing(entry: &Entry, without_vector: u64) -> Option<String> {
    (without_vector > 0).then(|| {
        let why = match entry.vectors.as_ref().and_then(|segment| segment.position) {
            Some(_) => {
                ": Chroma 0.5.6 to 0.5.12 purged the log of collections whose vectors were nowhere else yet, and up to 0.6 a writer that is \
                 killed leaves an index ahead of its catalog"
            }
            None => "",
        };
        format!("{without_vector} records have an id, a document and metadata, and no vector{why}.")
    })
}

fn counted(directory: &Directory, entry: &Entry) -> Result<u64, DirectoryError> {
    let segment = entry.metadata.as_ref().map_or("", |segment| &segment.id);
    let sql = "SELECT count(*) FROM embeddings WHERE segment_id = ?1";
    let count = directory.catalog.integer(sql, [segment])?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}
