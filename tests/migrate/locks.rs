//! Others at work at the same time.

use pgvector_setup::database::turn;
use sqlx::Connection as _;

use crate::site::*;

#[tokio::test]
async fn a_reader_in_the_way_is_tried_again_until_it_is_gone() {
    let mut site = Site::new().await;
    site.existing_articles(5, "").await;
    let mut reader = server::administrator(&site.database).await;
    reader
        .execute("BEGIN; LOCK TABLE vectors.articles IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let observer = server::administrator(&site.database).await;
    let table = articles();
    let release = async move {
        let mut observer = observer;
        // Two different waits: it gave up once, and came back.
        let mut starts = std::collections::BTreeSet::new();
        while starts.len() < 2 {
            let row = observer
                .fetch_optional(
                    "SELECT waitstart::text FROM pg_locks
                      WHERE relation = 'vectors.articles'::regclass AND NOT granted AND waitstart IS NOT NULL",
                )
                .await
                .unwrap();
            starts.extend(row.map(|row| row.get::<String, _>(0)));
        }
        reader.execute("COMMIT").await.unwrap();
    };
    let (statuses, ()) = tokio::join!(site.up(&table), release);
    assert_eq!(statuses.unwrap()[2].state, MigrationState::Applied);
}

#[tokio::test]
async fn a_lock_that_stays_is_named_with_its_process_and_query() {
    let mut site = Site::new().await;
    site.existing_articles(5, "").await;
    site.limits.lock_wait = Duration::from_millis(500);
    let mut reader = server::administrator(&site.database).await;
    let pid: i32 = reader.fetch_one("SELECT pg_backend_pid()").await.unwrap().get(0);
    reader
        .execute("BEGIN; LOCK TABLE vectors.articles IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let error = site.up(&articles()).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!(
            "cannot add the embedding column: server process {pid} holds it locked: BEGIN; LOCK"
        )),
        "{error}"
    );
    // What came before is recorded, and nothing of the refused step is there.
    let history = site.history().await;
    assert_eq!(
        site.text(&format!("SELECT count(*)::text FROM {history}")).await,
        "2"
    );
}

#[tokio::test]
async fn runs_at_once_do_everything_once() {
    let site = Site::new().await;
    let table = articles();
    let run = || async {
        let mut connection = server::administrator(&site.database).await;
        let migrator = Migrator {
            table: &table,
            owner: &site.owner,
            endpoint: &site.endpoint,
            login: &site.login,
            database: &site.database,
            limits: site.limits,
            progress: &|_| {},
        };
        migrator
            .up(&mut connection, None)
            .await
            .map(|statuses| statuses[3].state.clone())
    };
    let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
    for outcome in [a, b, c, d] {
        assert_eq!(outcome.unwrap(), MigrationState::Applied);
    }
}

#[tokio::test]
async fn the_holder_of_the_migration_lock_is_named_after_five_seconds() {
    let mut site = Site::new().await;
    let mut holder = server::administrator(&site.database).await;
    let pid: i32 = holder.fetch_one("SELECT pg_backend_pid()").await.unwrap().get(0);
    holder
        .execute("SELECT pg_advisory_lock(x'70677673'::int, x'6d696772'::int)")
        .await
        .unwrap();
    let start = std::time::Instant::now();
    let error = site.up(&articles()).await.unwrap_err();
    assert!(
        matches!(error, MigrateError::Locked { holder: Some(found) } if found == pid),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn one_run_at_a_time_changes_the_rules_of_a_server() {
    let (mut first, mut second) = (
        server::administrator("postgres").await,
        server::administrator("postgres").await,
    );
    let patient = Duration::from_secs(60);
    turn::take_rules(&mut first, patient, |_| {}).await.unwrap();
    let holder: i32 = first.fetch_one("SELECT pg_backend_pid()").await.unwrap().get(0);
    let told = std::cell::RefCell::new(Vec::new());
    let tell = |what: &str| told.borrow_mut().push(what.to_owned());
    let error = turn::take_rules(&mut second, Duration::ZERO, tell)
        .await
        .unwrap_err();
    assert!(
        matches!(error, MigrateError::Locked { holder: Some(found) } if found == holder),
        "{error}"
    );
    // The second is told of the first before the first ends.
    let (ends, ended) = tokio::sync::oneshot::channel();
    let ends = std::cell::RefCell::new(Some(ends));
    let tell = |what: &str| {
        told.borrow_mut().push(what.to_owned());
        ends.take().map(|ends| ends.send(()));
    };
    let (taken, ()) = tokio::join!(turn::take_rules(&mut second, patient, tell), async {
        ended.await.unwrap();
        first.close().await.unwrap();
    });
    taken.unwrap();
    let expected = format!("another run that changes who is let in to end (server process {holder})");
    assert_eq!(told.into_inner(), [expected]);
}

#[tokio::test]
async fn an_event_trigger_a_short_lock_timeout_and_row_security_do_not_stop_the_migrations() {
    let mut site = Site::new().await;
    let legacy = site.existing_articles(20, "").await;
    let database = name(&site.database).quoted();
    site.run(&format!(
        "ALTER DATABASE {database} SET lock_timeout = '1ms';
         ALTER TABLE vectors.articles ENABLE ROW LEVEL SECURITY; ALTER TABLE vectors.articles FORCE ROW LEVEL SECURITY;
         CREATE FUNCTION vectors.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
         CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION vectors.watch()"
    ))
    .await;
    site.connection = server::administrator(&site.database).await;
    let statuses = site.up(&articles()).await.unwrap();
    assert_eq!(statuses[3].state, MigrationState::Applied, "{legacy}");
}
