//! Every row without a vector gets one: in the order of the keys, a batch at a time, each batch committed.
//!
//! What has a vector is never asked for again, so a run that ended anywhere is continued by the same call.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use super::batch::Service;
use super::model::{self, Claim};
use super::rows::{self, Coverage, Missing, TextRow};
use super::subject::Subject;
use super::turn::Turn;
use super::write::{Overwriting, write};
use super::{Embedder, EmbeddingError};
use crate::database::DatabaseError;

/// Times that the table is gone through, where rows were being changed while their text was at the service.
const PASSES: usize = 3;

#[derive(Debug, Clone, Copy)]
pub struct BackfillOptions<'a> {
    /// Most rows that get a vector now.
    pub limit: Option<u64>,
    /// Texts of one request.
    pub batch: u32,
    /// The model that vectors of an unknown one are declared to be of.
    pub adopted: Option<&'a str>,
}

/// What a backfill would do.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct BackfillPlan {
    pub coverage: Coverage,
    pub missing: Missing,
    /// Rows that would get a vector: those with text, up to the limit.
    pub rows: u64,
    /// About four characters a token (OpenAI, "What are tokens"): an estimate.
    pub estimated_tokens: u64,
}

/// How far it is, after each batch.
#[derive(Debug, Clone, Copy)]
pub struct BackfillProgress {
    pub embedded: u64,
    /// Rows that the plan had.
    pub planned: u64,
    pub remaining: Option<Duration>,
}

/// What became of a backfill.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Backfilled {
    pub before: Coverage,
    pub after: Coverage,
    pub embedded: u64,
    /// Rows without text: they have nothing to make a vector of.
    pub empty: u64,
    /// Rows that were changed, deleted or locked while their text was at the service, each time.
    pub changed: u64,
    pub refused: Vec<RefusedRow>,
    /// What the service counted; `None` where it does not say.
    pub tokens: Option<u64>,
    /// It was asked to stop before the end.
    pub is_interrupted: bool,
}

/// A row whose text the service refuses, or whose vector the table does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RefusedRow {
    pub key: String,
    pub reason: String,
}

/// What would be done now. Changes nothing.
///
/// # Errors
/// [`EmbeddingError::Database`].
pub async fn plan(
    connection: &mut PgConnection,
    subject: &Subject,
    limit: Option<u64>,
) -> Result<BackfillPlan, EmbeddingError> {
    let coverage = rows::coverage(connection, &subject.table).await?;
    let missing = rows::missing(connection, subject).await?;
    let with_text = missing.rows - missing.empty;
    let rows = with_text.min(limit.unwrap_or(u64::MAX));
    let share = rows as f64 / with_text.max(1) as f64;
    Ok(BackfillPlan {
        coverage,
        missing,
        rows,
        estimated_tokens: (missing.characters as f64 * share / 4.0).ceil() as u64,
    })
}

/// One run of a backfill. `session` is held for the turn, `connection` does the work; both are of the application's role.
pub struct Backfill<'a> {
    pub subject: &'a Subject,
    pub embedder: &'a dyn Embedder,
    pub options: BackfillOptions<'a>,
    /// Told after each batch.
    pub progress: &'a (dyn Fn(BackfillProgress) + Sync),
    /// Asked before each batch.
    pub is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Backfill<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Backfill")
            .field("subject", &self.subject)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Backfill<'_> {
    /// # Errors
    /// [`EmbeddingError::Filling`] while another one fills this column; what [`model::agree`] refuses; what the service or the server
    /// fails with: the batches before are written then.
    pub async fn run(
        &self,
        connection: &mut PgConnection,
        session: PgConnection,
    ) -> Result<Backfilled, EmbeddingError> {
        let mut turn = Turn::take(session, &self.subject.table).await?;
        let claim = Claim {
            model: self.embedder.model(),
            dimensions: self.subject.dimensions,
            adopted: self.options.adopted,
        };
        let failed = || DatabaseError::statement("record the model");
        let mut transaction = connection.begin().await.map_err(failed())?;
        model::agree(&mut transaction, &self.subject.table, claim).await?;
        transaction.commit().await.map_err(failed())?;
        let plan = plan(connection, self.subject, self.options.limit).await?;
        let mut run = Run {
            backfill: self,
            connection,
            service: Service::new(self.embedder, &self.subject.table, self.subject.dimensions),
            began: Instant::now(),
            planned: plan.rows,
            outcome: Backfilled {
                before: plan.coverage,
                after: plan.coverage,
                embedded: 0,
                empty: 0,
                changed: 0,
                refused: Vec::new(),
                tokens: None,
                is_interrupted: false,
            },
        };
        for _ in 0..PASSES {
            if run.pass(&mut turn).await? {
                break;
            }
        }
        let mut outcome = run.outcome;
        outcome.tokens = self.embedder.tokens();
        outcome.after = rows::coverage(connection, &self.subject.table).await?;
        Ok(outcome)
    }
}

