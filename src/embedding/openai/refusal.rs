//! What an answer other than vectors means.

use super::{OpenAiOptions, ServiceError};
use crate::embedding::EmbeddingError;
use crate::host::http::HttpAnswer;

/// [`ServiceError::Busy`] alone is worth another attempt.
pub(super) fn explained(options: &OpenAiOptions, server: String, answer: &HttpAnswer) -> EmbeddingError {
    let error = &answer.json()["error"];
    let words = answer.words(options.key.as_ref());
    let status = answer.status;
    let failure = match status {
        // The service's own words repeat a part of the key.
        401 | 403 => ServiceError::NoAccess { server, status },
        402 => ServiceError::Quota { server },
        // OpenAI's word for an account without money, which no waiting helps.
        429 if error["code"] == "insufficient_quota" => ServiceError::Quota { server },
        404 => unknown(options, server, words),
        400 | 422 if error["code"] == "model_not_found" => unknown(options, server, words),
        // Another parameter than the text is named, as the dimensions.
        400 | 422 if error["param"].as_str().is_some_and(|name| name != "input") => ServiceError::Refused {
            server,
            status,
            words,
        },
        400 | 413 | 422 => return EmbeddingError::RefusedText { reason: words },
        _ if answer.is_transient() => ServiceError::Busy { server, status },
        _ => ServiceError::Refused {
            server,
            status,
            words,
        },
    };
    failure.into()
}

fn unknown(options: &OpenAiOptions, server: String, words: String) -> ServiceError {
    ServiceError::Unknown {
        server,
        model: options.model.clone(),
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain as _;
    use crate::secret::Secret;

    #[test]
    fn each_refusal_says_what_to_change_and_never_the_key() {
        let table = [
            (401, r#"{"error": {"message": "wrong: canary"}}"#, "E0861", "401"),
            (403, "", "E0861", "403"),
            (404, r#"{"error": "no model canary"}"#, "E0862", "no model ***"),
            (
                400,
                r#"{"error": {"code": "model_not_found"}}"#,
                "E0862",
                "--embedder-model",
            ),
            (
                429,
                r#"{"error": {"code": "insufficient_quota"}}"#,
                "E0863",
                "quota",
            ),
            (402, "", "E0863", "quota"),
            (
                429,
                r#"{"error": {"code": "rate_limit_exceeded"}}"#,
                "E0864",
                "429",
            ),
            (500, "canary", "E0864", "500"),
            (
                400,
                r#"{"error": {"message": "too many", "param": "dimensions"}}"#,
                "E0865",
                "too many",
            ),
            (405, "", "E0865", "405"),
            (
                400,
                r#"{"error": {"message": "too long", "param": "input"}}"#,
                "E0870",
                "too long",
            ),
            (422, r#"{"detail": "too long"}"#, "E0870", "too long"),
            (413, "<html>", "E0870", "does not say"),
        ];
        let mut options = OpenAiOptions::new("http://localhost", "m");
        options.key = Some(Secret::new("canary"));
        for (status, body, code, part) in table {
            let answer = HttpAnswer {
                status,
                retry_after: None,
                body: body.as_bytes().to_vec(),
            };
            let error = explained(&options, "https://api.example".to_owned(), &answer);
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert_eq!(error.code(), code, "{shown}");
            assert!(shown.contains(part) && !shown.contains("canary"), "{shown}");
        }
    }
}
