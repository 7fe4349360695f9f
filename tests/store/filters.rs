//! Conditions: which rows each one means, and that no value is ever SQL.

use crate::site::{Filter, Site, StoreError, TABLE, all, articles, name};

/// What Chroma 1.5.9 holds of these rows, and its answers, were the pattern for the table below.
const ROWS: &str = r#"
    ALTER TABLE app.articles ADD title text, ADD pages integer, ADD rating real, ADD is_read boolean, ADD printed date,
        ADD code uuid, ADD links jsonb;
    INSERT INTO app.articles (uri, document, metadata, title, pages, rating, is_read, printed, code) VALUES
    ('0', 'Cat sat', '{"year": 2019, "n": "a"}', 'it''s "a" $1 title', 7, 0.1, true, '2020-02-29', '00000000-0000-0000-0000-000000000001'),
    ('1', 'dog', '{"year": 2020.0}', 'b', 2147483647, NULL, false, NULL, NULL),
    ('2', 'CAT', '{"year": 2021.5}', NULL, NULL, NULL, NULL, NULL, NULL),
    ('3', '100% sure', '{"year": "2020"}', NULL, NULL, NULL, NULL, NULL, NULL),
    ('4', 'a_b', '{"other": 1, "title": "in metadata"}', NULL, NULL, NULL, NULL, NULL, NULL),
    ('5', NULL, '{"year": true, "big": 9007199254740993}', NULL, NULL, NULL, NULL, NULL, NULL),
    ('6', 'ü x', '{"year": 2030, "tags": ["a", "b"], "größe\"''": "x"}', NULL, NULL, NULL, NULL, NULL, NULL),
    ('7', 'cat', '{}', NULL, NULL, NULL, NULL, NULL, NULL)"#;

