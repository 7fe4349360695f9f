//! Whether the store finds a row by its own vector, and rows that are similar to it.

use super::Case;
use crate::health::{Finding, Severity};
use crate::store::Trial;

/// `query_canceled`: the time limit of a statement.
const TOO_SLOW: &str = "57014";

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let skipped = |why| Finding::new("search", Severity::Skipped, "no search was tried", why);
    vec![match &case.seen.search {
        None => skipped("there is no table, no vector column, or no index for as many rows"),
        Some(Ok(None)) => skipped("no row has a vector"),
        Some(Ok(Some(trial))) => judge(case, trial),
        Some(Err(failure)) if failure.sqlstate == TOO_SLOW => {
            skipped("it took longer than a statement may here")
        }
        // A code of this program: the table is not what the options say.
        Some(Err(failure)) if failure.sqlstate.starts_with('E') => Finding::new(
            "search",
            Severity::Medium,
            "the vector store cannot use the table with these options",
            failure.to_string(),
        )
        .fix(case.command("similar KEY")),
        Some(Err(failure)) => Finding::new(
            "search",
            Severity::Critical,
            "a search fails",
            failure.to_string(),
        )
        .fix(case.command("verify")),
    }]
}

fn judge(case: &Case<'_>, trial: &Trial) -> Finding {
    let embedded = case
        .seen
        .coverage
        .as_ref()
        .and_then(|coverage| coverage.as_ref().ok())
        .map_or(0, |coverage| coverage.embedded);
    let evidence = format!("row {:?}, {} similar rows", trial.row, trial.similar);
    if trial.is_first == Some(false) {
        return Finding::new(
            "search",
            Severity::High,
            "a row is not found by its own vector",
            evidence,
        )
        .fix(case.command("doctor --recall"));
    }
    if trial.similar == 0 && embedded > 1 {
        return Finding::new("search", Severity::High, "a row has no similar rows", evidence)
            .fix(case.command("doctor --recall"));
    }
    Finding::new(
        "search",
        Severity::Ok,
        "a row is found by its own vector",
        evidence,
    )
}
