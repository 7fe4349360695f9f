//! How each object goes: without CASCADE, and with what stands on it named instead.

use sqlx::PgConnection;
use sqlx::postgres::PgDatabaseError;

use super::down::Descent;
use super::drop_data::DropData;
use super::effects::{MADE_SCHEMA, USAGE_OF_OWNER, USAGE_OF_TABLE_OWNER};
use super::facts::{TableFacts, TableKind, count_embeddings, has_rows};
use super::history::{Applied, Retirement, forget, retire};
use super::lock_wait::Change;
use super::roles::{drop_schema_if_empty, has_schema_privilege};
use super::script::Script;
use super::{MigrateError, Migrator, companions, watch};
use crate::database::index::drop_concurrently;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::Identifier;

impl Migrator<'_> {
    pub(super) async fn drop_index(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        facts: &TableFacts,
        role: Option<&Identifier>,
    ) -> Result<(), MigrateError> {
        let forgotten = [forget(self.table, script.version)];
        let is_partitioned = facts
            .table
            .as_ref()
            .is_some_and(|table| table.kind == TableKind::Partitioned);
        if is_partitioned {
            let statement = format!(
                "DROP INDEX {}.{}",
                self.table.schema.quoted(),
                self.table.index_name().quoted()
            );
            return self
                .change(connection, "drop the index", role, &[statement], &forgotten)
                .await;
        }
        let patience = self.limits.snapshot_wait;
        drop_concurrently(connection, self.table, &script.down, role, patience).await?;
        self.change(connection, "forget a migration", None, &[], &forgotten)
            .await
    }

    pub(super) async fn drop_column(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        role: Option<&Identifier>,
        descent: &Descent<'_>,
    ) -> Result<(), MigrateError> {
        let column = &self.table.column;
        let rows = count_embeddings(connection, self.table).await?;
        if rows > 0 && !descent.names(column) {
            return Err(MigrateError::HoldsData {
                what: format!("column {} of {}", column.quoted(), self.table.qualified()),
                rows: Some(rows),
                consent: format!(
                    "pgvector-setup migrate down --to {} --destroy {column} [--export FILE]",
                    script.version - 1
                ),
            });
        }
        let record = self.column_record(connection, script).await?.join(";\n");
        let mut statements = watch::triggers_down(connection, self.table).await?;
        statements.push(script.down.clone());
        DropData {
            table: self.table,
            purpose: "drop the embedding column",
            statement: &statements.join(";\n"),
            record: &record,
            role,
            // Without consent there was nothing; what has come since is not dropped either.
            guarded_column: (!descent.names(column)).then_some(column),
            export: descent.export.filter(|_| rows > 0),
            patience: self.limits.lock_wait,
        }
        .run(connection)
        .await
        .map_err(|error| with_dependents(error, format!("column {}", column.quoted())))
    }

    /// The column stays, as it was found; what we keep of it goes.
    pub(super) async fn forget_column(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        role: Option<&Identifier>,
    ) -> Result<(), MigrateError> {
        let triggers = watch::triggers_down(connection, self.table).await?;
        let record = self.column_record(connection, script).await?;
        self.change(connection, "forget a migration", role, &triggers, &record)
            .await
    }

    async fn column_record(
        &self,
        connection: &mut PgConnection,
        script: &Script,
    ) -> Result<Vec<String>, MigrateError> {
        let mut record = companions::down(connection, self.table, self.owner).await?;
        record.push(forget(self.table, script.version));
        Ok(record)
    }

    pub(super) async fn drop_table(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        facts: &TableFacts,
        role: Option<&Identifier>,
        descent: &Descent<'_>,
    ) -> Result<(), MigrateError> {
        let what = format!("table {}", self.table.qualified());
        let is_agreed = descent.names(&self.table.table);
        if !is_agreed && has_rows(connection, self.table).await? {
            return Err(MigrateError::HoldsData {
                what,
                rows: None,
                consent: format!(
                    "pgvector-setup migrate down --to {} --destroy {}",
                    script.version - 1,
                    self.table.table
                ),
            });
        }
        let made = [self.table.key.as_str(), "document", "metadata", "created_at"];
        let foreign: Vec<String> = facts
            .table
            .iter()
            .flat_map(|table| &table.columns)
            .filter(|column| !made.contains(&column.name.as_str()))
            .map(|column| format!("column {} {}", column.name, column.type_name))
            .collect();
        if !is_agreed && !foreign.is_empty() {
            return Err(MigrateError::Foreign { what, items: foreign });
        }
        let forgotten = forget(self.table, script.version);
        DropData {
            table: self.table,
            purpose: "drop the table",
            statement: &script.down,
            record: &forgotten,
            role,
            guarded_column: (!is_agreed).then_some(&self.table.key),
            export: None,
            patience: self.limits.lock_wait,
        }
        .run(connection)
        .await
        .map_err(|error| with_dependents(error, what))
    }

    /// The last step also takes back what was granted, and leaves no schema of ours behind.
    pub(super) async fn drop_extension(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        applied: &Applied,
        is_made: bool,
    ) -> Result<(), MigrateError> {
        let Retirement {
            statements: mut record,
            is_last,
        } = retire(connection, self.table).await?;
        if is_made || is_last {
            record.extend(self.revocations(connection, applied).await?);
        }
        let statements: Vec<String> = is_made.then(|| script.down.clone()).into_iter().collect();
        self.change(connection, "drop the extension", None, &statements, &record)
            .await
            .map_err(|error| with_dependents(error, "extension vector".to_owned()))?;
        if applied.effects.contains_key(MADE_SCHEMA) {
            drop_schema_if_empty(connection, &self.table.extension_schema).await?;
        }
        Ok(())
    }

    /// The statements that revoke what V1 granted, as far as role and schema are still there.
    async fn revocations(
        &self,
        connection: &mut PgConnection,
        applied: &Applied,
    ) -> Result<Vec<String>, MigrateError> {
        let schema = &self.table.extension_schema;
        let mut statements = Vec::new();
        for effect in [USAGE_OF_OWNER, USAGE_OF_TABLE_OWNER] {
            let granted = applied
                .effects
                .get(effect)
                .and_then(|role| Identifier::new(role).ok());
            let Some(role) = granted else { continue };
            if has_schema_privilege(connection, &role, schema, "USAGE")
                .await?
                .is_some()
            {
                statements.push(format!(
                    "REVOKE USAGE ON SCHEMA {} FROM {}",
                    schema.quoted(),
                    role.quoted()
                ));
            }
        }
        Ok(statements)
    }

    pub(super) async fn change(
        &self,
        connection: &mut PgConnection,
        purpose: &str,
        role: Option<&Identifier>,
        statements: &[String],
        record: &[String],
    ) -> Result<(), MigrateError> {
        Change {
            purpose,
            role,
            statements,
            record,
            relation: &self.table.qualified(),
            patience: self.limits.lock_wait,
        }
        .run(connection)
        .await
    }
}

/// Nothing is dropped with CASCADE; what would have gone with it is named instead.
fn with_dependents(error: MigrateError, what: String) -> MigrateError {
    let MigrateError::Database(DatabaseError::Statement { source, .. }) = &error else {
        return error;
    };
    if sqlstate(source).as_deref() != Some("2BP01") {
        return error;
    }
    let detail = source
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .and_then(PgDatabaseError::detail)
        .unwrap_or_default();
    MigrateError::Foreign {
        what,
        items: detail.lines().map(str::to_owned).collect(),
    }
}
