//! What was applied before: refinery's four columns and ours, one history table for each vector column.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row as _};

use super::MigrateError;
use super::script::Script;
use crate::database::DatabaseError;
use crate::database::sql::{composed, literal};
use crate::settings::{Identifier, VectorTable};

/// The administrator's schema for histories and build intents.
pub const SETUP_SCHEMA: &str = "pgvector_setup";

/// One applied migration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    pub version: i32,
    pub name: String,
    /// RFC 3339, as refinery wrote it.
    pub applied_on: String,
    pub checksum: String,
    /// This migration made its object, as against having found it; only what was made is ever dropped.
    pub made: bool,
    /// The settings its text was rendered with.
    pub settings: BTreeMap<String, String>,
    /// What else it did, for its down script: the name of an adopted index, who was granted what.
    pub effects: BTreeMap<String, String>,
}

/// Every applied migration of one vector column, in order; empty where nothing was ever applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct History {
    pub applied: Vec<Applied>,
}

impl History {
    pub fn find(&self, version: i32) -> Option<&Applied> {
        self.applied.iter().find(|applied| applied.version == version)
    }
}

#[cfg(test)]
impl History {
    /// What is recorded once every migration of this table has made its object.
    pub(crate) fn complete(table: &VectorTable) -> Self {
        let applied = super::script::scripts(table)
            .unwrap()
            .into_iter()
            .map(|script| Applied {
                version: script.version,
                name: script.name.to_owned(),
                applied_on: "2026-01-02T03:04:05Z".to_owned(),
                checksum: script.migration().unwrap().checksum().to_string(),
                made: true,
                settings: script.settings,
                effects: BTreeMap::new(),
            });
        Self {
            applied: applied.collect(),
        }
    }
}

pub(super) fn history_table(table: &VectorTable) -> Identifier {
    companion(table, "history")
}

/// The name of what we keep of a vector column: readable, and with a digest of all three names, so that no two columns ever
/// share one.
pub(super) fn companion(table: &VectorTable, kind: &str) -> Identifier {
    let whole = format!("{}\0{}\0{}", table.schema, table.table, table.column);
    let digest = crate::digest::sha256_hex(whole.as_bytes());
    table.table.with_suffix(&format!("_{kind}_{}", &digest[..10]))
}

/// The history table as it stands in SQL.
pub(super) fn qualified_history(table: &VectorTable) -> String {
    format!("{SETUP_SCHEMA}.{}", history_table(table).quoted())
}

/// The statement that takes one row out of the history.
pub(super) fn forget(table: &VectorTable, version: i32) -> String {
    format!(
        "DELETE FROM {} WHERE version = {version}",
        qualified_history(table)
    )
}

/// How a history ends.
pub(super) struct Retirement {
    pub statements: Vec<String>,
    /// No other history is left.
    pub is_last: bool,
}

/// The statements that end this history when its first migration is taken back: only its table goes with what is known of
/// imports into it, or, where it was the last one, the whole schema with it.
pub(super) async fn retire(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Retirement, MigrateError> {
    let found = sqlx::query(
        "SELECT pg_catalog.count(*) FILTER (WHERE c.relname NOT IN ('index_build', 'import', 'import_left_out', $2)) AS others,
                pg_catalog.count(*) FILTER (WHERE c.relname = 'import') > 0 AS has_imports
           FROM pg_catalog.pg_class c
          WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind = 'r'",
    )
    .bind(SETUP_SCHEMA)
    .bind(history_table(table).as_str())
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::statement("look for other migration histories"))?;
    let mut statements = vec![format!("DROP TABLE {}", qualified_history(table))];
    let has_imports: bool = found.get("has_imports");
    let is_last = found.get::<i64, _>("others") == 0;
    if !is_last {
        let imports = format!(
            "DELETE FROM {SETUP_SCHEMA}.import WHERE schema_name = {} AND table_name = {} AND column_name = {}",
            literal(table.schema.as_str()),
            literal(table.table.as_str()),
            literal(table.column.as_str())
        );
        statements.extend(has_imports.then_some(imports));
    } else {
        let imports = format!("DROP TABLE {SETUP_SCHEMA}.import_left_out, {SETUP_SCHEMA}.import");
        statements.extend(has_imports.then_some(imports));
        statements.push(format!("DROP TABLE {SETUP_SCHEMA}.index_build"));
        statements.push(format!("DROP SCHEMA {SETUP_SCHEMA}"));
    }
    Ok(Retirement { statements, is_last })
}

