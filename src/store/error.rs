use crate::database::DatabaseError;
use crate::embedding::EmbeddingError;
use crate::error::{Exit, Explain};
use crate::host::quote_word;

/// What the vector store could not do. Codes E0840 to E0859.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    #[error("there is no table {table} that this role can read")]
    NoTable { table: String },
    #[error("{table} has no column {column} to name its rows")]
    NoKey {
        table: String,
        column: String,
        /// The columns of the primary key.
        primary: Vec<String>,
    },
    #[error("{table} has no column {column} of vectors: {found}")]
    NoEmbedding {
        table: String,
        column: String,
        found: String,
        /// Columns that hold vectors.
        others: Vec<String>,
    },
    #[error("index {index} is for the metric {metric}, and {wanted} was asked for")]
    Metric {
        index: String,
        metric: &'static str,
        wanted: &'static str,
    },
    #[error("{place} has {found} components, and the table's vectors have {expected}")]
    Dimensions {
        place: String,
        found: usize,
        expected: u16,
    },
    #[error("{place} {problem}")]
    Vector { place: String, problem: String },
    #[error("the condition is wrong at {place}: {problem}")]
    Filter { place: String, problem: String },
    #[error("the server does not take a value that was given: {detail}")]
    Value { detail: String },
    #[error("there is no row {key}")]
    NoRow { key: String },
    #[error("the row {key} has no vector")]
    NoVector { key: String },
    #[error("{column} of {table} is not unique, so it cannot name the row to write")]
    NotUnique { table: String, column: String },
    #[error("a new row of {table} needs {}, and it was not given", columns.join(", "))]
    Required { table: String, columns: Vec<String> },
    #[error("the table does not take a row: {detail}")]
    Constraint { detail: String },
    #[error("lines that cannot be written: {}; of the lines before them {written} rows were written", problems.join("; "))]
    Lines { problems: Vec<String>, written: u64 },
    #[error("{place} {problem}")]
    Item { place: String, problem: String },
}

impl StoreError {
    /// For `map_err` around a statement with the user's values: tells a value that does not suit its column (SQLSTATE class 22)
    /// and a row that the table's constraints forbid (23) from a server that fails.
    pub(super) fn statement(purpose: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| match &source {
            sqlx::Error::Database(refused) => {
                let state = refused.code().unwrap_or_default();
                let detail = format!("{} ({state})", refused.message());
                match state.get(..2) {
                    Some("22") => Self::Value { detail },
                    Some("23") => Self::Constraint { detail },
                    _ => DatabaseError::statement(purpose)(source).into(),
                }
            }
            _ => DatabaseError::statement(purpose)(source).into(),
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Database(error) => error.code(),
            Self::Embedding(error) => error.code(),
            Self::NoTable { .. } => "E0840",
            Self::NoKey { .. } => "E0841",
            Self::NoEmbedding { .. } => "E0842",
            Self::Metric { .. } => "E0843",
            Self::Dimensions { .. } => "E0844",
            Self::Vector { .. } => "E0845",
            Self::Filter { .. } => "E0846",
            Self::Value { .. } => "E0847",
            Self::NoRow { .. } => "E0848",
            Self::NoVector { .. } => "E0849",
            Self::NotUnique { .. } => "E0850",
            Self::Required { .. } => "E0851",
            Self::Constraint { .. } => "E0852",
            Self::Lines { .. } => "E0853",
            Self::Item { .. } => "E0854",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Database(error) => error.exit(),
            Self::Embedding(error) => error.exit(),
            Self::Dimensions { .. }
            | Self::Vector { .. }
            | Self::Filter { .. }
            | Self::Value { .. }
            | Self::Item { .. } => Exit::Usage,
            Self::NoTable { .. }
            | Self::NoKey { .. }
            | Self::NoEmbedding { .. }
            | Self::Metric { .. }
            | Self::NoRow { .. }
            | Self::NoVector { .. }
            | Self::NotUnique { .. }
            | Self::Required { .. } => Exit::Refused,
            Self::Constraint { .. } | Self::Lines { .. } => Exit::Resumable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Database(error) => return error.hint(),
            Self::Embedding(error) => return error.hint(),
            Self::NoTable { .. } => {
                "name it with --schema NAME --table NAME, or make it: pgvector-setup up".to_owned()
            }
            Self::NoKey { primary, .. } => match primary.as_slice() {
                [only] => format!("--key {}", quote_word(only)),
                _ => "--key COLUMN".to_owned(),
            },
            Self::NoEmbedding { others, .. } => match others.as_slice() {
                [only] => format!("--column {}", quote_word(only)),
                _ => "--column NAME, or make it: pgvector-setup up".to_owned(),
            },
            Self::Metric { metric, .. } => format!("--metric {metric}"),
            Self::Dimensions { expected, .. } => {
                format!("give a vector of {expected} components, made by the model that made the table's")
            }
            Self::Vector { .. } => "give finite numbers, not all of them zero".to_owned(),
            Self::Filter { .. } => {
                r#"as {"year": {"$gte": 2020}}, with $eq $ne $gt $gte $lt $lte $in $nin $contains $and $or"#
                    .to_owned()
            }
            Self::Value { .. } => "give a value of the column's type".to_owned(),
            Self::NotUnique { .. } => "--key with a column that is the primary key, or unique by itself".to_owned(),
            Self::Required { .. } => {
                r#"give them, as {"id": "a", "columns": {"title": "A"}}; without them only rows that are there are written"#
                    .to_owned()
            }
            Self::Constraint { .. } => "change what the table does not take".to_owned(),
            Self::Lines { .. } => "correct these lines, then run the same command again: rows that were written stay the same".to_owned(),
            Self::Item { .. } => {
                r#"as {"id": "a", "document": "text", "metadata": {"year": 2020}, "embedding": [0.1, 0.2]}"#.to_owned()
            }
            Self::NoRow { .. } => "pgvector-setup get".to_owned(),
            Self::NoVector { .. } => "pgvector-setup embed backfill".to_owned(),
        })
    }
}
