//! Nearest rows: right, complete, and from the index.

use pgvector_setup::database::{Endpoint, Login, RemoteEndpoint, connect};
use pgvector_setup::settings::{Dimensions, Metric, ServerHost, TlsMode, VectorTable};

use crate::site::{
    Filter, Selection, Sharing, Site, StoreError, TABLE, VectorStore, all, articles, first, ids, name,
};
use crate::support::server;

const THREE: &str = "INSERT INTO app.articles (uri, document, metadata, embedding) VALUES
    ('east', 'to the east', '{\"year\": 2020}', '[1,0,0]'), ('north', 'to the north', '{\"year\": 2021}', '[0,1,0]'),
    ('nearly east', NULL, '{}', '[0.9,0.1,0]'), ('nowhere', 'unknown', '{}', NULL)";

#[tokio::test]
async fn a_search_gives_the_nearest_first_with_all_that_the_table_has_of_them() {
    let site = Site::new(&format!("{TABLE}; {THREE}")).await;
    let hits = site
        .store()
        .await
        .search(&[1.0, 0.0, 0.0], &first(2))
        .await
        .unwrap();
    assert_eq!(ids(&hits), ["east", "nearly east"]);
    let east = &hits.rows[0];
    assert_eq!((east.distance, east.score), (0.0, Some(1.0)));
    assert_eq!(east.row.document.as_deref(), Some("to the east"));
    assert_eq!(east.row.metadata.as_ref().unwrap()["year"], 2020);
    assert!(
        east.row.columns.keys().eq(["created_at"]),
        "{:?}",
        east.row.columns
    );
    assert_eq!(east.row.embedding, None);
    assert!(hits.is_exact, "there is no index");
}

