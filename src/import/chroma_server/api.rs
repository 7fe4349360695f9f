use std::time::Duration;

use serde::de::DeserializeOwned;

use super::ServerError;
use crate::host::http::{Backoff, HttpAnswer, HttpClient, HttpError, HttpLimits};
use crate::import::CollectionName;
use crate::secret::Secret;
use crate::settings::percent_encoded;

/// Vectors of a page are a few MiB; the rest is for documents.
const LIMITS: HttpLimits = HttpLimits {
    deadline: Duration::from_secs(60),
    bytes: 64 * 1024 * 1024,
};
const PATIENCE: Duration = Duration::from_secs(60);

/// The requests to one server. They only read, so each can be sent again.
#[derive(Debug)]
pub(super) struct Api {
    client: HttpClient,
    token: Option<Secret>,
    patience: Duration,
}

impl Api {
    pub(super) fn new(client: HttpClient, token: Option<Secret>) -> Self {
        Self {
            client,
            token,
            patience: PATIENCE,
        }
    }

    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Without the prefix of its address.
    pub(super) fn server(&self) -> String {
        self.client.address().server()
    }

    pub(super) fn address(&self) -> String {
        self.client.address().to_string()
    }

    /// Asks once, and takes any status.
    pub(super) fn ask_once(&self, path: &str) -> Result<HttpAnswer, ServerError> {
        Ok(self.client.get(path, LIMITS)?)
    }

    /// `None` where there is no such thing (404).
    pub(super) fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ServerError> {
        let answer = self.until_answered(|limits| self.client.get(path, limits))?;
        if answer.status == 404 {
            return Ok(None);
        }
        self.parsed(&self.successful(answer)?).map(Some)
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServerError> {
        let answer = self.until_answered(|limits| self.client.get(path, limits))?;
        self.parsed(&self.successful(answer)?)
    }

    /// The body of a successful answer.
    pub(super) fn post(&self, path: &str, json: &serde_json::Value) -> Result<Vec<u8>, ServerError> {
        let json = json.to_string();
        let answer = self.until_answered(|limits| self.client.post(path, json.as_bytes(), limits))?;
        Ok(self.successful(answer)?.body)
    }

    pub(super) fn unusable(&self, problem: impl Into<String>) -> ServerError {
        ServerError::Answer {
            server: self.server(),
            problem: problem.into(),
        }
    }

    fn until_answered(
        &self,
        send: impl Fn(HttpLimits) -> Result<HttpAnswer, HttpError>,
    ) -> Result<HttpAnswer, ServerError> {
        let mut backoff = Backoff::new(self.patience);
        loop {
            let outcome = send(LIMITS);
            let retry_after = match &outcome {
                Ok(answer) if answer.is_transient() => answer.retry_after,
                Err(error) if error.is_transient() => None,
                _ => return Ok(outcome?),
            };
            match backoff.pause(retry_after) {
                Some(pause) => std::thread::sleep(pause),
                None => return Ok(outcome?),
            }
        }
    }

    fn successful(&self, answer: HttpAnswer) -> Result<HttpAnswer, ServerError> {
        let (server, status) = (self.server(), answer.status);
        match status {
            200..300 => Ok(answer),
            401 | 403 => Err(ServerError::NoAccess { server, status }),
            _ => Err(ServerError::Failed {
                server,
                status,
                words: answer.words(self.token.as_ref()),
            }),
        }
    }

    fn parsed<T: DeserializeOwned>(&self, answer: &HttpAnswer) -> Result<T, ServerError> {
        let parsed = serde_json::from_slice(&answer.body);
        parsed.map_err(|error| self.unusable(format!("it is not what was asked for ({error})")))
    }
}

pub(super) fn tenant_path(tenant: &str) -> String {
    format!("/api/v2/tenants/{}", percent_encoded(tenant))
}

pub(super) fn database_path(tenant: &str, database: &str) -> String {
    format!("{}/databases/{}", tenant_path(tenant), percent_encoded(database))
}

pub(super) fn collection_path(name: &CollectionName, id: &str) -> String {
    let database = database_path(&name.tenant, &name.database);
    format!("{database}/collections/{}", percent_encoded(id))
}
