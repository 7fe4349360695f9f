//! States that no test server can be brought into at will.

use serde_json::{Value, json};

use super::{Case, all};
use crate::health::Severity::{self, Critical, High, Low, Medium, Ok as Good, Skipped};
use crate::health::doctor::{
    Catalog, Coverage, DoctorOptions, Embedding, Failure, Library, Observations, Plans, Recall, Sample,
};
use crate::health::planned::Planned;
use crate::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
use crate::store::Trial;

#[test]
fn a_healthy_state_has_no_finding() {
    let odd: Vec<_> = judge(&healthy(json!({})))
        .into_iter()
        .filter(|finding| finding.1 < Good)
        .collect();
    assert!(odd.is_empty(), "{odd:#?}");
}

#[test]
fn each_state_of_the_catalogs_has_its_finding() {
    for (change, id, severity, fact) in [
        (json!({"server": {"in_recovery": true}}), "S1", Low, "standby"),
        (
            json!({"server": {"version_number": 130_020}}),
            "S1",
            Medium,
            "no more fixes",
        ),
        (
            json!({"extension_available": null, "extension": null}),
            "S2",
            Critical,
            "is not in this database",
        ),
        (
            json!({"extension": {"version": "HEAD"}}),
            "S2",
            Low,
            "no advisory could be looked up",
        ),
        (
            json!({"indexes": [index(json!({"building": true, "valid": false}))]}),
            "S4",
            Low,
            "is being built",
        ),
        (
            json!({"memory": {"shared_buffers": 1024}}),
            "S8",
            Medium,
            "larger than shared_buffers",
        ),
        (
            json!({"builds": [{"process": 7, "phase": "building index", "blocks_done": 1, "blocks_total": 9}]}),
            "S17",
            Low,
            "is being built on this table",
        ),
    ] {
        let mut seen = healthy(change.clone());
        seen.library = Some(Ok(Library { version: None }));
        assert_finding(&judge(&seen), id, severity, fact, &change);
    }
}

#[test]
fn the_model_and_the_queue_have_their_findings() {
    for (embedding, id, severity, fact) in [
        (
            json!({"model": {"name": "small", "dimensions": 3}}),
            "model",
            Good,
            "is recorded",
        ),
        (
            json!({"model": {"name": "small", "dimensions": 4}}),
            "model",
            High,
            "other dimensions than its model",
        ),
        (
            json!({"model": {"name": "large", "dimensions": 3}}),
            "model",
            High,
            "name another model",
        ),
        (
            json!({"queue": {"waiting": 2, "parked": 0, "oldest_seconds": 1.5}}),
            "queue",
            Good,
            "is worked on",
        ),
        (
            json!({"queue": {"waiting": 0, "parked": 1, "oldest_seconds": null}}),
            "queue",
            Medium,
            "refuses the text",
        ),
        (
            json!({"queue": {"waiting": 1, "parked": 0, "oldest_seconds": 7200.0}}),
            "queue",
            Medium,
            "nobody works on them",
        ),
    ] {
        let mut seen = healthy(json!({}));
        seen.embedding = Some(Ok(serde_json::from_value(embedding.clone()).unwrap()));
        let options = DoctorOptions {
            model: Some("small".to_owned()),
            ..DoctorOptions::default()
        };
        assert_finding(
            &judge_with(&seen, &articles(), &options),
            id,
            severity,
            fact,
            &embedding,
        );
    }
}

#[test]
fn what_is_around_the_table_has_its_findings() {
    let setting = |name: &str, value: &str, role: Option<&str>, database: Option<&str>| json!({"stored": [{"name": name, "value": value, "role": role, "database": database}]});
    let transaction =
        json!({"process": 7, "application": "a report", "state": "idle in transaction", "seconds": 90});
    for (change, id, severity, fact) in [
        (json!({}), "S9", Good, "no open transaction"),
        (
            json!({"old_transactions": [transaction]}),
            "S9",
            Medium,
            "1 transactions are open",
        ),
        (
            json!({"prepared": ["it's"]}),
            "S9",
            Medium,
            "a prepared transaction is open",
        ),
        (json!({}), "S11", Good, "are in order"),
        (
            setting("hnsw.ef_search", "100", None, None),
            "S11",
            Good,
            "are in order",
        ),
        (
            setting("hnsw.ef_search", "10", Some("app"), None),
            "S11",
            Medium,
            "stored as 10",
        ),
        (
            setting("hnsw.iterative_scan", "off", None, Some("shop")),
            "S11",
            Low,
            "too few rows",
        ),
        (
            setting("hnsw.ef_serach", "100", Some("app"), Some("shop")),
            "S11",
            Medium,
            "no setting of pgvector",
        ),
        (json!({}), "S19", Good, "no unused replication slot"),
        (
            json!({"inactive_slots": ["standby_2"]}),
            "S19",
            Medium,
            "keeps all WAL",
        ),
    ] {
        let mut surroundings = json!({
            "sees_all_sessions": true, "old_transactions": [], "prepared": [], "stored": [], "inactive_slots": []
        });
        for (name, value) in change.as_object().unwrap() {
            surroundings[name] = value.clone();
        }
        let seen = healthy(json!({"surroundings": surroundings}));
        assert_finding(&judge(&seen), id, severity, fact, &change);
    }
}

