//! Every row without a vector gets one, once.

use std::sync::atomic::{AtomicU32, Ordering};

use pgvector_setup::embedding::backfill::{Backfill, BackfillOptions, Backfilled, plan};
use pgvector_setup::embedding::{EmbeddingError, Subject};

use crate::embedder::Counting;
use crate::site::*;

pub const OPTIONS: BackfillOptions<'_> = BackfillOptions {
    limit: None,
    batch: 10,
    adopted: None,
};

/// As the vectors of [`crate::embedder::vector`] read in SQL.
pub const MISMATCHED: &str = "SELECT count(*)::text FROM vectors.articles
    WHERE embedding::text IS DISTINCT FROM ('[' || length(document) || ',' ||
      (SELECT sum(get_byte(b, i)) FROM (SELECT convert_to(document, 'UTF8') b) x, generate_series(0, length(b) - 1) i)
      || ',1]')";

pub async fn fill(
    site: &Site,
    embedder: &Counting,
    options: BackfillOptions<'_>,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Backfilled, EmbeddingError> {
    let mut application = site.application().await;
    let subject = Subject::read(&mut application, &articles(), &[]).await.unwrap();
    let backfill = Backfill {
        subject: &subject,
        embedder,
        options,
        progress: &|_| {},
        is_stopped,
    };
    backfill.run(&mut application, site.application().await).await
}

/// The case that this is all for: 94 articles, of which 36 came with their vectors from elsewhere.
async fn site_of_94() -> Site {
    let mut site = Site::migrated().await;
    site.run(
        "INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 94) n;
         UPDATE vectors.articles SET embedding = ('[' || length(document) || ',' ||
           (SELECT sum(get_byte(b, i)) FROM (SELECT convert_to(document, 'UTF8') b) x, generate_series(0, length(b) - 1) i)
           || ',1]')::public.vector WHERE substr(uri, 4)::int <= 36",
    )
    .await;
    site
}

const ADOPTING: BackfillOptions<'_> = BackfillOptions {
    adopted: Some("counting"),
    ..OPTIONS
};

#[tokio::test]
async fn thirty_six_of_ninety_four_become_all_and_no_vector_is_paid_for_twice() {
    let mut site = site_of_94().await;
    let embedder = Counting::default();
    let mut application = site.application().await;
    let subject = Subject::read(&mut application, &articles(), &[]).await.unwrap();
    let planned = plan(&mut application, &subject, None).await.unwrap();
    assert_eq!(
        (planned.rows, planned.missing.characters, planned.estimated_tokens),
        (58, 58 * 10, 145)
    );
    assert_eq!(format!("{:.1}", planned.coverage.share()), "38.3");
    let refused = fill(&site, &embedder, OPTIONS, &|| false).await;
    assert_eq!(refused.unwrap_err().code(), "E0873");
    let filled = fill(&site, &embedder, ADOPTING, &|| false).await.unwrap();
    assert_eq!(
        (filled.before.embedded, filled.after.embedded, filled.embedded),
        (36, 94, 58)
    );
    assert_eq!((filled.after.share(), filled.tokens), (100.0, Some(58)));
    assert_eq!((embedder.texts().len(), embedder.repeated()), (58, Vec::new()));
    assert_eq!(site.text(MISMATCHED).await, "0");
    let again = fill(&site, &embedder, OPTIONS, &|| false).await.unwrap();
    assert_eq!((again.embedded, embedder.texts().len()), (0, 58));
}

#[tokio::test]
async fn a_run_that_was_stopped_or_limited_is_continued_by_the_next_one() {
    let mut site = site_of_94().await;
    let embedder = Counting::default();
    let asked = AtomicU32::new(0);
    let after_two = || asked.fetch_add(1, Ordering::Relaxed) == 2;
    let stopped = fill(&site, &embedder, ADOPTING, &after_two).await.unwrap();
    assert_eq!((stopped.embedded, stopped.is_interrupted), (20, true));
    let limited = BackfillOptions {
        limit: Some(7),
        ..OPTIONS
    };
    let limited = fill(&site, &embedder, limited, &|| false).await.unwrap();
    assert_eq!((limited.embedded, limited.is_interrupted), (7, false));
    embedder.goes_down(true);
    let failed = fill(&site, &embedder, OPTIONS, &|| false).await.unwrap_err();
    assert_eq!(failed.exit(), Exit::Resumable);
    embedder.goes_down(false);
    let rest = fill(&site, &embedder, OPTIONS, &|| false).await.unwrap();
    assert_eq!((rest.embedded, rest.after.embedded), (31, 94));
    assert_eq!((embedder.texts().len(), embedder.repeated()), (58, Vec::new()));
    assert_eq!(site.text(MISMATCHED).await, "0");
}

