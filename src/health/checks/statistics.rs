//! S7 dead rows, missing statistics, and updates that write every index.

use super::Case;
use crate::health::doctor::catalog::Table;
use crate::health::{Finding, Severity};

/// Autovacuum's own threshold: fewer dead rows are nobody's concern.
const FEW_ROWS: u64 = 50;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some(facts) = &case.seen.catalog.table else {
        return vec![Finding::new(
            "S7",
            Severity::Skipped,
            "no statistics were looked for",
            "there is no table",
        )];
    };
    let mut findings: Vec<_> = [
        dead(case, facts),
        never_analyzed(case, facts),
        updates(case, facts),
    ]
    .into_iter()
    .flatten()
    .collect();
    if findings.is_empty() {
        findings.push(Finding::new(
            "S7",
            Severity::Ok,
            "dead rows and statistics are in order",
            format!("{} live and {} dead rows", facts.live, facts.dead),
        ));
    }
    findings
}

fn dead(case: &Case<'_>, facts: &Table) -> Option<Finding> {
    let share = 100.0 * facts.dead as f64 / (facts.live + facts.dead).max(1) as f64;
    if facts.dead <= FEW_ROWS || share <= 10.0 {
        return None;
    }
    let severity = if share > 20.0 {
        Severity::High
    } else {
        Severity::Medium
    };
    Some(
        Finding::new(
            "S7",
            severity,
            "dead rows take the place of live ones in searches",
            format!(
                "{} dead of {} rows ({share:.0} %)",
                facts.dead,
                facts.live + facts.dead
            ),
        )
        .fix(format!("VACUUM (ANALYZE) {};", case.table.qualified())),
    )
}

fn never_analyzed(case: &Case<'_>, facts: &Table) -> Option<Finding> {
    (facts.estimated_rows < 0.0 && facts.live > FEW_ROWS).then(|| {
        Finding::new(
            "S7",
            Severity::Medium,
            "the table was never analyzed, so the planner guesses",
            format!(
                "{} live rows, {} changed",
                facts.live, facts.changed_since_analyze
            ),
        )
        .fix(format!("ANALYZE {};", case.table.qualified()))
    })
}

/// An update that is not heap-only inserts the vector into the HNSW graph again.
fn updates(case: &Case<'_>, facts: &Table) -> Option<Finding> {
    let graph = case
        .seen
        .catalog
        .indexes
        .iter()
        .any(|index| index.method == "hnsw");
    if !graph || facts.updated < 1_000 || 2 * facts.updated_in_place >= facts.updated {
        return None;
    }
    Some(
        Finding::new(
            "S7",
            Severity::Medium,
            "most updates insert the vector into the index again",
            format!(
                "{} of {} updates stayed in place",
                facts.updated_in_place, facts.updated
            ),
        )
        .fix(format!(
            "ALTER TABLE {} SET (fillfactor = 80);",
            case.table.qualified()
        )),
    )
}
