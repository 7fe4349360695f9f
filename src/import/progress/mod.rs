//! What the database knows of its imports: one row for each collection and target, changed in the transactions that write rows.
//!
//! The tables are the administrator's, in the schema of the migrations' histories.

mod write;

use sqlx::{PgConnection, Row as _};
pub use write::{Beginning, advance, begin, resume, set_state};

use super::judgement::Parts;
use super::policy::{Kind, Policies};
use super::reading::Before;
use super::{Collection, ImportError};
use crate::database::DatabaseError;
use crate::database::migrate::SETUP_SCHEMA;
use crate::database::sql::composed;
use crate::settings::VectorTable;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Loading,
    /// All rows are there; index and proof may be missing.
    Loaded,
    Proven,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Loaded => "loaded",
            Self::Proven => "proven",
        }
    }
}

/// One import, as its row has it.
#[derive(Debug, Clone)]
pub struct Progress {
    pub id: i64,
    pub fingerprint: Option<String>,
    pub parts: Parts,
    /// The table held nothing but this import's rows from the first one on.
    pub is_alone: bool,
    pub policies: Policies,
    pub rejects: String,
    pub passed: u64,
    pub written: u64,
    pub digest: String,
    pub state: State,
    /// The very column that rows were written to is still there.
    pub is_of_this_table: bool,
}

impl Progress {
    pub fn before(&self) -> Option<Before> {
        (self.passed > 0).then(|| Before {
            passed: self.passed,
            digest: self.digest.clone(),
        })
    }
}

/// Makes the tables where they are not there.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn prepare(connection: &mut PgConnection) -> Result<(), ImportError> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {SETUP_SCHEMA}.import (
    id int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    collection_id text, schema_name text, table_name text, column_name text,
    relation oid NOT NULL, attribute int2 NOT NULL,
    collection text NOT NULL, source text NOT NULL, fingerprint text,
    parts text NOT NULL, is_alone boolean NOT NULL, policies text NOT NULL, rejects text NOT NULL,
    passed int8 NOT NULL DEFAULT 0, written int8 NOT NULL DEFAULT 0, digest text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'loading',
    version text NOT NULL, started_at timestamptz NOT NULL DEFAULT now(), changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, schema_name, table_name, column_name)
);
CREATE TABLE IF NOT EXISTS {SETUP_SCHEMA}.import_left_out (
    import int8 REFERENCES {SETUP_SCHEMA}.import (id) ON DELETE CASCADE,
    key text, kind text NOT NULL,
    PRIMARY KEY (import, key)
)"
    );
    sqlx::raw_sql(composed(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("make the table of imports"))?;
    Ok(())
}

/// The import of this collection into this column, where one was begun.
///
/// # Errors
/// [`ImportError::Progress`] where the row cannot be read.
pub async fn find(
    connection: &mut PgConnection,
    collection: &Collection,
    table: &VectorTable,
) -> Result<Option<Progress>, ImportError> {
    let is_there: bool = sqlx::query_scalar("SELECT pg_catalog.to_regclass($1) IS NOT NULL")
        .bind(format!("{SETUP_SCHEMA}.import"))
        .fetch_one(&mut *connection)
        .await
        .map_err(DatabaseError::statement("look for earlier imports"))?;
    if !is_there {
        return Ok(None);
    }
    let sql = format!(
        "SELECT i.*, a.attnum IS NOT NULL AS is_of_this_table
           FROM {SETUP_SCHEMA}.import i
           LEFT JOIN pg_catalog.pg_class c ON c.oid = i.relation AND c.relname = i.table_name
            AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = i.schema_name)
           LEFT JOIN pg_catalog.pg_attribute a
             ON a.attrelid = c.oid AND a.attnum = i.attribute AND a.attname = i.column_name AND NOT a.attisdropped
          WHERE i.collection_id = $1 AND i.schema_name = $2 AND i.table_name = $3 AND i.column_name = $4"
    );
    let row = sqlx::query(composed(sql))
        .persistent(false)
        .bind(&collection.id)
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .bind(table.column.as_str())
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::statement("read how far the import is"))?;
    row.map(|row| progress(&row).map_err(|detail| ImportError::Progress { detail }))
        .transpose()
}

fn progress(row: &sqlx::postgres::PgRow) -> Result<Progress, String> {
    fn named<Name: serde::de::DeserializeOwned>(text: String) -> Result<Name, String> {
        serde_json::from_value(text.into()).map_err(|error| error.to_string())
    }
    let count = |column: &str| {
        let count: i64 = row.try_get(column).map_err(|error| error.to_string())?;
        u64::try_from(count).map_err(|error| format!("{column}: {error}"))
    };
    let text = |column: &str| {
        row.try_get::<String, _>(column)
            .map_err(|error| error.to_string())
    };
    let failed = |error: sqlx::Error| error.to_string();
    let policies = serde_json::from_str(&text("policies")?).map_err(|error| error.to_string())?;
    Ok(Progress {
        id: row.try_get("id").map_err(failed)?,
        fingerprint: row.try_get("fingerprint").map_err(failed)?,
        parts: named(text("parts")?)?,
        is_alone: row.try_get("is_alone").map_err(failed)?,
        policies,
        rejects: text("rejects")?,
        passed: count("passed")?,
        written: count("written")?,
        digest: text("digest")?,
        state: named(text("state")?)?,
        is_of_this_table: row.try_get("is_of_this_table").map_err(failed)?,
    })
}

/// The keys that the table had no place for, some at a time: those after `after` in the order of their bytes.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn left_out(
    connection: &mut PgConnection,
    id: i64,
    after: Option<&str>,
) -> Result<Vec<(String, Kind)>, ImportError> {
    let sql = format!(
        r#"SELECT key, kind FROM {SETUP_SCHEMA}.import_left_out
            WHERE import = $1 AND ($2 IS NULL OR key COLLATE pg_catalog."C" > $2)
            ORDER BY key COLLATE pg_catalog."C" LIMIT 10000"#
    );
    let rows = sqlx::query(composed(sql))
        .persistent(false)
        .bind(id)
        .bind(after)
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::statement("read what was left out"))?;
    let kind = |name: &str| match name {
        "no-row" => Kind::NoRow,
        _ => Kind::Existing,
    };
    Ok(rows
        .iter()
        .map(|row| (row.get("key"), kind(row.get("kind"))))
        .collect())
}
