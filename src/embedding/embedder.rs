//! What makes vectors from text.

use std::fmt;

use super::EmbeddingError;

/// A model behind some service. Vectors of different models cannot be compared, so its name goes with the table.
#[async_trait::async_trait]
pub trait Embedder: fmt::Debug + Send + Sync {
    /// The model's name as the service knows it.
    fn model(&self) -> &str;

    /// One vector for each text, in their order, all of the same number of finite components. Splits, retries and waits as the
    /// service asks it to.
    ///
    /// # Errors
    /// [`EmbeddingError::RefusedText`] where the service refuses one of these texts and would take others; any other
    /// [`EmbeddingError`] where it takes none. No vector is returned then.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError>;

    /// Tokens that the service has counted since this embedder was made; `None` where it does not say.
    fn tokens(&self) -> Option<u64> {
        None
    }
}
