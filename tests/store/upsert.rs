//! Rows written and deleted: all or nothing, and only what was given.

use serde_json::{Value, json};

use crate::site::{Filter, Site, StoreError, TABLE, VectorStore, articles, name};
use pgvector_setup::store::{Item, Row, Written};

#[tokio::test]
async fn what_is_not_given_stays_as_it_is_but_for_the_vector_of_another_text() {
    let site = Site::new(TABLE).await;
    let store = site.store().await;
    let first = json!([
        {"id": "a", "document": "one", "metadata": {"n": 1}, "embedding": [1, 0, 0]},
        {"id": "b"},
        {"id": "c", "embedding": [0.1, -0.0, 3e38], "columns": {"created_at": "2020-01-02T03:04:05Z"}},
        {"id": "it's \"$1\" \\", "document": "\u{1f600} \\n 'x'"}
    ]);
    assert_eq!(store.upsert(items(first.clone())).await.unwrap().rows, 4);
    assert_eq!(
        store.upsert(items(first)).await.unwrap(),
        Written { rows: 4, cleared: 0 },
        "the same again is the same"
    );
    let second = json!([
        {"id": "a", "document": "two"},
        {"id": "b", "metadata": {"n": 2}},
        {"id": "b", "embedding": [0, 1, 0]},
        {"id": "c", "document": "three", "embedding": [0, 0, 1]}
    ]);
    let written = store.upsert(items(second)).await.unwrap();
    assert_eq!(written, Written { rows: 3, cleared: 1 });
    let rows = rows(&store, &["a", "b", "c", "it's \"$1\" \\"]).await;
    assert_eq!(
        rows.iter()
            .map(|row| (
                row.document.as_deref(),
                row.metadata.clone(),
                row.embedding.clone()
            ))
            .collect::<Vec<_>>(),
        [
            (Some("two"), Some(json!({"n": 1})), None),
            (None, Some(json!({"n": 2})), Some(vec![0.0, 1.0, 0.0])),
            (Some("three"), Some(json!({})), Some(vec![0.0, 0.0, 1.0])),
            (Some("\u{1f600} \\n 'x'"), Some(json!({})), None),
        ]
    );
    assert_eq!(rows[2].columns["created_at"], "2020-01-02T03:04:05+00:00");
}

#[tokio::test]
async fn no_row_keeps_the_vector_of_another_text() {
    let vector = [1.0, 0.0, 0.0];
    for (before, after, is_kept) in [
        (json!({"document": "one"}), json!([{"document": "one"}]), true),
        (json!({"document": "one"}), json!([{"document": "One"}]), false),
        (json!({"document": "one"}), json!([{"document": "one "}]), false),
        (json!({"document": "one"}), json!([{"document": ""}]), false),
        (
            json!({"document": "one"}),
            json!([{"columns": {"document": null}}]),
            false,
        ),
        (json!({"document": "one"}), json!([{"metadata": {"n": 1}}]), true),
        (json!({}), json!([{"document": ""}]), false),
        (json!({}), json!([{"columns": {"document": null}}]), true),
        // Two of one call: the later goes over the earlier.
        (
            json!({}),
            json!([{"document": "one", "embedding": [0, 1, 0]}, {"document": "two"}]),
            false,
        ),
        (
            json!({}),
            json!([{"document": "one"}, {"document": "two", "embedding": vector}]),
            true,
        ),
        (
            json!({}),
            json!([{"document": "one", "embedding": vector}, {"document": "one"}]),
            true,
        ),
        (
            json!({"document": "one"}),
            json!([{"embedding": vector}, {"document": "one"}]),
            true,
        ),
        (
            json!({"document": "one"}),
            json!([{"embedding": vector}, {"document": "two"}]),
            false,
        ),
    ] {
        // Where rows can be made, and where they can only be changed.
        for table in [
            TABLE,
            "CREATE TABLE app.articles (uri text PRIMARY KEY, document varchar(10), metadata jsonb, embedding ext.vector(3), title text NOT NULL)",
        ] {
            let site = Site::new(table).await;
            let store = site.store().await;
            let with_key = |item: &Value| {
                let mut item = item.clone();
                item["id"] = json!("a");
                item
            };
            let mut first = with_key(&before);
            first["embedding"] = json!(vector);
            if table.contains("title") {
                let columns = first["columns"].as_object().cloned().unwrap_or_default();
                first["columns"] = json!(columns);
                first["columns"]["title"] = json!("A");
            }
            store.upsert(items(json!([first]))).await.unwrap();
            let changes: Vec<Value> = after.as_array().unwrap().iter().map(with_key).collect();
            let written = store.upsert(items(json!(changes))).await.unwrap();
            let expected = is_kept.then(|| vector.to_vec());
            assert_eq!(
                rows(&store, &["a"]).await[0].embedding,
                expected,
                "{before} {after}"
            );
            let cleared = u64::from(!is_kept);
            assert_eq!(written, Written { rows: 1, cleared }, "{before} {after}");
        }
    }
}

