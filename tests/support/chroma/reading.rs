//! Reading all there is by the product.

use std::collections::BTreeMap;
use std::path::Path;

use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::chroma::Directory;
use pgvector_setup::import::{Collection, CollectionName, ImportError, Inventory, Record, Source as _};

/// Fewer than any collection of note has, and no divisor of their counts.
const BATCH: usize = 97;

/// All records of all collections in the order they came in, beside the inventory.
#[derive(Debug)]
pub struct Everything {
    pub inventory: Inventory,
    pub records: BTreeMap<CollectionName, Vec<Record>>,
}

pub fn open(path: &Path) -> Result<Directory, ImportError> {
    Ok(Directory::open(&Host::new(Environment::default()), path)?)
}

pub fn everything(path: &Path) -> Result<Everything, ImportError> {
    let mut source = open(path)?;
    let inventory = source.inventory()?;
    let mut records = BTreeMap::new();
    for collection in &inventory.collections {
        records.insert(collection.name.clone(), of(&mut source, collection, 0)?);
    }
    Ok(Everything { inventory, records })
}

/// The records of one collection after the first `passed`.
pub fn of(source: &mut Directory, collection: &Collection, passed: u64) -> Result<Vec<Record>, ImportError> {
    let mut reading = source.records(collection, passed)?;
    let mut records = Vec::new();
    loop {
        let batch = reading.next_batch(BATCH)?;
        if batch.is_empty() {
            return Ok(records);
        }
        assert!(batch.len() <= BATCH, "{} records at once", batch.len());
        records.extend(batch);
    }
}