#[test]
fn an_index_is_bloated_by_what_its_rows_would_need() {
    for (megabytes, severity, fact) in [
        (100, Good, "as large as its rows need"),
        (130, Medium, "1.7 times"),
        (200, High, "2.6 times"),
    ] {
        let index = index(json!({"bytes": megabytes << 20}));
        let change = json!({
            "indexes": [index], "table": {"estimated_rows": 10_000.0, "live": 10_000},
            "column": {"null_fraction": 0.0, "dimensions": 1536},
        });
        let seen = healthy(change.clone());
        let table = VectorTable {
            dimensions: Dimensions::new(1536).unwrap(),
            ..articles()
        };
        assert_finding(&judge_as(&seen, &table), "S6", severity, fact, &change);
    }
}

#[test]
fn advisories_follow_the_library_that_runs_and_the_index_that_is_there() {
    let hnsw = Index::DEFAULT_HNSW;
    for (library, wanted, method, id, severity) in [
        ("0.8.1", hnsw, "hnsw", "CVE-2026-3172", High),
        ("0.8.1", Index::None, "ivfflat", "CVE-2026-3172", Low),
        ("0.8.3", hnsw, "hnsw", "pgvector#988", High),
        ("0.7.4", hnsw, "hnsw", "pgvector-no-iterative-scan", Medium),
    ] {
        let mut seen = healthy(json!({"indexes": [index(json!({"method": method}))]}));
        seen.library = Some(Ok(Library {
            version: Some(library.to_owned()),
        }));
        let findings = judge_as(
            &seen,
            &VectorTable {
                index: wanted,
                ..articles()
            },
        );
        assert_finding(&findings, "S2", severity, id, &library);
    }
    let findings = judge(&healthy(json!({"extension": {"version": "0.6.0"}})));
    assert!(
        !findings.iter().any(|finding| finding.2.contains("CVE")),
        "the library is 0.8.6: {findings:#?}"
    );
}

#[test]
fn plans_and_recall_are_judged_by_what_the_application_gets() {
    let plan = |index: Option<&str>| Planned {
        node: "Scan".to_owned(),
        index: index.map(str::to_owned),
    };
    let plans = |usual, generic, forced| {
        Some(Ok(Plans {
            usual: plan(usual),
            generic: Some(plan(generic)),
            forced: plan(forced),
        }))
    };
    let used = Some("articles_embedding_idx");
    for (plans, severity, fact) in [
        (plans(used, used, used), Good, "is answered from the index"),
        (plans(used, None, used), Medium, "a prepared search is not"),
        (plans(None, None, used), High, "reads the whole table"),
        (plans(None, None, None), Critical, "no index can answer"),
    ] {
        let seen = Observations {
            plans,
            ..healthy(json!({}))
        };
        assert_finding(&judge(&seen), "S13", severity, fact, &fact);
    }
    for (mean, short, severity) in [
        (0.99, 0, Good),
        (0.95, 0, Good),
        (0.94, 0, High),
        (0.79, 0, Critical),
        (0.99, 1, Critical),
    ] {
        let mut seen = healthy(json!({}));
        seen.recall = Some(Ok(Some(Recall {
            mean,
            short,
            ..recall()
        })));
        assert_finding(&judge(&seen), "S14", severity, "true neighbours", &mean);
    }
}

