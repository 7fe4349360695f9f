//! Whether the store works, in the words of the health check that existing monitoring reads.

use serde::Serialize;

/// Coverage and the state of the extension. The keys are those of the check that this project comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    pub healthy: bool,
    pub extension_installed: bool,
    /// Rows that have a vector.
    pub articles_with_embeddings: u64,
    pub total_articles: u64,
    /// Why it is not healthy.
    pub error: Option<String>,
}
