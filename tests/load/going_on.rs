//! An import that was ended in the middle goes on, and every row arrives once.

use pgvector_setup::import::ImportError;

use crate::memory::{Memory, records};
use crate::site::{Site, Wanted};

/// Rows of a megabyte, so that a batch has a few of them.
fn large(count: usize) -> Vec<pgvector_setup::import::Record> {
    let mut large = records(count);
    for record in &mut large {
        record.document = Some("x".repeat(1_000_000));
    }
    large
}

#[tokio::test]
async fn ended_anywhere_and_continued_it_comes_to_the_same_rows() {
    let mut site = Site::new().await;
    for ends_after in [12, 25, 25, 39] {
        let wanted = Wanted::of(&large(40));
        let ended = site
            .import_as(Memory::ending(large(40), Some(ends_after)), &wanted)
            .await;
        assert!(matches!(ended, Err(ImportError::Reader)));
    }
    let passed = site.text("SELECT passed::text FROM pgvector_setup.import").await;
    let rows = site.text("SELECT count(*)::text FROM vectors.articles").await;
    assert_eq!(passed, rows, "rows and progress are one commit");
    assert!(passed.parse::<u32>().unwrap() > 20, "{passed}");
    let imported = site.import(large(40)).await.unwrap();
    assert_eq!(imported.written_in_all, 40);
    assert!(imported.written < 20 && imported.proof.proven, "{imported:?}");
}

#[tokio::test]
async fn a_source_that_changed_since_is_refused_until_a_restart() {
    let site = Site::new().await;
    let wanted = Wanted::of(&large(20));
    site.import_as(Memory::ending(large(20), Some(15)), &wanted)
        .await
        .unwrap_err();
    let mut changed = large(20);
    changed[2].id = "another".into();
    let refused = site.import(changed.clone()).await.unwrap_err();
    assert!(matches!(refused, ImportError::SourceChanged { .. }), "{refused}");
    let restarted = Wanted {
        is_restart: true,
        on: &["existing=replace"],
        ..Wanted::of(&changed)
    };
    let imported = site.import_as(Memory::shared(changed), &restarted).await.unwrap();
    assert!(imported.proof.proven, "{imported:?}");
}

#[tokio::test]
async fn nothing_is_verified_that_was_not_imported() {
    let site = Site::new().await;
    let wanted = Wanted {
        is_verification: true,
        ..Wanted::of(&records(1))
    };
    let refused = site
        .import_as(Memory::shared(records(1)), &wanted)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ImportError::NothingToVerify { .. }),
        "{refused}"
    );
}
