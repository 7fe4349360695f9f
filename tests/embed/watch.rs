//! New and changed rows get their vectors, each row by one worker, while others write.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use pgvector_setup::database::migrate::{Watched, install_watch, qualified_queue_table, remove_watch};
use pgvector_setup::embedding::watch::{self, Remark, WatchOptions, Worker};
use pgvector_setup::embedding::{EmbeddingError, Subject};
use sqlx::PgPool;

use crate::backfill::MISMATCHED;
use crate::embedder::Counting;
use crate::site::*;

pub const OPTIONS: WatchOptions<'_> = WatchOptions {
    batch: 20,
    adopted: None,
    lease: Duration::from_secs(600),
    attempts: 2,
    retry: Duration::ZERO,
    poll: Duration::from_millis(50),
    until_empty: true,
};

pub async fn subject(site: &Site) -> Subject {
    let mut application = site.application().await;
    Subject::read(&mut application, &articles(), &[]).await.unwrap()
}

pub async fn install(site: &mut Site) {
    let subject = subject(site).await;
    let watched = Watched {
        table: &subject.table,
        texts: &subject.texts,
        vector_type: &subject.vector_name,
    };
    install_watch(&mut site.administrator, watched, &site.role)
        .await
        .unwrap();
}

pub async fn watched_site() -> Site {
    let mut site = Site::migrated().await;
    install(&mut site).await;
    site
}

pub async fn work(
    site: &Site,
    embedder: &Counting,
    options: WatchOptions<'_>,
) -> Result<watch::Watched, EmbeddingError> {
    let (subject, pool) = (subject(site).await, site.pool().await);
    let worker = Worker {
        subject: &subject,
        embedder,
        pool: &pool,
        options,
        // It would wait for ever.
        remark: &|remark| assert!(!matches!(remark, Remark::Waits { .. }), "{remark:?}"),
    };
    worker.run(std::future::pending()).await
}

pub async fn status(site: &Site) -> watch::QueueStatus {
    let mut application = site.application().await;
    let status = watch::status(&mut application, &articles()).await.unwrap();
    status.unwrap()
}

#[tokio::test]
async fn rows_that_are_new_changed_cleared_or_deleted_end_as_they_should() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 50) n")
        .await;
    site.run(
        "INSERT INTO vectors.articles (uri, document, embedding) VALUES ('own', 'of its own', '[1,2,3]')",
    )
    .await;
    let embedder = Counting::default();
    let adopting = WatchOptions {
        adopted: Some("counting"),
        ..OPTIONS
    };
    assert_eq!(work(&site, &embedder, adopting).await.unwrap().embedded, 50);
    site.run(
        "UPDATE vectors.articles SET document = 'changed' WHERE uri = 'uri1';
         UPDATE vectors.articles SET document = '' WHERE uri = 'uri2';
         UPDATE vectors.articles SET document = 'gone' WHERE uri = 'uri3'; DELETE FROM vectors.articles WHERE uri = 'uri3';
         UPDATE vectors.articles SET document = document, metadata = '{\"a\": 1}' WHERE uri = 'uri4';
         UPDATE vectors.articles SET document = 'with its vector', embedding = '[4,5,6]' WHERE uri = 'uri5'",
    )
    .await;
    assert_eq!(status(&site).await.waiting, 3);
    assert_eq!(work(&site, &embedder, OPTIONS).await.unwrap().embedded, 1);
    assert_eq!(
        site.text(&format!("{MISMATCHED} AND uri NOT IN ('own', 'uri2', 'uri5')"))
            .await,
        "0"
    );
    assert_eq!(
        site.text(
            "SELECT string_agg(uri || ' ' || coalesce(embedding::text, 'none'), ', ' ORDER BY uri)
               FROM vectors.articles WHERE uri IN ('own', 'uri2', 'uri5')"
        )
        .await,
        "own [1,2,3], uri2 none, uri5 [4,5,6]"
    );
    assert_eq!(embedder.repeated(), Vec::<String>::new());
    assert_eq!(status(&site).await.waiting, 0);
}

