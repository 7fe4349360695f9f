//! Whether a service is well: its unit, and what it answers on its own health URL.

use std::fmt;
use std::time::Duration;

use super::{ServiceFacts, State};
use crate::error::Result;
use crate::host::Host;
use crate::host::http::{HttpAddress, HttpClient, HttpError, HttpLimits};

/// A health page is a few bytes from this machine; a start page may be more.
const LIMITS: HttpLimits = HttpLimits {
    deadline: Duration::from_secs(5),
    bytes: 4 * 1024 * 1024,
};

/// Where a service tells how it is: an address, and the path with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthUrl {
    address: HttpAddress,
    path: String,
}

impl HealthUrl {
    /// # Errors
    /// [`HttpError::Address`] where it is no http or https URL, or has a user in it.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let text = text.split('#').next().unwrap_or_default();
        let after_scheme = text.find("://").map_or(0, |position| position + 3);
        let end = text[after_scheme..].find(['/', '?']);
        let (server, path) = text.split_at(end.map_or(text.len(), |end| after_scheme + end));
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            address: HttpAddress::parse(server)?,
            path: format!("{slash}{path}"),
        })
    }

    /// Asks once, away from the async threads. A redirect is an answer of 3xx and nothing more: it is not followed.
    pub async fn ask(&self, host: &Host) -> Health {
        let (host, url) = (host.clone(), self.clone());
        let asked = tokio::task::spawn_blocking(move || {
            // A client for each question: a kept connection would be to the process before.
            HttpClient::new(&host, url.address, None)?.get(&url.path, LIMITS)
        });
        match asked.await.expect("a blocking task does not panic") {
            Ok(answer) if answer.is_success() => Health::Well,
            Ok(answer) => Health::Status(answer.status),
            Err(error) => Health::Silent(error.to_string()),
        }
    }
}

/// What a health URL gave.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// A status of 200 to 299.
    Well,
    Status(u16),
    /// No answer that counts, and why.
    Silent(String),
}

impl fmt::Display for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => write!(formatter, "its health URL answers"),
            Self::Status(status) => write!(formatter, "its health URL answers with status {status}"),
            Self::Silent(why) => write!(formatter, "its health URL gives no answer: {why}"),
        }
    }
}

/// How a service is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Wellness {
    pub is_well: bool,
    pub state: State,
    /// None where no URL was given, or it was not asked because the unit is down.
    pub health: Option<Health>,
}

/// Judges what was gathered, and asks the health URL once where the unit is up. Takes 5 s at most.
///
/// # Errors
/// [`HttpError::Address`] for a URL that is none.
pub async fn well(host: &Host, facts: &ServiceFacts, health_url: Option<&str>) -> Result<Wellness> {
    let url = health_url.map(HealthUrl::parse).transpose()?;
    let is_up = facts.is_there && facts.state.is_well();
    let health = match url.filter(|_| is_up) {
        Some(url) => Some(url.ask(host).await),
        None => None,
    };
    Ok(Wellness {
        is_well: is_up && health.as_ref().is_none_or(|health| *health == Health::Well),
        state: facts.state.clone(),
        health,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_query_are_asked_for_as_they_were_given() {
        let table = [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000 /"),
            ("http://127.0.0.1:8000/health/", "http://127.0.0.1:8000 /health/"),
            (
                "http://localhost/ready?full=1#top",
                "http://localhost /ready?full=1",
            ),
            ("https://gp.example.com?a=b/c", "https://gp.example.com /?a=b/c"),
            ("http://[::1]:8000/x", "http://[::1]:8000 /x"),
        ];
        for (text, expected) in table {
            let url = HealthUrl::parse(text).unwrap();
            assert_eq!(format!("{} {}", url.address, url.path), expected);
        }
        for refused in [
            "",
            "gp.example.com/health",
            "ftp://gp/",
            "http://u:p@gp/",
            "http:///x",
        ] {
            assert!(HealthUrl::parse(refused).is_err(), "{refused:?}");
        }
    }
}
