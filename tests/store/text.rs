//! Texts instead of vectors, by a service that speaks OpenAI's protocol.

use pgvector_setup::database::Login;
use pgvector_setup::database::migrate::{Limits, Migrator};
use pgvector_setup::embedding::{EmbeddingError, OpenAi, OpenAiOptions};
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::settings::{Dimensions, VectorTable};
use pgvector_setup::store::Item;

use crate::site::{Site, StoreError, articles, first, ids, name};
use crate::support::embedder::EmbedderService;
use crate::support::server;

#[tokio::test]
async fn texts_are_written_and_found_by_their_vectors_and_another_model_is_refused() {
    let mut site = Site::new("SELECT 1").await;
    let table = VectorTable {
        dimensions: Dimensions::new(64).unwrap(),
        ..articles()
    };
    let migrator = Migrator {
        table: &table,
        owner: &name("postgres"),
        endpoint: &server::endpoint(),
        login: &Login::Administrator {
            role: "postgres".into(),
        },
        database: &site.database,
        limits: Limits::default(),
        progress: &|_| {},
    };
    migrator.up(&mut site.connection, None).await.unwrap();
    let store = site.open(&table).await.unwrap();
    let service = EmbedderService::start(64);
    let embedder = |model: &str| {
        OpenAi::new(
            &Host::new(Environment::default()),
            OpenAiOptions::new(service.url(), model),
        )
        .unwrap()
    };
    let item = |id: &str, document: Option<&str>| Item {
        id: id.to_owned(),
        document: document.map(str::to_owned),
        ..Item::default()
    };
    let mut items = vec![
        item("cat", Some("the cat sat on the mat")),
        item("dog", Some("dogs bark at night")),
        item("blank", Some("  ")),
        item("none", None),
    ];
    store
        .embed(items.iter_mut().collect(), &embedder("small"))
        .await
        .unwrap();
    store.upsert(items).await.unwrap();
    assert_eq!(store.count(None).await.unwrap().embedded, 2);
    let hits = store
        .search_text("where is the cat", &embedder("small"), &first(1))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["cat"]);
    let asked = service.received().len();
    let error = store
        .search_text("where is the cat", &embedder("large"), &first(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Embedding(EmbeddingError::OtherModel { .. })),
        "{error}"
    );
    let mut items = [item("new", Some("text"))];
    let error = store
        .embed(items.iter_mut().collect(), &embedder("large"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Embedding(EmbeddingError::OtherModel { .. })),
        "{error}"
    );
    assert_eq!(
        service.received().len(),
        asked,
        "nothing was sent to the wrong model"
    );
}
