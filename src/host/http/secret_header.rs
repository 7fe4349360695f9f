use ureq::http::HeaderValue;

use super::HttpError;
use crate::secret::Secret;

/// A header whose value is a secret: `Debug` shows its name alone.
#[derive(Debug, Clone)]
pub struct SecretHeader {
    name: &'static str,
    value: HeaderValue,
}

impl SecretHeader {
    /// # Errors
    /// [`HttpError::Unsendable`] where the secret has characters that no header may have.
    pub fn new(name: &'static str, secret: &Secret) -> Result<Self, HttpError> {
        Self::of(name, secret.expose())
    }

    /// `Authorization: Bearer` (RFC 6750).
    ///
    /// # Errors
    /// As [`SecretHeader::new`].
    pub fn bearer(secret: &Secret) -> Result<Self, HttpError> {
        Self::of("authorization", &format!("Bearer {}", secret.expose()))
    }

    fn of(name: &'static str, text: &str) -> Result<Self, HttpError> {
        let is_visible = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let value = is_visible.then(|| HeaderValue::from_str(text).ok()).flatten();
        let mut value = value.ok_or(HttpError::Unsendable)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn value(&self) -> HeaderValue {
        self.value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_header_shows_its_name_alone() {
        let header = SecretHeader::bearer(&Secret::new("canary")).unwrap();
        let shown = format!("{header:?}");
        assert!(
            shown.contains("authorization") && !shown.contains("canary"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_that_no_header_can_hold_is_refused() {
        for text in ["line\nbreak", "d\u{e9}j\u{e0}", "nul\0"] {
            let refused = SecretHeader::new("x-token", &Secret::new(text)).unwrap_err();
            assert!(matches!(refused, HttpError::Unsendable), "{text:?}");
        }
    }
}
