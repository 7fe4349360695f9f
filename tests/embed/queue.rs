//! What waits in the queue, and for whom.

use std::time::Duration;

use pgvector_setup::database::migrate::qualified_queue_table;
use pgvector_setup::embedding::watch::WatchOptions;

use crate::backfill::{self, MISMATCHED, fill};
use crate::embedder::Counting;
use crate::site::*;
use crate::watch::{self, status, watched_site, work};

#[tokio::test]
async fn what_a_backfill_has_written_waits_no_more_and_what_was_changed_after_it_does() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'first'), ('b', 'second')")
        .await;
    let embedder = Counting::default();
    let filled = fill(&site, &embedder, backfill::OPTIONS, &|| false)
        .await
        .unwrap();
    assert_eq!((filled.embedded, status(&site).await.waiting), (2, 0));
    site.run("UPDATE vectors.articles SET document = 'third' WHERE uri = 'a'")
        .await;
    assert_eq!(work(&site, &embedder, watch::OPTIONS).await.unwrap().embedded, 1);
    assert_eq!(embedder.repeated(), Vec::<String>::new());
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_backfill_by_a_role_without_rights_on_the_queue_fills_the_column_and_leaves_the_queue() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'first')")
        .await;
    let queue = qualified_queue_table(&articles());
    site.run(&format!("REVOKE DELETE ON {queue} FROM {}", site.role.quoted()))
        .await;
    let embedder = Counting::default();
    let filled = fill(&site, &embedder, backfill::OPTIONS, &|| false)
        .await
        .unwrap();
    assert_eq!((filled.embedded, status(&site).await.waiting), (1, 1));
}

#[tokio::test]
async fn an_application_changes_a_row_while_a_new_worker_still_queues_those_after_it() {
    let mut site = Site::migrated().await;
    site.run("INSERT INTO vectors.articles (uri, document) SELECT to_char(n, 'FM00000'), 'x' || n FROM generate_series(1, 5001) n")
        .await;
    watch::install(&mut site).await;
    // The worker waits where it comes to the last row.
    let queue = qualified_queue_table(&articles());
    let mut holder = site.application().await;
    let hold = format!("BEGIN; INSERT INTO {queue} (key) VALUES ('05001')");
    holder.execute(composed(hold)).await.unwrap();
    let embedder = Counting::default();
    let options = WatchOptions {
        batch: 2000,
        ..watch::OPTIONS
    };
    let worker = work(&site, &embedder, options);
    let mut application = site.application().await;
    let mut observer = crate::support::server::administrator(&site.database).await;
    let changed = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
        while !observer.fetch_one(waits).await.unwrap().get::<bool, _>(0) {
            tokio::task::yield_now().await;
        }
        let change =
            "SET lock_timeout = '1s'; UPDATE vectors.articles SET document = 'new' WHERE uri = '00001'";
        let changed = application.execute(change).await;
        holder.execute("ROLLBACK").await.unwrap();
        changed
    };
    let (worked, changed) = tokio::join!(worker, changed);
    changed.unwrap();
    assert_eq!(worked.unwrap().embedded, 5001);
}

#[tokio::test]
async fn the_lease_of_a_batch_that_takes_longer_is_renewed_until_it_is_written() {
    let mut site = watched_site().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one')")
        .await;
    let embedder = Counting::default();
    let (database, queue) = (site.database.clone(), qualified_queue_table(&articles()));
    let (told, telling) = std::sync::mpsc::channel();
    embedder.while_at_the_service(move || {
        let (told, database, queue) = (told.clone(), database.clone(), queue.clone());
        async move {
            let mut observer = crate::support::server::administrator(&database).await;
            let first = format!("SELECT due_at::text FROM {queue}");
            let first: String = observer.fetch_one(composed(first)).await.unwrap().get(0);
            let outlasted = format!(
                "SELECT due_at > '{first}', clock_timestamp() > '{first}'::timestamptz + interval '1 second' FROM {queue}"
            );
            loop {
                let row = observer.fetch_one(composed(outlasted.clone())).await.unwrap();
                let (is_renewed, is_over): (bool, bool) = (row.get(0), row.get(1));
                if is_renewed || is_over {
                    return told.send(is_renewed).unwrap();
                }
            }
        }
    });
    let brief = WatchOptions {
        lease: Duration::from_secs(1),
        ..watch::OPTIONS
    };
    assert_eq!(work(&site, &embedder, brief).await.unwrap().embedded, 1);
    assert!(telling.try_recv().unwrap());
}
