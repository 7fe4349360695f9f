//! What a table is: which columns name, describe and place its rows, and which index serves searches.

use sqlx::PgConnection;

use super::StoreError;
use super::catalog::{self, Catalog, Column, Index};
use super::statement::Sharing;
use crate::settings::{ColumnType, Identifier, Metric, VectorTable};

/// The name of a table's column of text, where it has one.
pub const DOCUMENT: &str = "document";
/// The name of a table's column of metadata (jsonb), where it has one.
pub const METADATA: &str = "metadata";

/// A table as the catalogs have it. One that `up` or an import made has a document and metadata; an adopted one may have neither.
#[derive(Debug, Clone)]
pub struct Shape {
    pub schema: Identifier,
    pub table: Identifier,
    pub key: Column,
    /// Whether the key alone is unique, as an upsert needs it.
    pub is_key_unique: bool,
    pub document: Option<Column>,
    pub metadata: Option<Column>,
    pub embedding: Column,
    pub column_type: ColumnType,
    /// Components of each vector.
    pub dimensions: u16,
    pub metric: Metric,
    /// All but the four above and other vectors.
    pub others: Vec<Column>,
    pub extension_schema: Identifier,
    pub index: Option<Index>,
    /// Whether an index scan can go on where it found too little (pgvector 0.8.0).
    pub has_iterative_scan: bool,
}

impl Shape {
    /// Reads the catalogs in two statements.
    ///
    /// # Errors
    /// What the table lacks: [`StoreError::NoTable`], [`StoreError::NoKey`], [`StoreError::NoEmbedding`], [`StoreError::Metric`].
    pub async fn read(
        connection: &mut PgConnection,
        sharing: Sharing,
        table: &VectorTable,
    ) -> Result<Self, StoreError> {
        let Some(catalog) = catalog::read(connection, sharing, table)
            .await?
            .filter(|catalog| !catalog.columns.is_empty())
        else {
            return Err(StoreError::NoTable {
                table: table.qualified(),
            });
        };
        let mut shape = Self::of(&catalog, table)?;
        shape.has_iterative_scan =
            catalog::has_iterative_scan(connection, sharing, &shape.extension_schema).await?;
        Ok(shape)
    }

    /// Judges what was read against what is wanted: the columns' names and the metric.
    fn of(catalog: &Catalog, table: &VectorTable) -> Result<Self, StoreError> {
        let named = |name: &str| catalog.columns.iter().find(|column| column.name.as_str() == name);
        let key = named(table.key.as_str()).ok_or_else(|| StoreError::NoKey {
            table: table.qualified(),
            column: table.key.quoted(),
            primary: catalog.primary_key.clone(),
        })?;
        let (embedding, column_type, extension_schema) = embedding(catalog, table)?;
        let document = named(DOCUMENT).filter(|column| column.category == 'S' && *column != key);
        let metadata = named(METADATA).filter(|column| column.is_of_type("jsonb") && *column != key);
        let parts = [Some(key), Some(embedding), document, metadata];
        let others = catalog
            .columns
            .iter()
            .filter(|column| !column.is_of_extension && !parts.contains(&Some(*column)));
        Ok(Self {
            schema: table.schema.clone(),
            table: table.table.clone(),
            key: key.clone(),
            is_key_unique: catalog
                .unique_columns
                .iter()
                .any(|name| name == key.name.as_str()),
            document: document.cloned(),
            metadata: metadata.cloned(),
            embedding: embedding.clone(),
            column_type,
            dimensions: embedding.dimensions.unwrap_or(table.dimensions.count()),
            metric: table.metric,
            others: others.cloned().collect(),
            extension_schema,
            index: serving(catalog, table, column_type)?,
            has_iterative_scan: false,
        })
    }

    /// `"schema"."table"`
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.schema.quoted(), self.table.quoted())
    }

    /// The vectors' type with its schema: `"public".vector(1536)`.
    pub fn vector_type(&self) -> String {
        format!(
            "{}.{}({})",
            self.extension_schema.quoted(),
            self.column_type.name(),
            self.dimensions
        )
    }

    /// The distance operator with its schema: `OPERATOR("public".<=>)`.
    pub fn distance_operator(&self) -> String {
        format!(
            "OPERATOR({}.{})",
            self.extension_schema.quoted(),
            self.metric.operator()
        )
    }
}

fn embedding<'a>(
    catalog: &'a Catalog,
    table: &VectorTable,
) -> Result<(&'a Column, ColumnType, Identifier), StoreError> {
    let vectors = |column: &&Column| column.is_of_extension && column_type(column).is_some();
    let refused = |found: String| StoreError::NoEmbedding {
        table: table.qualified(),
        column: table.column.quoted(),
        found,
        others: catalog
            .columns
            .iter()
            .filter(vectors)
            .map(|column| column.name.to_string())
            .collect(),
    };
    let Some(schema) = &catalog.extension_schema else {
        return Err(refused("the extension vector is not installed".to_owned()));
    };
    let column = catalog.columns.iter().find(|column| column.name == table.column);
    let column = column.ok_or_else(|| refused("there is none of that name".to_owned()))?;
    match column_type(column).filter(|_| column.is_of_extension) {
        Some(column_type) => Ok((column, column_type, schema.clone())),
        None => Err(refused(format!("it is of type {}", column.type_name))),
    }
}

fn column_type(column: &Column) -> Option<ColumnType> {
    [ColumnType::Vector, ColumnType::Halfvec]
        .into_iter()
        .find(|known| known.name() == column.type_name.as_str())
}

/// The index for the wanted metric, HNSW before IVFFlat. An index for another metric alone is a mistake in what was asked for:
/// every search would read the whole table, and rank by another distance than the vectors were made for.
fn serving(
    catalog: &Catalog,
    table: &VectorTable,
    column_type: ColumnType,
) -> Result<Option<Index>, StoreError> {
    let metrics = [Metric::Cosine, Metric::L2, Metric::Ip, Metric::L1];
    let metric = |index: &Index| {
        metrics
            .into_iter()
            .find(|metric| metric.operator_class(column_type) == index.operator_class)
    };
    let mut known = catalog
        .indexes
        .iter()
        .filter(|index| index.column == table.column.as_str())
        .filter_map(|index| Some((index, metric(index)?)))
        .peekable();
    let first = known.peek().copied();
    match (known.find(|(_, metric)| *metric == table.metric), first) {
        (Some((index, _)), _) => Ok(Some(index.clone())),
        (None, Some((index, metric))) => Err(StoreError::Metric {
            index: index.name.clone(),
            metric: metric.name(),
            wanted: table.metric.name(),
        }),
        (None, None) => Ok(None),
    }
}