#[tokio::test]
async fn each_condition_means_the_rows_that_it_does_in_chroma() {
    let site = Site::new(&format!("{TABLE}; {ROWS}")).await;
    let store = site.store().await;
    for (condition, rows) in [
        (r#"{"year": 2020}"#, "1"),
        (r#"{"year": 2020.0}"#, "1"),
        (r#"{"year": {"$eq": 2021.5}}"#, "2"),
        (r#"{"year": {"$ne": 2020}}"#, "0 2 3 4 5 6 7"),
        (r#"{"year": {"$gt": 2019}}"#, "1 2 6"),
        (r#"{"year": {"$gte": 2019}}"#, "0 1 2 6"),
        (r#"{"year": {"$lt": 2020}}"#, "0"),
        (r#"{"year": {"$lte": 2020.5}}"#, "0 1"),
        (r#"{"year": {"$in": [2019, 2020]}}"#, "0 1"),
        (r#"{"year": {"$nin": [2019, 2020]}}"#, "2 3 4 5 6 7"),
        (r#"{"year": "2020"}"#, "3"),
        (r#"{"year": true}"#, "5"),
        (r#"{"year": {"$ne": true}}"#, "0 1 2 3 4 6 7"),
        (r#"{"year": 1}"#, ""),
        (r#"{"big": 9007199254740993}"#, "5"),
        (r#"{"big": 9007199254740992}"#, ""),
        (r#"{"tags": {"$contains": "a"}}"#, "6"),
        (r#"{"tags": {"$not_contains": "a"}}"#, "0 1 2 3 4 5 7"),
        (r#"{"tags": "a"}"#, ""),
        (r#"{"year": {"$in": [true]}}"#, "5"),
        (
            r#"{"$or": [{"year": 2019}, {"$and": [{"other": 1}, {"year": {"$ne": 5}}]}]}"#,
            "0 4",
        ),
        (r#"{"$contains": "cat"}"#, "7"),
        (r#"{"$not_contains": "cat"}"#, "0 1 2 3 4 5 6"),
        (r#"{"$contains": "0%"}"#, "3"),
        (r#"{"$contains": "a_b"}"#, "4"),
        (r#"{"$contains": "ü"}"#, "6"),
        // Beyond Chroma.
        (r#"{"year": {"$gt": 2019, "$lt": 2021}}"#, "1"),
        (r#"{"year": 2019, "n": "a"}"#, "0"),
        (r#"{"$and": [{"n": "a"}, {"$contains": "sat"}]}"#, "0"),
        // Columns.
        (r#"{"uri": {"$in": ["3", "x"]}}"#, "3"),
        (r#"{"title": "it's \"a\" $1 title"}"#, "0"),
        (r#"{"title": {"$contains": "$1"}}"#, "0"),
        (r#"{"metadata.title": "in metadata"}"#, "4"),
        (r#"{"pages": {"$gt": 7.5}}"#, "1"),
        (r#"{"pages": {"$lt": 99999999999}}"#, "0 1"),
        (r#"{"pages": {"$lt": 1e30}}"#, "0 1"),
        (r#"{"pages": {"$in": [7, 7.5]}}"#, "0"),
        (r#"{"pages": {"$nin": [7]}}"#, "1 2 3 4 5 6 7"),
        (r#"{"rating": 0.1}"#, "0"),
        (r#"{"is_read": false}"#, "1"),
        (r#"{"is_read": {"$ne": false}}"#, "0 2 3 4 5 6 7"),
        (r#"{"printed": {"$lt": "2020-03-01"}}"#, "0"),
        (r#"{"code": "00000000-0000-0000-0000-000000000001"}"#, "0"),
        (r#"{"created_at": {"$gt": "2000-01-01"}}"#, "0 1 2 3 4 5 6 7"),
    ] {
        let found = store.get_vectors_by_metadata(&all(condition)).await;
        let found: Vec<String> = found
            .unwrap_or_else(|error| panic!("{condition}: {error}"))
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(found.join(" "), rows, "{condition}");
        let count = store
            .count(Some(&Filter::from_text(condition).unwrap()))
            .await
            .unwrap();
        assert_eq!(count.total, found.len() as u64, "{condition}");
    }
}

#[tokio::test]
async fn what_a_table_cannot_answer_is_refused_with_its_place() {
    let site = Site::new(&format!("{TABLE}; {ROWS}")).await;
    let store = site.store().await;
    for (condition, problem) in [
        (
            r#"{"year": {"$gt": "2019"}}"#,
            "at year.$gt: the order of metadata is that of numbers",
        ),
        (
            r#"{"$and": [{"pages": "7"}]}"#,
            "at $and[0].pages: column pages is of type int4, so its value is a number",
        ),
        (
            r#"{"is_read": 1}"#,
            "at is_read: column is_read is of type bool, so its value is true or false",
        ),
        (
            r#"{"printed": {"$in": ["2020-01-01", 5]}}"#,
            "at printed.$in: column printed is of type date, so its value is a text",
        ),
        (r#"{"links": "x"}"#, "at links: column links is of type jsonb"),
        (
            r#"{"pages": {"$contains": 7}}"#,
            "at pages.$contains: column pages is neither a text nor metadata",
        ),
    ] {
        let error = store
            .count(Some(&Filter::from_text(condition).unwrap()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Filter { .. }) && error.to_string().contains(problem),
            "{condition}: {error}"
        );
    }
    for condition in [r#"{"printed": "yesterday's"}"#, r#"{"code": "no uuid"}"#] {
        let error = store
            .count(Some(&Filter::from_text(condition).unwrap()))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Value { .. }), "{condition}: {error}");
    }
}

#[tokio::test]
async fn hostile_names_and_values_are_only_ever_values() {
    let mut table = articles();
    table.schema = name(r#"s"; DROP SCHEMA app CASCADE; --"#);
    table.table = name("t' $1 ü");
    table.key = name(r#"k\" or 1=1"#);
    let (schema, key) = (table.schema.quoted(), table.key.quoted());
    let site = Site::new(&format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {} ({key} text PRIMARY KEY, document text, metadata jsonb, \"distance\" int, \"c ' \\ $2\" text, embedding ext.vector(3));
         INSERT INTO {} VALUES ('a', 'd', '{{}}', 1, 'x', '[1,0,0]'), ('b', 'd', '{{}}', 2, 'y', '[0,1,0]')",
        table.qualified(),
        table.qualified()
    ))
    .await;
    let store = site.open(&table).await.unwrap();
    let hits = store
        .search(&[1.0, 0.0, 0.0], &all(r#"{"c ' \\ $2": "x"}"#))
        .await
        .unwrap();
    assert_eq!(hits.rows[0].row.columns[r#"c ' \ $2"#], "x");
    assert_eq!(hits.rows[0].row.columns["distance"], 1);
    for hostile in [
        "' OR 1=1 --",
        "\"",
        "$1",
        "\\",
        "\\u0000",
        "{\"a\": 1}",
        "x' UNION SELECT",
        "NULL",
        "%",
        "ü\u{202e}",
        "''",
        "@>",
        "?|",
        "a\nb",
    ] {
        for condition in [
            serde_json::json!({ format!("metadata.{hostile}"): "x" }),
            serde_json::json!({ "a": hostile }),
            serde_json::json!({ "c ' \\ $2": { "$in": [hostile, "z"] } }),
            serde_json::json!({ "a": { "$in": [hostile, 1] } }),
            serde_json::json!({ format!("metadata.{hostile}"): { "$gt": 1 } }),
            serde_json::json!({ format!("x{hostile}"): { "$contains": hostile } }),
            serde_json::json!({ "$contains": hostile }),
        ] {
            let count = store.count(Some(&Filter::from_json(&condition).unwrap())).await;
            assert_eq!(
                count.unwrap_or_else(|error| panic!("{condition}: {error}")).total,
                0,
                "{condition}"
            );
        }
        assert_eq!(
            store.get(&[hostile.to_owned()], false).await.unwrap(),
            [None],
            "{hostile}"
        );
    }
    assert_eq!(store.count(None).await.unwrap().total, 2);
}
