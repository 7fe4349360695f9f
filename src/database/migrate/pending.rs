//! What `up` would do. Pure: every refusal is known before any DDL.

use super::MigrateError;
use super::facts::{ExistingTable, TableFacts, TableKind};
use super::history::{History, verify};
use super::refusal::refuse;
use super::script::{self, Occasion, Script, index_statement, scripts};
use crate::database::index::{Definition, rows_needed};
use crate::settings::{Index, MAXIMUM_INDEXED_HALFVEC, VectorTable};

/// Where one migration stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MigrationState {
    /// It made its object.
    Applied,
    /// It found its object there and recorded it; down will not drop it.
    Adopted,
    /// `up` will run it. `adopts` when its object is there already and is only recorded.
    Pending { adopts: bool },
    /// It cannot run yet; a later `up` will.
    Deferred { reason: String },
    /// Nothing is wanted of it.
    Skipped { reason: String },
}

/// One migration as it is shown, planned and reported.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MigrationStatus {
    pub version: i32,
    pub name: String,
    #[serde(flatten)]
    pub state: MigrationState,
    /// RFC 3339; `None` where it was not applied.
    pub applied_on: Option<String>,
    /// Runs outside a transaction, while writers go on.
    pub concurrent: bool,
    /// What was or would be run.
    pub sql: String,
}

impl MigrationStatus {
    pub fn is_pending(&self) -> bool {
        matches!(self.state, MigrationState::Pending { .. })
    }
}

/// All migrations with their state, in order.
///
/// # Errors
/// Every refusal that can be known before any DDL: a history that differs, an extension that is elsewhere or too old,
/// a table, column or index that is there and differs, an object that was applied and is gone.
pub fn pending(
    table: &VectorTable,
    history: &History,
    facts: &TableFacts,
) -> Result<Vec<MigrationStatus>, MigrateError> {
    let scripts = scripts(table)?;
    verify(history, &scripts)?;
    refuse(table, facts)?;
    scripts
        .into_iter()
        .map(|script| status(table, history, facts, script))
        .collect()
}

fn status(
    table: &VectorTable,
    history: &History,
    facts: &TableFacts,
    script: Script,
) -> Result<MigrationStatus, MigrateError> {
    let there = object(table, facts, script.version);
    let applied = history.find(script.version);
    let (state, sql) = match (applied, there) {
        (Some(_), None) if has_object(table, script.version) => {
            return Err(MigrateError::Drifted {
                version: script.version,
                fact: format!("{} is not there", described(table, script.version)),
            });
        }
        (Some(applied), _) if applied.made => (MigrationState::Applied, script.up),
        (Some(_), _) => (MigrationState::Adopted, script.up),
        (None, Some(found)) => (
            MigrationState::Pending { adopts: true },
            format!("-- {found} is already there and is kept as it is"),
        ),
        (None, None) if script.version == script::INDEX => index_state(table, facts)?,
        (None, None) => (MigrationState::Pending { adopts: false }, script.up),
    };
    Ok(MigrationStatus {
        version: script.version,
        name: script.name.to_owned(),
        concurrent: script.version == script::INDEX
            && state == (MigrationState::Pending { adopts: false })
            && is_built_concurrently(facts),
        applied_on: applied.map(|applied| applied.applied_on.clone()),
        state,
        sql,
    })
}

/// The object that a migration makes, where it is there already and fits: how it is called.
fn object(table: &VectorTable, facts: &TableFacts, version: i32) -> Option<String> {
    let existing = facts.table.as_ref();
    match version {
        script::EXTENSION => facts.extension.as_ref().map(|extension| {
            format!(
                "extension vector {} in schema {}",
                extension.version, extension.schema
            )
        }),
        script::TABLE => existing.map(|_| format!("table {}", table.qualified())),
        script::COLUMN => existing?
            .column(table.column.as_str())
            .map(|column| format!("column {} {}", table.column.quoted(), column.type_name)),
        _ => {
            let wanted = Definition::wanted(table)?;
            fitting_index(table, existing?, &wanted).map(|name| format!("index {name}"))
        }
    }
}

/// The valid index that serves the wanted searches: ours by name, else any.
pub(super) fn fitting_index(
    table: &VectorTable,
    existing: &ExistingTable,
    wanted: &Definition,
) -> Option<String> {
    let ours = table.index_name();
    let mut fitting: Vec<&str> = existing
        .indexes
        .iter()
        .filter(|index| index.valid && index.plain && index.definition.serves_as(wanted))
        .map(|index| index.name.as_str())
        .collect();
    fitting.sort_by_key(|name| *name != ours.as_str());
    fitting.first().map(|name| (*name).to_owned())
}

fn index_state(table: &VectorTable, facts: &TableFacts) -> Result<(MigrationState, String), MigrateError> {
    let index = table.effective_index();
    if index == Index::None {
        let reason = if table.index == Index::None {
            "no index is wanted".to_owned()
        } else {
            format!(
                "{} dimensions cannot be indexed, at most {MAXIMUM_INDEXED_HALFVEC} can: searches are exact",
                table.dimensions
            )
        };
        let sql = index_statement(table, Occasion::RECORDED)?;
        return Ok((MigrationState::Skipped { reason }, sql));
    }
    let embeddings = facts
        .table
        .as_ref()
        .and_then(|existing| existing.embeddings)
        .unwrap_or(0);
    let sql = index_statement(
        table,
        Occasion {
            concurrently: is_built_concurrently(facts),
            rows: Some(embeddings),
        },
    )?;
    if let Some(needed) = rows_needed(index).filter(|needed| embeddings < *needed) {
        let reason = format!(
            "ivfflat trains its lists on the rows: {embeddings} rows have an embedding, {needed} are needed"
        );
        return Ok((MigrationState::Deferred { reason }, sql));
    }
    Ok((MigrationState::Pending { adopts: false }, sql))
}

/// A table with rows keeps taking writes; `CONCURRENTLY` is not there for a partitioned one.
pub(super) fn is_built_concurrently(facts: &TableFacts) -> bool {
    facts
        .table
        .as_ref()
        .is_some_and(|existing| existing.has_rows && existing.kind == TableKind::Ordinary)
}

fn has_object(table: &VectorTable, version: i32) -> bool {
    version != script::INDEX || Definition::wanted(table).is_some()
}

fn described(table: &VectorTable, version: i32) -> String {
    match version {
        script::EXTENSION => "the extension vector".to_owned(),
        script::TABLE => format!("table {}", table.qualified()),
        script::COLUMN => format!("column {} of {}", table.column.quoted(), table.qualified()),
        _ => format!(
            "a valid index on {} of {}",
            table.column.quoted(),
            table.qualified()
        ),
    }
}
