//! Going back: newest first, only what was made here, never data without its owner's word.

use sqlx::PgConnection;

use super::facts::{TableFacts, table_facts};
use super::history::{Applied, forget, read_history};
use super::roles::other_role;
use super::script::{self, Script, scripts};
use super::{Export, MigrateError, Migrator, lock};
use crate::database::index::{clear_intent, end_abandoned_build, has_intent};
use crate::settings::Identifier;

/// What may be lost on the way down, and where a copy of it goes first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Descent<'a> {
    /// The columns and tables that may be dropped with the data in them, by name.
    pub consent: &'a [Identifier],
    pub export: Option<Export<'a>>,
}

impl Descent<'_> {
    pub(super) fn names(&self, identifier: &Identifier) -> bool {
        self.consent.contains(identifier)
    }
}

impl Migrator<'_> {
    /// Takes back every migration after version `to`, newest first; gives back what was taken back.
    ///
    /// What was adopted stays and is only forgotten. The settings need not be those it was applied with:
    /// taking back the old is how they are changed.
    ///
    /// # Errors
    /// [`MigrateError::HoldsData`] and [`MigrateError::Foreign`] before that step is begun; [`MigrateError::Locked`],
    /// [`MigrateError::Blocked`], or what a statement fails with. Steps that were done stay done.
    pub async fn down(
        &self,
        connection: &mut PgConnection,
        to: i32,
        descent: &Descent<'_>,
    ) -> Result<Vec<Applied>, MigrateError> {
        super::check_version(to)?;
        lock::acquire(connection).await?;
        let outcome = self.take_back(connection, to, descent).await;
        let released = lock::release(connection).await;
        let taken_back = outcome?;
        released?;
        Ok(taken_back)
    }

    async fn take_back(
        &self,
        connection: &mut PgConnection,
        to: i32,
        descent: &Descent<'_>,
    ) -> Result<Vec<Applied>, MigrateError> {
        let scripts = scripts(self.table)?;
        let history = read_history(connection, self.table).await?;
        if let Some(unknown) = history
            .applied
            .iter()
            .find(|applied| applied.version > script::INDEX)
        {
            return Err(MigrateError::Future {
                version: unknown.version,
                name: unknown.name.clone(),
            });
        }
        if to < script::INDEX && history.find(script::INDEX).is_none() {
            self.drop_unfinished_index(connection, &scripts).await?;
        }
        let mut taken_back = Vec::new();
        for applied in history.applied.into_iter().rev() {
            let script = scripts.iter().find(|script| script.version == applied.version);
            if let Some(script) = script.filter(|script| script.version > to) {
                self.take_back_one(connection, script, &applied, descent).await?;
                taken_back.push(applied);
            }
        }
        Ok(taken_back)
    }

    async fn take_back_one(
        &self,
        connection: &mut PgConnection,
        script: &Script,
        applied: &Applied,
        descent: &Descent<'_>,
    ) -> Result<(), MigrateError> {
        let facts = table_facts(connection, self.table).await?;
        let owner = self.object_owner(&facts);
        let role = other_role(connection, &owner).await?;
        let is_made = applied.made && self.is_there(&facts, script.version);
        match script.version {
            script::INDEX if is_made => self.drop_index(connection, script, &facts, role).await?,
            script::COLUMN if is_made => self.drop_column(connection, script, role, descent).await?,
            script::COLUMN => self.forget_column(connection, script, role).await?,
            script::TABLE if is_made => self.drop_table(connection, script, &facts, role, descent).await?,
            script::EXTENSION => self.drop_extension(connection, script, applied, is_made).await?,
            _ => {
                self.change(
                    connection,
                    "forget a migration",
                    None,
                    &[],
                    &[forget(self.table, script.version)],
                )
                .await?
            }
        }
        Ok(())
    }

    /// What somebody else dropped meanwhile need not be dropped again.
    fn is_there(&self, facts: &TableFacts, version: i32) -> bool {
        let table = facts.table.as_ref();
        match version {
            script::EXTENSION => facts.extension.is_some(),
            script::TABLE => table.is_some(),
            script::COLUMN => table.is_some_and(|table| table.column(self.table.column.as_str()).is_some()),
            _ => {
                let ours = self.table.index_name();
                table.is_some_and(|table| table.indexes.iter().any(|index| index.name == ours.as_str()))
            }
        }
    }

    async fn drop_unfinished_index(
        &self,
        connection: &mut PgConnection,
        scripts: &[Script],
    ) -> Result<(), MigrateError> {
        if !has_intent(connection, self.table).await? {
            return Ok(());
        }
        end_abandoned_build(connection, self.table).await?;
        let facts = table_facts(connection, self.table).await?;
        let owner = self.object_owner(&facts);
        let role = other_role(connection, &owner).await?;
        if let Some(script) = scripts.last().filter(|_| self.is_there(&facts, script::INDEX)) {
            self.drop_index(connection, script, &facts, role).await?;
        }
        let forgotten = [clear_intent(self.table)];
        self.change(connection, "forget an index build", None, &[], &forgotten)
            .await
    }
}