#[tokio::test]
async fn a_row_that_is_changed_while_its_old_text_is_at_the_service_gets_the_vector_of_its_new_one() {
    let mut site = site_of_94().await;
    let embedder = Counting::default();
    let database = site.database.clone();
    embedder.while_at_the_service(move || {
        let database = database.clone();
        async move {
            let mut other = crate::support::server::administrator(&database).await;
            let sql = "UPDATE vectors.articles SET document = 'new' WHERE uri = 'uri37'; DELETE FROM vectors.articles WHERE uri = 'uri38'";
            other.execute(sql).await.unwrap();
        }
    });
    let filled = fill(&site, &embedder, ADOPTING, &|| false).await.unwrap();
    assert_eq!((filled.embedded, filled.changed), (57, 0));
    assert_eq!(site.text(MISMATCHED).await, "0");
    assert_eq!(embedder.texts().get("new"), Some(&1));
}

#[tokio::test]
async fn rows_without_text_are_counted_and_a_text_that_is_refused_is_named_alone() {
    let mut site = site_of_94().await;
    site.run(
        "UPDATE vectors.articles SET document = CASE WHEN uri = 'uri50' THEN NULL WHEN uri = 'uri51' THEN E' \\n' ELSE 'poison' END
          WHERE uri IN ('uri50', 'uri51', 'uri60')",
    )
    .await;
    let embedder = Counting::default();
    let filled = fill(&site, &embedder, ADOPTING, &|| false).await.unwrap();
    assert_eq!((filled.embedded, filled.empty), (55, 2));
    let refused: Vec<_> = filled
        .refused
        .iter()
        .map(|row| (row.key.as_str(), row.reason.as_str()))
        .collect();
    assert_eq!(refused, [("uri60", "it is poison")]);
    assert_eq!(embedder.repeated(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_backfill_is_told_who_is_at_work() {
    let site = site_of_94().await;
    let embedder = Counting::default();
    let (told, telling) = std::sync::mpsc::channel();
    let (database, role) = (site.database.clone(), site.role.clone());
    embedder.while_at_the_service(move || {
        let (told, database, role) = (told.clone(), database.clone(), role.clone());
        async move {
            let second = Site::again(database, role).await;
            let refused = fill(&second, &Counting::default(), OPTIONS, &|| false).await;
            told.send(refused.unwrap_err()).unwrap();
        }
    });
    fill(&site, &embedder, ADOPTING, &|| false).await.unwrap();
    let refused = telling.try_recv().unwrap();
    assert_eq!((refused.code(), refused.exit()), ("E0877", Exit::Busy));
    assert!(refused.to_string().contains("server process"), "{refused}");
}

#[tokio::test]
async fn a_table_that_was_there_before_is_embedded_from_the_columns_that_are_named() {
    let mut site = Site::bare().await;
    site.run("CREATE EXTENSION vector WITH SCHEMA public").await;
    site.run(&format!(
        "CREATE TABLE vectors.articles (uri bigint PRIMARY KEY, title varchar(40), body text, embedding public.vector(3));
         ALTER TABLE vectors.articles OWNER TO {};
         INSERT INTO vectors.articles SELECT n, 'title ' || n, CASE WHEN n % 2 = 0 THEN 'body' END FROM generate_series(1, 30) n",
        site.role.quoted()
    ))
    .await;
    site.up().await;
    let mut application = site.application().await;
    let refused = Subject::read(&mut application, &articles(), &[])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.to_string().as_str(), refused.hint().as_deref()),
        (
            "\"vectors\".\"articles\" has no column document, and which text its vectors are made of was not said; text columns are: title, body",
            Some("--text title")
        )
    );
    let texts = [name("title"), name("body")];
    let subject = Subject::read(&mut application, &articles(), &texts)
        .await
        .unwrap();
    let embedder = Counting::default();
    let backfill = Backfill {
        subject: &subject,
        embedder: &embedder,
        options: OPTIONS,
        progress: &|_| {},
        is_stopped: &|| false,
    };
    let filled = backfill
        .run(&mut application, site.application().await)
        .await
        .unwrap();
    assert_eq!((filled.embedded, filled.after.share()), (30, 100.0));
    assert_eq!(embedder.texts().get("title 4\n\nbody"), Some(&1));
    assert_eq!(embedder.texts().get("title 5"), Some(&1));
    let refused = Subject::read(&mut application, &articles(), &[name("none")]).await;
    assert_eq!(refused.unwrap_err().code(), "E0876");
}
