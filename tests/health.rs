//! Proof against a real server: what `verify` measures, and that every check of `doctor` can fail.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
mod support;

use std::time::{Duration, Instant};

use pgvector_setup::database::sql::composed;
use pgvector_setup::health::Severity::{Critical, High, Low, Medium, Ok as Good, Skipped};
use pgvector_setup::health::{
    DoctorOptions, Finding, HealthReport, Severity, VerifyOptions, doctor, report, verify,
};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Lists, Metric, VectorTable};
use sqlx::{Executor as _, PgConnection};
use support::server::{administrator, fresh_database};

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

/// One thing that is broken, and what must be said about it.
struct Sabotage {
    /// SQL that breaks it, after the healthy state was made.
    sql: &'static str,
    /// SQL of the session in which `doctor` runs.
    session: &'static str,
    /// What was asked for, where that is not the default.
    table: fn(VectorTable) -> VectorTable,
    id: &'static str,
    severity: Severity,
    fact: &'static str,
}

const fn broken(sql: &'static str, id: &'static str, severity: Severity, fact: &'static str) -> Sabotage {
    Sabotage {
        sql,
        session: "",
        table: |table| table,
        id,
        severity,
        fact,
    }
}

impl Sabotage {
    const fn in_session(mut self, session: &'static str) -> Self {
        self.session = session;
        self
    }

    const fn asking_for(mut self, table: fn(VectorTable) -> VectorTable) -> Self {
        self.table = table;
        self
    }
}

const DROP_INDEX: &str = "DROP INDEX app.articles_embedding_idx;";

