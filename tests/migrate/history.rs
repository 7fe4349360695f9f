//! The history decides what may be run.

use crate::site::*;

#[tokio::test]
async fn two_columns_of_one_database_have_histories_of_their_own() {
    let mut site = Site::new().await;
    let mut second = articles();
    second.table = name("articles_embedding");
    second.column = name("v");
    let mut third = articles();
    third.column = name("embedding_2");
    third.dimensions = Dimensions::new(5).unwrap();
    for table in [articles(), second, third] {
        let statuses = site.up(&table).await.unwrap();
        assert!(
            matches!(statuses[3].state, MigrationState::Applied),
            "{statuses:?}"
        );
    }
    assert_eq!(
        site.text("SELECT count(*)::text FROM pg_tables WHERE tablename LIKE '%\\_history\\_%'")
            .await,
        "3"
    );
}

#[tokio::test]
async fn a_history_that_these_migrations_do_not_continue_is_refused_and_nothing_is_run() {
    let mut longer = articles();
    longer.dimensions = Dimensions::new(5).unwrap();
    let mut other_metric = articles();
    other_metric.metric = Metric::L2;
    let mut other_graph = articles();
    other_graph.index = Index::Hnsw {
        m: 32,
        ef_construction: 64,
    };
    let mut no_index = articles();
    no_index.index = Index::None;
    let cases = [
        (
            "SELECT",
            longer,
            "migration V3 (embedding_column) was applied in another form:\n  - dimensions: 3 -> 5\n  - type: vector(3) -> vector(5)",
        ),
        (
            "SELECT",
            other_metric,
            "migration V4 (embedding_index) was applied in another form:\n  - metric: cosine -> l2",
        ),
        (
            "SELECT",
            other_graph,
            "migration V4 (embedding_index) was applied in another form:\n  - m: 16 -> 32",
        ),
        (
            "SELECT",
            no_index,
            "migration V4 (embedding_index) was applied in another form:\n  - ef-construction: 64 -> none\n  - index: hnsw -> none\n  - m: 16 -> none",
        ),
        (
            "UPDATE {} SET checksum = '1' WHERE version = 2",
            articles(),
            "migration V2 (table) was applied in another form:\n  - checksum of its text: 1 -> ",
        ),
        (
            "UPDATE {} SET name = 'other' WHERE version = 3",
            articles(),
            "migration V3 (embedding_column) was applied in another form:\n  - name: other -> embedding_column",
        ),
        (
            "DELETE FROM {} WHERE version = 2",
            articles(),
            "the history has later migrations, but not V2 (table)",
        ),
        (
            "INSERT INTO {} VALUES (5, 'later', '2030-01-01T00:00:00Z', '1')",
            articles(),
            "the history has migration V5 (later), which this version of pgvector-setup does not know",
        ),
        (
            "UPDATE {} SET settings = '[]' WHERE version = 1",
            articles(),
            "the migration history cannot be trusted: column settings: ",
        ),
    ];
    let mut site = Site::new().await;
    site.up(&articles()).await.unwrap();
    let history = site.history().await;
    for (edit, table, message) in cases {
        site.run(&format!("BEGIN; {}", edit.replace("{}", &history)))
            .await;
        let error = site.up(&table).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        site.run("ROLLBACK").await;
    }
}

#[tokio::test]
async fn what_was_recorded_and_is_gone_is_said() {
    let mut site = Site::new().await;
    site.up(&articles()).await.unwrap();
    site.run("DROP INDEX vectors.articles_embedding_idx").await;
    let error = site.up(&articles()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "migration V4 is recorded as applied, but a valid index on \"embedding\" of \"vectors\".\"articles\" is not there"
    );
    assert_eq!(site.down(&articles(), 3, Descent::default()).await.unwrap(), [4]);
    assert_eq!(
        site.up(&articles()).await.unwrap()[3].state,
        MigrationState::Applied
    );
}

#[tokio::test]
async fn a_setup_schema_of_another_role_is_not_written_into() {
    let mut site = Site::new().await;
    let role = site.owner.quoted();
    site.run(&format!("CREATE SCHEMA pgvector_setup AUTHORIZATION {role}"))
        .await;
    let error = site.up(&articles()).await.unwrap_err();
    assert!(matches!(error, MigrateError::History { .. }), "{error}");
}
