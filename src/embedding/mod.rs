//! Text into vectors: who makes them, which model a table holds, and keeping every row embedded.

pub mod backfill;
mod batch;
mod configured;
mod embedder;
mod error;
pub mod model;
mod openai;
mod rows;
mod subject;
mod turn;
pub mod watch;
mod write;

pub use embedder::Embedder;
pub use error::EmbeddingError;
pub use model::Model;
pub use openai::{OpenAi, OpenAiOptions, ServiceError, Usage};
pub use rows::{Coverage, Missing, coverage};
pub use subject::Subject;