#[tokio::test]
async fn similar_rows_are_others_and_a_row_without_vector_has_none() {
    let site = Site::new(&format!("{TABLE}; {THREE}")).await;
    let store = site.store().await;
    let hits = store.similar("east", &first(10)).await.unwrap();
    assert_eq!(ids(&hits), ["nearly east", "north"]);
    let nobody = store.similar("nowhere", &first(10)).await.unwrap_err();
    assert!(
        matches!(&nobody, StoreError::NoVector { key } if key == "nowhere"),
        "{nobody}"
    );
    let nobody = store.similar("it's \"; DROP", &first(10)).await.unwrap_err();
    assert!(matches!(nobody, StoreError::NoRow { .. }), "{nobody}");
    let only = store.similar("east", &all(r#"{"year": 1999}"#)).await.unwrap();
    assert_eq!(ids(&only), [""; 0]);
}

#[tokio::test]
async fn every_metric_type_and_kind_of_index_gives_the_rows_of_an_exact_search() {
    for (metric, column, method) in [
        (Metric::Cosine, "vector", "hnsw"),
        (Metric::L2, "halfvec", "hnsw"),
        (Metric::L1, "vector", "hnsw"),
        (Metric::Ip, "vector", "hnsw"),
        (Metric::Cosine, "halfvec", "ivfflat"),
        (Metric::L2, "vector", "ivfflat"),
    ] {
        let class = format!("{column}_{}_ops", metric.name());
        let mut site = Site::new(&format!(
            "{TABLE}; ALTER TABLE app.articles ALTER embedding TYPE ext.{column}(8)"
        ))
        .await;
        match method {
            "hnsw" => scatter(&mut site, 2_000, 8).await,
            _ => gather(&mut site, 2_000, 8).await,
        }
        site.run(&format!(
            "CREATE INDEX ON app.articles USING {method} (embedding ext.{class}){}; ANALYZE app.articles",
            if method == "hnsw" { "" } else { " WITH (lists = 8)" }
        ))
        .await;
        let store = site.open(&VectorTable { metric, ..articles() }).await.unwrap();
        let query = [0.9, -0.2, 0.1, 0.2, 0.0, -0.2, 0.2, 0.1];
        let exact = Selection {
            is_exact: true,
            ..first(10)
        };
        let (found, exact) = (
            store.search(&query, &first(10)).await.unwrap(),
            store.search(&query, &exact).await.unwrap(),
        );
        assert!(!found.is_exact && exact.is_exact, "{metric:?} {column} {method}");
        let common = ids(&found).iter().filter(|id| ids(&exact).contains(id)).count();
        assert!(common >= 8, "{metric:?} {column} {method}: {common} of 10");
        let similar = store.similar("row 7", &first(10)).await.unwrap();
        assert!(
            similar.rows.len() == 10 && !ids(&similar).contains(&"row 7"),
            "{metric:?} {column} {method}"
        );
        let plan = store.explain(&query, &first(10)).await.unwrap();
        assert_eq!(
            plan.index.as_deref(),
            Some("articles_embedding_idx"),
            "{metric:?} {column} {method}: {plan:?}"
        );
    }
}

#[tokio::test]
async fn however_few_rows_meet_a_condition_as_many_as_are_wanted_come_back() {
    for method in ["hnsw", "ivfflat"] {
        let mut site = Site::new(TABLE).await;
        scatter(&mut site, 10_000, 3).await;
        site.run(&format!("CREATE INDEX ON app.articles USING {method} (embedding ext.vector_cosine_ops); ANALYZE app.articles")).await;
        let store = site.store().await;
        // How near they are is the index's recall, which clusters chosen at random make differ from build to build.
        let (mut nearest, mut wanted) = (0, 0);
        for (condition, matching) in [
            (r#"{"half": 1}"#, 5_000),
            (r#"{"cent": {"$gte": 99}}"#, 100),
            (r#"{"mil": {"$in": [1, 1.5]}}"#, 10),
            (r#"{"n": 1}"#, 1),
            (r#"{"n": 0}"#, 0),
        ] {
            let plan = store
                .explain(
                    &[1.0, 2.0, 3.0],
                    &Selection {
                        limit: 10,
                        ..all(condition)
                    },
                )
                .await
                .unwrap();
            assert_eq!(
                plan.index.as_deref(),
                Some("articles_embedding_idx"),
                "{method} {condition}: {plan:?}"
            );
            for limit in [5, 50, 2_000] {
                let selection = Selection {
                    limit,
                    ..all(condition)
                };
                let exact = Selection {
                    is_exact: true,
                    ..selection.clone()
                };
                let found = store.search(&[1.0, 2.0, 3.0], &selection).await.unwrap();
                let exact = store.search(&[1.0, 2.0, 3.0], &exact).await.unwrap();
                assert_eq!(
                    found.rows.len(),
                    matching.min(limit as usize),
                    "{method} {condition} {limit}"
                );
                nearest += ids(&found).iter().filter(|id| ids(&exact).contains(id)).count();
                wanted += exact.rows.len();
            }
        }
        assert!(nearest * 10 >= wanted * 9, "{method}: {nearest} of {wanted}");
    }
}

#[tokio::test]
async fn a_limit_above_what_the_index_looks_at_and_deleted_neighbours_leave_no_gap() {
    for method in ["hnsw", "ivfflat"] {
        let mut site = Site::new(TABLE).await;
        scatter(&mut site, 4_000, 3).await;
        site.run(&format!(
            "CREATE INDEX ON app.articles USING {method} (embedding ext.vector_cosine_ops); ANALYZE app.articles"
        ))
        .await;
        let store = site.store().await;
        for limit in [1, 41, 600, 4_000, 5_000] {
            let hits = store.search(&[1.0, 2.0, 3.0], &first(limit)).await.unwrap();
            assert_eq!(hits.rows.len(), limit.min(4_000) as usize, "{method} {limit}");
            assert!(
                hits.rows
                    .is_sorted_by(|one, other| one.distance <= other.distance)
            );
        }
        site.run(
            "ALTER TABLE app.articles SET (autovacuum_enabled = false);
            DELETE FROM app.articles WHERE uri IN (SELECT uri FROM app.articles
                ORDER BY embedding OPERATOR(ext.<=>) '[1,2,3]'::ext.vector LIMIT 1000)",
        )
        .await;
        let hits = store.search(&[1.0, 2.0, 3.0], &first(20)).await.unwrap();
        assert_eq!(hits.rows.len(), 20, "{method}");
    }
}

#[tokio::test]
async fn what_the_role_sets_is_kept_where_it_is_more_and_nothing_outlives_a_search() {
    let mut site = Site::new(TABLE).await;
    scatter(&mut site, 3_000, 3).await;
    site.run(
        "CREATE INDEX ON app.articles USING hnsw (embedding ext.vector_cosine_ops); ANALYZE app.articles",
    )
    .await;
    let pool = site.pool().await;
    let store = VectorStore::open(pool.clone(), &articles(), Sharing::Session)
        .await
        .unwrap();
    for condition in [None, Some(Filter::from_text(r#"{"half": 1}"#).unwrap())] {
        let selection = Selection {
            limit: 300,
            filter: condition,
            ..Selection::default()
        };
        store.search(&[1.0, 2.0, 3.0], &selection).await.unwrap();
    }
    let settings: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, setting FROM pg_settings WHERE name LIKE 'hnsw.%' AND setting IS DISTINCT FROM boot_val",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(settings, []);
}

#[tokio::test]
async fn a_pooler_that_shares_by_the_transaction_finds_no_statement_kept() {
    let site = Site::new(&format!("{TABLE}; {THREE}")).await;
    let pool = site.pool().await;
    let store = VectorStore::open(pool.clone(), &articles(), Sharing::Transaction)
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            ids(&store.similar("east", &first(1)).await.unwrap()),
            ["nearly east"]
        );
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%articles%'")
            .persistent(false)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_session_that_a_pooler_gives_to_others_keeps_its_search_path() {
    let site = Site::new(TABLE).await;
    let Endpoint::Socket { directory, port } = server::endpoint() else {
        panic!("the test server listens on a socket");
    };
    let administrator = Login::User {
        role: name("postgres"),
        password: None,
        is_pinned: true,
    };
    for (is_shared, expected) in [(false, "pg_catalog"), (true, "\"$user\", public")] {
        let endpoint = Endpoint::Server(RemoteEndpoint {
            host: ServerHost::Socket(directory.clone()),
            port,
            tls: TlsMode::Plain,
            root_certificate: None,
            is_shared,
        });
        let mut session = connect(&endpoint, &administrator, &site.database).await.unwrap();
        let path: String = sqlx::query_scalar("SHOW search_path")
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(path, expected, "shared: {is_shared}");
    }
}

#[tokio::test]
async fn a_vector_that_the_column_could_not_hold_is_refused_before_it_is_sent() {
    let site = Site::new(&format!(
        "{TABLE}; ALTER TABLE app.articles ALTER embedding TYPE ext.halfvec(3)"
    ))
    .await;
    let store = site
        .open(&VectorTable {
            dimensions: Dimensions::new(7).unwrap(),
            ..articles()
        })
        .await
        .unwrap();
    for (vector, problem) in [
        (
            &[1.0, 2.0][..],
            "the vector has 2 components, and the table's vectors have 3",
        ),
        (&[], "the vector has 0 components, and the table's vectors have 3"),
        (
            &[1.0, f32::NAN, 0.0],
            "the vector is not finite in its component 2",
        ),
        (
            &[1.0, 0.0, f32::INFINITY],
            "the vector is not finite in its component 3",
        ),
        (
            &[1e5, 0.0, 0.0],
            "the vector is too large for half precision in its component 1",
        ),
        (
            &[0.0, -0.0, 0.0],
            "the vector is zero, which has no angle to any other",
        ),
        (
            &[1e-9, 0.0, 0.0],
            "the vector is zero, which has no angle to any other",
        ),
    ] {
        let error = store.search(vector, &first(1)).await.unwrap_err();
        assert_eq!(error.to_string(), problem);
    }
}

/// Rows `row 1` and so on with repeatable vectors and metadata of several selectivities.
async fn scatter(site: &mut Site, rows: u32, dimensions: u32) {
    site.run(&format!(
        "SELECT setseed(0.5);
         INSERT INTO app.articles (uri, metadata, embedding)
         SELECT 'row ' || n, jsonb_build_object('n', n, 'half', n % 2, 'cent', n % 100, 'mil', n % 1000), v.v::ext.vector
         FROM (SELECT (i - 1) / {dimensions} + 1 AS n, array_agg((random() - 0.5)::real) AS v
               FROM generate_series(1, {rows} * {dimensions}) i GROUP BY 1) v"
    ))
    .await;
}

/// Rows `row 1` and so on, as many about each axis, and far from those about another. The lists of an IVFFlat index begin from rows
/// chosen at random; only with groups like these are the nearest rows in the nearest lists however they are chosen.
async fn gather(site: &mut Site, rows: u32, dimensions: u32) {
    site.run(&format!(
        "SELECT setseed(0.5);
         INSERT INTO app.articles (uri, embedding)
         SELECT 'row ' || n, v.v::ext.vector
         FROM (SELECT n, array_agg(((n % {dimensions} = axis)::int + (random() - 0.5) / 50)::real ORDER BY axis) AS v
               FROM generate_series(1, {rows}) n, generate_series(0, {dimensions} - 1) axis GROUP BY n) v"
    ))
    .await;
}
