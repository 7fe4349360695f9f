//! Recall measured on the table itself, and its searches told from those of others.

use pgvector_setup::health::Severity::{Critical, Ok as Good};
use pgvector_setup::health::{DoctorOptions, doctor};

use crate::sabotage::{broken, examine, expect};
use crate::site::{articles, connect_to, each, extended_database, heal};

#[tokio::test]
async fn recall_is_measured_on_the_table_itself() {
    let database = extended_database("public").await;
    let options = DoctorOptions {
        recall: true,
        ..DoctorOptions::default()
    };
    let healthy = broken("", "S14", Good, "searches return the true neighbours");
    expect(&examine(&database, &healthy, &options).await, &healthy);
    let low = broken(
        "DROP INDEX app.articles_embedding_idx;
         CREATE INDEX low ON app.articles USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)",
        "S14",
        Critical,
        "searches miss true neighbours",
    );
    let report = examine(&database, &low, &options).await;
    expect(&report, &low);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.id == "S14")
        .unwrap();
    assert!(finding.evidence.contains("ivfflat.probes = 1"), "{finding:#?}");
    assert!(
        finding.fix.as_ref().unwrap().contains("SET ivfflat.probes = "),
        "{finding:#?}"
    );
}

#[tokio::test]
async fn recall_is_measured_where_there_are_fewer_vectors_than_neighbours() {
    let database = extended_database("public").await;
    heal(
        &database,
        "DELETE FROM app.articles WHERE uri NOT IN ('row1', 'row2', 'row3');
         UPDATE app.articles SET embedding = NULL WHERE uri = 'row3';
         VACUUM app.articles",
    )
    .await;
    let options = DoctorOptions {
        recall: true,
        ..DoctorOptions::default()
    };
    let report = doctor(&mut connect_to(&database).await, &articles(), &options)
        .await
        .unwrap();
    assert_eq!(report.measures.unwrap().recall_at_10, Some(1.0));
}

#[tokio::test]
async fn the_searches_that_doctor_tries_are_told_from_those_of_others() {
    let database = extended_database("public").await;
    heal(&database, "").await;
    let mut connection = connect_to(&database).await;
    let mut look = async |flush: &str| {
        let options = DoctorOptions {
            recall: true,
            ..DoctorOptions::default()
        };
        let report = doctor(&mut connection, &articles(), &options).await.unwrap();
        each(&mut connection, flush).await;
        let index = report.measures.unwrap().indexes.remove(0);
        (index.scans.unwrap(), index.own_scans)
    };
    let flush = "SELECT pg_stat_force_next_flush(); SELECT 1";
    let (before, own) = look(flush).await;
    assert!(own > 0, "recall is measured through the index");
    assert_eq!(look(flush).await, (before + own, own));
    let searched = "SET enable_seqscan = off;
        SELECT 1 FROM app.articles ORDER BY embedding <=> '[1,2,3]' LIMIT 1; RESET enable_seqscan;
        SELECT pg_stat_force_next_flush(); SELECT 1";
    assert_eq!(look(searched).await.0, before + 2 * own);
    assert_eq!(look(flush).await.0, before + 3 * own + 1);
}
