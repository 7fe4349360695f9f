//! A batch of texts at the service: one that it refuses does not cost the others.

use super::model::described;
use super::{Embedder, EmbeddingError};
use crate::settings::VectorTable;

/// What became of one text: its vector, or why the service refuses it.
pub(super) type Answer = Result<Vec<f32>, String>;

/// The embedder for one column.
#[derive(Debug)]
pub(super) struct Service<'a> {
    embedder: &'a dyn Embedder,
    table: &'a VectorTable,
    dimensions: u16,
}

impl<'a> Service<'a> {
    pub fn new(embedder: &'a dyn Embedder, table: &'a VectorTable, dimensions: u16) -> Self {
        Self {
            embedder,
            table,
            dimensions,
        }
    }

    /// An answer for each text, in their order. A batch with a text that is refused is halved until that text is alone.
    ///
    /// # Errors
    /// [`EmbeddingError::OtherDimensions`], and what makes the service take no text at all.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<Answer>, EmbeddingError> {
        let mut answers = Vec::with_capacity(texts.len());
        let mut open = vec![texts];
        while let Some(batch) = open.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.embedder.embed(batch).await {
                Ok(vectors) if vectors.len() == batch.len() => {
                    for vector in vectors {
                        self.refuse_other_dimensions(&vector)?;
                        answers.push(Ok(vector));
                    }
                }
                Ok(vectors) if batch.len() == 1 => {
                    answers.push(Err(format!("{} vectors came for one text", vectors.len())));
                }
                Err(EmbeddingError::RefusedText { reason }) if batch.len() == 1 => answers.push(Err(reason)),
                Ok(_) | Err(EmbeddingError::RefusedText { .. }) => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    open.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    fn refuse_other_dimensions(&self, vector: &[f32]) -> Result<(), EmbeddingError> {
        if vector.len() == usize::from(self.dimensions) {
            return Ok(());
        }
        Err(EmbeddingError::OtherDimensions {
            column: described(self.table),
            model: self.embedder.model().to_owned(),
            given: vector.len(),
            expected: self.dimensions,
        })
    }
}
