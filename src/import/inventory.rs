//! What a source has, before anything is moved.

use std::fmt;

use crate::settings::Metric;

/// Everything that is in a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Inventory {
    /// A directory's path or a server's address, without anything secret.
    pub source: String,
    /// What wrote it, in words: `Chroma 0.5.7 to 0.6.3`.
    pub version: String,
    /// Changes with whatever is written to the source; `None` where that cannot be told.
    pub fingerprint: Option<String>,
    /// By tenant, database and name.
    pub collections: Vec<Collection>,
    /// What a person should know of the source as a whole, a sentence each.
    pub oddities: Vec<String>,
}

/// One collection of a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Collection {
    /// The source's own id of it.
    pub id: String,
    pub name: CollectionName,
    /// Components of its vectors; `None` where nothing was ever written.
    pub dimensions: Option<u32>,
    pub space: Space,
    /// Live records.
    pub records: u64,
    /// Of these, how many have no vector in the source; `None` where only reading everything would tell.
    pub without_vector: Option<u64>,
    /// Why the vectors that are missing cannot be read, where something of the source is damaged: a clause that names the file.
    pub damage: Option<String>,
    /// What a person should know of it, a sentence each.
    pub oddities: Vec<String>,
}

/// A collection's name is unique within a database of a tenant alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct CollectionName {
    pub tenant: String,
    pub database: String,
    pub name: String,
}

impl fmt::Display for CollectionName {
    /// `tenant/database/name`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.tenant, self.database, self.name)
    }
}

/// The distance that a collection is searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    L2,
    Cosine,
    Ip,
}

impl Space {
    /// By the name that Chroma gives it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "l2" => Some(Self::L2),
            "cosine" => Some(Self::Cosine),
            "ip" => Some(Self::Ip),
            _ => None,
        }
    }
}

impl From<Space> for Metric {
    fn from(space: Space) -> Self {
        match space {
            Space::L2 => Self::L2,
            Space::Cosine => Self::Cosine,
            Space::Ip => Self::Ip,
        }
    }
}
