//! What `catalog.sql` answers, and whether pgvector's library can go on where an index found too little.

use serde::Deserialize;
use sqlx::{PgConnection, Postgres, Row as _};

use super::statement::{Argument, Sharing, Statement};
use crate::database::DatabaseError;
use crate::settings::{Identifier, VectorTable};

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Catalog {
    /// The schema of the extension `vector`, where it is installed.
    pub extension_schema: Option<Identifier>,
    /// Those that this role may read, in the table's order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order.
    pub primary_key: Vec<String>,
    /// Columns that are unique by themselves.
    pub unique_columns: Vec<String>,
    /// The vector indexes that are valid, whole and on a plain column.
    pub indexes: Vec<Index>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    pub name: Identifier,
    pub type_schema: Identifier,
    pub type_name: Identifier,
    /// `pg_type.typcategory`: `N` numbers, `S` strings, `B` booleans, `D` dates and times, `U` the others.
    pub category: char,
    /// Whether the type is pgvector's.
    pub is_of_extension: bool,
    pub dimensions: Option<u16>,
    /// Not null, and nothing fills it in.
    pub is_required: bool,
}

impl Column {
    /// The type as it stands in a cast: `"pg_catalog"."uuid"`.
    pub fn qualified_type(&self) -> String {
        format!("{}.{}", self.type_schema.quoted(), self.type_name.quoted())
    }

    pub fn is_of_type(&self, name: &str) -> bool {
        self.type_schema.as_str() == "pg_catalog" && self.type_name.as_str() == name
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Index {
    pub name: String,
    pub column: String,
    pub method: String,
    pub operator_class: String,
    /// Of an IVFFlat index that says so.
    pub lists: Option<u32>,
}

/// `None` where there is no such table, or this role may not enter its schema.
pub async fn read(
    connection: &mut PgConnection,
    sharing: Sharing,
    table: &VectorTable,
) -> Result<Option<Catalog>, DatabaseError> {
    let purpose = "read the table's catalogs";
    let names = [&table.schema, &table.table].map(|name| Argument::Text(name.to_string()));
    let statement = Statement::once(include_str!("catalog.sql"), names.into());
    let document: Option<String> = one(connection, sharing, statement, purpose).await?;
    document
        .map(|document| serde_json::from_str(&document))
        .transpose()
        .map_err(|error| DatabaseError::statement(purpose)(sqlx::Error::Decode(Box::new(error))))
}

/// Whether the loaded library is 0.8.0 or later. The extension's own version does not tell: files and objects are updated apart.
pub async fn has_iterative_scan(
    connection: &mut PgConnection,
    sharing: Sharing,
    schema: &Identifier,
) -> Result<bool, DatabaseError> {
    // The settings are there once the library is loaded, which reading a vector does.
    let sql = format!(
        "SELECT '[1]'::{}.vector IS NOT NULL AND pg_catalog.current_setting('hnsw.iterative_scan', true) IS NOT NULL",
        schema.quoted()
    );
    let statement = Statement::once(sql, Vec::new());
    let answer = one(connection, sharing, statement, "load the extension's library").await?;
    Ok(answer.unwrap_or_default())
}

pub async fn has_extension(connection: &mut PgConnection, sharing: Sharing) -> Result<bool, DatabaseError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'vector')";
    let statement = Statement::once(sql, Vec::new());
    let answer = one(connection, sharing, statement, "look for the extension").await?;
    Ok(answer.unwrap_or_default())
}

/// The first column of the first row.
async fn one<T>(
    connection: &mut PgConnection,
    sharing: Sharing,
    statement: Statement,
    purpose: &str,
) -> Result<Option<T>, DatabaseError>
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    let rows = statement
        .fetch(connection, sharing)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let value = rows.first().map(|row| row.try_get(0)).transpose();
    value.map_err(DatabaseError::statement(purpose))
}