/// Reads the history without writing anything.
///
/// # Errors
/// [`MigrateError::History`] when the schema belongs to a role that is no administrator, or a row cannot be read.
pub async fn read_history(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<History, MigrateError> {
    let name = history_table(table);
    // A role that owned the schema could put triggers on what a superuser writes into.
    let found = sqlx::query(
        "SELECT r.rolname, r.rolsuper OR r.oid = d.datdba OR r.rolname = current_user AS trusted,
                c.oid IS NOT NULL AS there
           FROM pg_catalog.pg_namespace n
           JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
           JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
           LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind = 'r'
          WHERE n.nspname = $1",
    )
    .bind(SETUP_SCHEMA)
    .bind(name.as_str())
    .fetch_optional(&mut *connection)
    .await
    .map_err(DatabaseError::statement("look for the migration history"))?;
    let Some(found) = found else {
        return Ok(History::default());
    };
    if !found.get::<bool, _>("trusted") {
        return Err(MigrateError::History {
            detail: format!(
                "schema {SETUP_SCHEMA} belongs to role {}, which is no administrator",
                found.get::<String, _>("rolname")
            ),
        });
    }
    if !found.get::<bool, _>("there") {
        return Ok(History::default());
    }
    let rows = sqlx::query(composed(format!(
        "SELECT version, name, applied_on, checksum, made, settings::pg_catalog.text, effects::pg_catalog.text
           FROM {} ORDER BY version",
        qualified_history(table)
    )))
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("read the migration history"))?;
    let applied = rows.iter().map(applied).collect::<Result<_, _>>()?;
    Ok(History { applied })
}

fn applied(row: &sqlx::postgres::PgRow) -> Result<Applied, MigrateError> {
    let unreadable = |error: String| MigrateError::History { detail: error };
    let text = |column: &str| {
        row.try_get::<String, _>(column)
            .map_err(|error| unreadable(error.to_string()))
    };
    let map = |column: &str| {
        serde_json::from_str(&text(column)?).map_err(|error| unreadable(format!("column {column}: {error}")))
    };
    Ok(Applied {
        version: row
            .try_get("version")
            .map_err(|error| unreadable(error.to_string()))?,
        name: text("name")?,
        applied_on: text("applied_on")?,
        checksum: text("checksum")?,
        made: row
            .try_get("made")
            .map_err(|error| unreadable(error.to_string()))?,
        settings: map("settings")?,
        effects: map("effects")?,
    })
}

/// Refuses a history that these scripts do not continue. Pure.
///
/// # Errors
/// [`MigrateError::Future`], [`MigrateError::Missing`] or [`MigrateError::Divergent`] with what differs.
pub(super) fn verify(history: &History, scripts: &[Script]) -> Result<(), MigrateError> {
    let last = history.applied.last().map_or(0, |applied| applied.version);
    if let Some(unknown) = history
        .applied
        .iter()
        .find(|applied| !scripts.iter().any(|script| script.version == applied.version))
    {
        return Err(MigrateError::Future {
            version: unknown.version,
            name: unknown.name.clone(),
        });
    }
    for script in scripts {
        let Some(applied) = history.find(script.version) else {
            if script.version < last {
                return Err(MigrateError::Missing {
                    version: script.version,
                    name: script.name,
                });
            }
            continue;
        };
        let checksum = script.migration()?.checksum().to_string();
        if applied.name != script.name || applied.checksum != checksum {
            return Err(MigrateError::Divergent {
                version: script.version,
                name: script.name.to_owned(),
                differences: differences(applied, script, &checksum),
            });
        }
    }
    Ok(())
}

fn differences(applied: &Applied, script: &Script, checksum: &str) -> Vec<String> {
    let mut differences = Vec::new();
    if applied.name != script.name {
        differences.push(format!("name: {} -> {}", applied.name, script.name));
    }
    let names: std::collections::BTreeSet<&String> =
        applied.settings.keys().chain(script.settings.keys()).collect();
    for name in names {
        let shown =
            |settings: &BTreeMap<String, String>| settings.get(name).cloned().unwrap_or("none".into());
        let (old, new) = (shown(&applied.settings), shown(&script.settings));
        if old != new {
            differences.push(format!("{name}: {old} -> {new}"));
        }
    }
    if differences.is_empty() {
        differences.push(format!(
            "checksum of its text: {} -> {checksum}",
            applied.checksum
        ));
    }
    differences
}
