//! A batch of texts at the service: one that it refuses does not cost the others.

use super::model::described;
use super::{Embedder, EmbeddingError, ServiceError};
use crate::settings::VectorTable;

/// What no service refuses for what it says.
const HARMLESS: &str = "text";

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
    /// [`EmbeddingError::OtherDimensions`], and what makes the service take no text at all: where the first one is refused, another is
    /// asked for, because many services say of a wrong key or model what they say of a text.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<Answer>, EmbeddingError> {
        let mut answers = Vec::with_capacity(texts.len());
        let mut open = vec![texts];
        let mut takes_texts = false;
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
                    takes_texts = true;
                }
                Ok(vectors) if batch.len() == 1 => {
                    answers.push(Err(format!("{} vectors came for one text", vectors.len())));
                }
                Err(EmbeddingError::RefusedText { reason }) if batch.len() == 1 => {
                    if !takes_texts {
                        self.refuse_deaf_service().await?;
                        takes_texts = true;
                    }
                    answers.push(Err(reason));
                }
                Ok(_) | Err(EmbeddingError::RefusedText { .. }) => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    open.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn refuse_deaf_service(&self) -> Result<(), EmbeddingError> {
        match self.embedder.embed(&[HARMLESS.to_owned()]).await {
            Err(EmbeddingError::RefusedText { reason }) => Err(ServiceError::RefusesAll {
                model: self.embedder.model().to_owned(),
                words: reason,
            }
            .into()),
            answered => answered.map(|_| ()),
        }
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
