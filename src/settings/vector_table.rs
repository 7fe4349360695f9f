//! The table that holds the vectors: its names, its dimensions, its metric and its index.

use std::fmt;
use std::str::FromStr;

use super::{Identifier, SettingsError};

/// Storage limit of `vector` and `halfvec` (pgvector README, "Reference").
pub const MAXIMUM_DIMENSIONS: u16 = 16_000;
/// Most dimensions that HNSW and IVFFlat index on `vector`.
pub const MAXIMUM_INDEXED_VECTOR: u16 = 2_000;
/// Most dimensions that HNSW and IVFFlat index on `halfvec` (pgvector 0.7.0 and later).
pub const MAXIMUM_INDEXED_HALFVEC: u16 = 4_000;

/// Number of components of each vector: 1 to 16,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Dimensions(u16);

impl Dimensions {
    /// # Errors
    /// [`SettingsError::Dimensions`] outside 1..=16,000.
    pub fn new(count: u16) -> Result<Self, SettingsError> {
        match count {
            1..=MAXIMUM_DIMENSIONS => Ok(Self(count)),
            other => Err(SettingsError::Dimensions {
                given: other.to_string(),
            }),
        }
    }

    pub fn count(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Dimensions {
    type Error = SettingsError;

    fn try_from(count: u16) -> Result<Self, Self::Error> {
        Self::new(count)
    }
}

impl From<Dimensions> for u16 {
    fn from(dimensions: Dimensions) -> Self {
        dimensions.0
    }
}

impl FromStr for Dimensions {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || SettingsError::Dimensions {
            given: text.to_owned(),
        };
        Self::new(text.trim().parse().map_err(|_| refused())?).map_err(|_| refused())
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How near two vectors are. The names are those of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Cosine distance, operator `<=>`
    Cosine,
    /// Euclidean distance, operator `<->`
    L2,
    /// Negative inner product, operator `<#>`
    Ip,
    /// Taxicab distance, operator `<+>` (HNSW only)
    L1,
}

impl Metric {
    /// The distance operator, to be qualified with the extension's schema: `OPERATOR(schema.<=>)`.
    pub fn operator(self) -> &'static str {
        match self {
            Self::Cosine => "<=>",
            Self::L2 => "<->",
            Self::Ip => "<#>",
            Self::L1 => "<+>",
        }
    }

    /// The operator class for a column type, without its schema: `vector_cosine_ops`, `halfvec_l2_ops`, …
    pub fn operator_class(self, column_type: ColumnType) -> String {
        format!("{}_{}_ops", column_type.name(), self.name())
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::L2 => "l2",
            Self::Ip => "ip",
            Self::L1 => "l1",
        }
    }
}

/// The type of the embedding column. `halfvec` is chosen only where `vector` could not be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    Vector,
    Halfvec,
}

impl ColumnType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Vector => "vector",
            Self::Halfvec => "halfvec",
        }
    }
}

/// How many lists an IVFFlat index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lists {
    /// rows/1000 up to a million rows, then the square root (pgvector README).
    Auto,
    Count(u16),
}

/// The approximate index on the embedding column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Index {
    /// `m` 2..=100 connections a layer; `ef_construction` 4..=1000 and at least twice `m`.
    Hnsw { m: u16, ef_construction: u16 },
    /// `lists` 1..=32768; not for the l1 metric.
    Ivfflat { lists: Lists },
    /// No index: every search reads every row and is exact.
    None,
}

impl Index {
    pub const DEFAULT_HNSW: Self = Self::Hnsw {
        m: 16,
        ef_construction: 64,
    };

    /// The access method's name, or `None` without index.
    pub fn method(self) -> Option<&'static str> {
        match self {
            Self::Hnsw { .. } => Some("hnsw"),
            Self::Ivfflat { .. } => Some("ivfflat"),
            Self::None => None,
        }
    }
}