#[tokio::test]
async fn eight_workers_give_each_of_a_thousand_rows_its_vector_once() {
    let mut site = Site::migrated().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 400) n")
        .await;
    install(&mut site).await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(401, 1000) n")
        .await;
    let embedder = Counting::default();
    let workers = (0..8).map(|_| work(&site, &embedder, OPTIONS));
    let embedded: u64 = futures_util::future::join_all(workers)
        .await
        .into_iter()
        .map(|worked| worked.unwrap().embedded)
        .sum();
    assert_eq!((embedded, embedder.texts().len()), (1000, 1000));
    assert_eq!(embedder.repeated(), Vec::<String>::new());
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn what_another_worker_finishes_while_a_new_one_looks_for_rows_is_not_embedded_again() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 100) n")
        .await;
    // The new one waits where it comes to this row, and has seen by then which rows have no vector.
    let queue = qualified_queue_table(&articles());
    let mut holder = crate::support::server::administrator(&site.database).await;
    let hold = format!("BEGIN; DELETE FROM {queue} WHERE key = 'uri1'");
    holder.execute(sqlx::AssertSqlSafe(hold)).await.unwrap();
    let embedder = Counting::default();
    let worker = work(&site, &embedder, OPTIONS);
    let mut other = crate::support::server::administrator(&site.database).await;
    let finished = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(&mut other)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
        let finish = format!(
            "UPDATE vectors.articles SET embedding = '[1,2,3]' WHERE uri <> 'uri1'; DELETE FROM {queue} WHERE key <> 'uri1'"
        );
        other.execute(sqlx::AssertSqlSafe(finish)).await.unwrap();
        holder.execute("ROLLBACK").await.unwrap();
    };
    let (worked, ()) = tokio::join!(worker, finished);
    assert_eq!(worked.unwrap().embedded, 1);
    assert_eq!(embedder.texts().keys().collect::<Vec<_>>(), ["article 1"]);
}

#[tokio::test]
async fn a_row_that_is_changed_while_its_old_text_is_at_the_service_is_embedded_again() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'old'), ('b', 'still')")
        .await;
    let embedder = Counting::default();
    let database = site.database.clone();
    embedder.while_at_the_service(move || {
        let database = database.clone();
        async move {
            let mut other = crate::support::server::administrator(&database).await;
            let sql = "UPDATE vectors.articles SET document = 'new' WHERE uri = 'a'";
            other.execute(sql).await.unwrap();
        }
    });
    assert_eq!(work(&site, &embedder, OPTIONS).await.unwrap().embedded, 2);
    assert_eq!(site.text(MISMATCHED).await, "0");
    assert_eq!(embedder.texts().len(), 3);
}

#[tokio::test]
async fn what_a_killed_worker_had_taken_comes_back_when_its_lease_is_over() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 30) n")
        .await;
    let (embedder, reached) = (
        Arc::new(Counting::default()),
        Arc::new(tokio::sync::Notify::new()),
    );
    let reaching = Arc::clone(&reached);
    embedder.while_at_the_service(move || {
        let reaching = Arc::clone(&reaching);
        async move {
            reaching.notify_one();
            std::future::pending::<()>().await;
        }
    });
    let brief = WatchOptions {
        lease: Duration::from_secs(1),
        ..OPTIONS
    };
    tokio::select! {
        worked = work(&site, &embedder, brief) => panic!("{worked:?}"),
        () = reached.notified() => {}
    }
    assert_eq!(work(&site, &embedder, brief).await.unwrap().embedded, 30);
    assert_eq!(site.text(MISMATCHED).await, "0");
    assert_eq!(status(&site).await.waiting, 0);
}

