//! The service that makes vectors from text: any that answers as OpenAI's `/v1/embeddings` does.

use std::path::PathBuf;

use super::SettingsError;

/// Where text becomes vectors. The key itself is read where it is used, never kept here.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct EmbedderSettings {
    /// The base that `/embeddings` is appended to, without a slash at its end: `https://api.openai.com/v1`.
    pub url: Option<String>,
    /// The model's name as the service knows it.
    pub model: Option<String>,
    /// A file of mode 0600 with the key; `None` for the environment's, else for a service without one.
    pub key_file: Option<PathBuf>,
}

/// The base URL without the slashes at its end.
///
/// # Errors
/// [`SettingsError::Embedder`] for what is no plain http or https address, or holds a password.
pub fn embedder_url(text: &str) -> Result<String, SettingsError> {
    let refused = |problem| Err(SettingsError::Embedder { problem });
    let rest = match text.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        _ => return refused("is no http or https address"),
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return refused("holds a user or password; give the key with --embedder-key-file FILE");
    }
    if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\"'".contains(c))
    {
        return refused("is no plain address");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedder_is_a_plain_address_and_nothing_else() {
        for (url, expected) in [
            ("https://api.openai.com/v1/", Some("https://api.openai.com/v1")),
            ("http://127.0.0.1:8080/v1", Some("http://127.0.0.1:8080/v1")),
            ("ftp://api.example", None),
            ("https://", None),
            ("https:///v1", None),
            ("https://key:secret@api.example/v1", None),
            ("https://api.example/v1?key=secret", None),
            ("https://api.example/v 1", None),
        ] {
            assert_eq!(embedder_url(url).ok().as_deref(), expected, "{url}");
        }
    }
}
