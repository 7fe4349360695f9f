//! Dropping what may hold data: looked at again, and copied, under the lock that the drop needs.

use std::time::Duration;

use sqlx::PgConnection;

use super::lock_wait::{Patience, is_lock_timeout};
use super::{Export, MigrateError};
use crate::database::DatabaseError;
use crate::database::sql::composed;
use crate::settings::{Identifier, VectorTable};

/// One column or table to be dropped.
#[derive(Debug)]
pub(super) struct DropData<'a> {
    pub table: &'a VectorTable,
    pub purpose: &'static str,
    pub statement: &'a str,
    /// The bookkeeping, as the session's own role.
    pub record: &'a str,
    pub role: Option<&'a Identifier>,
    /// Nothing is dropped while a row has a value here.
    pub guarded_column: Option<&'a Identifier>,
    pub export: Option<Export<'a>>,
    /// How long the lock may be waited for in all.
    pub patience: Duration,
}

impl DropData<'_> {
    /// Locks, looks, exports, drops and records in one transaction.
    ///
    /// # Errors
    /// [`MigrateError::Blocked`], [`MigrateError::HoldsData`], [`MigrateError::Export`] or what the server said;
    /// nothing is dropped then.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        self.lock(connection).await?;
        let outcome = self.drop_locked(connection).await;
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = sqlx::raw_sql(end).execute(connection).await;
        outcome?;
        ended.map_err(DatabaseError::statement(self.purpose))?;
        Ok(())
    }

    /// Opens the transaction with the table locked against everybody.
    async fn lock(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        let mut patience = Patience::new(self.patience);
        let relation = self.table.qualified();
        let sql = format!(
            "BEGIN; SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = 0;
             LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE"
        );
        loop {
            let Err(error) = sqlx::raw_sql(composed(&sql)).execute(&mut *connection).await else {
                return Ok(());
            };
            sqlx::raw_sql("ROLLBACK")
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::statement(self.purpose))?;
            if !is_lock_timeout(&error) {
                return Err(DatabaseError::statement(self.purpose)(error).into());
            }
            patience.pause(connection, self.purpose, &relation).await?;
        }
    }

    async fn drop_locked(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        if let Some(column) = self.guarded_column {
            self.refuse_new_data(connection, column).await?;
        }
        if let Some(export) = &self.export {
            export.write(connection, self.table).await?;
        }
        let mut sql = String::new();
        if let Some(role) = self.role {
            sql.push_str(&format!("SET LOCAL ROLE {};\n", role.quoted()));
        }
        sql.push_str(self.statement);
        sql.push_str("\nRESET ROLE;\n");
        sql.push_str(self.record);
        sqlx::raw_sql(composed(sql))
            .execute(connection)
            .await
            .map_err(DatabaseError::statement(self.purpose))?;
        Ok(())
    }

    async fn refuse_new_data(
        &self,
        connection: &mut PgConnection,
        column: &Identifier,
    ) -> Result<(), MigrateError> {
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM {} WHERE {} IS NOT NULL",
            self.table.qualified(),
            column.quoted()
        );
        let rows: i64 = sqlx::query_scalar(composed(sql))
            .fetch_one(connection)
            .await
            .map_err(DatabaseError::statement(self.purpose))?;
        if rows == 0 {
            return Ok(());
        }
        Err(MigrateError::HoldsData {
            what: format!("column {} of {}", column.quoted(), self.table.qualified()),
            rows: Some(rows),
            consent: "pgvector-setup migrate status".to_owned(),
        })
    }
}