/// One table with its embedding column, as the user asks for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VectorTable {
    pub schema: Identifier,
    pub table: Identifier,
    /// The column that names a row (`text` where we make the table).
    pub key: Identifier,
    pub column: Identifier,
    pub dimensions: Dimensions,
    pub metric: Metric,
    pub index: Index,
    /// The schema that holds the extension's types and operators.
    pub extension_schema: Identifier,
}

impl VectorTable {
    /// The column type that these dimensions need: `vector` up to 2,000 (and where no index is wanted or possible),
    /// `halfvec` for 2,001 to 4,000 with an index.
    pub fn column_type(&self) -> ColumnType {
        match self.dimensions.count() {
            ..=MAXIMUM_INDEXED_VECTOR => ColumnType::Vector,
            ..=MAXIMUM_INDEXED_HALFVEC if self.index != Index::None => ColumnType::Halfvec,
            _ => ColumnType::Vector,
        }
    }

    /// The index that can really be built: none above 4,000 dimensions.
    pub fn effective_index(&self) -> Index {
        if self.dimensions.count() > MAXIMUM_INDEXED_HALFVEC {
            Index::None
        } else {
            self.index
        }
    }

    /// The index's name: `articles_embedding_idx`, as in the hand-made migration this tool comes from.
    pub fn index_name(&self) -> Identifier {
        self.table.joined(&self.column, "_idx")
    }

    /// `"schema"."table"`
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.schema.quoted(), self.table.quoted())
    }

    /// The column's type as `format_type` prints it without schema: `vector(1536)`.
    pub fn type_name(&self) -> String {
        format!("{}({})", self.column_type().name(), self.dimensions)
    }

    /// The column's type with its schema, as it stands in DDL: `"public".vector(1536)`.
    pub fn qualified_type(&self) -> String {
        format!("{}.{}", self.extension_schema.quoted(), self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(dimensions: u16, index: Index) -> VectorTable {
        let name = |text: &str| Identifier::new(text).unwrap();
        VectorTable {
            schema: name("app"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(dimensions).unwrap(),
            metric: Metric::Cosine,
            index,
            extension_schema: name("public"),
        }
    }

    #[test]
    fn dimensions_decide_type_and_index_before_any_ddl() {
        let cases = [
            (1536, Index::DEFAULT_HNSW, "vector(1536)", Some("hnsw")),
            (2000, Index::DEFAULT_HNSW, "vector(2000)", Some("hnsw")),
            (2001, Index::DEFAULT_HNSW, "halfvec(2001)", Some("hnsw")),
            (
                4000,
                Index::Ivfflat { lists: Lists::Auto },
                "halfvec(4000)",
                Some("ivfflat"),
            ),
            (4001, Index::DEFAULT_HNSW, "vector(4001)", None),
            (3072, Index::None, "vector(3072)", None),
        ];
        for (dimensions, index, type_name, method) in cases {
            let table = table(dimensions, index);
            assert_eq!(
                (table.type_name().as_str(), table.effective_index().method()),
                (type_name, method)
            );
        }
    }

    #[test]
    fn the_index_name_fits_where_both_names_are_as_long_as_can_be() {
        let mut table = table(3, Index::DEFAULT_HNSW);
        assert_eq!(table.index_name().as_str(), "articles_embedding_idx");
        table.table = Identifier::new("t".repeat(63)).unwrap();
        table.column = Identifier::new("é".repeat(31)).unwrap();
        let first = table.index_name();
        assert_eq!(first.as_str().len(), 63);
        table.column = Identifier::new("e".repeat(63)).unwrap();
        assert_ne!(first, table.index_name());
    }

    #[test]
    fn dimensions_outside_the_storage_limit_are_refused() {
        for text in ["0", "16001", "70000", "-1", "abc", ""] {
            assert!(text.parse::<Dimensions>().is_err(), "{text:?}");
        }
        assert_eq!("16000".parse::<Dimensions>().unwrap().count(), 16_000);
    }
}