type Short = (&'static str, Severity, String);

#[test]
fn the_store_finds_a_row_by_its_own_vector_or_says_what_it_finds() {
    let failed = |sqlstate: &str| {
        Some(Err(Failure {
            sqlstate: sqlstate.to_owned(),
            message: "as it was".to_owned(),
        }))
    };
    for (search, severity, fact) in [
        (None, Skipped, "no search was tried"),
        (Some(Ok(None)), Skipped, "no search was tried"),
        (
            Some(Ok(Some(trial(Some(true), 3)))),
            Good,
            "found by its own vector",
        ),
        (Some(Ok(Some(trial(None, 3)))), Good, "found by its own vector"),
        (
            Some(Ok(Some(trial(Some(false), 3)))),
            High,
            "not found by its own vector",
        ),
        (Some(Ok(Some(trial(Some(true), 0)))), High, "no similar rows"),
        (failed("57014"), Skipped, "no search was tried"),
        (failed("E0841"), Medium, "with these options"),
        (failed("XX000"), Critical, "a search fails"),
    ] {
        let mut seen = healthy(json!({}));
        seen.search = search;
        assert_finding(&judge(&seen), "search", severity, fact, &seen.search);
    }
}

fn trial(is_first: Option<bool>, similar: usize) -> Trial {
    Trial {
        row: "a".to_owned(),
        is_first,
        similar,
    }
}

fn assert_finding(findings: &[Short], id: &str, severity: Severity, fact: &str, state: &dyn std::fmt::Debug) {
    let found = findings
        .iter()
        .any(|finding| (finding.0, finding.1) == (id, severity) && finding.2.contains(fact));
    assert!(found, "{id} {severity:?} {fact:?} in {state:?}: {findings:#?}");
}

fn judge(seen: &Observations) -> Vec<Short> {
    judge_as(seen, &articles())
}

fn judge_as(seen: &Observations, table: &VectorTable) -> Vec<Short> {
    judge_with(seen, table, &DoctorOptions::default())
}

fn judge_with(seen: &Observations, table: &VectorTable, options: &DoctorOptions) -> Vec<Short> {
    let findings = all(&Case { seen, table, options });
    findings
        .into_iter()
        .map(|finding| (finding.id, finding.severity, finding.fact))
        .collect()
}

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

/// 20,000 rows with an HNSW index, but for `change`.
fn healthy(change: Value) -> Observations {
    let mut catalog = json!({
        "server": {"version_number": 180_004, "version": "18.4", "bits": 64, "database": "vectors", "role": "vectors",
            "superuser": false, "has_become_role": false, "in_recovery": false, "read_only": false,
            "collation_recorded": "1", "collation_actual": "1"},
        "memory": {"shared_buffers": 1 << 27, "maintenance_work_mem": 1 << 26, "effective_cache_size": 1_u64 << 32},
        "extension": {"version": "0.8.6", "schema": "public", "schema_usable": true},
        "extension_available": "0.8.6",
        "table": {"kind": "r", "estimated_rows": 20_000.0, "bytes": 1 << 20, "readable": true, "live": 20_000, "dead": 0,
            "updated": 0, "updated_in_place": 0, "changed_since_analyze": 0},
        "column": {"type": "vector", "of_extension": true, "full_type": "vector(3)", "dimensions": 3, "storage": "e",
            "null_fraction": 0.0},
        "indexes": [index(json!({}))],
        "duplicates": [],
        "builds": [],
    });
    merge(&mut catalog, change);
    let planned = Planned {
        node: "Index Scan".to_owned(),
        index: Some("articles_embedding_idx".to_owned()),
    };
    Observations {
        catalog: serde_json::from_value::<Catalog>(catalog).unwrap(),
        search_path: vec!["pg_catalog".to_owned(), "public".to_owned()],
        library: Some(Ok(Library {
            version: Some("0.8.6".to_owned()),
        })),
        coverage: Some(Ok(Coverage {
            total: 20_000,
            embedded: 20_000,
            exact: true,
        })),
        sample: Some(Ok(Sample {
            rows: 1_000,
            zero: 0,
            not_unit: 1_000,
            dimensions: 1,
        })),
        plans: Some(Ok(Plans {
            usual: planned.clone(),
            forced: planned,
            generic: None,
        })),
        search: Some(Ok(Some(trial(Some(true), 3)))),
        recall: Some(Ok(Some(recall()))),
        embedding: Some(Ok(Embedding::default())),
        own_scans: None,
    }
}

fn index(change: Value) -> Value {
    let mut index = json!({"name": "articles_embedding_idx", "method": "hnsw", "operator_class": "vector_cosine_ops",
        "valid": true, "partial": null, "options": {"lists": "20"}, "bytes": 1 << 20, "building": false});
    merge(&mut index, change);
    index
}

fn recall() -> Recall {
    Recall {
        queries: 50,
        mean: 1.0,
        worst: 1.0,
        short: 0,
        approximate_milliseconds: 10.0,
        exact_milliseconds: 100.0,
        setting: "hnsw.ef_search",
        value: 40,
        sufficient: None,
    }
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}