#[tokio::test]
async fn one_bad_item_keeps_all_of_them_out() {
    let mut site = Site::new(TABLE).await;
    site.run("ALTER TABLE app.articles ADD pages int CHECK (pages > 0)")
        .await;
    let store = site.store().await;
    for (bad, code) in [
        (
            json!({"id": "b", "embedding": [1, 2]}),
            "item 2 has 2 components, and the table's vectors have 3",
        ),
        (
            json!({"id": "b", "embedding": [0, 0, 0]}),
            "item 2 is zero, which has no angle to any other",
        ),
        (
            json!({"id": "b", "embedding": [1, 1e39, 0]}),
            "item 2 is not finite in its component 2",
        ),
        (
            json!({"id": "b", "document": "a\u{0}b"}),
            "item 2 holds NUL in document, which PostgreSQL does not take",
        ),
        (
            json!({"id": "b", "metadata": {"a": ["\u{0}"]}}),
            "item 2 holds NUL in metadata, which PostgreSQL does not take",
        ),
        (
            json!({"id": "b\u{0}"}),
            "item 2 holds NUL in its id, which PostgreSQL does not take",
        ),
        (
            json!({"id": "b", "columns": {"title": "x"}}),
            "item 2 has title, and \"app\".\"articles\" has no such column",
        ),
        (
            json!({"id": "b", "columns": {"embedding": "[1,2,3]"}}),
            "item 2 has embedding, and \"app\".\"articles\" has no such column",
        ),
        (
            json!({"id": "b", "columns": {"pages": "many"}}),
            "the server does not take a value that was given: invalid input syntax for type integer: \"many\" (22P02)",
        ),
        (
            json!({"id": "b", "columns": {"pages": 0}}),
            "the table does not take a row: new row for relation \"articles\" violates check constraint \"articles_pages_check\" (23514)",
        ),
    ] {
        let error = store
            .upsert(items(json!([{"id": "a", "document": "good"}, bad])))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), code);
        assert_eq!(store.count(None).await.unwrap().total, 0, "{code}");
    }
}

#[tokio::test]
async fn an_adopted_table_takes_vectors_for_its_rows_and_new_rows_with_all_that_they_need() {
    let site = Site::new(
        "CREATE TABLE app.articles (uri text PRIMARY KEY, title text NOT NULL, embedding ext.halfvec(3));
         INSERT INTO app.articles VALUES ('u1', 'One', NULL), ('u2', 'Two', NULL)",
    )
    .await;
    let store = site.store().await;
    let vectors = json!([{"id": "u2", "embedding": [0, 1, 0]}, {"id": "u1", "embedding": [1, 0, 0]}]);
    assert_eq!(store.upsert(items(vectors)).await.unwrap().rows, 2);
    let error = store
        .upsert(items(
            json!([{"id": "u1", "embedding": [0, 0, 1]}, {"id": "u3", "embedding": [0, 0, 1]}]),
        ))
        .await;
    assert!(
        matches!(&error, Err(StoreError::Required { columns, .. }) if columns == &["title"]),
        "{error:?}"
    );
    store
        .upsert(items(
            json!([{"id": "u3", "columns": {"title": "Three"}, "embedding": [0, 0, 1]}]),
        ))
        .await
        .unwrap();
    let rows = rows(&store, &["u1", "u3"]).await;
    assert_eq!(rows[0].embedding.as_deref(), Some(&[1.0, 0.0, 0.0][..]));
    assert_eq!(rows[1].columns["title"], "Three");
    let error = store
        .upsert(items(json!([{"id": "u1", "document": "x"}])))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Item { .. }), "{error}");
}

#[tokio::test]
async fn rows_are_named_by_what_is_unique() {
    let site =
        Site::new("CREATE TABLE app.articles (uri text, number int UNIQUE, embedding ext.vector(3))").await;
    let error = site
        .store()
        .await
        .upsert(items(json!([{"id": "a"}])))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotUnique { .. }), "{error}");
    let mut table = articles();
    table.key = name("number");
    let store = site.open(&table).await.unwrap();
    assert_eq!(
        store
            .upsert(items(json!([{"id": 7, "columns": {"uri": "a"}}, {"id": 7}])))
            .await
            .unwrap()
            .rows,
        1
    );
}

#[tokio::test]
async fn many_rows_arrive_whole_in_one_transaction() {
    let site = Site::new(TABLE).await;
    let store = site.store().await;
    let many = (0..2_345).map(|n| Item {
        id: format!("row {n}"),
        document: (n % 3 == 0).then(|| format!("text {n}")),
        embedding: Some(vec![1.0, n as f32, 0.5]),
        ..Item::default()
    });
    assert_eq!(store.upsert(many.collect()).await.unwrap().rows, 2_345);
    let count = store.count(None).await.unwrap();
    assert_eq!((count.total, count.embedded), (2_345, 2_345));
    assert_eq!(
        rows(&store, &["row 2344"]).await[0].embedding.as_deref(),
        Some(&[1.0, 2344.0, 0.5][..])
    );
}

#[tokio::test]
async fn rows_are_deleted_by_key_or_by_condition_and_never_without_one() {
    let site = Site::new(TABLE).await;
    let store = site.store().await;
    let five: Vec<Value> = (0..5)
        .map(|n| json!({"id": n.to_string(), "metadata": {"n": n}}))
        .collect();
    store.upsert(items(Value::Array(five))).await.unwrap();
    assert_eq!(
        store
            .delete(&["0".to_owned(), "nobody".to_owned()])
            .await
            .unwrap(),
        1
    );
    assert_eq!(store.delete(&[]).await.unwrap(), 0);
    let few = Filter::from_text(r#"{"n": {"$gte": 3}}"#).unwrap();
    assert_eq!(store.delete_where(&few).await.unwrap(), 2);
    assert!(Filter::from_text("{}").is_err());
    assert_eq!(store.count(None).await.unwrap().total, 2);
}

fn items(items: Value) -> Vec<Item> {
    serde_json::from_value(items).unwrap()
}

async fn rows(store: &VectorStore, keys: &[&str]) -> Vec<Row> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    store
        .get(&keys, true)
        .await
        .unwrap()
        .into_iter()
        .map(Option::unwrap)
        .collect()
}
