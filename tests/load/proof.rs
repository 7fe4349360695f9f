//! Proof of the proof: one thing is changed in the table, and it is named.

use pgvector_setup::import::{Difference, Record, Space};

use crate::memory::{Memory, records};
use crate::site::{Site, Wanted};

fn difference(id: &str, what: &str) -> Difference {
    Difference {
        id: id.into(),
        what: what.into(),
    }
}

#[tokio::test]
async fn each_change_is_found_and_named() {
    let cases = [
        (
            "UPDATE vectors.articles SET embedding = '[3,-0,0.25000003]' WHERE id = 'id-3'",
            difference("id-3", "embedding (component 3: 0.25 -> 0.25000003)"),
        ),
        (
            "UPDATE vectors.articles SET embedding = '[3,0,0.25]' WHERE id = 'id-3'",
            difference("id-3", "embedding (component 2: -0 -> 0)"),
        ),
        (
            "UPDATE vectors.articles SET metadata = jsonb_set(metadata, '{integer}', '3.0') WHERE id = 'id-3'",
            difference("id-3", "metadata"),
        ),
        (
            "UPDATE vectors.articles SET document = document || ' ' WHERE id = 'id-3'",
            difference("id-3", "document"),
        ),
        (
            "UPDATE vectors.articles SET embedding = NULL WHERE id = 'id-3'",
            difference("id-3", "embedding (only in the source)"),
        ),
        (
            "DELETE FROM vectors.articles WHERE id = 'id-3'",
            difference("id-3", "missing"),
        ),
        (
            "INSERT INTO vectors.articles (id) VALUES ('id-3 ')",
            difference("id-3 ", "extra"),
        ),
    ];
    let mut site = Site::new().await;
    site.import(records(300)).await.unwrap();
    for (change, expected) in cases {
        site.run("CREATE TABLE vectors.kept AS TABLE vectors.articles")
            .await;
        site.run(change).await;
        let found = site.verify(records(300)).await.proof;
        assert_eq!(
            (found.proven, found.differences),
            (false, vec![expected]),
            "{change}"
        );
        site.run(
            "DELETE FROM vectors.articles; INSERT INTO vectors.articles TABLE vectors.kept; DROP TABLE vectors.kept",
        )
        .await;
    }
    assert!(site.verify(records(300)).await.proof.proven);
}

#[tokio::test]
async fn what_the_source_has_otherwise_now_is_found_too() {
    let site = Site::new().await;
    site.import(records(50)).await.unwrap();
    let mut changed = records(51);
    changed[4].document = Some("another".into());
    let proof = site.verify(changed).await.proof;
    assert_eq!((proof.missing, proof.changed, proof.extra), (1, 1, 0));
}

fn rounded(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        for component in record.embedding.iter_mut().flatten() {
            *component = f32::from_bits(component.to_bits() + 1);
        }
    }
    records
}

#[tokio::test]
async fn rounding_is_forgiven_where_chroma_rounds_and_nowhere_else() {
    for (space, proven) in [(Space::Cosine, true), (Space::L2, false)] {
        let site = Site::new().await;
        let mut originals = records(40);
        for record in &mut originals {
            record.embedding = Some(vec![0.3, 0.5, 0.8]);
        }
        site.import(originals.clone()).await.unwrap();
        let again = rounded(originals);
        let mut wanted = Wanted::of(&again);
        wanted.collection.space = space;
        wanted.is_verification = true;
        let proof = site
            .import_as(Memory::shared(again), &wanted)
            .await
            .unwrap()
            .proof;
        let expected = if proven { (true, 40, 0) } else { (false, 0, 40) };
        assert_eq!((proof.proven, proof.within_rounding, proof.changed), expected);
    }
}

#[tokio::test]
async fn a_table_that_lost_its_import_is_imported_anew() {
    let mut site = Site::new().await;
    site.import(records(10)).await.unwrap();
    site.run("DROP TABLE vectors.articles").await;
    let error = site.import(records(10)).await.unwrap_err();
    assert!(
        error.to_string().contains("is recorded as applied, but"),
        "{error}"
    );
}
