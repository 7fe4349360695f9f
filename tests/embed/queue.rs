//! What waits in the queue, and for whom.

use pgvector_setup::database::migrate::qualified_queue_table;

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
