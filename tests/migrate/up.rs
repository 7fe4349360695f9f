//! Forward: made, adopted, or refused before any change.

use crate::site::*;

#[tokio::test]
async fn a_fresh_database_gets_all_four_and_the_application_owns_them() {
    let mut site = Site::new().await;
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(states(&statuses), [&MigrationState::Applied; 4]);
    let owner = site
        .text("SELECT tableowner::text FROM pg_tables WHERE tablename = 'articles'")
        .await;
    assert_eq!(owner, site.owner.as_str());
    let index = site
        .text("SELECT indexdef FROM pg_indexes WHERE indexname = 'articles_embedding_idx'")
        .await;
    assert!(
        index
            .ends_with("USING hnsw (embedding public.vector_cosine_ops) WITH (ef_construction='64', m='16')"),
        "{index}"
    );
    // The extension's schema is open to the application although PUBLIC is shut out.
    let role = site.owner.quoted();
    site.run(&format!(
        "SET ROLE {role}; INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]'::public.vector); RESET ROLE"
    ))
    .await;
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let mut site = Site::new().await;
    let first = site.up(&articles()).await.unwrap();
    site.run("SET default_transaction_read_only = on").await;
    let second = site.up(&articles()).await.unwrap();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_table_of_another_owner_gets_the_column_and_the_index_only() {
    let mut site = Site::new().await;
    let legacy = site.existing_articles(94, "").await;
    let adopted = MigrationState::Adopted;
    let applied = MigrationState::Applied;
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(states(&statuses), [&applied, &adopted, &applied, &applied]);
    let columns = site
        .text(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                 FROM pg_attribute WHERE attrelid = 'vectors.articles'::regclass AND attnum > 0",
        )
        .await;
    assert_eq!(columns, "uri text, title text, embedding public.vector(3)");
    let owner = site
        .text("SELECT tableowner::text FROM pg_tables WHERE tablename = 'articles'")
        .await;
    assert_eq!(owner, legacy.as_str());
    assert_eq!(
        site.text("SELECT count(*)::text FROM vectors.articles").await,
        "94"
    );
}

#[tokio::test]
async fn a_column_and_an_index_that_fit_are_adopted_as_they_are() {
    let mut site = Site::new().await;
    site.run("CREATE EXTENSION vector SCHEMA public").await;
    site.existing_articles(5, ", embedding public.vector(3)").await;
    site.run("CREATE INDEX by_hand ON vectors.articles USING hnsw (embedding public.vector_cosine_ops) WITH (m = 8)").await;
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(states(&statuses), [&MigrationState::Adopted; 4]);
    let indexes = site.text("SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'articles'").await;
    assert_eq!(indexes, "articles_pkey,by_hand");
}

#[tokio::test]
async fn what_is_there_and_differs_is_refused_with_the_difference_before_any_change() {
    let cases = [
        ("CREATE TABLE vectors.articles (uri text, embedding public.vector(4))", "type: vector(4) -> vector(3)"),
        ("CREATE TABLE vectors.articles (uri text, embedding public.vector)", "type: vector -> vector(3)"),
        ("CREATE TABLE vectors.articles (uri text, embedding public.halfvec(3))", "type: halfvec(3) -> vector(3)"),
        ("CREATE TABLE vectors.articles (uri text, embedding real[])", "type: _float4 -> vector(3)"),
        ("CREATE TABLE vectors.articles (id int)", "key column: \"uri\" is none of id"),
        ("CREATE VIEW vectors.articles AS SELECT 'a'::text AS uri", "kind: view -> table"),
        (
            "CREATE TABLE vectors.articles (uri text, embedding public.vector(3));
             CREATE INDEX articles_embedding_idx ON vectors.articles USING hnsw (embedding public.vector_l2_ops)",
            "operator class: vector_l2_ops -> vector_cosine_ops",
        ),
        (
            "CREATE TABLE vectors.articles_embedding_idx (a int)",
            "the name belongs to: table -> index on \"embedding\"",
        ),
    ];
    let mut site = Site::new().await;
    site.run("CREATE EXTENSION vector SCHEMA public").await;
    for (sql, difference) in cases {
        site.run(sql).await;
        let error = site.up(&articles()).await.unwrap_err();
        assert_eq!(differences(&error), [difference], "{sql}");
        let setup = site.text("SELECT to_regnamespace('pgvector_setup')::text").await;
        assert_eq!(setup, "", "nothing was recorded for: {sql}");
        let owner = site.owner.quoted();
        site.run(&format!(
            "DROP SCHEMA vectors CASCADE; CREATE SCHEMA vectors AUTHORIZATION {owner}"
        ))
        .await;
    }
}

#[tokio::test]
async fn an_extension_in_another_schema_is_refused() {
    let mut site = Site::new().await;
    site.run("CREATE SCHEMA ext; CREATE EXTENSION vector SCHEMA ext")
        .await;
    let error = site.up(&articles()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "extension vector is in schema ext, not in public"
    );
}

#[tokio::test]
async fn hostile_names_are_names() {
    let long = "é".repeat(31);
    let full = "x".repeat(63);
    for text in [
        "\"; DROP SCHEMA public; --",
        "it's",
        "back\\slash",
        "Ünï çødé $1 %s {{ x }}",
        &long,
        &full,
    ] {
        let mut site = Site::with_schema(text).await;
        let mut table = articles();
        (table.schema, table.table, table.key, table.column) =
            (name(text), name(text), name("select"), name(text));
        let statuses = site.up(&table).await.unwrap();
        assert_eq!(states(&statuses), [&MigrationState::Applied; 4], "{text}");
        let again = site.up(&table).await.unwrap();
        assert_eq!(states(&again), [&MigrationState::Applied; 4], "{text}");
        assert_eq!(
            site.text("SELECT to_regnamespace('public')::text").await,
            "public",
            "{text}"
        );
    }
}

#[tokio::test]
async fn pending_is_pure_and_says_what_up_then_does() {
    let mut site = Site::new().await;
    let table = articles();
    site.existing_articles(3, "").await;
    let history = read_history(&mut site.connection, &table).await.unwrap();
    let facts = table_facts(&mut site.connection, &table).await.unwrap();
    let planned = pending(&table, &history, &facts).unwrap();
    let adopts: Vec<_> = planned
        .iter()
        .map(|status| (&status.state, status.concurrent))
        .collect();
    let (makes, adopt) = (
        MigrationState::Pending { adopts: false },
        MigrationState::Pending { adopts: true },
    );
    assert_eq!(
        adopts,
        [(&makes, false), (&adopt, false), (&makes, false), (&makes, true)]
    );
    assert_eq!(
        site.up_to(&table, Some(3), &|_| {}).await.unwrap()[3].state,
        makes
    );
    assert_eq!(
        site.up_to(&table, Some(4), &|_| {}).await.unwrap()[3].state,
        MigrationState::Applied
    );
}

#[tokio::test]
async fn what_somebody_ran_by_hand_from_the_printed_sql_is_adopted() {
    let mut site = Site::new().await;
    let sql = pgvector_setup::database::migrate::sql(&articles()).unwrap();
    for statement in sql
        .split_inclusive(';')
        .filter(|statement| statement.contains(';'))
    {
        site.run(statement).await;
    }
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(states(&statuses), [&MigrationState::Adopted; 4]);
}

#[tokio::test]
async fn a_partitioned_table_with_rows_gets_its_index_in_every_partition_and_back() {
    let mut site = Site::new().await;
    site.run(
        "CREATE TABLE vectors.articles (uri text PRIMARY KEY) PARTITION BY HASH (uri);
         CREATE TABLE vectors.articles_0 PARTITION OF vectors.articles FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE vectors.articles_1 PARTITION OF vectors.articles FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO vectors.articles SELECT 'uri' || n FROM generate_series(1, 20) n",
    )
    .await;
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(
        (&statuses[3].state, statuses[3].concurrent),
        (&MigrationState::Applied, false)
    );
    let indexes = "SELECT count(*)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                     JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' AND i.indisvalid";
    assert_eq!(site.text(indexes).await, "3");
    assert_eq!(
        site.down(&articles(), 0, Descent::default()).await.unwrap(),
        [4, 3, 2, 1]
    );
    assert_eq!(
        site.text("SELECT count(*)::text FROM vectors.articles").await,
        "20"
    );
}
