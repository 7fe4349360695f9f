//! The one door for HTTP: a blocking client for one server. Callers keep it off the async threads.
//!
//! A redirect is an error, because what is sent may be secret. Nothing here repeats a secret, a query or a body in an error.

mod address;
mod answer;
mod backoff;
mod error;
mod proxy;
mod secret_header;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use address::HttpAddress;
pub use answer::HttpAnswer;
pub use backoff::Backoff;
pub use error::HttpError;
pub use secret_header::SecretHeader;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::Host;

const USER_AGENT: &str = concat!("pgvector-setup/", env!("CARGO_PKG_VERSION"));

/// How long and how large one exchange may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// For the whole exchange, from the name's resolution to the last byte of the answer.
    pub deadline: Duration,
    /// Of the answer's body after it is unpacked.
    pub bytes: u64,
}

/// A server that is asked over connections that are kept. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct HttpClient {
    agent: ureq::Agent,
    address: HttpAddress,
    secret: Option<SecretHeader>,
}

impl HttpClient {
    /// `secret` goes with every request.
    ///
    /// # Errors
    /// [`HttpError::Exposed`] where a secret would go to another machine in the clear, [`HttpError::Proxy`] where the environment's
    /// proxy cannot be used.
    pub fn new(host: &Host, address: HttpAddress, secret: Option<SecretHeader>) -> Result<Self, HttpError> {
        if secret.is_some() && !address.keeps_secrets() {
            let server = address.server();
            return Err(HttpError::Exposed { server });
        }
        let config = ureq::Agent::config_builder()
            .proxy(proxy::for_address(&host.environment().proxies, &address)?)
            .tls_config(tls(&address))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(USER_AGENT)
            .build();
        let agent = config.new_agent();
        Ok(Self {
            agent,
            address,
            secret,
        })
    }

    pub fn address(&self) -> &HttpAddress {
        &self.address
    }

    /// Asks for `path` below the client's address; it begins with a slash and may have a query.
    ///
    /// # Errors
    /// [`HttpError`] where there is no answer that is whole. Any status but a redirect is an answer.
    pub fn get(&self, path: &str, limits: HttpLimits) -> Result<HttpAnswer, HttpError> {
        let request = self.authorized(self.agent.get(self.address.below(path)));
        let request = request.config().timeout_global(Some(limits.deadline)).build();
        self.answer(request.call(), limits)
    }

    /// Sends JSON to `path` below the client's address.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub fn post(&self, path: &str, json: &[u8], limits: HttpLimits) -> Result<HttpAnswer, HttpError> {
        let request = self.authorized(self.agent.post(self.address.below(path)));
        let request = request.config().timeout_global(Some(limits.deadline)).build();
        self.answer(request.content_type("application/json").send(json), limits)
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.secret {
            Some(secret) => request.header(secret.name(), secret.value()),
            None => request,
        }
    }

    fn answer(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        limits: HttpLimits,
    ) -> Result<HttpAnswer, HttpError> {
        let failed = |error: ureq::Error| HttpError::from_ureq(&self.address, limits, error);
        let mut response = response.map_err(failed)?;
        if response.status().is_redirection() {
            return Err(HttpError::redirect(&self.address, response.headers()));
        }
        let body = response.body_mut().with_config().limit(limits.bytes);
        let body = body.read_to_vec().map_err(failed)?;
        Ok(HttpAnswer::new(
            response.status().as_u16(),
            response.headers(),
            body,
        ))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("HttpClient").field(&self.address).finish()
    }
}

/// The same provider and certificates as for PostgreSQL; the certificates are read only where there will be TLS.
fn tls(address: &HttpAddress) -> TlsConfig {
    let roots: Vec<Certificate<'static>> = if address.is_encrypted() {
        let certificates = rustls_native_certs::load_native_certs().certs;
        let owned = certificates
            .iter()
            .map(|root| Certificate::from_der(root).to_owned());
        owned.collect()
    } else {
        Vec::new()
    };
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::from(roots))
        .build()
}
