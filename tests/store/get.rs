//! Rows by key, counts and health.

use crate::site::{Selection, Site, StoreError, TABLE, all, articles, name};
use pgvector_setup::store::Health;

const ROWS: &str = "INSERT INTO app.articles (uri, metadata, embedding) VALUES
    ('a', '{\"n\": 1e2, \"golden\": 1.618033988749895, \"tiny\": 5e-324}', '[0.1,-0,3e38]'), ('b', '{}', NULL), ('c', '{}', '[1,2,3]')";

#[tokio::test]
async fn rows_come_in_the_order_of_their_keys_with_every_bit_of_their_vectors() {
    let site = Site::new(&format!("{TABLE}; {ROWS}")).await;
    let store = site.store().await;
    let keys = ["c", "nobody", "a", "c"].map(str::to_owned);
    let rows = store.get(&keys, true).await.unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| row.as_ref().map(|row| row.id.as_str()))
        .collect();
    assert_eq!(found, [Some("c"), None, Some("a"), Some("c")]);
    let row = rows[2].as_ref().unwrap();
    let bits = |vector: &[f32]| {
        vector
            .iter()
            .map(|component| component.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(row.embedding.as_deref().unwrap()), bits(&[0.1, -0.0, 3e38]));
    let metadata = row.metadata.as_ref().unwrap();
    assert_eq!(
        (&metadata["n"], &metadata["golden"], &metadata["tiny"]),
        (&100.into(), &1.618_033_988_749_895.into(), &5e-324.into())
    );
    let first = Selection {
        limit: 2,
        ..Selection::default()
    };
    let rows = store.get_vectors_by_metadata(&first).await.unwrap();
    assert!(rows.iter().map(|row| row.id.as_str()).eq(["a", "b"]) && rows[0].embedding.is_none());
}

#[tokio::test]
async fn keys_are_of_the_columns_own_type() {
    let mut table = articles();
    table.key = name("number");
    let site = Site::new(
        "CREATE TABLE app.articles (number bigint PRIMARY KEY, code uuid UNIQUE, embedding ext.vector(3));
         INSERT INTO app.articles VALUES (7, 'AAAAAAAA-0000-0000-0000-000000000001', '[1,0,0]'), (10, NULL, '[0,1,0]')",
    )
    .await;
    let store = site.open(&table).await.unwrap();
    assert_eq!(
        store.get(&["007".to_owned()], false).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .id,
        "7"
    );
    assert_eq!(
        store
            .similar("7", &all(r#"{"number": {"$gt": 9}}"#))
            .await
            .unwrap()
            .rows[0]
            .row
            .id,
        "10"
    );
    let error = store.get(&["seven".to_owned()], false).await.unwrap_err();
    assert!(matches!(error, StoreError::Value { .. }), "{error}");
    table.key = name("code");
    let store = site.open(&table).await.unwrap();
    let row = store
        .get(&["aaaaaaaa-0000-0000-0000-000000000001".to_owned()], false)
        .await
        .unwrap();
    assert_eq!(row[0].as_ref().unwrap().columns["number"], 7);
}

#[tokio::test]
async fn health_counts_what_can_be_found_and_says_what_is_wrong() {
    let mut site = Site::new(&format!("{TABLE}; {ROWS}")).await;
    let store = site.store().await;
    let healthy = Health {
        healthy: true,
        extension_installed: true,
        articles_with_embeddings: 2,
        total_articles: 3,
        error: None,
    };
    assert_eq!(store.health().await, healthy);
    site.run("DROP EXTENSION vector CASCADE").await;
    let health = store.health().await;
    assert!(
        !health.healthy && !health.extension_installed && health.error.is_some(),
        "{health:?}"
    );
}
