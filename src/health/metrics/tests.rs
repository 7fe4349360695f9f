use std::time::{Duration, UNIX_EPOCH};

use super::{Reading, text};
use crate::database::versions::{DatabaseState, DatabaseVersions, Installed, Library};
use crate::health::{AppliedAdvisory, Finding, HealthReport, IndexMeasures, Measures, Severity};
use crate::plan::sample;
use crate::settings::{Settings, Target};

fn reading<'a>(settings: &'a Settings, report: &'a HealthReport) -> Reading<'a> {
    Reading {
        site: None,
        settings,
        report,
        duration: Duration::from_millis(250),
        taken: UNIX_EPOCH + Duration::from_millis(1_700_000_000_500),
    }
}

/// Half covered, an invalid index beside a good one, an affected version.
fn unhealthy() -> HealthReport {
    let index = |name: &str, valid| IndexMeasures {
        name: name.into(),
        method: "hnsw".into(),
        valid,
        building: false,
        bytes: 8192,
        scans: Some(12),
        own_scans: 3,
    };
    HealthReport {
        extension_installed: true,
        articles_with_embeddings: Some(3),
        total_articles: Some(4),
        counts_exact: true,
        error: None,
        findings: vec![
            Finding::new("S4", Severity::Critical, "index b is INVALID", "b"),
            Finding::new("S2", Severity::High, "CVE-2026-3172", "pgvector 0.8.1"),
            Finding::new("S2", Severity::High, "pgvector#988", "pgvector 0.8.1"),
            Finding::new("S1", Severity::Ok, "the server takes writes", "18.4"),
        ],
        measures: Some(Measures {
            indexes: vec![index("a", true), index("b", false)],
            recall_at_10: Some(0.985),
            extension: Some("0.8.1".into()),
            library: Some("0.8.1".into()),
            offered: Some("0.8.1".into()),
            advisories: vec![AppliedAdvisory {
                id: "CVE-2026-3172".into(),
                severity: Severity::High,
                fixed: "0.8.2".into(),
            }],
        }),
        ..HealthReport::unavailable("")
    }
}

