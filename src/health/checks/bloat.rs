//! S6 an HNSW index that is larger than its rows need: what was deleted still takes its place.

use super::{Case, megabytes};
use crate::health::doctor::catalog::{Index, Table};
use crate::health::{Finding, Severity};

/// Below, a few half-empty pages make any ratio.
const FEW_ROWS: f64 = 1_000.0;
const PAGE: u64 = 8_192;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    let (Some(table), Some(column)) = (&catalog.table, &catalog.column) else {
        return Vec::new();
    };
    let component = match column.type_name.as_str() {
        "vector" => 4,
        "halfvec" => 2,
        _ => return Vec::new(),
    };
    let Some(dimensions) = column.dimensions else {
        return Vec::new();
    };
    let payload = 8 + component * u64::from(dimensions);
    let rows = indexed_rows(table, column.null_fraction);
    let hnsw = |index: &&Index| index.method == "hnsw" && index.valid && index.partial.is_none();
    catalog
        .indexes
        .iter()
        .filter(hnsw)
        .filter_map(|index| judge(case, index, payload, rows?))
        .collect()
}

/// `None` where the planner has no numbers yet.
fn indexed_rows(table: &Table, null_fraction: Option<f64>) -> Option<f64> {
    let rows = table.estimated_rows * (1.0 - null_fraction?);
    (rows >= FEW_ROWS).then_some(rows)
}

fn judge(case: &Case<'_>, index: &Index, payload: u64, rows: f64) -> Option<Finding> {
    let expected = rows * bytes_per_row(payload, u64::from(index.option("m")?));
    let ratio = index.bytes as f64 / expected;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size in bytes, shown in megabytes"
    )]
    let evidence = format!(
        "{}, and {} would do for about {rows:.0} rows",
        megabytes(index.bytes),
        megabytes(expected as u64)
    );
    let severity = match ratio {
        ratio if ratio > 2.0 => Severity::High,
        ratio if ratio > 1.3 => Severity::Medium,
        _ => {
            let fact = format!("index {} is as large as its rows need", index.name);
            return Some(Finding::new("S6", Severity::Ok, fact, evidence));
        }
    };
    let fact = format!(
        "index {} is {ratio:.1} times as large as its rows need",
        index.name
    );
    Some(Finding::new("S6", severity, fact, evidence).fix(format!(
        "REINDEX INDEX CONCURRENTLY {};",
        case.qualified_index(&index.name)
    )))
}

/// An element with its vector and a tuple of its neighbours share a page where they fit (pgvector, `hnsw.h`).
fn bytes_per_row(payload: u64, m: u64) -> f64 {
    let element = (72 + payload).div_ceil(8) * 8;
    let neighbours = (4 + 12 * m).div_ceil(8) * 8;
    if element + neighbours + 4 > PAGE - 36 {
        return (2 * PAGE) as f64;
    }
    PAGE as f64 / ((PAGE - 32) / (element + neighbours + 8)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_row_follows_the_pages() {
        for (dimensions, m, bytes) in [
            (1536, 16, 8_192.0),
            (948, 16, 4_096.0),
            (949, 16, 8_192.0),
            (1969, 16, 16_384.0),
            (1536, 64, 8_192.0),
        ] {
            let size = bytes_per_row(8 + 4 * dimensions, m);
            assert!(
                (size - bytes).abs() < 1.0,
                "{dimensions} dimensions, m {m}: {size}"
            );
        }
    }
}
