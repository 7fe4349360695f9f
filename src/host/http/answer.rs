use std::fmt;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use ureq::http::HeaderMap;
use ureq::http::header::RETRY_AFTER;

use crate::secret::Secret;

/// Longest part of a server's own words that is repeated, in characters.
const LONGEST_WORDS: usize = 300;

/// What a server answered, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// How long the server wants not to be asked again.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl HttpAnswer {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let text = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self {
            status,
            retry_after: text.and_then(|text| retry_after(text, OffsetDateTime::now_utc())),
            body,
        }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may be answered another time: too many requests, a server or a gateway in trouble.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 529)
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What the server says of a failure in JSON, on one line and shortened, without the secret that was sent.
    pub fn words(&self, secret: Option<&Secret>) -> String {
        let body = self.json();
        let places = [
            &body["error"]["message"],
            &body["message"],
            &body["error"],
            &body["detail"],
        ];
        let Some(text) = places.into_iter().find_map(Value::as_str) else {
            return "it does not say why".to_owned();
        };
        let words = text.split(|character: char| character.is_whitespace() || character.is_control());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let line = words.join(" ");
        let line = secret.map_or(line.clone(), |secret| line.replace(secret.expose(), "***"));
        line.chars().take(LONGEST_WORDS).collect()
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "HttpAnswer({}, {} bytes)",
            self.status,
            self.body.len()
        )
    }
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(date - now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_one_line_without_the_secret() {
        let secret = Secret::new("canary");
        let table = [
            (
                r#"{"error": {"message": "no\n canary\u0007 here"}}"#,
                "no *** here",
            ),
            (r#"{"error": "NotFoundError", "message": "gone"}"#, "gone"),
            (r#"{"error": "gone"}"#, "gone"),
            (r#"{"detail": "gone"}"#, "gone"),
            ("<html>canary", "it does not say why"),
        ];
        for (body, expected) in table {
            let answer = HttpAnswer::new(400, &HeaderMap::new(), body.into());
            assert_eq!(answer.words(Some(&secret)), expected, "{body}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = OffsetDateTime::from_unix_timestamp(1_445_412_420).unwrap();
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:26:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(
                retry_after(text, now),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }
}