#[tokio::test]
async fn every_check_finds_what_it_is_for() {
    let cases = [
        broken("", "S1", Critical, "new transactions are read-only").in_session("SET default_transaction_read_only = on"),
        broken("DROP EXTENSION vector CASCADE", "S2", Critical, "the extension vector is not in this database"),
        broken("DROP EXTENSION vector CASCADE", "S2b", Skipped, "the library was not tried"),
        broken("UPDATE pg_extension SET extversion = '0.8.3' WHERE extname = 'vector'", "S2", Medium, "is available"),
        broken("", "S2", Medium, "not on the search path")
            .in_session("SET ROLE pg_read_all_data; SET search_path = app"),
        broken("REVOKE USAGE ON SCHEMA public FROM PUBLIC", "S2", Critical, "may not use the extension's schema")
            .in_session("SET ROLE pg_monitor"),
        broken(
            "UPDATE pg_proc SET probin = '$libdir/absent' WHERE probin = '$libdir/vector'",
            "S2b",
            Critical,
            "the extension's library does not work",
        ),
        broken("DROP TABLE app.articles", "S3", Critical, "there is no table"),
        broken("", "S3", Critical, "may not read").in_session("SET ROLE pg_monitor"),
        broken(
            "ALTER TABLE app.articles RENAME TO kept; CREATE VIEW app.articles AS TABLE app.kept",
            "S3",
            Critical,
            "is not a table",
        ),
        broken("ALTER TABLE app.articles DROP COLUMN embedding", "S3", Critical, "has no column"),
        broken(
            "DROP INDEX app.articles_embedding_idx; ALTER TABLE app.articles ALTER COLUMN embedding TYPE text",
            "S3",
            Critical,
            "the column is text, not vector(3)",
        ),
        broken("", "S3", Critical, "the column has 3 dimensions, not 4")
            .asking_for(|table| VectorTable { dimensions: Dimensions::new(4).unwrap(), ..table }),
        broken(
            "DROP INDEX app.articles_embedding_idx; ALTER TABLE app.articles ALTER COLUMN embedding TYPE vector",
            "S3",
            High,
            "any number of dimensions",
        ),
        broken(
            "DROP INDEX app.articles_embedding_idx; ALTER TABLE app.articles ALTER COLUMN embedding TYPE halfvec(3)",
            "S3",
            Medium,
            "the column is halfvec(3), not vector(3)",
        ),
        broken("ALTER TABLE app.articles ALTER COLUMN embedding SET STORAGE PLAIN", "S3", Low, "table's own pages"),
        broken(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.articles_embedding_idx'::regclass",
            "S4",
            Critical,
            "is INVALID",
        ),
        broken(
            "CREATE INDEX articles_embedding_idx_ccnew ON app.articles USING hnsw (embedding vector_cosine_ops);
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.articles_embedding_idx_ccnew'::regclass",
            "S4",
            Medium,
            "interrupted REINDEX",
        ),
        broken(
            "DROP INDEX app.articles_embedding_idx; CREATE INDEX wrong ON app.articles USING hnsw (embedding vector_l2_ops)",
            "S4",
            Critical,
            "index wrong is for vector_l2_ops, not vector_cosine_ops",
        ),
        broken(
            "CREATE INDEX other ON app.articles USING hnsw (embedding vector_l2_ops)",
            "S4",
            Low,
            "index other is for vector_l2_ops",
        ),
        broken(
            "DROP INDEX app.articles_embedding_idx;
             CREATE INDEX part ON app.articles USING hnsw (embedding vector_cosine_ops) WHERE uri < 'b'",
            "S4",
            Low,
            "covers only rows where",
        ),
        broken("", "S4", Low, "has m = 16, not 24")
            .asking_for(|table| VectorTable { index: Index::Hnsw { m: 24, ef_construction: 64 }, ..table }),
        broken("", "S4", Low, "has method hnsw, not ivfflat")
            .asking_for(|table| VectorTable { index: Index::Ivfflat { lists: Lists::Count(4) }, ..table }),
        broken(DROP_INDEX, "S4", Medium, "the embedding has no index"),
        broken(DROP_INDEX, "S4", Low, "the embedding has no index")
            .asking_for(|table| VectorTable { index: Index::Ivfflat { lists: Lists::Auto }, ..table }),
        broken(DROP_INDEX, "S4", Good, "no index is wanted")
            .asking_for(|table| VectorTable { index: Index::None, ..table }),
        broken(
            "CREATE INDEX stale ON app.articles USING ivfflat (embedding vector_cosine_ops) WITH (lists = 1000)",
            "S5",
            High,
            "built for more rows than there are",
        ),
        broken(
            "CREATE INDEX stale ON app.articles USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)",
            "S5",
            Medium,
            "few rows a list",
        ),
        broken("DELETE FROM app.articles WHERE ctid IN (SELECT ctid FROM app.articles LIMIT 55)", "S7", Medium, "dead"),
        broken("DELETE FROM app.articles WHERE ctid IN (SELECT ctid FROM app.articles LIMIT 150)", "S7", High, "dead"),
        broken(
            "DROP INDEX app.articles_embedding_idx; CREATE TABLE app.fresh AS TABLE app.articles;
             DROP TABLE app.articles; ALTER TABLE app.fresh RENAME TO articles",
            "S7",
            Medium,
            "never analyzed",
        ),
        broken(
            "UPDATE app.articles SET uri = uri || 'a'; UPDATE app.articles SET uri = uri || 'b';
             UPDATE app.articles SET uri = uri || 'c'; UPDATE app.articles SET uri = uri || 'd'",
            "S7",
            Medium,
            "most updates insert the vector into the index again",
        ),
        broken("", "S8", High, "larger than the memory for caching").in_session("SET effective_cache_size = '8kB'"),
        broken("", "S8", Medium, "does not fit into maintenance_work_mem").in_session("SET maintenance_work_mem = '64kB'"),
        broken("UPDATE app.articles SET embedding = '[0,0,0]' WHERE uri = 'row1'", "S12", High, "zero vectors"),
        broken("", "S12", Medium, "not all vectors have length 1")
            .asking_for(|table| VectorTable { metric: Metric::Ip, ..table }),
        broken(
            "DROP INDEX app.articles_embedding_idx; ALTER TABLE app.articles ALTER COLUMN embedding TYPE vector;
             UPDATE app.articles SET embedding = '[1,2]' WHERE uri = 'row1'",
            "S12",
            Critical,
            "different numbers of dimensions",
        ),
        broken("", "S13", Critical, "no index can answer the search").in_session("SET enable_indexscan = off"),
        broken("", "S13", Critical, "no index can answer the search")
            .asking_for(|table| VectorTable { metric: Metric::L2, ..table }),
        broken(DROP_INDEX, "S13", Skipped, "no search was explained"),
        broken("", "S14", Skipped, "recall was not measured"),
        broken(
            "CREATE INDEX again ON app.articles USING hnsw (embedding vector_cosine_ops)",
            "S16",
            Medium,
            "2 indexes are the same",
        ),
        broken("UPDATE app.articles SET embedding = NULL WHERE uri = 'row1'", "coverage", Low, "have no embedding"),
        broken("DELETE FROM app.articles", "coverage", Good, "the table is empty"),
    ];
    let database = extended_database("public").await;
    for case in &cases {
        let report = examine(&database, case, &DoctorOptions::default()).await;
        expect(&report, case);
        if case.session.is_empty() {
            type_the_fix(&database, &report, case).await;
        }
    }
}

