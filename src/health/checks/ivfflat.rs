//! S5 IVFFlat lists that no longer suit the number of rows.

use super::Case;
use crate::health::doctor::catalog::{Index, Table};
use crate::health::{Finding, Severity};

/// Below so many rows any number of lists is quick, if each has rows to hold.
const SMALL: u64 = 10_000;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some(facts) = &case.seen.catalog.table else {
        return Vec::new();
    };
    let indexes = case.seen.catalog.indexes.iter();
    indexes
        .filter(|index| index.method == "ivfflat" && index.valid)
        .map(|index| one(case, index, facts))
        .collect()
}

fn one(case: &Case<'_>, index: &Index, facts: &Table) -> Finding {
    let rows = facts.rows();
    let lists = u64::from(index.option("lists").unwrap_or(100));
    let wanted = suited_lists(rows);
    let evidence = format!("{lists} lists for about {rows} rows; {wanted} would suit");
    let (severity, fact) = if rows < lists {
        (
            Severity::High,
            "the index was built for more rows than there are, so its lists are at random",
        )
    } else if rows < SMALL && rows < 10 * lists {
        (Severity::Medium, "the index has few rows a list")
    } else if rows >= SMALL && (lists < wanted.div_ceil(2) || lists > 2 * wanted) {
        (
            Severity::Medium,
            "the number of lists does not suit the number of rows",
        )
    } else {
        return Finding::new(
            "S5",
            Severity::Ok,
            "the number of lists suits the number of rows",
            evidence,
        );
    };
    let name = case.qualified_index(&index.name);
    Finding::new("S5", severity, fact, evidence).fix(format!(
        "ALTER INDEX {name} SET (lists = {wanted}); REINDEX INDEX CONCURRENTLY {name};"
    ))
}

/// rows/1000 up to a million rows, then the square root (pgvector README).
pub fn suited_lists(rows: u64) -> u64 {
    if rows <= 1_000_000 {
        (rows / 1_000).max(1)
    } else {
        rows.isqrt()
    }
}
