//! `search`, `similar`, `get` and `upsert`: the vector store on the command line.

mod get;
mod lines;
mod listing;
mod search;
mod upsert;

use std::path::PathBuf;

use clap::Args;

use crate::embedding::{EmbeddingError, OpenAi, OpenAiOptions};
use crate::error::Result;
use crate::pipeline::Installation;
use crate::store::{Filter, Selection, StoreError};

pub(super) use get::get;
pub(super) use search::{search, similar};
pub(super) use upsert::upsert;

#[derive(Debug, Args)]
pub struct Search {
    /// What is looked for, in words; needs --embedder-url
    #[arg(value_name = "TEXT", required_unless_present = "vector")]
    pub text: Option<String>,
    /// File with a vector as a JSON array instead; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub vector: Option<PathBuf>,
    #[command(flatten)]
    pub hits: Hits,
    /// Compare every row, as if there were no index
    #[arg(long)]
    pub exact: bool,
}

#[derive(Debug, Args)]
pub struct Similar {
    /// Key of the row that others are compared with
    #[arg(value_name = "KEY")]
    pub row: String,
    #[command(flatten)]
    pub hits: Hits,
    /// Compare every row, as if there were no index
    #[arg(long)]
    pub exact: bool,
}

/// Which rows answer, and how many.
#[derive(Debug, Clone, Args)]
pub struct Hits {
    /// Most rows
    #[arg(long, short = 'k', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Condition as JSON, as {"year": {"$gte": 2020}}
    #[arg(long = "where", value_name = "JSON")]
    pub condition: Option<String>,
}

impl Hits {
    fn selection(&self) -> Result<Selection, StoreError> {
        Ok(Selection {
            limit: self.limit,
            filter: self.condition.as_deref().map(Filter::from_text).transpose()?,
            ..Selection::default()
        })
    }
}

#[derive(Debug, Args)]
pub struct Get {
    /// Keys of the rows; without, all that meet --where
    #[arg(value_name = "KEY", conflicts_with = "condition")]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub hits: Hits,
    /// Give the vectors too
    #[arg(long)]
    pub vectors: bool,
}

#[derive(Debug, Args)]
pub struct Upsert {
    /// One JSON object a line: id, document, metadata, embedding; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The service that the settings name.
fn embedder(installation: &Installation<'_>) -> Result<OpenAi> {
    let options = OpenAiOptions::configured(installation.host, &installation.settings.embedder)?;
    Ok(OpenAi::new(installation.host, options).map_err(EmbeddingError::from)?)
}
