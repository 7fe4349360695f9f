//! What `catalog.sql` answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::PgConnection;

use crate::database::DatabaseError;
use crate::settings::VectorTable;

#[derive(Debug, Clone, Deserialize)]
pub struct Catalog {
    pub server: Server,
    pub memory: Memory,
    pub extension: Option<Extension>,
    /// The version that the server's packages offer.
    pub extension_available: Option<String>,
    pub table: Option<Table>,
    pub column: Option<Column>,
    /// The vector indexes whose first column is the embedding.
    pub indexes: Vec<Index>,
    /// Names of indexes that are the same but for their names.
    pub duplicates: Vec<Vec<String>>,
    /// Index builds that are running on the table.
    pub builds: Vec<Build>,
    /// `None` in records of before it was read.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// `180004` for 18.4.
    pub version_number: u32,
    pub version: String,
    pub bits: u8,
    pub database: String,
    pub role: String,
    pub superuser: bool,
    /// The session is another user's, who has become `role`.
    pub has_become_role: bool,
    pub in_recovery: bool,
    pub read_only: bool,
    pub collation_recorded: Option<String>,
    pub collation_actual: Option<String>,
}

/// Settings in bytes.
#[derive(Debug, Clone, Deserialize)]
pub struct Memory {
    pub shared_buffers: u64,
    pub maintenance_work_mem: u64,
    pub effective_cache_size: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Extension {
    pub version: String,
    pub schema: String,
    pub schema_usable: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Table {
    /// `pg_class.relkind`: `r` table, `p` partitioned, `v` view, …
    pub kind: String,
    /// The planner's estimate; negative where the table was never analyzed.
    pub estimated_rows: f64,
    /// Of the main fork: long vectors lie outside it.
    pub bytes: u64,
    pub readable: bool,
    pub live: u64,
    pub dead: u64,
    pub updated: u64,
    pub updated_in_place: u64,
    pub changed_since_analyze: u64,
}

impl Table {
    /// The best number of rows at hand without counting: the planner's, else the statistics collector's.
    pub fn rows(&self) -> u64 {
        if self.estimated_rows > 0.0 {
            self.estimated_rows as u64
        } else {
            self.live
        }
    }

    /// Whether rows can be read and sampled from it.
    pub fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p" | "m")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    #[serde(rename = "type")]
    pub type_name: String,
    pub of_extension: bool,
    /// The type as the server prints it, with its schema.
    pub full_type: String,
    pub dimensions: Option<u16>,
    /// `pg_attribute.attstorage`: `e` external, `p` plain, …
    pub storage: String,
    pub null_fraction: Option<f64>,
}

impl Column {
    /// The type as a reader knows it: `vector(1536)`, `text`.
    pub fn shown(&self) -> String {
        match self.dimensions.filter(|_| self.of_extension) {
            Some(dimensions) => format!("{}({dimensions})", self.type_name),
            None if self.of_extension => self.type_name.clone(),
            None => self.full_type.clone(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Index {
    pub name: String,
    pub method: String,
    pub operator_class: String,
    pub valid: bool,
    /// The condition of a partial index.
    pub partial: Option<String>,
    pub options: BTreeMap<String, String>,
    /// As of its build, or of the last VACUUM or ANALYZE.
    pub bytes: u64,
    /// Since the statistics were last reset, by anybody; `None` in records of before it was read.
    #[serde(default)]
    pub scans: Option<u64>,
    pub building: bool,
}

impl Index {
    /// An option's value, or pgvector's default where the index does not set it.
    pub fn option(&self, name: &str) -> Option<u32> {
        let default = match name {
            "m" => Some(16),
            "ef_construction" => Some(64),
            "lists" => Some(100),
            _ => None,
        };
        self.options.get(name).map_or(default, |value| value.parse().ok())
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Build {
    pub process: i32,
    pub phase: String,
    pub blocks_done: u64,
    pub blocks_total: u64,
}

/// What is around the table: other sessions, stored settings, replication.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Surroundings {
    /// Whether the sessions of other roles were seen as well.
    pub sees_all_sessions: bool,
    /// In this database and open for longer than 5 s, the oldest first.
    pub old_transactions: Vec<OldTransaction>,
    /// Names of this database's prepared transactions.
    pub prepared: Vec<String>,
    /// Settings `hnsw.…` and `ivfflat.…` that are stored for this role, this database or all.
    pub stored: Vec<StoredSetting>,
    /// Replication slots that nobody reads from while nothing limits what they keep.
    pub inactive_slots: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct OldTransaction {
    pub process: i32,
    pub application: String,
    pub state: String,
    pub seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct StoredSetting {
    /// `None` for every role.
    pub role: Option<String>,
    /// `None` for every database.
    pub database: Option<String>,
    pub name: String,
    pub value: String,
}

pub async fn read(connection: &mut PgConnection, table: &VectorTable) -> Result<Catalog, DatabaseError> {
    let purpose = "read the catalogs";
    let document: String = sqlx::query_scalar(include_str!("catalog.sql"))
        .persistent(false)
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .bind(table.column.as_str())
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    serde_json::from_str(&document)
        .map_err(|error| DatabaseError::statement(purpose)(sqlx::Error::Decode(Box::new(error))))
}
