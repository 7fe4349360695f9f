//! Going forward: the pending migrations, oldest first, each with its history row or not at all.

use std::collections::BTreeMap;

use refinery::Migration;
use sqlx::PgConnection;

use super::effects::{INDEX_NAME, MADE_SCHEMA, USAGE_OF_OWNER, USAGE_OF_TABLE_OWNER};
use super::facts::{ExistingTable, TableFacts, count_embeddings, installed_extension, table_facts};
use super::history::read_history;
use super::pending::{MigrationStatus, fitting_index, is_built_concurrently, pending};
use super::roles::{has_schema_privilege, other_role, schema_exists};
use super::runner::{Carriage, Session};
use super::script::{self, Occasion, Script, index_statement, scripts};
use super::{MigrateError, Migrator, companions, lock};
use crate::database::index::{Build, Definition, Watch, has_intent, server_budget, sizing};
use crate::database::{DatabaseError, sqlstate};
use crate::settings::Identifier;

impl Migrator<'_> {
    /// Runs what is pending up to and including version `to`, or everything; gives back where every migration stands.
    ///
    /// Where nothing is pending nothing is written and no lock is taken.
    ///
    /// # Errors
    /// The refusals of [`pending`](super::pending()) before any change; [`MigrateError::Locked`] after 5 s;
    /// [`MigrateError::Blocked`] when others keep the table locked; what a statement fails with.
    pub async fn up(
        &self,
        connection: &mut PgConnection,
        to: Option<i32>,
    ) -> Result<Vec<MigrationStatus>, MigrateError> {
        let to = to.unwrap_or(script::INDEX);
        super::check_version(to)?;
        let before = self.status(connection).await?;
        if !before
            .iter()
            .any(|status| status.is_pending() && status.version <= to)
        {
            return Ok(before);
        }
        lock::acquire(connection).await?;
        let outcome = self.run_pending(connection, to).await;
        let released = lock::release(connection).await;
        outcome?;
        released?;
        self.status(connection).await
    }

    /// Where every migration stands; reads only.
    ///
    /// # Errors
    /// As [`pending`](super::pending()).
    pub async fn status(&self, connection: &mut PgConnection) -> Result<Vec<MigrationStatus>, MigrateError> {
        let history = read_history(connection, self.table).await?;
        let facts = table_facts(connection, self.table).await?;
        pending(self.table, &history, &facts)
    }

    async fn run_pending(&self, connection: &mut PgConnection, to: i32) -> Result<(), MigrateError> {
        let scripts = scripts(self.table)?;
        let migrations: Vec<Migration> = scripts.iter().map(Script::migration).collect::<Result<_, _>>()?;
        for script in scripts.iter().filter(|script| script.version <= to) {
            let history = read_history(connection, self.table).await?;
            let facts = table_facts(connection, self.table).await?;
            let statuses = pending(self.table, &history, &facts)?;
            let is_pending = statuses
                .iter()
                .any(|status| status.version == script.version && status.is_pending());
            if is_pending {
                self.run_one(connection, script, &migrations, &facts).await?;
            }
        }
        Ok(())
    }

    async fn run_one(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        migrations: &[Migration],
        facts: &TableFacts,
    ) -> Result<(), MigrateError> {
        let owner = self.object_owner(facts);
        let role = other_role(connection, &owner).await?;
        let mut effects = BTreeMap::new();
        let mut beside = Vec::new();
        let existing = facts.table.as_ref();
        let carriage = match script.version {
            script::EXTENSION => {
                beside = self.extension_effects(connection, &owner, &mut effects).await?;
                match facts.extension {
                    Some(_) => Carriage::Adopt { made: false },
                    None => Carriage::run(None, "create the extension"),
                }
            }
            script::TABLE if existing.is_some() => Carriage::Adopt { made: false },
            script::TABLE => Carriage::run(role, "create the table"),
            script::COLUMN => {
                beside = vec![companions::model_up(connection, self.table, self.owner).await?];
                if has_column(existing, &self.table.column) {
                    Carriage::Adopt { made: false }
                } else {
                    Carriage::run(role, "add the embedding column")
                }
            }
            _ => self.index_carriage(connection, facts, role, &mut effects).await?,
        };
        let creates_extension =
            script.version == script::EXTENSION && matches!(carriage, Carriage::Run { .. });
        let mut session = Session {
            connection,
            table: self.table,
            script,
            carriage,
            beside,
            effects,
            patience: self.limits.lock_wait,
            failure: None,
        };
        match session.run(migrations).await {
            // Somebody else created it between our look and our statement.
            Err(error) if creates_extension && is_duplicate(&error) => {
                if installed_extension(session.connection).await?.is_none() {
                    return Err(error);
                }
                session.carriage = Carriage::Adopt { made: false };
                session.effects.remove(MADE_SCHEMA);
                session.run(migrations).await
            }
            outcome => outcome,
        }
    }

    /// Who owns the table, or will.
    pub(super) fn object_owner(&self, facts: &TableFacts) -> Identifier {
        facts
            .table
            .as_ref()
            .and_then(|existing| Identifier::new(&existing.owner).ok())
            .unwrap_or_else(|| self.owner.clone())
    }

    /// Lets the application and the table's owner use the extension's schema where they cannot yet, and notes what
    /// was done for the way down. Gives back the statements.
    async fn extension_effects(
        &self,
        connection: &mut PgConnection,
        object_owner: &Identifier,
        effects: &mut BTreeMap<String, String>,
    ) -> Result<Vec<String>, MigrateError> {
        let schema = &self.table.extension_schema;
        if !schema_exists(connection, schema).await? {
            effects.insert(MADE_SCHEMA.to_owned(), schema.to_string());
        }
        let mut grants = Vec::new();
        for (effect, role) in [(USAGE_OF_OWNER, self.owner), (USAGE_OF_TABLE_OWNER, object_owner)] {
            if has_schema_privilege(connection, role, schema, "USAGE").await? == Some(true)
                || effects.values().any(|granted| granted == role.as_str())
            {
                continue;
            }
            effects.insert(effect.to_owned(), role.to_string());
            grants.push(format!(
                "GRANT USAGE ON SCHEMA {} TO {}",
                schema.quoted(),
                role.quoted()
            ));
        }
        Ok(grants)
    }

    async fn index_carriage<'s>(
        &'s self,
        connection: &mut PgConnection,
        facts: &TableFacts,
        role: Option<&'s Identifier>,
        effects: &mut BTreeMap<String, String>,
    ) -> Result<Carriage<'s>, MigrateError> {
        let (Some(existing), Some(wanted)) = (&facts.table, Definition::wanted(self.table)) else {
            return Ok(Carriage::Adopt { made: false });
        };
        let ours = self.table.index_name();
        if let Some(name) = fitting_index(self.table, existing, &wanted) {
            // Valid, but its history row is missing: the run that built it was ended in between.
            let made = name == ours.as_str() && has_intent(connection, self.table).await?;
            effects.insert(INDEX_NAME.to_owned(), name);
            return Ok(Carriage::Adopt { made });
        }
        effects.insert(INDEX_NAME.to_owned(), ours.to_string());
        // The owner of an adopted table need not have CREATE on its schema; the build itself runs as the owner anyway.
        let role = match role {
            Some(role)
                if has_schema_privilege(connection, role, &self.table.schema, "CREATE").await?
                    == Some(true) =>
            {
                Some(role)
            }
            _ => None,
        };
        let rows = count_embeddings(connection, self.table).await?;
        let statement = index_statement(
            self.table,
            Occasion {
                concurrently: is_built_concurrently(facts),
                rows: Some(rows),
            },
        )?;
        let is_left_over = existing.indexes.iter().any(|index| index.name == ours.as_str());
        if !existing.has_rows && !is_left_over {
            return Ok(Carriage::Run {
                role,
                purpose: "create the index",
                statement: Some(statement),
            });
        }
        let version = facts
            .extension
            .as_ref()
            .map_or("0", |extension| extension.version.as_str());
        let budget = match self.limits.budget {
            Some(budget) => budget,
            None => server_budget(connection).await?,
        };
        Ok(Carriage::Build(Build {
            table: self.table,
            wanted,
            statement,
            role,
            sizing: sizing(self.table, rows, version, budget),
            watch: Watch {
                endpoint: self.endpoint,
                login: self.login,
                database: self.database,
                patience: self.limits.snapshot_wait,
                report: self.progress,
            },
        }))
    }
}

fn has_column(existing: Option<&ExistingTable>, column: &Identifier) -> bool {
    existing.is_some_and(|existing| existing.column(column.as_str()).is_some())
}

fn is_duplicate(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Database(DatabaseError::Statement { source, .. })
        if matches!(sqlstate(source).as_deref(), Some("23505" | "42710")))
}
