//! Any service that answers `POST {base}/embeddings` as OpenAI's does: OpenAI, its look-alikes, and local servers.

mod answer;
mod batch;
mod error;
mod pace;
mod refusal;
mod usage;

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use error::ServiceError;
pub use usage::Usage;

use self::pace::Pace;
use super::{Embedder, EmbeddingError};
use crate::host::Host;
use crate::host::http::{Backoff, HttpAddress, HttpAnswer, HttpClient, HttpError, HttpLimits, SecretHeader};
use crate::secret::Secret;

/// Longest that one request may take; services that compute on a slow processor need it.
const REQUEST_DEADLINE: Duration = Duration::from_secs(120);
/// As JSON text: pgvector's 16,000 components of at most 32 bytes each.
const LARGEST_VECTOR: usize = 16_000 * 32;
/// What stands around the vectors of an answer.
const LARGEST_FRAME: usize = 64 * 1024;

/// Which service, which model, and how hard it is asked.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// What stands before `/embeddings`: `https://api.openai.com/v1`, `http://localhost:11434/v1`.
    pub url: String,
    pub model: String,
    /// Asked for in each request where it is given; otherwise the model decides.
    pub dimensions: Option<u32>,
    pub key: Option<Secret>,
    /// Most texts in one request; OpenAI takes 2048.
    pub batch: usize,
    /// For all attempts of one request together, without the waits for its turn.
    pub patience: Duration,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
}

impl OpenAiOptions {
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            model: model.into(),
            dimensions: None,
            key: None,
            batch: 100,
            patience: Duration::from_secs(120),
            requests_per_minute: None,
            tokens_per_minute: None,
        }
    }
}

/// A model behind such a service.
#[derive(Debug)]
pub struct OpenAi {
    client: HttpClient,
    options: OpenAiOptions,
    pace: Mutex<Pace>,
    usage: usage::Counter,
    /// Of the first vector; every other one has as many.
    dimensions: OnceLock<usize>,
}

impl OpenAi {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ServiceError::Http`] where the URL or the key cannot be used, or the key would go to another machine in the clear.
    pub fn new(host: &Host, options: OpenAiOptions) -> Result<Self, ServiceError> {
        let secret = options.key.as_ref().map(SecretHeader::bearer).transpose()?;
        let client = HttpClient::new(host, HttpAddress::parse(&options.url)?, secret)?;
        let pace = Mutex::new(Pace::new(options.requests_per_minute, options.tokens_per_minute));
        let dimensions = OnceLock::new();
        if let Some(asked) = options.dimensions {
            // A new cell is empty.
            let _ = dimensions.set(asked as usize);
        }
        Ok(Self {
            client,
            options,
            pace,
            usage: usage::Counter::default(),
            dimensions,
        })
    }

    /// What was asked for so far, in all.
    pub fn usage(&self) -> Usage {
        self.usage.read()
    }

    /// One request, as often as it needs within the patience.
    async fn embed_batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let body = batch::request(&self.options, texts);
        let limits = HttpLimits {
            deadline: REQUEST_DEADLINE,
            bytes: (texts.len() * LARGEST_VECTOR + LARGEST_FRAME) as u64,
        };
        let answer = self.send(body, limits, batch::tokens(texts)).await?;
        let read = answer::read(&answer.body, texts.len());
        let (vectors, tokens) = read.map_err(|problem| ServiceError::Answer {
            server: self.server(),
            problem,
        })?;
        self.usage.add(texts.len(), tokens);
        self.check_dimensions(&vectors)?;
        if vectors.iter().flatten().all(|component| component.is_finite()) {
            return Ok(vectors);
        }
        let reason = "its vector has a component that is no number".to_owned();
        Err(EmbeddingError::RefusedText { reason })
    }

    async fn send(
        &self,
        body: Vec<u8>,
        limits: HttpLimits,
        tokens: u64,
    ) -> Result<HttpAnswer, EmbeddingError> {
        let mut backoff = Backoff::new(self.options.patience);
        loop {
            backoff.put_off(self.wait_for_turn(tokens).await);
            let limits = HttpLimits {
                deadline: backoff.left(limits.deadline),
                ..limits
            };
            let (failure, retry_after) = match self.post(body.clone(), limits).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) => {
                    let failure = refusal::explained(&self.options, self.server(), &answer);
                    if !matches!(failure, EmbeddingError::Service(ServiceError::Busy { .. })) {
                        return Err(failure);
                    }
                    (failure, answer.retry_after)
                }
                Err(error) if error.is_transient() => (ServiceError::from(error).into(), None),
                Err(error) => return Err(ServiceError::from(error).into()),
            };
            match backoff.pause(retry_after) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure),
            }
        }
    }

    /// How long it took.
    async fn wait_for_turn(&self, tokens: u64) -> Duration {
        let began = Instant::now();
        let turn = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.turn(began, tokens)
        };
        tokio::time::sleep_until(turn.into()).await;
        began.elapsed()
    }

    async fn post(&self, body: Vec<u8>, limits: HttpLimits) -> Result<HttpAnswer, HttpError> {
        let client = self.client.clone();
        let task = tokio::task::spawn_blocking(move || client.post("/embeddings", &body, limits));
        task.await.unwrap_or_else(|error| {
            Err(HttpError::Unreachable {
                server: self.server(),
                detail: error.to_string(),
            })
        })
    }

    fn check_dimensions(&self, vectors: &[Vec<f32>]) -> Result<(), ServiceError> {
        for vector in vectors {
            let expected = *self.dimensions.get_or_init(|| vector.len());
            if vector.len() != expected {
                return Err(ServiceError::Dimensions {
                    model: self.options.model.clone(),
                    expected,
                    found: vector.len(),
                });
            }
        }
        Ok(())
    }

    fn server(&self) -> String {
        self.client.address().server()
    }
}

#[async_trait::async_trait]
impl Embedder for OpenAi {
    fn model(&self) -> &str {
        &self.options.model
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if texts.iter().any(String::is_empty) {
            let reason = "it is empty".to_owned();
            return Err(EmbeddingError::RefusedText { reason });
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in batch::split(texts, self.options.batch) {
            vectors.extend(self.embed_batch(batch).await?);
        }
        Ok(vectors)
    }
    fn tokens(&self) -> Option<u64> {
        self.usage().tokens
    }
}
