//! Observations -> findings: pure functions, one file a subject. Every check answers, if only that all is well.

mod bloat;
mod coverage;
mod data;
mod embedding;
mod extension;
mod index;
mod ivfflat;
mod memory;
mod plan;
mod recall;
mod search;
mod server;
mod statistics;
mod surroundings;
mod table;
#[cfg(test)]
mod tests;

pub use extension::applying;

use super::Finding;
use super::doctor::catalog::{Catalog, Index};
use super::doctor::{DoctorOptions, Observations};
use crate::settings::{ColumnType, VectorTable};

/// What was seen, and what it should be.
#[derive(Debug)]
pub struct Case<'a> {
    pub seen: &'a Observations,
    pub table: &'a VectorTable,
    pub options: &'a DoctorOptions,
}

impl Case<'_> {
    /// A command of this program for the same database.
    fn command(&self, arguments: &str) -> String {
        if let (Some(site), Some(command)) = (&self.options.site, of_sites(arguments)) {
            return format!("pgvector-setup {command} {site}");
        }
        let flags = self.options.flags.trim();
        let space = if flags.is_empty() { "" } else { " " };
        format!("pgvector-setup {arguments}{space}{flags}")
    }

    /// An index of the table, as SQL names it.
    fn qualified_index(&self, name: &str) -> String {
        format!("{}.{}", self.table.schema.quoted(), quoted(name))
    }
}

/// The command that does for a site what this one does for a database that is no site's.
fn of_sites(arguments: &str) -> Option<&str> {
    match arguments {
        "up" => Some("site deploy"),
        "upgrade" => Some("site upgrade"),
        "plan" => Some("site status"),
        "verify" | "doctor --recall" => Some(arguments),
        _ => None,
    }
}

/// All findings, in the order of the checks.
pub fn all(case: &Case<'_>) -> Vec<Finding> {
    let checks: [fn(&Case<'_>) -> Vec<Finding>; 15] = [
        server::check,
        extension::check,
        table::check,
        index::check,
        ivfflat::check,
        bloat::check,
        statistics::check,
        memory::check,
        surroundings::check,
        data::check,
        plan::check,
        search::check,
        recall::check,
        coverage::check,
        embedding::check,
    ];
    checks.iter().flat_map(|check| check(case)).collect()
}

/// The index that can answer searches by the table's metric.
pub fn serving<'a>(catalog: &'a Catalog, table: &VectorTable) -> Option<&'a Index> {
    let class = wanted_operator_class(catalog, table);
    catalog
        .indexes
        .iter()
        .find(|index| index.valid && index.operator_class == class)
}

/// The operator class for the metric on the column as it really is.
fn wanted_operator_class(catalog: &Catalog, table: &VectorTable) -> String {
    let column_type = match catalog.column.as_ref().map(|column| column.type_name.as_str()) {
        Some("halfvec") => ColumnType::Halfvec,
        Some("vector") => ColumnType::Vector,
        _ => table.column_type(),
    };
    table.metric.operator_class(column_type)
}

/// A name that the server told us, as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Bytes as a reader likes them: `12.5 MB`.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / f64::from(1 << 20))
}
