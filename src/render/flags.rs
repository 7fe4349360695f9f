//! The options of the command line that one table amounts to.

use crate::settings::{Index, Lists, VectorTable};

/// All of them, so that no environment and no file where they are used decides anything. Each is one word with `=`, so that
/// a value that begins with `-` stays a value.
pub fn table_flags(table: &VectorTable) -> Vec<String> {
    let mut flags = vec![
        format!("--schema={}", table.schema),
        format!("--extension-schema={}", table.extension_schema),
        format!("--table={}", table.table),
        format!("--key={}", table.key),
        format!("--column={}", table.column),
        format!("--dimensions={}", table.dimensions),
        format!("--metric={}", table.metric.name()),
        format!("--index={}", table.index.method().unwrap_or("none")),
    ];
    match table.index {
        Index::Hnsw { m, ef_construction } => {
            flags.extend([format!("--m={m}"), format!("--ef-construction={ef_construction}")]);
        }
        Index::Ivfflat { lists: Lists::Auto } => flags.push("--lists=auto".to_owned()),
        Index::Ivfflat {
            lists: Lists::Count(count),
        } => flags.push(format!("--lists={count}")),
        Index::None => {}
    }
    flags
}