struct Run<'a> {
    backfill: &'a Backfill<'a>,
    connection: &'a mut PgConnection,
    service: Service<'a>,
    began: Instant,
    planned: u64,
    outcome: Backfilled,
}

impl Run<'_> {
    /// Once through the table; whether nothing is left that another pass could do.
    async fn pass(&mut self, turn: &mut Turn) -> Result<bool, EmbeddingError> {
        let mut last: Option<String> = None;
        (self.outcome.empty, self.outcome.changed) = (0, 0);
        loop {
            if (self.backfill.is_stopped)() {
                self.outcome.is_interrupted = true;
                return Ok(true);
            }
            let most = self.left().min(self.backfill.options.batch.into());
            if most == 0 {
                return Ok(true);
            }
            turn.keep().await?;
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            let page = rows::page(self.connection, self.backfill.subject, last.as_deref(), most).await?;
            let Some(end) = page.last() else {
                return Ok(self.outcome.changed == 0);
            };
            last = Some(end.key.clone());
            self.embed(page).await?;
        }
    }

    /// How many more rows may get a vector.
    fn left(&self) -> u64 {
        let limit = self.backfill.options.limit.unwrap_or(u64::MAX);
        limit.saturating_sub(self.outcome.embedded)
    }

    async fn embed(&mut self, page: Vec<TextRow>) -> Result<(), EmbeddingError> {
        let is_open = |row: &TextRow| !self.outcome.refused.iter().any(|refused| refused.key == row.key);
        let (empty, full): (Vec<_>, Vec<_>) = page.into_iter().filter(is_open).partition(TextRow::is_empty);
        self.outcome.empty += empty.len() as u64;
        let texts: Vec<String> = full.iter().map(|row| row.text.clone()).collect();
        let answers = self.service.embed(&texts).await?;
        let mut vectors = Vec::with_capacity(full.len());
        for (row, answer) in full.into_iter().zip(answers) {
            match answer {
                Ok(vector) => vectors.push((row, vector)),
                Err(reason) => self.outcome.refused.push(RefusedRow { key: row.key, reason }),
            }
        }
        let written = write(
            self.connection,
            self.backfill.subject,
            self.backfill.embedder.model(),
            &vectors,
            Overwriting::Missing,
        )
        .await?;
        self.outcome.embedded += written.keys.len() as u64;
        self.outcome.changed += (vectors.len() - written.keys.len() - written.refused.len()) as u64;
        let refused = written
            .refused
            .into_iter()
            .map(|(key, reason)| RefusedRow { key, reason });
        self.outcome.refused.extend(refused);
        (self.backfill.progress)(self.progress());
        Ok(())
    }

    fn progress(&self) -> BackfillProgress {
        let (embedded, planned) = (self.outcome.embedded, self.planned);
        let left = planned.saturating_sub(embedded);
        let each = self.began.elapsed().as_secs_f64() / embedded.max(1) as f64;
        BackfillProgress {
            embedded,
            planned,
            remaining: (embedded > 0).then(|| Duration::from_secs_f64(each * left as f64)),
        }
    }
}