#[tokio::test]
async fn a_text_that_is_refused_is_parked_with_its_reason_until_it_is_changed() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'poison'), ('b', 'good')")
        .await;
    let embedder = Counting::default();
    let worked = work(&site, &embedder, OPTIONS).await.unwrap();
    assert_eq!((worked.embedded, worked.parked), (1, 1));
    let parked = status(&site).await;
    assert_eq!(
        (
            parked.parked,
            parked.waiting,
            parked.reasons[0].key.as_str(),
            parked.reasons[0].reason.as_str()
        ),
        (1, 0, "a", "it is poison")
    );
    assert_eq!(work(&site, &embedder, OPTIONS).await.unwrap().parked, 0);
    site.run("UPDATE vectors.articles SET document = 'cured' WHERE uri = 'a'")
        .await;
    assert_eq!(work(&site, &embedder, OPTIONS).await.unwrap().embedded, 1);
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_service_that_is_away_is_waited_for_and_costs_no_row_its_attempts() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'text')")
        .await;
    let embedder = Counting::default();
    embedder.goes_down(true);
    let (subject, pool) = (subject(&site).await, site.pool().await);
    let pauses = Mutex::new(Vec::new());
    let worker = Worker {
        subject: &subject,
        embedder: &embedder,
        pool: &pool,
        options: OPTIONS,
        remark: &|remark| {
            if let Remark::Waits { pause, .. } = remark {
                pauses.lock().unwrap().push(pause.as_secs());
                embedder.goes_down(pauses.lock().unwrap().len() < 2);
            }
        },
    };
    assert_eq!(worker.run(std::future::pending()).await.unwrap().embedded, 1);
    assert_eq!(*pauses.lock().unwrap(), [1, 2]);
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_role_without_rights_on_the_queue_writes_and_the_worker_hears_of_it_at_once() {
    let mut site = watched_site().await;
    let writer = name(&format!("writer_{}", site.database)).quoted();
    site.run(&format!(
        "CREATE ROLE {writer}; GRANT USAGE ON SCHEMA vectors TO {writer}; GRANT INSERT, SELECT, UPDATE ON vectors.articles TO {writer}"
    ))
    .await;
    let embedder = Counting::default();
    let (subject, pool) = (subject(&site).await, site.pool().await);
    let (written, stopping) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let worker = Worker {
        subject: &subject,
        embedder: &embedder,
        pool: &pool,
        options: WatchOptions {
            until_empty: false,
            // Longer than the test may take: only a notification ends the wait.
            poll: Duration::from_secs(3600),
            ..OPTIONS
        },
        remark: &|remark| {
            if matches!(remark, Remark::Embedded(_)) {
                stopping.notify_one();
            }
        },
    };
    let write = async {
        written.notified().await;
        site.run(&format!(
            "SET ROLE {writer}; INSERT INTO vectors.articles (uri, document) VALUES ('a', 'theirs'); RESET ROLE"
        ))
        .await;
    };
    let listening = async {
        let mut observer = crate::support::server::administrator(&subject_database(&pool)).await;
        let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %')";
        while !observer.fetch_one(sql).await.unwrap().get::<bool, _>(0) {
            tokio::task::yield_now().await;
        }
        written.notify_one();
    };
    let (worked, (), ()) = tokio::join!(worker.run(stopping.notified()), write, listening);
    assert_eq!(worked.unwrap().embedded, 1);
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_worker_whose_sessions_are_ended_opens_others_and_goes_on() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'first')")
        .await;
    let embedder = Counting::default();
    let (subject, pool) = (subject(&site).await, site.pool().await);
    let (embedded, stopping) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let worker = Worker {
        subject: &subject,
        embedder: &embedder,
        pool: &pool,
        options: WatchOptions {
            until_empty: false,
            ..OPTIONS
        },
        remark: &|remark| {
            if matches!(remark, Remark::Embedded(_)) {
                embedded.notify_one();
            }
        },
    };
    let disturb = async {
        embedded.notified().await;
        site.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid();
             INSERT INTO vectors.articles (uri, document) VALUES ('b', 'second')",
        )
        .await;
        embedded.notified().await;
        stopping.notify_one();
    };
    let (worked, ()) = tokio::join!(worker.run(stopping.notified()), disturb);
    assert_eq!(worked.unwrap().embedded, 2);
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_worker_ends_when_its_table_is_not_watched_any_more() {
    let mut site = watched_site().await;
    remove_watch(&mut site.administrator, &articles()).await.unwrap();
    let ended = work(&site, &Counting::default(), OPTIONS).await.unwrap_err();
    assert!(ended.to_string().contains("42P01"), "{ended}");
}

