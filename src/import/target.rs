//! The table that rows go to: how its rows are named, and whether it can take them.

use sqlx::{PgConnection, Row as _};

use super::ImportError;
use super::judgement::{Parts, Shape};
use crate::database::DatabaseError;
use crate::host::quote_word;
use crate::settings::{ColumnType, Identifier, VectorTable};

/// How a key of the table is compared with an id of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyType {
    /// With the name of its collation, quoted.
    Text {
        collation: String,
    },
    Integer,
    Uuid,
}

/// A table that is there and fits.
#[derive(Debug, Clone)]
pub struct Target {
    pub table: VectorTable,
    pub shape: Shape,
    /// Owns the table; what is written is written as this role.
    pub owner: Identifier,
    key_type: KeyType,
}

impl Target {
    /// Looks at the table as it is now.
    ///
    /// # Errors
    /// [`ImportError::Unfit`] with what is missing: a unique key of a type that ids can have, the columns that are written.
    pub async fn find(
        connection: &mut PgConnection,
        table: &VectorTable,
        parts: Parts,
    ) -> Result<Self, ImportError> {
        let unfit = |problem: String, hint: &str| ImportError::Unfit {
            table: table.qualified(),
            problem,
            hint: hint.to_owned(),
        };
        let Some(found) = look(connection, table).await? else {
            let hint = match parts {
                Parts::Whole => "pgvector-setup migrate up",
                Parts::Embedding => {
                    "name the table that has the rows: --schema NAME --table NAME; without --match one is made"
                }
            };
            return Err(unfit("is not there".to_owned(), hint));
        };
        let Some(found_type) = &found.key_type else {
            let problem = format!("has no column {} for the ids", table.key.quoted());
            let hint = match &found.primary_key {
                Some(name) => format!("--key {}", quote_word(name)),
                None => "name the column that has them: --key NAME".to_owned(),
            };
            return Err(unfit(problem, &hint));
        };
        let key_type = match found_type.as_str() {
            "text" | "varchar" => KeyType::Text {
                collation: found.key_collation,
            },
            "int2" | "int4" | "int8" if parts == Parts::Embedding => KeyType::Integer,
            "uuid" if parts == Parts::Embedding => KeyType::Uuid,
            other => {
                let problem = format!("has a key column {} of type {other}", table.key.quoted());
                return Err(unfit(problem, "name a column of type text: --key NAME"));
            }
        };
        if !found.key_is_unique {
            let problem = format!("has no unique index on its key column {}", table.key.quoted());
            let hint = format!(
                "CREATE UNIQUE INDEX ON {} ({})",
                table.qualified(),
                table.key.quoted()
            );
            return Err(unfit(problem, &hint));
        }
        if parts == Parts::Whole && !found.has_document_and_metadata {
            return Err(unfit(
                "has no columns document (text) and metadata (jsonb)".to_owned(),
                "only embeddings, into the rows that are there: --match; or a table of its own: --into NAME",
            ));
        }
        Ok(Self {
            table: table.clone(),
            shape: Shape {
                dimensions: table.dimensions.count(),
                column_type: table.column_type(),
                parts,
            },
            owner: Identifier::new(found.owner)?,
            key_type,
        })
    }

    /// The condition under which row `t` of the table is row `s` of staged ids, by the table's index.
    pub fn same_row(&self) -> String {
        let key = self.table.key.quoted();
        match &self.key_type {
            KeyType::Text { collation } => {
                format!(r#"t.{key} = s.key COLLATE {collation} AND t.{key} COLLATE "C" = s.key COLLATE "C""#)
            }
            KeyType::Integer => format!(
                "t.{key} = CASE WHEN s.key ~ '^-?[0-9]{{1,18}}$' THEN s.key::int8 END AND t.{key}::text = s.key"
            ),
            KeyType::Uuid => format!(
                "t.{key} = CASE WHEN s.key ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN s.key::uuid END \
                 AND t.{key}::text = s.key"
            ),
        }
    }

    /// The columns that are written, in the order of the rows.
    pub fn columns(&self) -> String {
        let (key, column) = (self.table.key.quoted(), self.table.column.quoted());
        match self.shape.parts {
            Parts::Whole => format!("{key}, document, metadata, {column}"),
            Parts::Embedding => format!("{key}, {column}"),
        }
    }

    /// The same columns of row `t` as they are read back.
    pub fn columns_read(&self) -> String {
        let (key, column) = (self.table.key.quoted(), self.table.column.quoted());
        match self.shape.parts {
            Parts::Whole => format!("t.{key}::text, t.document, t.metadata, t.{column}"),
            Parts::Embedding => format!("t.{key}::text, t.{column}"),
        }
    }

    /// The columns of a temporary table for the same rows.
    pub fn staged_columns(&self) -> String {
        let embedding = format!("embedding {}", self.table.qualified_type());
        match self.shape.parts {
            Parts::Whole => format!("key text, document text, metadata jsonb, {embedding}"),
            Parts::Embedding => format!("key text, {embedding}"),
        }
    }

    /// The bits of an embedding: `=` of vectors takes -0 and 0 for the same.
    pub fn bits(&self, embedding: &str) -> String {
        let function = match self.shape.column_type {
            ColumnType::Vector => "vector_send",
            ColumnType::Halfvec => "halfvec_send",
        };
        format!("{}.{function}({embedding})", self.table.extension_schema.quoted())
    }
}

struct Found {
    owner: String,
    /// `None` where there is no such column.
    key_type: Option<String>,
    /// The column that is the primary key by itself.
    primary_key: Option<String>,
    key_collation: String,
    key_is_unique: bool,
    has_document_and_metadata: bool,
}

async fn look(connection: &mut PgConnection, table: &VectorTable) -> Result<Option<Found>, ImportError> {
    let row = sqlx::query(
        "SELECT pg_catalog.pg_get_userbyid(c.relowner)::text AS owner, t.typname::text AS key_type,
                coalesce(pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(l.collname), '') AS collation,
                EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
                           AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_unique,
                (SELECT p.attname::text FROM pg_catalog.pg_index i
                   JOIN pg_catalog.pg_attribute p ON p.attrelid = c.oid AND p.attnum = i.indkey[0]
                  WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1) AS primary_key,
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute o WHERE o.attrelid = c.oid AND NOT o.attisdropped
                    AND ((o.attname = 'document' AND o.atttypid = 'text'::regtype)
                      OR (o.attname = 'metadata' AND o.atttypid = 'jsonb'::regtype))) = 2 AS has_both
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = $3
           LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
           LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = l.collnamespace
          WHERE n.nspname = $1 AND c.relname = $2",
    )
    .persistent(false)
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .bind(table.key.as_str())
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("look at the table"))?;
    Ok(row.map(|row| Found {
        owner: row.get("owner"),
        key_type: row.get("key_type"),
        primary_key: row.get("primary_key"),
        key_collation: row.get("collation"),
        key_is_unique: row.get("is_unique"),
        has_document_and_metadata: row.get("has_both"),
    }))
}
