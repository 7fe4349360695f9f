//! What is there and stands in the way. Pure.

use super::MigrateError;
use super::facts::{ExistingTable, TableFacts, TableKind};
use crate::database::index::{Definition, is_at_least};
use crate::settings::{ColumnType, Index, Metric, VectorTable};

/// Refuses an extension, a table, a column or an index that is there and is not what the settings ask for.
///
/// # Errors
/// [`MigrateError::Extension`] or [`MigrateError::Differs`], with the difference and what could be given instead.
pub(super) fn refuse(table: &VectorTable, facts: &TableFacts) -> Result<(), MigrateError> {
    check_extension(table, facts)?;
    if let Some(existing) = &facts.table {
        check_table(table, existing)?;
        check_column(table, existing)?;
    }
    check_index(table, facts)
}

fn check_extension(table: &VectorTable, facts: &TableFacts) -> Result<(), MigrateError> {
    if let Some(extension) = &facts.extension
        && extension.schema != table.extension_schema.as_str()
    {
        return Err(MigrateError::Extension {
            fact: format!(
                "extension vector is in schema {}, not in {}",
                extension.schema, table.extension_schema
            ),
            hint: format!("--extension-schema {}", extension.schema),
        });
    }
    let version = facts
        .extension
        .as_ref()
        .map(|extension| &extension.version)
        .or(facts.available_extension.as_ref());
    let (needed, feature) = oldest_version(table);
    match version {
        Some(version) if !is_at_least(version, needed) => Err(MigrateError::Extension {
            fact: format!(
                "pgvector {version} is too old for {feature}, which came with {}.{}.{}",
                needed[0], needed[1], needed[2]
            ),
            hint: "update the pgvector package, then: ALTER EXTENSION vector UPDATE".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The pgvector release that has everything these settings use, and what needs it.
fn oldest_version(table: &VectorTable) -> ([u32; 3], &'static str) {
    match (table.column_type(), table.metric, table.effective_index()) {
        (ColumnType::Halfvec, _, _) => ([0, 7, 0], "halfvec"),
        (_, Metric::L1, Index::Hnsw { .. }) => ([0, 7, 0], "an index for the l1 metric"),
        (_, _, Index::Hnsw { .. }) => ([0, 5, 0], "hnsw"),
        _ => ([0, 4, 0], "vectors of these dimensions"),
    }
}

fn check_table(table: &VectorTable, existing: &ExistingTable) -> Result<(), MigrateError> {
    let what = table.qualified();
    if let TableKind::Other(kind) = &existing.kind {
        return Err(MigrateError::Differs {
            what,
            differences: vec![format!("kind: {kind} -> table")],
            hint: "--table NAME (another name)".to_owned(),
        });
    }
    if existing.column(table.key.as_str()).is_none() {
        let names: Vec<&str> = existing
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        return Err(MigrateError::Differs {
            what,
            differences: vec![format!(
                "key column: {} is none of {}",
                table.key.quoted(),
                names.join(", ")
            )],
            hint: format!("--key {}", names.first().unwrap_or(&"NAME")),
        });
    }
    Ok(())
}

fn check_column(table: &VectorTable, existing: &ExistingTable) -> Result<(), MigrateError> {
    let Some(column) = existing.column(table.column.as_str()) else {
        return Ok(());
    };
    let wanted = table.type_name();
    if column.type_name == wanted && column.type_schema == table.extension_schema.as_str() {
        return Ok(());
    }
    Err(MigrateError::Differs {
        what: format!("column {} of {}", table.column.quoted(), table.qualified()),
        differences: vec![format!(
            "type: {} -> {wanted}",
            if column.type_name == wanted {
                format!("{}.{}", column.type_schema, column.type_name)
            } else {
                column.type_name.clone()
            }
        )],
        hint: format!(
            "a column of its own for these vectors: --column {}",
            table.column.with_suffix(&format!("_{}", table.dimensions))
        ),
    })
}

fn check_index(table: &VectorTable, facts: &TableFacts) -> Result<(), MigrateError> {
    let Some(wanted) = Definition::wanted(table) else {
        return Ok(());
    };
    let name = table.index_name();
    let qualified = format!("{}.{}", table.schema.quoted(), name.quoted());
    let differs = |differences| {
        Err(MigrateError::Differs {
            what: format!("index {qualified}"),
            differences,
            hint: format!("DROP INDEX CONCURRENTLY {qualified}"),
        })
    };
    if let Some(holder) = &facts.index_name_taken_by {
        let difference = format!(
            "the name belongs to: {holder} -> index on {}",
            table.column.quoted()
        );
        return Err(MigrateError::Differs {
            what: format!("index {qualified}"),
            differences: vec![difference],
            // This form renames whatever it is ("Notes" of ALTER VIEW, ALTER SEQUENCE and ALTER INDEX).
            hint: format!(
                "ALTER TABLE {qualified} RENAME TO {}",
                name.with_suffix("_before").quoted()
            ),
        });
    }
    let same_name = facts
        .table
        .iter()
        .flat_map(|existing| &existing.indexes)
        .find(|index| index.name == name.as_str());
    match same_name {
        // An INVALID one is a build that broke off: it is dropped and built again.
        Some(index) if index.valid => {
            let mut differences = index.definition.differences(&wanted);
            if !index.plain {
                differences.push(format!("predicate: {} -> none", index.sql));
            }
            if differences.is_empty() {
                Ok(())
            } else {
                differs(differences)
            }
        }
        _ => Ok(()),
    }
}