#[tokio::test]
async fn large_tables_are_judged_by_their_size() {
    let database = extended_database("public").await;
    heal(&database, DROP_INDEX).await;
    let mut connection = connect_to(&database).await;
    each(
        &mut connection,
        "INSERT INTO app.articles SELECT 'many' || n, ARRAY[sin(n), cos(n), sin(n / 7.0)]::real[]::vector
             FROM generate_series(1, 20000) n; ANALYZE app.articles",
    )
    .await;
    for (sql, id, severity, fact) in [
        ("", "S4", High, "the embedding has no index"),
        (
            "CREATE INDEX one ON app.articles USING ivfflat (embedding vector_cosine_ops) WITH (lists = 1)",
            "S5",
            Medium,
            "does not suit the number of rows",
        ),
        (
            "DROP INDEX app.one;
             CREATE INDEX ON app.articles USING hnsw (embedding vector_cosine_ops) WITH (m = 4, ef_construction = 8)",
            "S13",
            Good,
            "the search is answered from the index",
        ),
    ] {
        each(&mut connection, sql).await;
        let case = broken(sql, id, severity, fact);
        expect(&look(&database, &case, &DoctorOptions::default()).await, &case);
    }
    let dear = broken("", "S13", High, "the planner reads the whole table")
        .in_session("SET random_page_cost = 1000000");
    expect(&look(&database, &dear, &DoctorOptions::default()).await, &dear);
}

#[tokio::test]
async fn a_collation_of_another_version_is_found_and_the_fix_cures_it() {
    let database = format!("{}_builtin", fresh_database().await);
    let create = format!(
        "CREATE DATABASE {database} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    );
    run(&mut administrator("postgres").await, &create).await;
    let case = broken(
        "UPDATE pg_database SET datcollversion = '0.1' WHERE datname = current_database()",
        "S10",
        Medium,
        "another version",
    );
    let report = examine(&database, &case, &DoctorOptions::default()).await;
    expect(&report, &case);
    type_the_fix(&database, &report, &case).await;
}

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

/// Makes the healthy state, breaks it, and looks.
async fn examine(database: &str, case: &Sabotage, options: &DoctorOptions) -> HealthReport {
    heal(database, case.sql).await;
    look(database, case, options).await
}

/// Looks from a session of its own.
async fn look(database: &str, case: &Sabotage, options: &DoctorOptions) -> HealthReport {
    let mut connection = connect_to(database).await;
    each(&mut connection, case.session).await;
    doctor(&mut connection, &(case.table)(articles()), options)
        .await
        .unwrap()
}

fn expect(report: &HealthReport, case: &Sabotage) {
    let (id, severity, fact) = (case.id, case.severity.word(), case.fact);
    assert!(
        find(report, case).is_some(),
        "{id} {severity} {fact:?} after {:?} {:?}:\n{}",
        case.sql,
        case.session,
        report::doctor(report)
    );
    if case.severity.is_unhealthy() {
        assert!(!report.healthy, "{report:#?}");
    }
}

/// Runs the suggested SQL as it stands; afterwards the finding is gone.
async fn type_the_fix(database: &str, report: &HealthReport, case: &Sabotage) {
    let finding = find(report, case).unwrap();
    // Counters of past updates stay; a command of this program is not SQL.
    let Some(sql) = finding
        .fix
        .as_ref()
        .filter(|fix| fix.ends_with(';') && !finding.fact.contains("most updates"))
    else {
        return;
    };
    let mut connection = connect_to(database).await;
    each(&mut connection, sql).await;
    each(&mut connection, "SELECT pg_stat_force_next_flush(); SELECT 1").await;
    let after = look(database, case, &DoctorOptions::default()).await;
    assert!(
        find(&after, case).is_none(),
        "after {sql}\n{}",
        report::doctor(&after)
    );
}

fn find<'a>(report: &'a HealthReport, case: &Sabotage) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| {
        (finding.id, finding.severity) == (case.id, case.severity) && finding.fact.contains(case.fact)
    })
}

