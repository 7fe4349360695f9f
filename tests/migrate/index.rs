//! The index: when it is built, what a broken build leaves, and what is seen of a running one.

use crate::site::*;

/// A build that a timeout ended while it waited for a writer: the index is there and INVALID.
async fn leave_invalid(site: &mut Site, definition: &str) {
    let mut writer = site.writer().await;
    site.run("SET statement_timeout = '100ms'").await;
    let broken = site
        .connection
        .execute(composed(format!(
            "CREATE INDEX CONCURRENTLY articles_embedding_idx ON vectors.articles USING {definition}"
        )))
        .await;
    assert!(broken.is_err());
    site.run("RESET statement_timeout").await;
    writer.execute("ROLLBACK").await.unwrap();
    let valid = site.text("SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'vectors.articles_embedding_idx'::regclass").await;
    assert_eq!(valid, "false");
}

const IS_VALID: &str =
    "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'vectors.articles_embedding_idx'::regclass";

#[tokio::test]
async fn ivfflat_waits_for_rows_and_is_built_when_they_are_there() {
    let mut site = Site::new().await;
    let mut table = articles();
    table.index = Index::Ivfflat {
        lists: Lists::Count(3),
    };
    site.existing_articles(40, "").await;
    let statuses = site.up(&table).await.unwrap();
    let reason = "ivfflat trains its lists on the rows: 0 rows have an embedding, 30 are needed".to_owned();
    assert_eq!(statuses[3].state, MigrationState::Deferred { reason });
    site.embed().await;
    let statuses = site.up(&table).await.unwrap();
    assert_eq!(statuses[3].state, MigrationState::Applied);
    let options = site
        .text(
            "SELECT array_to_string(reloptions, ',') FROM pg_class WHERE relname = 'articles_embedding_idx'",
        )
        .await;
    assert_eq!(options, "lists=3");
}

#[tokio::test]
async fn dimensions_choose_the_type_and_whether_there_is_an_index() {
    for (dimensions, type_name, last) in [
        (2001, "public.halfvec(2001)", None),
        (
            4001,
            "public.vector(4001)",
            Some("4001 dimensions cannot be indexed, at most 4000 can: searches are exact"),
        ),
    ] {
        let mut site = Site::new().await;
        let mut table = articles();
        table.dimensions = Dimensions::new(dimensions).unwrap();
        let statuses = site.up(&table).await.unwrap();
        let expected = last.map_or(MigrationState::Applied, |reason| MigrationState::Skipped {
            reason: reason.to_owned(),
        });
        assert_eq!(statuses[3].state, expected);
        let found = site
            .text(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                    WHERE attrelid = 'vectors.articles'::regclass AND attname = 'embedding'",
            )
            .await;
        assert_eq!(found, type_name);
    }
}

#[tokio::test]
async fn an_invalid_leftover_is_dropped_and_built_again_whatever_its_parameters() {
    for definition in [
        "hnsw (embedding public.vector_cosine_ops) WITH (m = 16, ef_construction = 64)",
        "hnsw (embedding public.vector_l2_ops)",
    ] {
        let mut site = Site::new().await;
        site.existing_articles(50, "").await;
        site.up_to(&articles(), Some(3), &|_| {}).await.unwrap();
        site.embed().await;
        leave_invalid(&mut site, definition).await;
        let statuses = site.up(&articles()).await.unwrap();
        assert_eq!(statuses[3].state, MigrationState::Applied, "{definition}");
        assert_eq!(site.text(IS_VALID).await, "true");
        let options = site.text("SELECT array_to_string(reloptions, ',') FROM pg_class WHERE relname = 'articles_embedding_idx'").await;
        assert_eq!(options, "ef_construction=64,m=16");
        assert_eq!(
            site.text("SELECT count(*)::text FROM pgvector_setup.index_build")
                .await,
            "0"
        );
    }
}

#[tokio::test]
async fn progress_names_the_writer_that_the_build_waits_for() {
    let mut site = Site::new().await;
    site.existing_articles(50, "").await;
    site.up_to(&articles(), Some(3), &|_| {}).await.unwrap();
    let mut writer = site.writer().await;
    let pid: i32 = writer.fetch_one("SELECT pg_backend_pid()").await.unwrap().get(0);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let progress = move |seen: BuildProgress| {
        let _ = tell.send(seen);
    };
    let table = articles();
    let release = async {
        loop {
            let seen = told.recv().await.unwrap();
            if let Some(blocker) = seen.waiting_for {
                writer.execute("COMMIT").await.unwrap();
                return (seen.phase, blocker.pid);
            }
        }
    };
    let (statuses, seen) = tokio::join!(site.up_to(&table, None, &progress), release);
    assert_eq!(seen, ("waiting for writers before build".to_owned(), pid));
    assert_eq!(statuses.unwrap()[3].state, MigrationState::Applied);
}

#[tokio::test]
async fn a_build_that_waits_too_long_names_the_blocker_and_the_next_run_finishes_it() {
    let mut site = Site::new().await;
    site.existing_articles(50, "").await;
    site.up_to(&articles(), Some(3), &|_| {}).await.unwrap();
    let mut writer = site.writer().await;
    site.limits.snapshot_wait = Duration::from_millis(300);
    let error = site.up(&articles()).await.unwrap_err();
    let MigrateError::Blocked { blocker, .. } = &error else {
        panic!("{error}")
    };
    assert!(blocker.query.contains("'unfinished'"), "{error}");
    writer.execute("COMMIT").await.unwrap();
    assert_eq!(
        site.up(&articles()).await.unwrap()[3].state,
        MigrationState::Applied
    );
    assert_eq!(site.text(IS_VALID).await, "true");
}

#[tokio::test]
async fn a_client_that_is_gone_takes_its_build_with_it_and_the_next_run_finishes() {
    let mut site = Site::new().await;
    site.existing_articles(50, "").await;
    site.up_to(&articles(), Some(3), &|_| {}).await.unwrap();
    let mut writer = site.writer().await;
    let table = articles();
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting%')";
    {
        let mut doomed = server::administrator(&site.database).await;
        let migrator = Migrator {
            table: &table,
            owner: &site.owner,
            endpoint: &site.endpoint,
            login: &site.login,
            database: &site.database,
            limits: site.limits,
            progress: &|_| {},
        };
        tokio::select! {
            _ = migrator.up(&mut doomed, None) => panic!("the writer holds it up"),
            () = site.wait_until(waiting) => {}
        }
    }
    writer.execute("ROLLBACK").await.unwrap();
    assert_eq!(site.up(&table).await.unwrap()[3].state, MigrationState::Applied);
    assert_eq!(site.text(IS_VALID).await, "true");
}

#[tokio::test]
async fn an_index_that_was_finished_but_not_recorded_is_known_as_ours() {
    let mut site = Site::new().await;
    site.existing_articles(5, "").await;
    site.up_to(&articles(), Some(3), &|_| {}).await.unwrap();
    site.run(
        "INSERT INTO pgvector_setup.index_build VALUES ('vectors', 'articles', 'articles_embedding_idx', '');
         CREATE INDEX articles_embedding_idx ON vectors.articles USING hnsw (embedding public.vector_cosine_ops)",
    )
    .await;
    assert_eq!(
        site.up(&articles()).await.unwrap()[3].state,
        MigrationState::Applied
    );
    assert_eq!(site.down(&articles(), 3, Descent::default()).await.unwrap(), [4]);
    assert_eq!(
        site.text("SELECT to_regclass('vectors.articles_embedding_idx')::text")
            .await,
        ""
    );
}
