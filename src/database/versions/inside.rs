//! The extension in one database, with its library and its indexes.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::database::DatabaseError;
use crate::database::sql::composed;
use crate::plan::upgrade::new_names;
use crate::settings::Identifier;

/// `pg_get_loaded_modules()` is there from this server version on.
const TELLS_LIBRARIES: i32 = 180_000;

/// The extension as the catalog has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Installed {
    /// `pg_extension.extversion`: what the SQL objects are.
    pub version: String,
    pub schema: String,
    pub owner: String,
    /// Whether the files on the server have a path from this version to the one they offer.
    pub is_updatable: bool,
    /// Functions and types that are not the extension's and bear the name of one that a later version makes, such as
    /// `l2_normalize(vector)`.
    pub strangers: Vec<String>,
    pub indexes: Vec<VectorIndex>,
    #[serde(skip_deserializing)]
    pub library: Library,
}

/// The library that a new session loads.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Library {
    /// As the library itself says (0.8.1 and later, on PostgreSQL 18 and later).
    Version(String),
    /// It has `hnsw.iterative_scan`, which came with 0.8.0.
    From080,
    #[default]
    Before080,
    /// It does not load or does not compute: then every statement on a vector table fails. The server's words.
    Broken(String),
}

impl std::fmt::Display for Library {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Version(version) => version,
            Self::From080 => "0.8.0 or later",
            Self::Before080 => "before 0.8.0",
            Self::Broken(_) => "does not load",
        })
    }
}

/// One HNSW or IVFFlat index; of a partitioned index, its parts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VectorIndex {
    /// `REINDEX CONCURRENTLY` gives the index another one, so it tells a rebuilt index from the one of before.
    pub oid: i64,
    pub schema: String,
    pub table: String,
    pub name: String,
    pub method: String,
    pub valid: bool,
    /// Of the key: `vector`, `halfvec`, `bit`, `sparsevec`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// 0 where the key has no fixed number.
    pub dimensions: i64,
    /// The planner's estimate for the whole table.
    pub rows: i64,
    pub options: BTreeMap<String, String>,
}

impl VectorIndex {
    /// As SQL names it.
    pub fn qualified(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// The name without what an interrupted `REINDEX CONCURRENTLY` appends to its transient copy (PostgreSQL manual,
    /// "REINDEX": `_ccnew` or `_ccold`, with a number where that is taken); `None` for any other name.
    pub fn stem_of_transient(&self) -> Option<&str> {
        let name = self.name.trim_end_matches(|last: char| last.is_ascii_digit());
        name.strip_suffix("_ccnew")
            .or_else(|| name.strip_suffix("_ccold"))
            .filter(|_| !self.valid)
    }
}

/// Reads the database that the session is in; `None` where the extension is not there.
pub(super) async fn read(
    connection: &mut PgConnection,
    server: i32,
) -> Result<Option<Installed>, DatabaseError> {
    let purpose = "read the extension";
    sqlx::raw_sql(
        "SET default_transaction_read_only = on; SET statement_timeout = '30s'; SET lock_timeout = '5s'",
    )
    .execute(&mut *connection)
    .await
    .map_err(DatabaseError::statement(purpose))?;
    let document: Option<String> = sqlx::query_scalar(include_str!("inside.sql"))
        .bind(new_names())
        .fetch_optional(&mut *connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let Some(document) = document else {
        return Ok(None);
    };
    let mut installed: Installed = serde_json::from_str(&document)
        .map_err(|error| DatabaseError::statement(purpose)(sqlx::Error::Decode(Box::new(error))))?;
    installed.library = library(connection, server, &installed.schema).await;
    Ok(Some(installed))
}

/// Loads the library by computing a distance, then asks it for its version, or for what tells it.
async fn library(connection: &mut PgConnection, server: i32, schema: &str) -> Library {
    let schema = Identifier::new(schema).map_or_else(|_| String::new(), |schema| schema.quoted());
    let sql = format!(
        "SELECT ('[1,2]'::{schema}.vector OPERATOR({schema}.<=>) '[1,3]'::{schema}.vector) IS NOT NULL"
    );
    if let Err(error) = sqlx::query(composed(sql)).fetch_one(&mut *connection).await {
        return Library::Broken(error.to_string());
    }
    if server >= TELLS_LIBRARIES {
        let sql = "SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'vector'";
        let version = sqlx::query_scalar::<_, Option<String>>(sql)
            .fetch_optional(&mut *connection)
            .await;
        if let Ok(Some(Some(version))) = version {
            return Library::Version(version);
        }
    }
    let sql = "SELECT current_setting('hnsw.iterative_scan', true) IS NOT NULL";
    match sqlx::query_scalar(sql).fetch_one(connection).await {
        Ok(true) => Library::From080,
        _ => Library::Before080,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, valid: bool) -> VectorIndex {
        VectorIndex {
            oid: 1,
            schema: "Shop's".into(),
            table: "items".into(),
            name: name.into(),
            method: "hnsw".into(),
            valid,
            type_name: "vector".into(),
            dimensions: 3,
            rows: 10,
            options: BTreeMap::new(),
        }
    }

    #[test]
    fn the_copies_of_an_interrupted_reindex_are_told_by_their_names_while_they_are_invalid() {
        for (name, valid, stem) in [
            ("items_hnsw_ccnew", false, Some("items_hnsw")),
            ("items_hnsw_ccnew3", false, Some("items_hnsw")),
            ("items_hnsw_ccold", false, Some("items_hnsw")),
            ("items_hnsw_ccnew", true, None),
            ("items_hnsw", false, None),
            ("items_ccnewer", false, None),
        ] {
            assert_eq!(index(name, valid).stem_of_transient(), stem, "{name}");
        }
    }
}