/// The healthy state: 300 rows with an index, analyzed; then `sql`.
async fn heal(database: &str, sql: &str) {
    let mut connection = connect_to(database).await;
    each(
        &mut connection,
        "UPDATE pg_proc SET probin = '$libdir/vector' WHERE probin = '$libdir/absent';
         DROP SCHEMA IF EXISTS app CASCADE; DROP EXTENSION IF EXISTS vector CASCADE; CREATE EXTENSION vector;
         GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE SCHEMA app;
         CREATE TABLE app.articles (uri text PRIMARY KEY, embedding vector(3)) WITH (autovacuum_enabled = off);
         INSERT INTO app.articles SELECT 'row' || n, ARRAY[sin(n), cos(n), sin(n / 7.0) * 2]::real[]::vector
             FROM generate_series(1, 300) n;
         CREATE INDEX articles_embedding_idx ON app.articles USING hnsw (embedding vector_cosine_ops);
         SELECT pg_stat_force_next_flush(); VACUUM ANALYZE app.articles",
    )
    .await;
    each(&mut connection, sql).await;
    each(&mut connection, "SELECT pg_stat_force_next_flush(); SELECT 1").await;
}

/// A table `app.articles` as `up` makes it by default, with few dimensions so that tests are quick.
fn articles() -> VectorTable {
    let name = |text: &str| Identifier::new(text).unwrap();
    VectorTable {
        schema: name("app"),
        table: name("articles"),
        key: name("uri"),
        column: name("embedding"),
        dimensions: Dimensions::new(3).unwrap(),
        metric: Metric::Cosine,
        index: Index::DEFAULT_HNSW,
        extension_schema: name("public"),
    }
}

/// A fresh database with the extension in a schema.
async fn extended_database(schema: &str) -> String {
    let database = fresh_database().await;
    let schema = Identifier::new(schema).unwrap().quoted();
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION vector SCHEMA {schema}");
    run(&mut administrator(&database).await, &sql).await;
    database
}

/// An administrator's session with PostgreSQL's own search path.
async fn connect_to(database: &str) -> PgConnection {
    let mut connection = administrator(database).await;
    run(&mut connection, "SET search_path = \"$user\", public").await;
    connection
}

async fn create_table(connection: &mut PgConnection, table: &VectorTable) {
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {}; DROP TABLE IF EXISTS {}; CREATE TABLE {} ({} text PRIMARY KEY, {} {})",
        table.schema.quoted(),
        table.qualified(),
        table.qualified(),
        table.key.quoted(),
        table.column.quoted(),
        table.qualified_type()
    );
    run(connection, &sql).await;
}

/// Each statement in a transaction of its own.
async fn each(connection: &mut PgConnection, statements: &str) {
    for statement in statements
        .split(';')
        .filter(|statement| !statement.trim().is_empty())
    {
        run(connection, statement).await;
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(sqlx::raw_sql(composed(sql)))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Every relation, function and type of the database, and every setting of the session.
async fn snapshot(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname::text FROM pg_class UNION ALL SELECT proname::text FROM pg_proc
         UNION ALL SELECT typname::text FROM pg_type
         UNION ALL SELECT name || '=' || setting FROM pg_settings
         WHERE name NOT LIKE 'hnsw.%' AND name NOT LIKE 'ivfflat.%' ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}
