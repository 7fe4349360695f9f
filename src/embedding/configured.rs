//! The service that the settings name.

use super::{EmbeddingError, OpenAiOptions};
use crate::error::Result;
use crate::host::Host;
use crate::settings::EmbedderSettings;

impl OpenAiOptions {
    /// With the key of its file, else of the environment, else without one.
    ///
    /// # Errors
    /// [`EmbeddingError::NotConfigured`] without URL or model; what the key's file cannot be read for.
    pub fn configured(host: &Host, settings: &EmbedderSettings) -> Result<Self> {
        let missing = |missing| EmbeddingError::NotConfigured { missing };
        let url = settings.url.as_ref().ok_or_else(|| missing("--embedder-url"))?;
        let model = settings
            .model
            .as_ref()
            .ok_or_else(|| missing("--embedder-model"))?;
        let key = match &settings.key_file {
            Some(file) => Some(host.read_token(file)?),
            None => host.environment().embedder_key.clone(),
        };
        Ok(Self {
            key,
            ..Self::new(url, model)
        })
    }
}
