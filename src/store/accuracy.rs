//! How far an index is followed: pgvector's settings, set by the very statement that searches.
//!
//! `set_config(…, true)` ends with its transaction, so a pooler hands nothing on; and as a condition without a column it is
//! evaluated once, before the scan begins, so that a search takes one round trip.

use super::{Selection, Shape};
use crate::database::sql::literal;

/// pgvector's own default of `hnsw.ef_search`.
const LEAST: u32 = 40;
/// Most that `hnsw.ef_search` takes.
const MOST: u32 = 1_000;
/// pgvector's own default of `hnsw.max_scan_tuples`.
const MOST_SCANNED: u32 = 20_000;
/// Rows that can be compared with a condition in the time that the index takes for one candidate.
const ROWS_A_CANDIDATE: u32 = 32;

/// A condition that sets what the search needs, or nothing where no index serves it.
pub fn condition(shape: &Shape, selection: &Selection) -> Option<String> {
    let index = shape.index.as_ref()?;
    let settings = match index.method.as_str() {
        "hnsw" => hnsw(shape, selection),
        _ => ivfflat(shape, selection, index.lists.unwrap_or(100)),
    };
    let calls: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("pg_catalog.set_config({}, {value}, true)", literal(name)))
        .collect();
    Some(format!(
        "(SELECT pg_catalog.concat({})) IS NOT NULL",
        calls.join(", ")
    ))
}

type Setting = (&'static str, String);

fn hnsw(shape: &Shape, selection: &Selection) -> Vec<Setting> {
    let wanted = selection.limit.saturating_mul(2).max(LEAST);
    let goes_on = selection.filter.is_some() || wanted > MOST;
    let candidates = match (goes_on, shape.has_iterative_scan) {
        // What cannot go on has to look at more at once.
        (true, false) => wanted.saturating_mul(10),
        _ => wanted,
    }
    .min(MOST);
    let mut settings = vec![("hnsw.ef_search", at_least("hnsw.ef_search", candidates))];
    if goes_on && shape.has_iterative_scan {
        settings.push(("hnsw.iterative_scan", "'relaxed_order'".to_owned()));
        settings.push(("hnsw.max_scan_tuples", most_scanned(shape, wanted)));
    }
    settings
}

/// As many lists as the square root of them all, and for a condition on to the last.
fn ivfflat(shape: &Shape, selection: &Selection, lists: u32) -> Vec<Setting> {
    let mut settings = vec![("ivfflat.probes", at_least("ivfflat.probes", lists.isqrt().max(1)))];
    if selection.filter.is_some() && shape.has_iterative_scan {
        settings.push(("ivfflat.iterative_scan", "'relaxed_order'".to_owned()));
    }
    settings
}

/// Never less than what is stored for the role or the database. The setting is missing until the library is loaded.
fn at_least(name: &str, value: u32) -> String {
    format!(
        "GREATEST(pg_catalog.current_setting({}, true)::pg_catalog.int4, {value})::pg_catalog.text",
        literal(name)
    )
}

/// So many that a scan that finds too little takes no longer than reading the whole table, which then follows.
fn most_scanned(shape: &Shape, wanted: u32) -> String {
    let most = wanted.saturating_mul(2).max(MOST_SCANNED);
    format!(
        "(SELECT LEAST({most}, GREATEST({}, c.reltuples / {ROWS_A_CANDIDATE}))::pg_catalog.int4 \
         FROM pg_catalog.pg_class c WHERE c.oid = {}::pg_catalog.regclass)::pg_catalog.text",
        wanted.saturating_mul(4).min(most),
        literal(&shape.qualified())
    )
}
