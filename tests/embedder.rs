//! Text into vectors by OpenAI's protocol, against a service that fails in every way that it can.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod support;

use std::time::{Duration, Instant};

use pgvector_setup::embedding::{Embedder as _, EmbeddingError, OpenAi, OpenAiOptions, Usage};
use pgvector_setup::error::Explain as _;
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::secret::Secret;
use support::embedder::{EmbedderService, Fault, vector_of};

const DIMENSIONS: usize = 16;

fn options(service: &EmbedderService) -> OpenAiOptions {
    OpenAiOptions::new(service.url(), "words")
}

fn embedder(options: OpenAiOptions) -> OpenAi {
    OpenAi::new(&Host::new(Environment::default()), options).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn vectors(texts: &[String]) -> Vec<Vec<f32>> {
    texts.iter().map(|text| vector_of(text, DIMENSIONS)).collect()
}

const BUSY: Fault = Fault::Status {
    status: 429,
    headers: "Retry-After: 0",
    body: r#"{"error": {"code": "rate_limit_exceeded"}}"#,
};
const BROKEN: Fault = Fault::Status {
    status: 500,
    headers: "",
    body: "canary",
};

#[tokio::test]
async fn texts_become_vectors_in_their_order_in_batches_with_the_key() {
    let service = EmbedderService::start(DIMENSIONS);
    let mut options = options(&service);
    options.batch = 2;
    options.key = Some(Secret::new("canary"));
    let embedder = embedder(options);
    let texts = texts(&["a red fox", "a blue bird", "the sea"]);
    assert_eq!(embedder.embed(&texts).await.unwrap(), vectors(&texts));
    let received = service.received();
    let inputs: Vec<_> = received
        .iter()
        .map(|request| request.body["input"].clone())
        .collect();
    assert_eq!(
        inputs,
        [
            serde_json::json!(["a red fox", "a blue bird"]),
            serde_json::json!(["the sea"])
        ]
    );
    assert!(received.iter().all(|request| request.path == "/v1/embeddings"
        && request.body["model"] == "words"
        && request.body.get("dimensions").is_none()
        && request.authorization.as_deref() == Some("Bearer canary")));
    let usage = Usage {
        requests: 2,
        texts: 3,
        tokens: Some(8),
    };
    assert_eq!(embedder.usage(), usage);
    assert!(!format!("{embedder:?}").contains("canary"));
}

#[tokio::test]
async fn no_text_needs_no_request() {
    let service = EmbedderService::start(DIMENSIONS);
    let embedder = embedder(options(&service));
    assert_eq!(embedder.embed(&[]).await.unwrap(), Vec::<Vec<f32>>::new());
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn the_dimensions_that_are_asked_for_are_the_ones_that_come() {
    let service = EmbedderService::start(DIMENSIONS);
    let mut options = options(&service);
    options.dimensions = Some(8);
    let vectors = embedder(options).embed(&texts(&["a red fox"])).await.unwrap();
    assert_eq!(vectors, [vector_of("a red fox", 8)]);
    assert_eq!(service.received()[0].body["dimensions"], 8);
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_until_it_has_passed() {
    let service = EmbedderService::start(DIMENSIONS);
    let embedder = embedder(options(&service));
    let texts = texts(&["a red fox"]);
    for fault in [BUSY, BROKEN, Fault::Truncated] {
        service.fail_with([fault]);
        assert_eq!(embedder.embed(&texts).await.unwrap(), vectors(&texts));
    }
    assert_eq!(service.received().len(), 6);
    assert_eq!(embedder.usage().requests, 3);
}

#[tokio::test]
async fn what_the_service_asks_to_be_left_alone_for_is_waited() {
    let service = EmbedderService::start(DIMENSIONS);
    service.fail_with([Fault::Status {
        status: 503,
        headers: "Retry-After: 2",
        body: "",
    }]);
    let began = Instant::now();
    embedder(options(&service))
        .embed(&texts(&["a red fox"]))
        .await
        .unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_service_that_stays_busy_or_silent_is_given_up_within_the_patience() {
    let table = [(BUSY, "E0864"), (BROKEN, "E0864"), (Fault::Silent, "E0222")];
    for (fault, code) in table {
        let service = EmbedderService::start(DIMENSIONS);
        service.fail_with(vec![fault; 100]);
        let mut options = options(&service);
        options.patience = Duration::from_millis(300);
        let error = embedder(options).embed(&texts(&["a red fox"])).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.code(), code, "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("red fox"), "{shown}");
    }
}

#[tokio::test]
async fn answers_in_another_order_or_as_base64_are_understood() {
    let service = EmbedderService::start(DIMENSIONS);
    let embedder = embedder(options(&service));
    let texts = texts(&["a red fox", "a blue bird", "the sea"]);
    service.fail_with([Fault::Reversed, Fault::Base64]);
    assert_eq!(embedder.embed(&texts).await.unwrap(), vectors(&texts));
    assert_eq!(embedder.embed(&texts).await.unwrap(), vectors(&texts));
}

#[tokio::test]
async fn an_answer_that_is_wrong_is_refused_at_once() {
    let table = [
        (Fault::TooFew, "E0866"),
        (Fault::Infinite, "E0870"),
        (Fault::NotANumber, "E0866"),
        (Fault::OtherLength, "E0867"),
    ];
    for (fault, code) in table {
        let service = EmbedderService::start(DIMENSIONS);
        service.fail_with([fault]);
        let embedder = embedder(options(&service));
        let error = embedder
            .embed(&texts(&["a red fox", "the sea"]))
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(service.received().len(), 1);
    }
}

#[tokio::test]
async fn what_no_waiting_helps_is_sent_once_and_explained() {
    let refused = |status, body| Fault::Status {
        status,
        headers: "",
        body,
    };
    let table = [
        (
            refused(401, r#"{"error": {"message": "canary"}}"#),
            "E0861",
            "--embedder-key-file",
        ),
        (
            refused(404, r#"{"error": {"message": "no words"}}"#),
            "E0862",
            "--embedder-model",
        ),
        (
            refused(429, r#"{"error": {"code": "insufficient_quota"}}"#),
            "E0863",
            "billing",
        ),
        (
            refused(400, r#"{"error": {"message": "too long"}}"#),
            "E0870",
            "too long",
        ),
        (refused(307, ""), "E0224", "redirect"),
    ];
    for (fault, code, part) in table {
        let service = EmbedderService::start(DIMENSIONS);
        service.fail_with([fault]);
        let mut options = options(&service);
        options.key = Some(Secret::new("canary"));
        let error = embedder(options).embed(&texts(&["a red fox"])).await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert_eq!(error.code(), code, "{shown}");
        assert!(shown.contains(part) && !shown.contains("canary"), "{shown}");
        assert_eq!(service.received().len(), 1);
    }
}

#[tokio::test]
async fn an_empty_text_is_refused_before_anything_is_sent() {
    let service = EmbedderService::start(DIMENSIONS);
    let error = embedder(options(&service))
        .embed(&texts(&["a", "", "b"]))
        .await
        .unwrap_err();
    assert!(matches!(error, EmbeddingError::RefusedText { .. }), "{error:?}");
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn the_pace_holds_requests_back() {
    let service = EmbedderService::start(DIMENSIONS);
    let mut options = options(&service);
    options.batch = 1;
    options.requests_per_minute = Some(120);
    let began = Instant::now();
    embedder(options).embed(&texts(&["a", "b", "c"])).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_patience_is_for_the_service_and_not_for_the_turns_that_a_request_waits() {
    let service = EmbedderService::start(DIMENSIONS);
    let mut options = options(&service);
    options.batch = 1;
    options.requests_per_minute = Some(60);
    options.patience = Duration::from_millis(800);
    let texts = texts(&["a", "b"]);
    service.fail_with([BUSY]);
    assert_eq!(embedder(options).embed(&texts).await.unwrap(), vectors(&texts));
    assert_eq!(service.received().len(), 3);
}

#[test]
fn a_key_goes_in_the_clear_to_this_machine_alone() {
    let mut options = OpenAiOptions::new("http://api.example/v1", "words");
    options.key = Some(Secret::new("canary"));
    let error = OpenAi::new(&Host::new(Environment::default()), options).unwrap_err();
    assert_eq!(error.code(), "E0229", "{error}");
}
