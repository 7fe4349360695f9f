//! Which indexes are rebuilt after an upgrade. The catalog does not say which version an index lived under: the
//! extension's version before the upgrade does, and after it the receipt, which notes the indexes by their oids.

use std::collections::BTreeMap;

use super::UpgradeFacts;
use crate::database::index::{Sizing, sizing_of};
use crate::database::versions::{DatabaseVersions, Installed, VectorIndex};
use crate::health::advisories::Version;
use crate::plan::Step;
use crate::settings::{Identifier, Index, Lists};

/// VACUUM can damage an HNSW index before this version (pgvector#988, #993; CHANGELOG 0.8.3 and 0.8.4).
const HNSW_SURVIVES_VACUUM: Version = Version::new(0, 8, 4);
/// IVFFlat indexes made by 0.2.7 and 0.3.0 are to be rebuilt (CHANGELOG 0.3.1).
const IVFFLAT_IS_RIGHT: Version = Version::new(0, 3, 1);
/// A sparse vector that can be indexed has at most 1,000 elements, of 8 bytes each.
const SPARSEVEC_BYTES: u64 = 8 + 8 * 1_000;

/// An index that has to be rebuilt, by the oid that it had when that was noted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owed {
    pub oid: i64,
    /// The version that it lived under.
    pub lived_under: String,
}

/// What upgrades of ours noted, by database.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Receipted {
    /// Noted, and no rebuild of it ended.
    pub owed: BTreeMap<String, Vec<Owed>>,
    /// Indexes that a rebuild of ours began on, as `"schema"."name"`: their INVALID copies are ours.
    pub begun: BTreeMap<String, Vec<String>>,
}

impl Receipted {
    pub fn owed_in(&self, database: &str) -> Vec<Owed> {
        self.owed.get(database).cloned().unwrap_or_default()
    }

    fn has_begun(&self, database: &str, index: &str) -> bool {
        self.begun
            .get(database)
            .is_some_and(|begun| begun.iter().any(|name| name == index))
    }
}

/// The indexes of a database that owe a rebuild once its extension goes to `target`.
pub(super) fn owed_after(installed: &Installed, target: &str) -> Vec<Owed> {
    let lives_under = &installed.version;
    installed
        .indexes
        .iter()
        .filter(|index| index.stem_of_transient().is_none() && reason(index, lives_under, target).is_some())
        .map(|index| Owed {
            oid: index.oid,
            lived_under: lives_under.clone(),
        })
        .collect()
}

/// The rebuilds in every database, and notes on what is left alone.
pub(super) fn plan(
    users: &[(&DatabaseVersions, &Installed)],
    target: &str,
    facts: &UpgradeFacts,
) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    for (database, installed) in users {
        let receipted = &facts.receipted;
        let owed = receipted.owed_in(&database.name);
        let mut rebuilt: Vec<&VectorIndex> = Vec::new();
        for index in &installed.indexes {
            if index.stem_of_transient().is_some() {
                continue;
            }
            let noted = owed.iter().find(|owed| owed.oid == index.oid);
            let lived_under = noted.map_or(&installed.version, |owed| &owed.lived_under);
            if let Some(because) = reason(index, lived_under, target)
                && let Some(step) = step(database, index, lived_under, because, target, facts)
            {
                steps.push(step);
                rebuilt.push(index);
            }
        }
        for copy in &installed.indexes {
            let Some(stem) = copy.stem_of_transient() else {
                continue;
            };
            let is_of = |index: &&VectorIndex| index.schema == copy.schema && index.name == stem;
            if rebuilt.iter().copied().any(|index| is_of(&index)) {
                continue;
            }
            let original = installed.indexes.iter().find(is_of);
            let is_ours =
                original.is_some_and(|original| receipted.has_begun(&database.name, &original.qualified()));
            match drop_step(database, copy).filter(|_| is_ours) {
                Some(step) => steps.push(step),
                None => notes.push(format!(
                    "database {}: an interrupted REINDEX of somebody else's left {}: DROP INDEX CONCURRENTLY {};",
                    database.name,
                    copy.name,
                    copy.qualified()
                )),
            }
        }
    }
    (steps, notes)
}

/// Why an index that lived under one version is rebuilt under another; `None` where it need not be.
fn reason(index: &VectorIndex, lived_under: &str, target: &str) -> Option<&'static str> {
    let (from, to) = (Version::parse(lived_under)?, Version::parse(target)?);
    let crosses = |floor: Version| from < floor && floor <= to;
    match index.method.as_str() {
        "hnsw" if crosses(HNSW_SURVIVES_VACUUM) => {
            Some("VACUUM can damage an HNSW index before 0.8.4 (pgvector#988, #993)")
        }
        "ivfflat" if crosses(IVFFLAT_IS_RIGHT) => Some("IVFFlat indexes of before 0.3.1 are to be rebuilt"),
        _ => None,
    }
}

fn step(
    database: &DatabaseVersions,
    index: &VectorIndex,
    lived_under: &str,
    because: &str,
    target: &str,
    facts: &UpgradeFacts,
) -> Option<Step> {
    let name = |text: &str| Identifier::new(text).ok();
    let Sizing {
        memory_kilobytes,
        workers,
    } = sizing(index, target, facts);
    Some(Step::RebuildIndex {
        database: name(&database.name)?,
        schema: name(&index.schema)?,
        table: name(&index.table)?,
        index: name(&index.name)?,
        oid: index.oid,
        because: format!("it lived under {lived_under}: {because}"),
        sql: format!("REINDEX INDEX CONCURRENTLY {}", index.qualified()),
        memory_kilobytes,
        workers,
    })
}

fn drop_step(database: &DatabaseVersions, copy: &VectorIndex) -> Option<Step> {
    let name = |text: &str| Identifier::new(text).ok();
    Some(Step::DropIndexCopy {
        database: name(&database.name)?,
        schema: name(&copy.schema)?,
        table: name(&copy.table)?,
        index: name(&copy.name)?,
        sql: format!("DROP INDEX CONCURRENTLY IF EXISTS {}", copy.qualified()),
    })
}

/// As a first build of this index would be sized.
fn sizing(index: &VectorIndex, target: &str, facts: &UpgradeFacts) -> Sizing {
    let option = |name: &str, default: u16| {
        let value = index.options.get(name).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    };
    let shape = match index.method.as_str() {
        "ivfflat" => Index::Ivfflat {
            lists: Lists::Count(option("lists", 100)),
        },
        _ => Index::Hnsw {
            m: option("m", 16),
            ef_construction: option("ef_construction", 64),
        },
    };
    let dimensions = u64::try_from(index.dimensions).unwrap_or(0);
    let payload = match index.type_name.as_str() {
        "halfvec" => 8 + 2 * dimensions,
        "bit" => 8 + dimensions.div_ceil(8),
        "sparsevec" => SPARSEVEC_BYTES,
        _ => 8 + 4 * dimensions,
    };
    sizing_of(shape, payload, index.rows, target, facts.budget)
}
