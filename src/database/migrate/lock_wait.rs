//! Short exclusive locks: tried for a second at a time, so that a queue of readers never forms behind us.

use std::fmt;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Row as _};

use super::MigrateError;
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::Identifier;

const LOCK_NOT_AVAILABLE: &str = "55P03";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The session that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Blocker {
    /// 0 where it cannot be told any more.
    pub pid: i32,
    /// What it runs, or ran last.
    pub query: String,
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => formatter.write_str("other sessions kept it locked"),
            pid => write!(formatter, "server process {pid} holds it locked: {}", self.query),
        }
    }
}

/// Statements that share one transaction.
#[derive(Debug)]
pub(super) struct Change<'a> {
    /// For messages: `add the embedding column`.
    pub purpose: &'a str,
    /// The role that the statements run as; `None` for the session's own.
    pub role: Option<&'a Identifier>,
    pub statements: &'a [String],
    /// The bookkeeping, as the session's own role.
    pub record: &'a [String],
    /// The relation that is locked, to name who holds it: `"schema"."table"`.
    pub relation: &'a str,
    /// How long a lock may be waited for in all.
    pub patience: Duration,
}

impl Change<'_> {
    /// Runs everything in one transaction, again and again while only a lock is in the way.
    ///
    /// # Errors
    /// [`MigrateError::Blocked`] when the patience is over, [`DatabaseError::Statement`] on any other failure.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        let mut patience = Patience::new(self.patience);
        loop {
            match self.attempt(connection).await {
                Ok(()) => return Ok(()),
                Err(error) if is_lock_timeout(&error) => {
                    patience.pause(connection, self.purpose, self.relation).await?;
                }
                Err(error) => return Err(DatabaseError::statement(self.purpose)(error).into()),
            }
        }
    }

    async fn attempt(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql("SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '30s'")
            .execute(&mut *transaction)
            .await?;
        if let Some(role) = self.role {
            let sql = format!("SET LOCAL ROLE {}", role.quoted());
            sqlx::raw_sql(composed(sql)).execute(&mut *transaction).await?;
        }
        for statement in self.statements {
            sqlx::raw_sql(composed(statement))
                .execute(&mut *transaction)
                .await?;
        }
        if self.role.is_some() {
            sqlx::raw_sql("RESET ROLE").execute(&mut *transaction).await?;
        }
        for statement in self.record {
            sqlx::raw_sql(composed(statement))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

/// How long is still waited for a lock, and how long until the next try.
#[derive(Debug)]
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
}

impl Patience {
    pub fn new(whole: Duration) -> Self {
        Self {
            deadline: Instant::now() + whole,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// [`MigrateError::Blocked`] when it is used up.
    pub async fn pause(
        &mut self,
        connection: &mut PgConnection,
        purpose: &str,
        relation: &str,
    ) -> Result<(), MigrateError> {
        if Instant::now() + self.pause >= self.deadline {
            return Err(MigrateError::Blocked {
                purpose: purpose.to_owned(),
                blocker: blocker(connection, relation).await,
            });
        }
        tokio::time::sleep(jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(LOCK_NOT_AVAILABLE)
}

/// The oldest transaction of others that holds a lock on the relation.
pub(in crate::database) async fn blocker(connection: &mut PgConnection, relation: &str) -> Blocker {
    let held = sqlx::query(
        "SELECT a.pid, a.query
           FROM pg_catalog.pg_locks l
           JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE l.relation = pg_catalog.to_regclass($1) AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
          ORDER BY a.xact_start LIMIT 1",
    )
    .bind(relation)
    .fetch_optional(connection)
    .await;
    match held {
        Ok(Some(row)) => Blocker {
            pid: row.get("pid"),
            query: row.get::<Option<String>, _>("query").unwrap_or_default(),
        },
        _ => Blocker {
            pid: 0,
            query: String::new(),
        },
    }
}

/// Half to one and a half times the pause, so that two runs do not meet again and again.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
