//! What `doctor` says of the whole.

use pgvector_setup::health::Severity::Low;
use pgvector_setup::health::{DoctorOptions, doctor};

use crate::site::{articles, connect_to, extended_database, heal, run, snapshot};

#[tokio::test]
async fn a_healthy_database_has_no_finding_and_the_known_json_keys() {
    let database = extended_database("public").await;
    heal(&database, "").await;
    let mut connection = connect_to(&database).await;
    let before = snapshot(&mut connection).await;
    let report = doctor(&mut connection, &articles(), &DoctorOptions::default())
        .await
        .unwrap();
    assert_eq!(snapshot(&mut connection).await, before);
    let odd: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity < Low)
        .collect();
    assert!(report.healthy && odd.is_empty(), "{odd:#?}");
    let json = serde_json::to_value(&report).unwrap();
    for (key, value) in [
        ("schema", "1"),
        ("healthy", "true"),
        ("extension_installed", "true"),
        ("articles_with_embeddings", "300"),
        ("total_articles", "300"),
        ("error", "null"),
    ] {
        assert_eq!(json[key].to_string(), value, "{key}");
    }
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
    for id in [
        "S1", "S2", "S2b", "S3", "S4", "S7", "S8", "S9", "S10", "S11", "S12", "S19", "S13", "S14", "coverage",
    ] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_reported_within_the_lock_timeout() {
    let database = extended_database("public").await;
    heal(&database, "").await;
    let mut holder = connect_to(&database).await;
    run(
        &mut holder,
        "BEGIN; LOCK TABLE app.articles IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let mut connection = connect_to(&database).await;
    let report = doctor(&mut connection, &articles(), &DoctorOptions::default())
        .await
        .unwrap();
    assert!(!report.healthy && report.error.is_some(), "{report:#?}");
}
