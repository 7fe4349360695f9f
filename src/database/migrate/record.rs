//! What the history is made of, as SQL text: one source for the migrator and for scripts that somebody else runs.

use std::collections::BTreeMap;

use super::MigrateError;
use super::effects::INDEX_NAME;
use super::history::{SETUP_SCHEMA, qualified_history};
use super::script::{self, Script, scripts};
use crate::database::sql::literal;
use crate::settings::VectorTable;

/// The statements that make the history of a table where it is not there. As the administrator.
pub fn history_sql(table: &VectorTable) -> Vec<String> {
    vec![definition(&qualified_history(table)), comment(table)]
}

/// The statements that record one migration as made on a server that had nothing of it. As the administrator, in the migration's
/// own transaction. Pure.
///
/// # Errors
/// [`MigrateError::Version`] for a migration that there is none of.
pub fn record_sql(table: &VectorTable, version: i32) -> Result<Vec<String>, MigrateError> {
    super::check_version(version)?;
    let mut scripts = scripts(table)?.into_iter();
    let Some(script) = scripts.find(|script| script.version == version) else {
        return Err(MigrateError::Version {
            version,
            last: script::INDEX,
        });
    };
    let mut effects = BTreeMap::new();
    if version == script::INDEX {
        effects.insert(INDEX_NAME.to_owned(), table.index_name().to_string());
    }
    // RFC 3339, as refinery writes it.
    let now = r#"pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;
    let row = format!(
        "INSERT INTO {} (version, name, applied_on, checksum) VALUES ({version}, {}, {now}, {})",
        qualified_history(table),
        literal(script.name),
        literal(&script.migration()?.checksum().to_string()),
    );
    Ok(vec![row, details(table, &script, true, &effects)])
}

/// refinery's four columns and ours, and the intents of index builds.
pub(super) fn definition(history: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {SETUP_SCHEMA};
CREATE TABLE IF NOT EXISTS {SETUP_SCHEMA}.index_build (
    schema_name text, table_name text, index_name text,
    statement text NOT NULL, started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_name, table_name, index_name)
);
CREATE TABLE IF NOT EXISTS {history} (
    version int4 PRIMARY KEY, name text NOT NULL, applied_on text NOT NULL, checksum text NOT NULL,
    made boolean NOT NULL DEFAULT false,
    settings jsonb NOT NULL DEFAULT '{{}}', effects jsonb NOT NULL DEFAULT '{{}}'
)"
    )
}

pub(super) fn comment(table: &VectorTable) -> String {
    let what = format!("Migrations of {} on {}", table.column.quoted(), table.qualified());
    format!(
        "COMMENT ON TABLE {} IS {}",
        qualified_history(table),
        literal(&what)
    )
}

/// Our columns beside refinery's four, in the same transaction.
pub(super) fn details(
    table: &VectorTable,
    script: &Script,
    made: bool,
    effects: &BTreeMap<String, String>,
) -> String {
    let json = |map: &BTreeMap<String, String>| literal(&serde_json::json!(map).to_string());
    format!(
        "UPDATE {} SET made = {made}, settings = {}, effects = {} WHERE version = {}",
        qualified_history(table),
        json(&script.settings),
        json(effects),
        script.version
    )
}
