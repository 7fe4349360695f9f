//! The indexes on the embedding column, as the catalog has them.

use sqlx::{PgConnection, Row as _};

use super::Definition;
use crate::database::DatabaseError;
use crate::settings::VectorTable;

/// One index on the embedding column alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct IndexFacts {
    pub name: String,
    /// `indisvalid AND indisready AND indislive`: searches use it and writes maintain it.
    pub valid: bool,
    /// Over the plain column and all rows: no expression, no predicate.
    pub plain: bool,
    pub definition: Definition,
    /// `pg_get_indexdef`, to be shown.
    pub sql: String,
}

/// Every index whose only key is the embedding column, by name.
pub async fn indexes(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Vec<IndexFacts>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT ic.relname, i.indisvalid AND i.indisready AND i.indislive AS valid, i.indpred IS NULL AS plain,
                am.amname, oc.opcname, coalesce(ic.reloptions, '{}') AS options,
                pg_catalog.pg_get_indexdef(ic.oid) AS sql
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
           JOIN pg_catalog.pg_am am ON am.oid = ic.relam
           JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[0]
          WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND i.indnatts = 1
          ORDER BY ic.relname",
    )
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .bind(table.column.as_str())
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("read the indexes of the embedding column"))?;
    Ok(rows
        .iter()
        .map(|row| IndexFacts {
            name: row.get("relname"),
            valid: row.get("valid"),
            plain: row.get("plain"),
            definition: Definition::found(
                row.get("amname"),
                row.get("opcname"),
                &row.get::<Vec<String>, _>("options"),
            ),
            sql: row.get("sql"),
        })
        .collect())
}
