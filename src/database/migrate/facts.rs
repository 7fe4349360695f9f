//! What the catalog says about the table before anything is changed. Read-only.

use sqlx::{PgConnection, Row as _};

use super::MigrateError;
use crate::database::DatabaseError;
use crate::database::index::{IndexFacts, indexes, rows_needed};
use crate::database::sql::composed;
use crate::settings::VectorTable;

/// What there is. `TableFacts::default()` is a database in which nothing is, or which is not there yet.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct TableFacts {
    /// The extension in this database.
    pub extension: Option<ExtensionFacts>,
    /// The version that `CREATE EXTENSION` would give; looked at only where the extension is not there.
    pub available_extension: Option<String>,
    pub table: Option<ExistingTable>,
    /// The relation of another table (or another kind) that has the name of our index, as `kind name`.
    pub index_name_taken_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExtensionFacts {
    pub version: String,
    pub schema: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    Ordinary,
    Partitioned,
    /// Nothing that takes a column and an index: `view`, `materialized view`, …
    Other(String),
}

/// A relation that has the table's name.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ExistingTable {
    pub kind: TableKind,
    pub owner: String,
    pub columns: Vec<ColumnFacts>,
    /// The planner's estimate; negative where the table was never analyzed.
    pub estimated_rows: f64,
    pub has_rows: bool,
    /// Rows with an embedding; counted only where an IVFFlat index is wanted and not there yet.
    pub embeddings: Option<i64>,
    /// Indexes on the embedding column.
    pub indexes: Vec<IndexFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnFacts {
    pub name: String,
    /// Without its schema: `vector(1536)`, `text`.
    pub type_name: String,
    pub type_schema: String,
}

impl ExistingTable {
    pub fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Looks at the extension, the table, its columns and its indexes.
///
/// # Errors
/// [`MigrateError::Database`] when a statement fails.
pub async fn table_facts(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<TableFacts, MigrateError> {
    let extension = installed_extension(connection).await?;
    let available_extension = match extension {
        Some(_) => None,
        None => sqlx::query_scalar(
            "SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'",
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(DatabaseError::statement("look for the extension's files"))?,
    };
    Ok(TableFacts {
        extension,
        available_extension,
        table: existing_table(connection, table).await?,
        index_name_taken_by: index_name_taken_by(connection, table).await?,
    })
}

pub(super) async fn installed_extension(
    connection: &mut PgConnection,
) -> Result<Option<ExtensionFacts>, MigrateError> {
    let row = sqlx::query(
        "SELECT e.extversion, n.nspname
           FROM pg_catalog.pg_extension e
           JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
          WHERE e.extname = 'vector'",
    )
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("look for the extension"))?;
    Ok(row.map(|row| ExtensionFacts {
        version: row.get("extversion"),
        schema: row.get("nspname"),
    }))
}

async fn existing_table(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<ExistingTable>, MigrateError> {
    let relation = sqlx::query(
        "SELECT c.oid::pg_catalog.int8 AS oid, c.relkind::pg_catalog.text AS kind,
                pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text AS owner,
                c.reltuples::pg_catalog.float8 AS rows
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .fetch_optional(&mut *connection)
    .await
    .map_err(DatabaseError::statement("look for the table"))?;
    let Some(relation) = relation else {
        return Ok(None);
    };
    let kind = match relation.get::<String, _>("kind").as_str() {
        "r" => TableKind::Ordinary,
        "p" => TableKind::Partitioned,
        other => TableKind::Other(kind_name(other).to_owned()),
    };
    let readable = !matches!(kind, TableKind::Other(_));
    let columns = columns(connection, relation.get("oid")).await?;
    let indexes = indexes(connection, table).await?;
    let has_column = columns.iter().any(|column| column.name == table.column.as_str());
    let is_indexed = indexes.iter().any(|index| index.valid);
    let embeddings = match rows_needed(table.effective_index()) {
        Some(_) if readable && has_column && !is_indexed => Some(count_embeddings(connection, table).await?),
        Some(_) if readable && !is_indexed => Some(0),
        _ => None,
    };
    Ok(Some(ExistingTable {
        kind,
        owner: relation.get("owner"),
        columns,
        estimated_rows: relation.get("rows"),
        has_rows: readable && has_rows(connection, table).await?,
        embeddings,
        indexes,
    }))
}

async fn columns(connection: &mut PgConnection, relation: i64) -> Result<Vec<ColumnFacts>, MigrateError> {
    let rows = sqlx::query(
        "SELECT a.attname, n.nspname,
                CASE WHEN t.typname IN ('vector', 'halfvec') AND a.atttypmod > 0
                     THEN t.typname || '(' || a.atttypmod || ')'
                     ELSE t.typname::pg_catalog.text END AS type
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
          WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
          ORDER BY a.attnum",
    )
    .bind(relation)
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("read the table's columns"))?;
    Ok(rows
        .iter()
        .map(|row| ColumnFacts {
            name: row.get("attname"),
            type_name: row.get("type"),
            type_schema: row.get("nspname"),
        })
        .collect())
}

pub(super) async fn has_rows(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<bool, MigrateError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {})", table.qualified());
    Ok(sqlx::query_scalar(composed(sql))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("see whether the table has rows"))?)
}

/// The exact number of rows with an embedding; reads the whole table, not the vectors.
pub(super) async fn count_embeddings(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<i64, MigrateError> {
    let sql = format!(
        "SELECT pg_catalog.count(*) FROM {} WHERE {} IS NOT NULL",
        table.qualified(),
        table.column.quoted()
    );
    Ok(sqlx::query_scalar(composed(sql))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("count the embeddings"))?)
}

async fn index_name_taken_by(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<String>, MigrateError> {
    let row = sqlx::query(
        "SELECT c.relkind::pg_catalog.text AS kind, owner.relname::pg_catalog.text AS owner
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
           LEFT JOIN pg_catalog.pg_class owner ON owner.oid = i.indrelid
           LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = owner.oid AND a.attnum = i.indkey[0]
          WHERE n.nspname = $1 AND c.relname = $2
            AND NOT coalesce(owner.relname = $3 AND a.attname = $4 AND i.indnatts = 1, false)",
    )
    .bind(table.schema.as_str())
    .bind(table.index_name().as_str())
    .bind(table.table.as_str())
    .bind(table.column.as_str())
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see whether the index's name is free"))?;
    Ok(row.map(|row| {
        let kind = kind_name(&row.get::<String, _>("kind")).to_owned();
        match row.get::<Option<String>, _>("owner") {
            Some(owner) => format!("{kind} on {owner}"),
            None => kind,
        }
    }))
}

/// `pg_class.relkind` in words.
fn kind_name(kind: &str) -> &'static str {
    match kind {
        "r" => "table",
        "p" => "partitioned table",
        "v" => "view",
        "m" => "materialized view",
        "f" => "foreign table",
        "i" | "I" => "index",
        "S" => "sequence",
        "c" => "composite type",
        _ => "relation of another kind",
    }
}
