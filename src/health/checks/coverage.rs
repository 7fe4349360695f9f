//! Coverage: how many rows can be found by a search at all.

use super::Case;
use crate::health::{Finding, Severity};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let finding = match &case.seen.coverage {
        None => Finding::new(
            "coverage",
            Severity::Skipped,
            "no rows were counted",
            "there is no column to read",
        ),
        Some(Err(failure)) => Finding::new(
            "coverage",
            Severity::High,
            "the rows cannot be counted",
            failure.to_string(),
        ),
        Some(Ok(coverage)) => {
            let how = if coverage.exact {
                "counted"
            } else {
                "estimated from statistics"
            };
            let share = 100.0 * coverage.embedded as f64 / coverage.total.max(1) as f64;
            let evidence = format!(
                "{} of {} rows ({share:.1} %), {how}",
                coverage.embedded, coverage.total
            );
            if coverage.total == 0 {
                Finding::new("coverage", Severity::Ok, "the table is empty", evidence)
            } else if coverage.embedded < coverage.total {
                Finding::new(
                    "coverage",
                    Severity::Low,
                    "some rows have no embedding, so no search finds them",
                    evidence,
                )
            } else {
                Finding::new("coverage", Severity::Ok, "every row has an embedding", evidence)
            }
        }
    };
    vec![finding]
}
