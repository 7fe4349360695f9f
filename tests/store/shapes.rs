//! Tables as they are found: what can be used, and what is said of the others.

use pgvector_setup::settings::{Index, Metric, VectorTable};
use pgvector_setup::{Exit, Explain as _};

use crate::site::{Site, TABLE, articles, first, ids, name};

#[tokio::test]
async fn an_adopted_table_without_document_and_metadata_is_searched_as_it_is() {
    let site = Site::new(
        "CREATE TABLE app.articles (uri varchar(80) PRIMARY KEY, title text NOT NULL, score numeric, \"read\" boolean, embedding ext.vector(3));
         INSERT INTO app.articles VALUES ('u1', 'One', 1.50, true, '[1,0,0]'), ('u2', 'Two', NULL, false, '[0,1,0]'), ('u3', 'Three', 3, NULL, NULL);
         CREATE INDEX articles_embedding_idx ON app.articles USING ivfflat (embedding ext.vector_cosine_ops) WITH (lists = 6)",
    )
    .await;
    let store = site.store().await;
    let hits = store.search(&[1.0, 0.1, 0.0], &first(5)).await.unwrap();
    assert_eq!(ids(&hits), ["u1", "u2"]);
    let row = &hits.rows[0].row;
    assert_eq!((&row.document, &row.metadata), (&None, &None));
    assert_eq!(
        serde_json::to_string(&row.columns).unwrap(),
        r#"{"read":true,"score":1.5,"title":"One"}"#
    );
    assert_eq!(ids(&store.similar("u2", &first(5)).await.unwrap()), ["u1"]);
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_what_would() {
    let site = Site::new(&format!(
        "{TABLE}; CREATE INDEX by_distance ON app.articles USING hnsw (embedding ext.vector_l2_ops);
         CREATE TABLE app.notes (id int PRIMARY KEY, body text, meaning ext.vector(3))"
    ))
    .await;
    let table = |change: fn(&mut VectorTable)| {
        let mut table = articles();
        change(&mut table);
        table
    };
    for (table, code, hint) in [
        (
            table(|table| table.table = name("none")),
            "E0840",
            "--schema NAME --table NAME",
        ),
        (
            table(|table| table.schema = name("none")),
            "E0840",
            "--schema NAME --table NAME",
        ),
        (table(|table| table.table = name("notes")), "E0841", "--key id"),
        (
            table(|table| (table.table, table.key) = (name("notes"), name("id"))),
            "E0842",
            "--column meaning",
        ),
        (
            table(|table| (table.table, table.key, table.column) = (name("notes"), name("id"), name("body"))),
            "E0842",
            "--column meaning",
        ),
        (articles(), "E0843", "--metric l2"),
        (table(|table| table.index = Index::None), "E0843", "--metric l2"),
    ] {
        let error = site.open(&table).await.unwrap_err();
        assert_eq!((error.code(), error.exit()), (code, Exit::Refused), "{error}");
        assert!(
            error.hint().unwrap().contains(hint),
            "{error}: {:?}",
            error.hint()
        );
    }
    let store = site
        .open(&table(|table| table.metric = Metric::L2))
        .await
        .unwrap();
    assert_eq!(store.shape().index.as_ref().unwrap().name, "by_distance");
}

#[tokio::test]
async fn a_table_with_more_columns_than_one_call_takes_arguments_is_read_whole() {
    let columns: Vec<String> = (0..120)
        .map(|number| format!("c{number} int DEFAULT {number}"))
        .collect();
    let site = Site::new(&format!(
        "CREATE TABLE app.articles (uri text PRIMARY KEY, {}, embedding ext.vector(3));
         INSERT INTO app.articles (uri, embedding) VALUES ('a', '[1,0,0]')",
        columns.join(", ")
    ))
    .await;
    let rows = site.store().await.get(&["a".to_owned()], false).await.unwrap();
    let columns = &rows[0].as_ref().unwrap().columns;
    assert_eq!((columns.len(), &columns["c119"]), (120, &119.into()));
}
