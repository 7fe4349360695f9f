use std::sync::{Mutex, PoisonError};

/// What a service was asked for, for its price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// That were answered with vectors.
    pub requests: u64,
    pub texts: u64,
    /// As the service counts them; `None` where it does not say.
    pub tokens: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<Usage>);

impl Counter {
    pub(super) fn add(&self, texts: usize, tokens: Option<u64>) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests += 1;
        usage.texts += texts as u64;
        if let Some(tokens) = tokens {
            usage.tokens = Some(usage.tokens.unwrap_or_default() + tokens);
        }
    }

    pub(super) fn read(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
