//! How much disk rows and their index take. Pure.

use crate::settings::{ColumnType, Index, VectorTable};

/// A page without its header (`BLCKSZ`, 8 kB).
const PAGE: u64 = 8168;
/// The largest piece that a value is cut into out of line, and what each takes with its header and index entry
/// (`TOAST_MAX_CHUNK_SIZE`).
const CHUNK: u64 = 1996;
const CHUNK_TAKES: u64 = 2080;
/// Header, key, metadata and index entry of a small row.
const ROW: u64 = 160;

/// Bytes that so many rows with their vectors and index take at least: documents and metadata come on top.
pub fn least_bytes(table: &VectorTable, rows: u64) -> u64 {
    let width: u64 = match table.column_type() {
        ColumnType::Vector => 4,
        ColumnType::Halfvec => 2,
    };
    let vector = 8 + width * u64::from(table.dimensions.count());
    let kept = if vector <= CHUNK {
        vector
    } else {
        vector.div_ceil(CHUNK) * CHUNK_TAKES
    };
    let indexed = match table.effective_index() {
        Index::None => 0,
        // Elements and their neighbours do not cross pages.
        Index::Hnsw { m, .. } => page_share(vector + 72 + 12 * u64::from(m)),
        Index::Ivfflat { .. } => page_share(vector + 16),
    };
    rows * (ROW + kept + indexed)
}

/// What one of as many as fit takes of a page.
fn page_share(bytes: u64) -> u64 {
    PAGE / (PAGE / bytes).max(1)
}

/// Bytes for people: `1.2 GB`.
pub fn shown(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = bytes as f64 / 1000.0;
    let mut unit = units[0];
    for larger in &units[1..] {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Dimensions, Identifier, Metric};

    #[test]
    fn rows_of_1536_dimensions_take_two_pages_each() {
        let name = |text: &str| Identifier::new(text).unwrap();
        let table = VectorTable {
            schema: name("app"),
            table: name("articles"),
            key: name("id"),
            column: name("embedding"),
            dimensions: Dimensions::new(1536).unwrap(),
            metric: Metric::Cosine,
            index: Index::DEFAULT_HNSW,
            extension_schema: name("public"),
        };
        assert_eq!(least_bytes(&table, 1), 160 + 4 * 2080 + 8168);
        assert_eq!(shown(least_bytes(&table, 50_000)), "832.4 MB");
    }
}
