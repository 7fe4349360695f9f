//! What `verify` measures, and that it leaves nothing behind.

use std::time::{Duration, Instant};

use pgvector_setup::health::{DoctorOptions, VerifyOptions, doctor, report, verify};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Lists, Metric, VectorTable};

use crate::site::{articles, connect_to, create_table, extended_database, run, snapshot};

#[tokio::test]
async fn verify_proves_every_kind_of_index_metric_and_column_and_leaves_no_trace() {
    let hnsw = Index::DEFAULT_HNSW;
    let ivfflat = Index::Ivfflat { lists: Lists::Auto };
    let one_list = Index::Ivfflat {
        lists: Lists::Count(1),
    };
    let connection = &mut connect_to(&extended_database("public").await).await;
    for (dimensions, metric, index) in [
        (1536, Metric::Cosine, hnsw),
        (3072, Metric::Cosine, hnsw),
        (384, Metric::L2, hnsw),
        (384, Metric::Ip, hnsw),
        (384, Metric::L1, hnsw),
        (3, Metric::Cosine, hnsw),
        (1, Metric::Cosine, hnsw),
        (1536, Metric::Cosine, ivfflat),
        (3072, Metric::L2, ivfflat),
        (768, Metric::Ip, one_list),
        (1536, Metric::Cosine, Index::None),
        (16_000, Metric::L2, hnsw),
    ] {
        let table = VectorTable {
            dimensions: Dimensions::new(dimensions).unwrap(),
            metric,
            index,
            ..articles()
        };
        create_table(connection, &table).await;
        let before = snapshot(connection).await;
        let result = verify(connection, &table, &VerifyOptions::default())
            .await
            .unwrap();
        assert!(result.passed && result.round_trip, "{result:#?}");
        let indexed = (table.effective_index() != Index::None).then_some(true);
        assert_eq!(result.index_used, indexed, "{result:#?}");
        assert_eq!(result.recall_at_10.is_some(), indexed.is_some(), "{result:#?}");
        assert_eq!(snapshot(connection).await, before);
    }
}

#[tokio::test]
async fn verify_and_doctor_work_for_a_plain_role_with_hostile_names_and_no_search_path() {
    let name = |text: &str| Identifier::new(text).unwrap();
    let table = VectorTable {
        schema: name(r#"we"ird; DROP SCHEMA public"#),
        table: name("it's a \\ table"),
        key: name("Schlüssel"),
        column: name("select"),
        extension_schema: name("ex t\"ension"),
        ..articles()
    };
    let database = extended_database(table.extension_schema.as_str()).await;
    let connection = &mut connect_to(&database).await;
    create_table(connection, &table).await;
    let role = name(&format!("plain {database}")).quoted();
    let (schema, extension) = (table.schema.quoted(), table.extension_schema.quoted());
    run(
        connection,
        &format!(
            "CREATE ROLE {role}; ALTER SCHEMA {schema} OWNER TO {role}; ALTER TABLE {} OWNER TO {role};
             GRANT USAGE ON SCHEMA {extension} TO {role}; REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
             CREATE INDEX ON {} USING hnsw ({} {extension}.vector_cosine_ops);
             SET ROLE {role}; SET search_path = ''",
            table.qualified(),
            table.qualified(),
            table.column.quoted()
        ),
    )
    .await;
    let result = verify(connection, &table, &VerifyOptions::default())
        .await
        .unwrap();
    assert!(result.passed, "{result:#?}");
    let report = doctor(
        connection,
        &table,
        &DoctorOptions {
            recall: true,
            ..DoctorOptions::default()
        },
    )
    .await
    .unwrap();
    assert!(report.healthy, "{report:#?}");
    run(
        connection,
        &format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"),
    )
    .await;
}

#[tokio::test]
async fn verify_says_what_the_server_refused_and_what_is_missing() {
    for (sabotage, problem) in [
        (
            "DROP EXTENSION vector CASCADE",
            "cannot create the scratch table (42704)",
        ),
        ("DROP TABLE app.articles", "there is no table"),
        (
            "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$; \
             SET ROLE pg_read_all_data",
            "cannot create the scratch table (42501)",
        ),
        // A temporary one will do where it is allowed.
        (
            "SET ROLE pg_read_all_data",
            "this role may not select, insert, update and delete",
        ),
        (
            "GRANT CREATE, USAGE ON SCHEMA app TO pg_monitor; SET ROLE pg_monitor",
            "this role may not select, insert, update and delete",
        ),
    ] {
        let connection = &mut connect_to(&extended_database("public").await).await;
        create_table(connection, &articles()).await;
        run(connection, sabotage).await;
        let result = verify(connection, &articles(), &VerifyOptions::default())
            .await
            .unwrap();
        assert!(!result.passed, "{sabotage}: {result:#?}");
        assert!(
            result.problems.join("\n").contains(problem),
            "{sabotage}: {result:#?}"
        );
        assert!(report::verify(&result).contains(problem), "{sabotage}");
    }
}

#[tokio::test]
async fn a_weak_index_does_not_pass_verification() {
    let weak = Index::Hnsw {
        m: 2,
        ef_construction: 4,
    };
    let table = VectorTable {
        index: weak,
        dimensions: Dimensions::new(768).unwrap(),
        ..articles()
    };
    let connection = &mut connect_to(&extended_database("public").await).await;
    create_table(connection, &table).await;
    let result = verify(connection, &table, &VerifyOptions::default())
        .await
        .unwrap();
    assert!(!result.passed && result.recall_at_10 < Some(0.95), "{result:#?}");
}

#[tokio::test]
async fn a_verify_that_is_cut_off_leaves_no_trace() {
    let database = extended_database("public").await;
    let mut watcher = connect_to(&database).await;
    create_table(&mut watcher, &articles()).await;
    let before = snapshot(&mut watcher).await;
    let mut connection = connect_to(&database).await;
    let options = VerifyOptions {
        rows: Some(200_000),
        ..VerifyOptions::default()
    };
    let cut_off = tokio::spawn(async move { verify(&mut connection, &articles(), &options).await });
    let deadline = Instant::now() + Duration::from_secs(30);
    let terminated = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
                      WHERE datname = current_database() AND query LIKE 'CREATE INDEX \"pgvector_setup_verify_%'
                          AND state = 'active' AND pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(terminated)
        .fetch_one(&mut watcher)
        .await
        .unwrap()
        == 0
    {
        assert!(Instant::now() < deadline, "the index build was never seen");
    }
    let outcome = cut_off.await.unwrap();
    assert!(
        outcome.as_ref().is_ok_and(|result| !result.passed) || outcome.is_err(),
        "{outcome:#?}"
    );
    assert_eq!(snapshot(&mut watcher).await, before);
}
