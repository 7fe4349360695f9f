//! Back: what was made goes, what was found stays, data goes only when it is named.

use crate::site::*;

#[tokio::test]
async fn all_the_way_down_leaves_what_was_there_before() {
    let everything = "SELECT string_agg(x, ' ' ORDER BY x) FROM (
        SELECT nspname || coalesce(nspacl::text, '') AS x FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
        UNION ALL SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text IN ('vectors', 'public', 'ext')
        UNION ALL SELECT extname FROM pg_extension) all_of_it";
    let mut site = Site::new().await;
    site.existing_articles(9, "").await;
    let before = site.text(everything).await;
    let mut elsewhere = articles();
    elsewhere.extension_schema = name("ext");
    for table in [articles(), elsewhere] {
        site.up(&table).await.unwrap();
        assert_eq!(
            site.down(&table, 0, Descent::default()).await.unwrap(),
            [4, 3, 2, 1]
        );
        assert_eq!(site.text(everything).await, before);
    }
    assert_eq!(
        site.text("SELECT count(*)::text FROM vectors.articles").await,
        "9"
    );
    assert_eq!(
        site.down(&articles(), 0, Descent::default()).await.unwrap(),
        Vec::<i32>::new()
    );
}

#[tokio::test]
async fn the_way_down_is_open_when_the_settings_have_changed() {
    let mut site = Site::new().await;
    site.up(&articles()).await.unwrap();
    let mut table = articles();
    table.metric = Metric::L2;
    assert_eq!(site.down(&table, 3, Descent::default()).await.unwrap(), [4]);
    site.up(&table).await.unwrap();
    let index = site
        .text("SELECT indexdef FROM pg_indexes WHERE indexname = 'articles_embedding_idx'")
        .await;
    assert!(index.contains("vector_l2_ops"), "{index}");
}

#[tokio::test]
async fn embeddings_are_dropped_only_when_the_column_is_named_and_can_be_exported_first() {
    let mut site = Site::new().await;
    site.existing_articles(3, "").await;
    site.up(&articles()).await.unwrap();
    site.run("UPDATE vectors.articles SET embedding = '[0.1,2,-3e-7]' WHERE uri <> 'uri2'")
        .await;
    let refused = site.down(&articles(), 2, Descent::default()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "column \"embedding\" of \"vectors\".\"articles\" holds 2 values, and was not named for removal"
    );
    let consent = [name("embedding")];
    let host = pgvector_setup::host::Host::new(pgvector_setup::host::Environment::default());
    let directory = std::env::temp_dir().join(&site.database);
    host.create_directory(&directory, 0o700, None).unwrap();
    let path = directory.join("embeddings.csv");
    let descent = Descent {
        consent: &consent,
        export: Some(Export {
            host: &host,
            path: &path,
        }),
    };
    assert_eq!(site.down(&articles(), 2, descent).await.unwrap(), [3]);
    let exported = host.read_text(&path).unwrap().unwrap();
    assert_eq!(
        exported,
        "uri,embedding vector(3)\nuri1,\"[0.1,2,-3e-07]\"\nuri3,\"[0.1,2,-3e-07]\"\n"
    );
    assert_eq!(host.list(&directory), ["embeddings.csv"]);
    host.remove_directory(&directory).unwrap();
}

#[tokio::test]
async fn an_export_that_cannot_be_written_drops_nothing() {
    let mut site = Site::new().await;
    site.existing_articles(3, "").await;
    site.up(&articles()).await.unwrap();
    site.embed().await;
    let consent = [name("embedding")];
    let host = pgvector_setup::host::Host::new(pgvector_setup::host::Environment::default());
    for path in ["/nonexistent/directory/file.csv", "/etc/hostname", "/dev/full/x"] {
        let descent = Descent {
            consent: &consent,
            export: Some(Export {
                host: &host,
                path: path.as_ref(),
            }),
        };
        let error = site.down(&articles(), 2, descent).await.unwrap_err();
        assert!(matches!(error, MigrateError::Export { .. }), "{path}: {error}");
        assert_eq!(
            site.text("SELECT count(embedding)::text FROM vectors.articles")
                .await,
            "3"
        );
    }
}

#[tokio::test]
async fn a_table_with_rows_or_columns_of_others_is_dropped_only_when_named() {
    let mut site = Site::new().await;
    site.up(&articles()).await.unwrap();
    site.run("INSERT INTO vectors.articles (uri) VALUES ('a')").await;
    let refused = site.down(&articles(), 0, Descent::default()).await.unwrap_err();
    assert!(matches!(refused, MigrateError::HoldsData { .. }), "{refused}");
    site.run("DELETE FROM vectors.articles; ALTER TABLE vectors.articles ADD COLUMN theirs int")
        .await;
    let refused = site.down(&articles(), 0, Descent::default()).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("did not make:\n  - column theirs int4"),
        "{refused}"
    );
    site.run("CREATE VIEW vectors.seen AS SELECT uri FROM vectors.articles")
        .await;
    let consent = [name("articles")];
    let descent = Descent {
        consent: &consent,
        export: None,
    };
    let refused = site.down(&articles(), 0, descent).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("view vectors.seen depends on table vectors.articles"),
        "{refused}"
    );
    site.run("DROP VIEW vectors.seen").await;
    assert_eq!(site.down(&articles(), 0, descent).await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn an_extension_that_others_use_stays_and_they_are_named() {
    let mut site = Site::new().await;
    site.up(&articles()).await.unwrap();
    site.run("CREATE TABLE public.theirs (v public.vector(2))").await;
    let refused = site.down(&articles(), 0, Descent::default()).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("extension vector has what these migrations did not make:"),
        "{refused}"
    );
}
