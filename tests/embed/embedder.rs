//! A model whose vectors tell what text they are of, and that counts what it is given.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pgvector_setup::embedding::{Embedder, EmbeddingError, ServiceError};

type Meanwhile = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

#[derive(Default)]
pub struct Counting {
    /// Every text, and how often it came.
    texts: Mutex<BTreeMap<String, u32>>,
    /// Runs while the first request is at the service.
    meanwhile: Mutex<Option<Meanwhile>>,
    is_down: AtomicBool,
}

impl fmt::Debug for Counting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Counting")
    }
}

impl Counting {
    pub fn while_at_the_service<F: Future<Output = ()> + Send + 'static>(
        &self,
        action: impl Fn() -> F + Send + Sync + 'static,
    ) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(move || Box::pin(action())));
    }

    pub fn goes_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    pub fn texts(&self) -> BTreeMap<String, u32> {
        self.texts.lock().unwrap().clone()
    }

    /// Texts that came more than once.
    pub fn repeated(&self) -> Vec<String> {
        let texts = self.texts();
        texts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(text, _)| text)
            .collect()
    }
}

/// The vector of a text.
pub fn vector(text: &str) -> Vec<f32> {
    let sum: u32 = text.bytes().map(u32::from).sum();
    vec![text.len() as f32, sum as f32, 1.0]
}

#[async_trait::async_trait]
impl Embedder for Counting {
    fn model(&self) -> &str {
        "counting"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if self.is_down.load(Ordering::Relaxed) {
            let (server, status) = ("the stand-in".to_owned(), 503);
            return Err(ServiceError::Busy { server, status }.into());
        }
        if texts.iter().any(|text| text.contains("poison")) {
            return Err(EmbeddingError::RefusedText {
                reason: "it is poison".to_owned(),
            });
        }
        for text in texts {
            *self.texts.lock().unwrap().entry(text.clone()).or_default() += 1;
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(action) = meanwhile {
            action().await;
        }
        Ok(texts.iter().map(|text| vector(text)).collect())
    }

    fn tokens(&self) -> Option<u64> {
        Some(self.texts().values().map(|count| u64::from(*count)).sum())
    }
}
