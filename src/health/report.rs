//! Reports as text for a reader. JSON is the same data through serde.

use std::fmt::Write as _;

use super::{HealthReport, Severity, Verification};

/// All findings, worst first, then the counts and the verdict. Ends with a line break.
pub fn doctor(report: &HealthReport) -> String {
    let mut text = String::new();
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        line(
            &mut text,
            format_args!(
                "{:<9} {:<9} {}",
                finding.severity.word(),
                finding.id,
                finding.fact
            ),
        );
        line(&mut text, format_args!("{:<19} {}", "", finding.evidence));
        if let Some(fix) = &finding.fix {
            line(&mut text, format_args!("{:<19} fix: {fix}", ""));
        }
    }
    if let Some(error) = &report.error {
        line(&mut text, format_args!("error: {error}"));
    }
    if let (Some(embedded), Some(total)) = (report.articles_with_embeddings, report.total_articles) {
        let about = if report.counts_exact { "" } else { "about " };
        line(
            &mut text,
            format_args!("{about}{embedded} of {total} rows have an embedding"),
        );
    }
    line(&mut text, format_args!("{}", verdict(report)));
    text
}

/// What was measured, a line each. Ends with a line break.
pub fn verify(result: &Verification) -> String {
    let mut text = String::new();
    let index = result.index.method().unwrap_or("no index");
    line(
        &mut text,
        format_args!(
            "{} rows of {}({}), {}, {index}",
            result.rows,
            result.column_type.name(),
            result.dimensions,
            result.metric.name()
        ),
    );
    if let Some(used) = result.index_used {
        let word = if used { "yes" } else { "no" };
        line(&mut text, format_args!("index used   {word}"));
    }
    if let Some(recall) = result.recall_at_10 {
        line(
            &mut text,
            format_args!("recall@10    {recall:.3} over {} queries", result.queries),
        );
    }
    let round_trip = if result.round_trip {
        "every bit the same"
    } else {
        "failed"
    };
    line(&mut text, format_args!("round trip   {round_trip}"));
    let found = match (result.search, result.similar) {
        (true, true) => "a row by its own vector, and similar ones",
        _ => "failed",
    };
    line(&mut text, format_args!("search       {found}"));
    line(
        &mut text,
        format_args!(
            "time         load {:.0} ms, build {:.0} ms, search {:.0} ms, exact search {:.0} ms",
            result.load_milliseconds,
            result.build_milliseconds,
            result.search_milliseconds,
            result.exact_milliseconds
        ),
    );
    for evidence in &result.evidence {
        line(&mut text, format_args!("evidence     {evidence}"));
    }
    for problem in &result.problems {
        line(&mut text, format_args!("problem      {problem}"));
    }
    let verdict = if result.passed { "passed" } else { "failed" };
    line(&mut text, format_args!("{verdict}"));
    text
}

/// Writing to a string cannot fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}

fn verdict(report: &HealthReport) -> String {
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let word = if report.healthy { "healthy" } else { "unhealthy" };
    format!(
        "{word}: {} critical, {} high, {} medium, {} low",
        count(Severity::Critical),
        count(Severity::High),
        count(Severity::Medium),
        count(Severity::Low)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Finding;

    #[test]
    fn the_worst_comes_first_and_each_finding_has_its_evidence_and_fix() {
        let report = HealthReport {
            schema: HealthReport::SCHEMA,
            healthy: false,
            extension_installed: true,
            articles_with_embeddings: Some(36),
            total_articles: Some(94),
            counts_exact: true,
            error: None,
            package: None,
            databases: Vec::new(),
            measures: None,
            findings: vec![
                Finding::new("S1", Severity::Ok, "the server takes writes", "PostgreSQL 18.4"),
                Finding::new("S4", Severity::Critical, "index i is INVALID", "\"a\".\"i\"")
                    .fix("REINDEX INDEX CONCURRENTLY \"a\".\"i\";"),
            ],
        };
        assert_eq!(
            doctor(&report),
            "\
critical  S4        index i is INVALID
                    \"a\".\"i\"
                    fix: REINDEX INDEX CONCURRENTLY \"a\".\"i\";
ok        S1        the server takes writes
                    PostgreSQL 18.4
36 of 94 rows have an embedding
unhealthy: 1 critical, 0 high, 0 medium, 0 low
"
        );
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_unhealthy() {
        let text = doctor(&HealthReport::unavailable("no PostgreSQL answers"));
        assert_eq!(
            text,
            "error: no PostgreSQL answers\nunhealthy: 0 critical, 0 high, 0 medium, 0 low\n"
        );
    }
}
