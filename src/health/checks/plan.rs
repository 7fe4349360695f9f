//! S13 whether the planner answers the application's search from the index.

use super::{Case, serving};
use crate::health::doctor::Plans;
use crate::health::doctor::catalog::Table;
use crate::health::{Finding, Severity};
use crate::settings::Index;

/// Below so many rows reading the whole table is cheap, and the planner rightly may.
const SMALL: u64 = 10_000;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    let finding = match &case.seen.plans {
        None => Finding::new(
            "S13",
            Severity::Skipped,
            "no search was explained",
            "there is no vector column to search",
        ),
        Some(Err(failure)) => Finding::new("S13", Severity::Critical, "a search fails", failure.to_string())
            .fix(case.command("verify")),
        Some(Ok(_)) if catalog.indexes.is_empty() && case.table.effective_index() == Index::None => {
            Finding::new(
                "S13",
                Severity::Ok,
                "every search reads all rows, as asked for",
                "no index is wanted",
            )
        }
        Some(Ok(_)) if catalog.indexes.is_empty() => Finding::new(
            "S13",
            Severity::Skipped,
            "no search was explained",
            "there is no index to use",
        ),
        Some(Ok(plans)) => judge(case, plans),
    };
    vec![finding]
}

fn judge(case: &Case<'_>, plans: &Plans) -> Finding {
    let rows = case.seen.catalog.table.as_ref().map_or(0, Table::rows);
    let mut evidence = format!(
        "{}; with enable_seqscan = off {}",
        plans.usual.describe(),
        plans.forced.describe()
    );
    if let Some(generic) = &plans.generic {
        evidence.push_str(&format!("; generic plan {}", generic.describe()));
    }
    let usual = plans.usual.index.is_some();
    let generic = plans.generic.as_ref().is_none_or(|plan| plan.index.is_some());
    if plans.forced.index.is_none() {
        let fix = match serving(&case.seen.catalog, case.table) {
            // The index is right: a setting keeps the planner from it.
            Some(_) => format!(
                "ALTER ROLE {} IN DATABASE {} SET enable_indexscan = on;",
                super::quoted(&case.seen.catalog.server.role),
                super::quoted(&case.seen.catalog.server.database)
            ),
            None => case.command("up"),
        };
        return Finding::new(
            "S13",
            Severity::Critical,
            "no index can answer the search",
            evidence,
        )
        .fix(fix);
    }
    match (usual, generic) {
        (true, true) => Finding::new(
            "S13",
            Severity::Ok,
            "the search is answered from the index",
            evidence,
        ),
        _ if rows < SMALL => Finding::new(
            "S13",
            Severity::Ok,
            "the index can answer the search; the table is small enough to read whole",
            evidence,
        ),
        (true, false) => Finding::new(
            "S13",
            Severity::Medium,
            "a prepared search is not answered from the index",
            evidence,
        )
        .fix("SET plan_cache_mode = force_custom_plan;"),
        (false, _) => Finding::new(
            "S13",
            Severity::High,
            "the planner reads the whole table for a search",
            evidence,
        )
        .fix(format!("ANALYZE {};", case.table.qualified())),
    }
}
