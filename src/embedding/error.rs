use super::ServiceError;
use crate::database::DatabaseError;
use crate::database::migrate::MigrateError;
use crate::error::{Exit, Explain};

/// Why text did not become vectors. Codes: E0860 to E0869 the service, E0870 to E0879 the table that the vectors are for.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// This text, not every text: the others of its batch may be fine.
    #[error("the service refuses a text: {reason}")]
    RefusedText { reason: String },
    #[error(
        "the vectors in {column} are of model {recorded}, and vectors of {given} cannot be compared with them"
    )]
    OtherModel {
        /// `"column" of "schema"."table"`
        column: String,
        recorded: String,
        given: String,
    },
    #[error("{model} gives vectors of {given} dimensions, and {column} holds {expected}")]
    OtherDimensions {
        column: String,
        model: String,
        given: usize,
        expected: u16,
    },
    #[error("{column} holds vectors, and which model they are of is not recorded")]
    UnknownModel { column: String },
    #[error("there is no record of the model of {column}, and this role cannot make it")]
    NoRecord { column: String },
    #[error(
        "{table} has no column document, and which text its vectors are made of was not said; text columns are: {}",
        shown(candidates)
    )]
    NoText { table: String, candidates: Vec<String> },
    #[error("{table} has no column {column}")]
    NoColumn { table: String, column: String },
    #[error("{column} of {table} is not unique, so it cannot name the row that a vector is for")]
    NotUnique { table: String, column: String },
    #[error(
        "another run fills this column with vectors{}",
        holder.map(|pid| format!(": server process {pid}")).unwrap_or_default()
    )]
    Filling { holder: Option<i32> },
    #[error("{missing} was not given")]
    NotConfigured { missing: &'static str },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn shown(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

impl Explain for EmbeddingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::RefusedText { .. } => "E0870",
            Self::OtherModel { .. } => "E0871",
            Self::OtherDimensions { .. } => "E0872",
            Self::UnknownModel { .. } => "E0873",
            Self::NoRecord { .. } => "E0874",
            Self::NoText { .. } => "E0875",
            Self::NoColumn { .. } => "E0876",
            Self::NotUnique { .. } => "E0879",
            Self::Filling { .. } => "E0877",
            Self::NotConfigured { .. } => "E0878",
            Self::Migrate(error) => error.code(),
            Self::Database(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Service(error) => error.exit(),
            Self::NoText { .. } | Self::NotConfigured { .. } => Exit::Usage,
            Self::Filling { .. } => Exit::Busy,
            Self::RefusedText { .. }
            | Self::NoColumn { .. }
            | Self::NotUnique { .. }
            | Self::OtherModel { .. }
            | Self::OtherDimensions { .. }
            | Self::UnknownModel { .. }
            | Self::NoRecord { .. } => Exit::Refused,
            Self::Migrate(error) => error.exit(),
            Self::Database(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Service(error) => return error.hint(),
            Self::RefusedText { .. } => "shorten or change that text".to_owned(),
            Self::OtherModel { recorded, given, .. } => format!(
                "--embedder-model {recorded}; or give {given} a column of its own: pgvector-setup up --column NAME --dimensions N, then pgvector-setup embed backfill --column NAME"
            ),
            Self::OtherDimensions { .. } => {
                "--embedder-model with the model that the column was made for, or a column of its own: pgvector-setup up --column NAME --dimensions N".to_owned()
            }
            Self::UnknownModel { .. } => {
                "say which model made them: --adopt-model NAME".to_owned()
            }
            Self::NoRecord { .. } => {
                "as the administrator, who can make it: pgvector-setup embed backfill".to_owned()
            }
            Self::NoText { candidates, .. } => format!(
                "--text {}",
                candidates.first().map_or("COLUMN", String::as_str)
            ),
            Self::NoColumn { .. } => {
                "name what is there: --table, --key, --column, --text; or make it: pgvector-setup migrate up".to_owned()
            }
            Self::NotUnique { table, column } => {
                format!("--key with a column that is unique by itself, or make this one so: CREATE UNIQUE INDEX ON {table} ({column})")
            }
            Self::NotConfigured { .. } => {
                "--embedder-url https://api.openai.com/v1 --embedder-model text-embedding-3-small".to_owned()
            }
            Self::Filling { .. } => "wait for it to end, then run the same command again".to_owned(),
            Self::Migrate(error) => return error.hint(),
            Self::Database(error) => return error.hint(),
        })
    }
}