#[tokio::test]
async fn a_watch_of_other_columns_takes_the_place_of_the_first_and_one_of_the_same_locks_nothing() {
    let mut site = watched_site().await;
    let triggers = "SELECT string_agg(oid::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal";
    let first = site.text(triggers).await;
    let mut writer = site.application().await;
    writer
        .execute("BEGIN; INSERT INTO vectors.articles (uri) VALUES ('open')")
        .await
        .unwrap();
    install(&mut site).await;
    assert_eq!(site.text(triggers).await, first);
    writer.execute("ROLLBACK").await.unwrap();
    let table = articles();
    let watched = Watched {
        table: &table,
        texts: &[name("document"), name("metadata")],
        vector_type: "vector",
    };
    install_watch(&mut site.administrator, watched, &site.role)
        .await
        .unwrap();
    assert_ne!(site.text(triggers).await, first);
    site.run("INSERT INTO vectors.articles (uri, document, embedding) VALUES ('a', 'text', '[1,2,3]')")
        .await;
    site.run("UPDATE vectors.articles SET metadata = '{\"a\": 1}'")
        .await;
    assert_eq!(status(&site).await.waiting, 1);
}

#[tokio::test]
async fn a_row_without_a_key_is_changed_as_if_nobody_watched_also_where_an_older_version_did() {
    let mut site = Site::bare().await;
    site.run("CREATE EXTENSION vector WITH SCHEMA public").await;
    site.run(&format!(
        "CREATE TABLE vectors.articles (uri text UNIQUE, document text, embedding public.vector(3));
         ALTER TABLE vectors.articles OWNER TO {}; INSERT INTO vectors.articles (document) VALUES ('old')",
        site.role.quoted()
    ))
    .await;
    site.up().await;
    install(&mut site).await;
    // As the version before made it, which did not ask.
    site.run(
        "DO $$ BEGIN EXECUTE replace(
            pg_get_functiondef((SELECT tgfoid FROM pg_trigger WHERE NOT tgisinternal LIMIT 1)), ' WHERE NEW.\"uri\" IS NOT NULL', '');
         END $$",
    )
    .await;
    install(&mut site).await;
    site.run("UPDATE vectors.articles SET document = 'new'").await;
    assert_eq!(status(&site).await.waiting, 0);
}

#[tokio::test]
async fn removing_the_watch_leaves_nothing_and_so_does_the_way_down() {
    let mut site = Site::bare().await;
    site.run("CREATE EXTENSION vector WITH SCHEMA public").await;
    let legacy = name(&format!("legacy_{}", site.database));
    site.run(&format!(
        "CREATE ROLE {0}; GRANT USAGE ON SCHEMA vectors TO {0};
         CREATE TABLE vectors.articles (uri text PRIMARY KEY, document text, embedding public.vector(3));
         ALTER TABLE vectors.articles OWNER TO {0}; GRANT SELECT, INSERT, UPDATE ON vectors.articles TO {1}",
        legacy.quoted(),
        site.role.quoted()
    ))
    .await;
    let before = site.text(EVERYTHING).await;
    site.up().await;
    let migrated = site.text(EVERYTHING).await;
    install(&mut site).await;
    install(&mut site).await;
    site.run("INSERT INTO vectors.articles VALUES ('a', 'text')")
        .await;
    assert_eq!(status(&site).await.waiting, 1);
    remove_watch(&mut site.administrator, &articles()).await.unwrap();
    assert_eq!(site.text(EVERYTHING).await, migrated);
    install(&mut site).await;
    let embedder = Counting::default();
    assert_eq!(work(&site, &embedder, OPTIONS).await.unwrap().embedded, 1);
    site.down(0, &[]).await;
    assert_eq!(site.text(EVERYTHING).await, before);
    site.run("INSERT INTO vectors.articles VALUES ('b', 'text')")
        .await;
}

#[tokio::test]
async fn the_way_down_takes_the_watch_of_a_column_that_we_made() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'text')")
        .await;
    site.down(2, &[]).await;
    let left = site.text(EVERYTHING).await;
    assert!(!left.contains("_queue_") && !left.contains("_watch_"), "{left}");
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('b', 'text')")
        .await;
}

#[tokio::test]
async fn a_hundred_thousand_rows_in_one_statement_are_queued_with_it() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT n, 'x' FROM generate_series(1, 100000) n")
        .await;
    assert_eq!(status(&site).await.waiting, 100_000);
}

fn subject_database(pool: &PgPool) -> String {
    pool.connect_options().get_database().unwrap().to_owned()
}