#[test]
fn every_metric_has_its_help_and_type_before_its_series() {
    let settings = sample::settings(Target::Url);
    let report = unhealthy();
    insta::assert_snapshot!(text(&[reading(&settings, &report)]), @r#"
    # HELP pgvector_setup_up Whether the database let itself be read: 1, or 0.
    # TYPE pgvector_setup_up gauge
    pgvector_setup_up{database="vectors",schema="vectors",table="articles"} 1
    # HELP pgvector_setup_healthy Whether doctor found nothing critical or high: 1, or 0.
    # TYPE pgvector_setup_healthy gauge
    pgvector_setup_healthy{database="vectors",schema="vectors",table="articles"} 0
    # HELP pgvector_setup_findings Results of doctor's checks, by the check's code and how much it matters.
    # TYPE pgvector_setup_findings gauge
    pgvector_setup_findings{database="vectors",schema="vectors",table="articles",severity="critical",code="S4"} 1
    pgvector_setup_findings{database="vectors",schema="vectors",table="articles",severity="high",code="S2"} 2
    pgvector_setup_findings{database="vectors",schema="vectors",table="articles",severity="ok",code="S1"} 1
    # HELP pgvector_setup_table_rows Rows of the table.
    # TYPE pgvector_setup_table_rows gauge
    pgvector_setup_table_rows{database="vectors",schema="vectors",table="articles"} 4
    # HELP pgvector_setup_table_embedded_rows Rows of the table that have an embedding.
    # TYPE pgvector_setup_table_embedded_rows gauge
    pgvector_setup_table_embedded_rows{database="vectors",schema="vectors",table="articles"} 3
    # HELP pgvector_setup_table_rows_exact Whether the rows were counted: 1, or 0 where they were estimated from the planner's statistics.
    # TYPE pgvector_setup_table_rows_exact gauge
    pgvector_setup_table_rows_exact{database="vectors",schema="vectors",table="articles"} 1
    # HELP pgvector_setup_table_coverage_ratio Share of the rows that have an embedding, from 0 to 1; absent while the table is empty.
    # TYPE pgvector_setup_table_coverage_ratio gauge
    pgvector_setup_table_coverage_ratio{database="vectors",schema="vectors",table="articles"} 0.75
    # HELP pgvector_setup_recall_ratio Share of the true ten nearest rows that searches returned, from 0 to 1; present where it was measured (doctor --recall).
    # TYPE pgvector_setup_recall_ratio gauge
    pgvector_setup_recall_ratio{database="vectors",schema="vectors",table="articles"} 0.985
    # HELP pgvector_setup_index_valid Whether searches can use the vector index: 1, or 0.
    # TYPE pgvector_setup_index_valid gauge
    pgvector_setup_index_valid{database="vectors",schema="vectors",table="articles",index="a",method="hnsw"} 1
    pgvector_setup_index_valid{database="vectors",schema="vectors",table="articles",index="b",method="hnsw"} 0
    # HELP pgvector_setup_index_building Whether the vector index is being built: 1, or 0.
    # TYPE pgvector_setup_index_building gauge
    pgvector_setup_index_building{database="vectors",schema="vectors",table="articles",index="a",method="hnsw"} 0
    pgvector_setup_index_building{database="vectors",schema="vectors",table="articles",index="b",method="hnsw"} 0
    # HELP pgvector_setup_index_size_bytes Size of the vector index, as of its build or the last VACUUM or ANALYZE.
    # TYPE pgvector_setup_index_size_bytes gauge
    pgvector_setup_index_size_bytes{database="vectors",schema="vectors",table="articles",index="a",method="hnsw"} 8192
    pgvector_setup_index_size_bytes{database="vectors",schema="vectors",table="articles",index="b",method="hnsw"} 8192
    # HELP pgvector_setup_index_scans_total Scans of the vector index since the server's statistics were reset, those of doctor's earlier runs among them.
    # TYPE pgvector_setup_index_scans_total counter
    pgvector_setup_index_scans_total{database="vectors",schema="vectors",table="articles",index="a",method="hnsw"} 12
    pgvector_setup_index_scans_total{database="vectors",schema="vectors",table="articles",index="b",method="hnsw"} 12
    # HELP pgvector_setup_doctor_index_scans Scans of the vector index that doctor's last run made itself; the counter has them from the next run on.
    # TYPE pgvector_setup_doctor_index_scans gauge
    pgvector_setup_doctor_index_scans{database="vectors",schema="vectors",table="articles",index="a",method="hnsw"} 3
    pgvector_setup_doctor_index_scans{database="vectors",schema="vectors",table="articles",index="b",method="hnsw"} 3
    # HELP pgvector_setup_version_info Versions of pgvector in each database of the server: the extension, the library that runs, the server's files, the package.
    # TYPE pgvector_setup_version_info gauge
    pgvector_setup_version_info{database="vectors",extension="0.8.1",library="0.8.1",files="0.8.1"} 1
    # HELP pgvector_setup_versions_differ Whether extension, library and files of a database are of different versions: 1, or 0.
    # TYPE pgvector_setup_versions_differ gauge
    pgvector_setup_versions_differ{database="vectors"} 0
    # HELP pgvector_setup_advisory_applies A known defect of the pgvector that runs, which is about this installation; always 1, absent without one.
    # TYPE pgvector_setup_advisory_applies gauge
    pgvector_setup_advisory_applies{database="vectors",schema="vectors",table="articles",advisory="CVE-2026-3172",severity="high",fixed_in="0.8.2"} 1
    # HELP pgvector_setup_doctor_duration_seconds How long doctor took.
    # TYPE pgvector_setup_doctor_duration_seconds gauge
    pgvector_setup_doctor_duration_seconds{database="vectors",schema="vectors",table="articles"} 0.25
    # HELP pgvector_setup_doctor_timestamp_seconds When doctor was done, in seconds since 1970; a run that fails leaves the file of before, so an old one tells that doctor no longer runs.
    # TYPE pgvector_setup_doctor_timestamp_seconds gauge
    pgvector_setup_doctor_timestamp_seconds{database="vectors",schema="vectors",table="articles"} 1700000000.5
    "#);
}

#[test]
fn a_server_that_does_not_answer_is_down_and_unhealthy_and_nothing_else() {
    let settings = sample::settings(Target::Url);
    let report = HealthReport::unavailable("no PostgreSQL answers");
    insta::assert_snapshot!(text(&[reading(&settings, &report)]), @r#"
    # HELP pgvector_setup_up Whether the database let itself be read: 1, or 0.
    # TYPE pgvector_setup_up gauge
    pgvector_setup_up{database="vectors",schema="vectors",table="articles"} 0
    # HELP pgvector_setup_healthy Whether doctor found nothing critical or high: 1, or 0.
    # TYPE pgvector_setup_healthy gauge
    pgvector_setup_healthy{database="vectors",schema="vectors",table="articles"} 0
    # HELP pgvector_setup_doctor_duration_seconds How long doctor took.
    # TYPE pgvector_setup_doctor_duration_seconds gauge
    pgvector_setup_doctor_duration_seconds{database="vectors",schema="vectors",table="articles"} 0.25
    # HELP pgvector_setup_doctor_timestamp_seconds When doctor was done, in seconds since 1970; a run that fails leaves the file of before, so an old one tells that doctor no longer runs.
    # TYPE pgvector_setup_doctor_timestamp_seconds gauge
    pgvector_setup_doctor_timestamp_seconds{database="vectors",schema="vectors",table="articles"} 1700000000.5
    "#);
}

#[test]
fn several_sites_share_the_help_and_differ_by_their_label() {
    let settings = sample::settings(Target::System);
    let (up, down) = (unhealthy(), HealthReport::unavailable(""));
    let readings = [("blue", &up), ("green", &down)].map(|(site, report)| Reading {
        site: Some(site),
        ..reading(&settings, report)
    });
    let text = text(&readings);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("pgvector_setup_up"))
        .collect();
    assert_eq!(
        lines,
        [
            "# HELP pgvector_setup_up Whether the database let itself be read: 1, or 0.",
            "# TYPE pgvector_setup_up gauge",
            r#"pgvector_setup_up{site="blue",database="vectors",schema="vectors",table="articles"} 1"#,
            r#"pgvector_setup_up{site="green",database="vectors",schema="vectors",table="articles"} 0"#,
        ]
    );
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.contains("{site="), "{line}");
    }
}

