//! The table whose rows get vectors: which columns are text, and how its key and its vectors are written in SQL.

use sqlx::{Connection as _, PgConnection, Postgres, Row as _, Transaction};

use super::EmbeddingError;
use super::model::described;
use crate::database::DatabaseError;
use crate::settings::{Identifier, VectorTable};

/// The column that tables made here keep their text in.
const DOCUMENT: &str = "document";

/// A table, and the columns that the text of a row is made of.
#[derive(Debug, Clone)]
pub struct Subject {
    pub table: VectorTable,
    /// At least one.
    pub texts: Vec<Identifier>,
    /// Components of each vector of the column.
    pub dimensions: u16,
    /// `vector` or `halfvec`, without its schema.
    pub vector_name: String,
    /// `"pg_catalog"."text"`
    key_type: String,
    /// `"public"."vector"(1536)`
    vector_type: String,
}

struct Column {
    name: String,
    /// With its schema, quoted.
    type_name: String,
    bare_type: String,
    modifier: i32,
    is_text: bool,
    /// By itself, at every moment.
    is_unique: bool,
}

impl Subject {
    /// Looks at the table. Without `texts` the column `document` is taken, where there is one.
    ///
    /// # Errors
    /// [`EmbeddingError::NoColumn`] for a column that is not there; [`EmbeddingError::NotUnique`] for a key that more than one row may
    /// have; [`EmbeddingError::NoText`] where no text was named and there is no `document`; [`EmbeddingError::Database`].
    pub async fn read(
        connection: &mut PgConnection,
        table: &VectorTable,
        texts: &[Identifier],
    ) -> Result<Self, EmbeddingError> {
        let columns = columns(connection, table).await?;
        let find = |name: &Identifier| {
            let found = columns.iter().find(|column| column.name == name.as_str());
            found.ok_or_else(|| EmbeddingError::NoColumn {
                column: name.to_string(),
                table: table.qualified(),
            })
        };
        let (key, vector) = (find(&table.key)?, find(&table.column)?);
        // A vector is written to every row of its key.
        if !key.is_unique {
            return Err(EmbeddingError::NotUnique {
                table: table.qualified(),
                column: table.key.quoted(),
            });
        }
        let texts = match texts {
            [] => default_text(table, &columns)?,
            named => named.to_vec(),
        };
        for text in &texts {
            find(text)?;
        }
        let dimensions = u16::try_from(vector.modifier).unwrap_or(table.dimensions.count());
        Ok(Self {
            dimensions,
            vector_name: vector.bare_type.clone(),
            key_type: key.type_name.clone(),
            vector_type: format!("{}({dimensions})", vector.type_name),
            table: table.clone(),
            texts,
        })
    }

    /// `"embedding" of "vectors"."articles"`
    pub fn described(&self) -> String {
        described(&self.table)
    }

    /// The text of row `t`: the columns that are not empty, a blank line between each two.
    pub(super) fn text_sql(&self) -> String {
        let parts: Vec<String> = self
            .texts
            .iter()
            .map(|text| format!("NULLIF(CAST(t.{} AS text), '')", text.quoted()))
            .collect();
        format!("pg_catalog.concat_ws(E'\\n\\n', {})", parts.join(", "))
    }

    /// SHA-256 of the text of row `t`, as [`text_digest`] computes it.
    pub(super) fn digest_sql(&self) -> String {
        format!(
            "pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8'))",
            self.text_sql()
        )
    }

    /// A text expression as a value of the key's type.
    pub(super) fn key_sql(&self, text: &str) -> String {
        format!("CAST({text} AS {})", self.key_type)
    }

    /// An expression of type `real[]` as a value of the embedding column's type.
    pub(super) fn vector_sql(&self, numbers: &str) -> String {
        format!("CAST({numbers} AS {})", self.vector_type)
    }
}

/// SHA-256 of a row's text.
pub(super) fn text_digest(text: &str) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(text.as_bytes()).to_vec()
}

/// Begins a transaction in which names mean the server's own objects, and nothing is waited for without end.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, DatabaseError> {
    let failed = || DatabaseError::statement("begin a transaction");
    let mut transaction = connection.begin().await.map_err(failed())?;
    sqlx::raw_sql(
        "SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '10s'",
    )
    .execute(&mut *transaction)
    .await
    .map_err(failed())?;
    Ok(transaction)
}

async fn columns(connection: &mut PgConnection, table: &VectorTable) -> Result<Vec<Column>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT a.attname, a.atttypmod, t.typname, t.typcategory = 'S' AS is_text,
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) AS type,
                EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
                           AND i.indimmediate AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_unique
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
          WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
            AND a.attnum > 0 AND NOT a.attisdropped
          ORDER BY a.attnum",
    )
    .persistent(false)
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("read the table's columns"))?;
    let column = |row: &sqlx::postgres::PgRow| Column {
        name: row.get("attname"),
        type_name: row.get("type"),
        bare_type: row.get("typname"),
        modifier: row.get("atttypmod"),
        is_text: row.get("is_text"),
        is_unique: row.get("is_unique"),
    };
    Ok(rows.iter().map(column).collect())
}

fn default_text(table: &VectorTable, columns: &[Column]) -> Result<Vec<Identifier>, EmbeddingError> {
    let is_candidate = |column: &&Column| column.is_text && column.name != table.key.as_str();
    let candidates: Vec<&str> = columns
        .iter()
        .filter(is_candidate)
        .map(|column| column.name.as_str())
        .collect();
    if !candidates.contains(&DOCUMENT) {
        return Err(EmbeddingError::NoText {
            table: table.qualified(),
            candidates: candidates.into_iter().map(str::to_owned).collect(),
        });
    }
    Ok(Identifier::new(DOCUMENT).into_iter().collect())
}
