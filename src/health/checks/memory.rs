//! S8 whether the indexes fit into memory, now and when they are built again.

use super::{Case, megabytes};
use crate::health::{Finding, Severity};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    let memory = &catalog.memory;
    let bytes: u64 = catalog.indexes.iter().map(|index| index.bytes).sum();
    let evidence = format!(
        "vector indexes {}, shared_buffers {}, effective_cache_size {}, maintenance_work_mem {}",
        megabytes(bytes),
        megabytes(memory.shared_buffers),
        megabytes(memory.effective_cache_size),
        megabytes(memory.maintenance_work_mem)
    );
    let finding = if bytes > memory.effective_cache_size {
        Finding::new(
            "S8",
            Severity::High,
            "the vector indexes are larger than the memory for caching",
            evidence,
        )
        .fix(format!(
            "ALTER SYSTEM SET effective_cache_size = '{}MB';",
            2 * (bytes >> 20) + 1
        ))
    } else if let Some(graph) = graph_bytes(case).filter(|graph| *graph > memory.maintenance_work_mem) {
        Finding::new(
            "S8",
            Severity::Medium,
            "the next build of the HNSW index does not fit into maintenance_work_mem, and is several times slower",
            format!("the graph takes {}; {evidence}", megabytes(graph)),
        )
        .fix(format!("SET maintenance_work_mem = '{}MB';", (graph >> 20) + 16))
    } else if bytes > memory.shared_buffers {
        Finding::new(
            "S8",
            Severity::Medium,
            "the vector indexes are larger than shared_buffers",
            evidence,
        )
        .fix(format!(
            "ALTER SYSTEM SET shared_buffers = '{}MB';",
            (bytes >> 20) + 128
        ))
    } else {
        Finding::new("S8", Severity::Ok, "the vector indexes fit into memory", evidence)
    };
    vec![finding]
}

/// What building the largest HNSW index in memory takes: payload + 261 + 32 m bytes a row (measured, within 0.3 %).
fn graph_bytes(case: &Case<'_>) -> Option<u64> {
    let catalog = &case.seen.catalog;
    let width = match catalog.column.as_ref()?.type_name.as_str() {
        "halfvec" => 2,
        _ => 4,
    };
    let dimensions = u64::from(catalog.column.as_ref()?.dimensions?);
    let rows = catalog.table.as_ref()?.rows();
    let indexes = catalog.indexes.iter().filter(|index| index.method == "hnsw");
    indexes
        .filter_map(|index| index.option("m"))
        .map(|m| rows * (8 + width * dimensions + 261 + 32 * u64::from(m)))
        .max()
}