#[test]
fn names_are_escaped_by_the_rules_of_the_format() {
    let mut settings = sample::settings(Target::Url);
    settings.table.table = sample::name("a\"b\\c {d}");
    let report = HealthReport::unavailable("");
    let text = text(&[reading(&settings, &report)]);
    assert!(text.contains(r#"table="a\"b\\c {d}"} 0"#), "{text}");
}

#[test]
fn a_line_break_in_a_name_ends_no_line() {
    let settings = sample::settings(Target::System);
    let mut report = unhealthy();
    report.databases = vec![database("two\nlines", DatabaseState::Installed(Box::default()))];
    let text = text(&[reading(&settings, &report)]);
    assert!(text.contains(r#"{database="two\nlines"} "#), "{text}");
}

#[test]
fn an_empty_table_has_no_coverage() {
    let settings = sample::settings(Target::Url);
    let report = HealthReport {
        articles_with_embeddings: Some(0),
        total_articles: Some(0),
        ..unhealthy()
    };
    let text = text(&[reading(&settings, &report)]);
    assert!(text.contains("pgvector_setup_table_rows{"), "{text}");
    assert!(!text.contains("coverage_ratio"), "{text}");
}

#[test]
fn each_database_of_the_server_says_whether_its_versions_differ() {
    let settings = sample::settings(Target::System);
    let library = |version: &str| Library::Version(version.into());
    for (extension, library, offered, differ) in [
        ("0.8.7", library("0.8.7"), Some("0.8.7"), 0),
        ("0.8.7", Library::From080, Some("0.8.7"), 0),
        ("0.8.0", library("0.8.7"), Some("0.8.7"), 1),
        ("0.8.7", library("0.8.0"), Some("0.8.7"), 1),
        ("0.8.7", Library::Broken("58P01".into()), Some("0.8.7"), 1),
        ("0.8.7", library("0.8.7"), None, 1),
    ] {
        let mut report = unhealthy();
        report.package = Some("postgresql-18-pgvector 0.8.7-1".into());
        report.measures.as_mut().unwrap().offered = offered.map(str::to_owned);
        report.databases = vec![
            database("shop", DatabaseState::Without),
            database(
                "site",
                DatabaseState::Installed(Box::new(Installed {
                    version: extension.into(),
                    library: library.clone(),
                    ..Installed::default()
                })),
            ),
        ];
        let text = text(&[reading(&settings, &report)]);
        let expected = format!("pgvector_setup_versions_differ{{database=\"site\"}} {differ}\n");
        assert!(
            text.contains(&expected),
            "{extension} {library} {offered:?}\n{text}"
        );
        assert!(!text.contains("shop"), "{text}");
    }
}

fn database(name: &str, state: DatabaseState) -> DatabaseVersions {
    DatabaseVersions {
        name: name.into(),
        is_template: false,
        state,
    }
}
