//! What the table does not take costs the other rows nothing.

use pgvector_setup::embedding::watch::WatchOptions;

use crate::backfill::{self, MISMATCHED, fill};
use crate::embedder::Counting;
use crate::site::*;
use crate::watch::{self, status, watched_site, work};

/// A trigger of the user's, which nobody here knows of: the vector of `b` may not change.
const VETO: &str = "CREATE FUNCTION vectors.veto() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'b stays as it is'; END $$;
    CREATE TRIGGER veto BEFORE UPDATE OF embedding ON vectors.articles FOR EACH ROW WHEN (NEW.uri = 'b')
      EXECUTE FUNCTION vectors.veto();
    INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one'), ('b', 'two'), ('c', 'three')";
const REFUSED: &str = "the table does not take its vector: b stays as it is";

#[tokio::test]
async fn a_row_that_the_table_refuses_is_named_by_a_backfill_that_fills_the_others() {
    let mut site = Site::migrated().await;
    site.run(VETO).await;
    let embedder = Counting::default();
    let filled = fill(&site, &embedder, backfill::OPTIONS, &|| false)
        .await
        .unwrap();
    assert_eq!((filled.embedded, filled.changed, filled.refused.len()), (2, 0, 1));
    assert_eq!(
        (filled.refused[0].key.as_str(), filled.refused[0].reason.as_str()),
        ("b", REFUSED)
    );
    assert_eq!(embedder.repeated(), Vec::<String>::new());
    assert_eq!(site.text(&format!("{MISMATCHED} AND uri <> 'b'")).await, "0");
}

#[tokio::test]
async fn a_row_that_the_table_refuses_is_parked_by_a_worker_that_goes_on() {
    let mut site = watched_site().await;
    site.run(VETO).await;
    let worked = work(&site, &Counting::default(), watch::OPTIONS).await.unwrap();
    assert_eq!((worked.embedded, worked.parked), (2, 1));
    let parked = status(&site).await.reasons;
    assert_eq!(
        (parked[0].key.as_str(), parked[0].reason.as_str()),
        ("b", REFUSED)
    );
}

#[tokio::test]
async fn a_row_that_may_not_be_without_a_vector_is_parked_when_its_text_is_gone() {
    let mut site = watched_site().await;
    site.run(
        "INSERT INTO vectors.articles (uri, document, embedding) VALUES ('a', 'one', '[1,2,3]'), ('b', 'two', '[1,2,3]');
         ALTER TABLE vectors.articles ALTER embedding SET NOT NULL;
         UPDATE vectors.articles SET document = CASE uri WHEN 'a' THEN '' ELSE 'changed' END",
    )
    .await;
    let adopting = WatchOptions {
        adopted: Some("counting"),
        ..watch::OPTIONS
    };
    let worked = work(&site, &Counting::default(), adopting).await.unwrap();
    assert_eq!((worked.embedded, worked.parked), (1, 1));
}
