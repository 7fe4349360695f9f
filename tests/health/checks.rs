//! Every check of `doctor` finds what it is for, and what it tells to type cures it.

use pgvector_setup::health::DoctorOptions;
use pgvector_setup::health::Severity::{Critical, High, Low, Medium, Ok as Good, Skipped};
use pgvector_setup::settings::{Dimensions, Index, Lists, Metric, VectorTable};

use crate::sabotage::{broken, examine, expect, look, type_the_fix};
use crate::site::{connect_to, each, extended_database, heal, run};
use crate::support::server::{administrator, fresh_database};

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
