//! S14 recall on the real table.

use super::{Case, quoted};
use crate::health::doctor::{RECALL_FLOOR, Recall};
use crate::health::{Finding, Severity};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let skipped = |reason: &str| Finding::new("S14", Severity::Skipped, "recall was not measured", reason);
    let finding = match &case.seen.recall {
        None if !case.options.recall => skipped("it takes time").fix(case.command("doctor --recall")),
        None => skipped("there is no index to measure"),
        Some(Ok(None)) => skipped("there are no vectors"),
        Some(Err(failure)) => Finding::new(
            "S14",
            Severity::High,
            "recall could not be measured",
            failure.to_string(),
        ),
        Some(Ok(Some(recall))) => judge(case, recall),
    };
    vec![finding]
}

fn judge(case: &Case<'_>, recall: &Recall) -> Finding {
    let evidence = format!(
        "recall@10 {:.3} (worst query {:.1}, {} of {} queries returned too few rows) at {} = {}; {:.1} ms a search, {:.1} ms exact",
        recall.mean,
        recall.worst,
        recall.short,
        recall.queries,
        recall.setting,
        recall.value,
        recall.approximate_milliseconds / f64::from(recall.queries.max(1)),
        recall.exact_milliseconds / f64::from(recall.queries.max(1))
    );
    let severity = if recall.mean < 0.80 || recall.short > 0 {
        Severity::Critical
    } else if recall.mean < RECALL_FLOOR {
        Severity::High
    } else {
        return Finding::new(
            "S14",
            Severity::Ok,
            "searches return the true neighbours",
            evidence,
        );
    };
    let fact = "searches miss true neighbours";
    let server = &case.seen.catalog.server;
    let fix = match (recall.sufficient, super::serving(&case.seen.catalog, case.table)) {
        (Some(value), _) => format!(
            "ALTER ROLE {} IN DATABASE {} SET {} = {value};",
            quoted(&server.role),
            quoted(&server.database),
            recall.setting
        ),
        (None, Some(index)) => format!(
            "REINDEX INDEX CONCURRENTLY {};",
            case.qualified_index(&index.name)
        ),
        (None, None) => case.command("up"),
    };
    Finding::new("S14", severity, fact, evidence).fix(fix)
}
