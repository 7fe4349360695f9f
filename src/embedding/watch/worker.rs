//! One worker: takes rows from the queue, has their text embedded, writes their vectors, waits.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};

use super::enqueue::enqueue_missing;
use super::queue::{self, Claimed, Verdict};
use super::status::status;
use crate::database::migrate::queue_table;
use crate::database::{DatabaseError, sqlstate};
use crate::embedding::batch::{Answer, Service};
use crate::embedding::model::{self, Claim};
use crate::embedding::rows::TextRow;
use crate::embedding::write::{Overwriting, clear, write};
use crate::embedding::{Embedder, EmbeddingError, Subject};
use crate::error::{Exit, Explain as _};

/// A row that was never finished so often has ended its workers.
const MOST_CLAIMS: i32 = 10;
/// A row that somebody is changing now is looked at again after this.
const SOON: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub struct WatchOptions<'a> {
    /// Texts of one request.
    pub batch: u32,
    /// The model that vectors of an unknown one are declared to be of.
    pub adopted: Option<&'a str>,
    /// So long after a worker was killed its rows are anybody's again; one at work renews it.
    pub lease: Duration,
    /// Times that a row which the service or the table refuses is tried, and how long it waits in between.
    pub attempts: i32,
    pub retry: Duration,
    /// The queue is looked at so often even if no notification comes: some poolers swallow them.
    pub poll: Duration,
    /// End when nothing waits any more.
    pub until_empty: bool,
}

impl Default for WatchOptions<'_> {
    fn default() -> Self {
        Self {
            batch: 100,
            adopted: None,
            lease: Duration::from_secs(600),
            attempts: 3,
            retry: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            until_empty: false,
        }
    }
}

/// What a worker has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Watched {
    pub embedded: u64,
    pub parked: u64,
}

/// What a person should know while it goes on.
#[derive(Debug)]
pub enum Remark<'a> {
    /// So many rows got a vector just now.
    Embedded(usize),
    /// Nobody takes this row any more.
    Parked { key: &'a str, reason: &'a str },
    /// The service or the server does not answer; it is tried again after this time.
    Waits {
        error: &'a EmbeddingError,
        pause: Duration,
    },
}

pub struct Worker<'a> {
    pub subject: &'a Subject,
    pub embedder: &'a dyn Embedder,
    /// Sessions of the application's role, two at least.
    pub pool: &'a PgPool,
    pub options: WatchOptions<'a>,
    pub remark: &'a (dyn Fn(Remark<'_>) + Sync),
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("subject", &self.subject)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Worker<'_> {
    /// Works until `stop` ends, then finishes the batch at hand. Waits where the service or the server is away.
    ///
    /// # Errors
    /// What waiting does not help: another model, a key that is not taken, a right that is missing.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<Watched, EmbeddingError> {
        let mut stop = std::pin::pin!(stop);
        let mut watched = Watched::default();
        let (mut listener, mut pause) = (None, FIRST_PAUSE);
        let mut is_begun = false;
        loop {
            let outcome = match self.batch(&mut listener, &mut is_begun, &mut watched).await {
                Err(error) if !is_passing(&error) => return Err(error),
                outcome => outcome,
            };
            let waiting = match &outcome {
                Ok(count) if *count > 0 => {
                    pause = FIRST_PAUSE;
                    Duration::ZERO
                }
                Ok(_) if self.options.until_empty && self.is_drained().await? => return Ok(watched),
                Ok(_) => self.options.poll,
                Err(error) => {
                    (self.remark)(Remark::Waits { error, pause });
                    listener = None;
                    let waiting = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    waiting
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return Ok(watched),
                () = tokio::time::sleep(waiting) => {}
                () = notified(&mut listener, outcome.is_ok()) => {}
            }
        }
    }

    /// One batch; how many rows it took from the queue.
    async fn batch(
        &self,
        listener: &mut Option<PgListener>,
        is_begun: &mut bool,
        watched: &mut Watched,
    ) -> Result<usize, EmbeddingError> {
        if listener.is_none() {
            *listener = Some(self.listen().await?);
        }
        let mut connection = self.pool.acquire().await.map_err(lost)?;
        if !*is_begun {
            let claim = Claim {
                model: self.embedder.model(),
                dimensions: self.subject.dimensions,
                adopted: self.options.adopted,
            };
            model::agree(&mut connection, &self.subject.table, claim).await?;
            enqueue_missing(&mut connection, self.subject).await?;
            *is_begun = true;
        }
        let claimed = queue::claim(
            &mut connection,
            self.subject,
            self.options.batch,
            self.options.lease,
        )
        .await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let worked = self.work(&mut connection, &claimed, watched).await;
        if worked.is_err() {
            // Another worker may have more luck at once; where the connection is lost, the lease ends by itself.
            let _ = queue::keep(
                &mut connection,
                self.subject,
                &claimed,
                Verdict::Later(Duration::ZERO),
            )
            .await;
        }
        worked.map(|()| claimed.len())
    }

    async fn work(
        &self,
        connection: &mut PgConnection,
        claimed: &[Claimed],
        watched: &mut Watched,
    ) -> Result<(), EmbeddingError> {
        let (claimed, exhausted): (Vec<_>, Vec<_>) = claimed
            .iter()
            .cloned()
            .partition(|claimed| claimed.attempts <= MOST_CLAIMS);
        for row in &exhausted {
            let reason = "it was taken many times, and no worker finished it";
            self.park(connection, row, reason, watched).await?;
        }
        let texts = queue::texts(connection, self.subject, &claimed).await?;
        let (empty, full): (Vec<_>, Vec<_>) = texts.into_iter().partition(TextRow::is_empty);
        let mut refused = clear(connection, self.subject, &empty).await?;
        let inputs: Vec<String> = full.iter().map(|row| row.text.clone()).collect();
        let answers = self.embed(connection, &claimed, &inputs).await?;
        let mut vectors = Vec::new();
        for (row, answer) in full.into_iter().zip(answers) {
            match answer {
                Ok(vector) => vectors.push((row, vector)),
                Err(reason) => refused.push((row.key, reason)),
            }
        }
        let written = write(
            connection,
            self.subject,
            self.embedder.model(),
            &vectors,
            Overwriting::Any,
        )
        .await?;
        watched.embedded += written.keys.len() as u64;
        if !written.keys.is_empty() {
            (self.remark)(Remark::Embedded(written.keys.len()));
        }
        refused.extend(written.refused);
        let is_unwritten = |key: &str| {
            vectors.iter().any(|(row, _)| row.key == key)
                && !written.keys.iter().any(|written| written == key)
        };
        let refusal = |key: &str| refused.iter().find(|(refused, _)| refused == key);
        let (mut done, mut later) = (Vec::new(), Vec::new());
        for row in claimed {
            match refusal(&row.key) {
                Some((_, reason)) => self.refuse(connection, &row, reason, watched).await?,
                None if is_unwritten(&row.key) => later.push(row),
                None => done.push(row),
            }
        }
        queue::keep(connection, self.subject, &later, Verdict::Later(SOON)).await?;
        queue::finish(connection, self.subject, &done).await
    }

    /// An answer for each text. The lease is renewed meanwhile: a batch can be many requests, and each may be tried for long.
    async fn embed(
        &self,
        connection: &mut PgConnection,
        claimed: &[Claimed],
        texts: &[String],
    ) -> Result<Vec<Answer>, EmbeddingError> {
        let service = Service::new(self.embedder, &self.subject.table, self.subject.dimensions);
        let lease = self.options.lease;
        let mut answers = std::pin::pin!(service.embed(texts));
        loop {
            tokio::select! {
                answers = &mut answers => return answers,
                () = tokio::time::sleep(lease / 3) => {}
            }
            // Where the server is away, the lease ends by itself, and the write after it says so.
            let _ = queue::renew(connection, self.subject, claimed, lease).await;
        }
    }

    /// A row that the service or the table refuses is tried again later, and then no more.
    async fn refuse(
        &self,
        connection: &mut PgConnection,
        row: &Claimed,
        reason: &str,
        watched: &mut Watched,
    ) -> Result<(), EmbeddingError> {
        if row.attempts >= self.options.attempts {
            return self.park(connection, row, reason, watched).await;
        }
        let pause = self.options.retry * 2_u32.saturating_pow(row.attempts.unsigned_abs() - 1);
        let verdict = Verdict::Again(pause, reason);
        queue::keep(connection, self.subject, std::slice::from_ref(row), verdict).await
    }

    async fn park(
        &self,
        connection: &mut PgConnection,
        row: &Claimed,
        reason: &str,
        watched: &mut Watched,
    ) -> Result<(), EmbeddingError> {
        watched.parked += 1;
        (self.remark)(Remark::Parked {
            key: &row.key,
            reason,
        });
        let verdict = Verdict::Parked(reason);
        queue::keep(connection, self.subject, std::slice::from_ref(row), verdict).await
    }

    async fn listen(&self) -> Result<PgListener, EmbeddingError> {
        let mut listener = PgListener::connect_with(self.pool).await.map_err(lost)?;
        let channel = queue_table(&self.subject.table);
        listener.listen(channel.as_str()).await.map_err(lost)?;
        Ok(listener)
    }

    /// Whether nothing waits, be it leased or due later.
    async fn is_drained(&self) -> Result<bool, EmbeddingError> {
        let mut connection = self.pool.acquire().await.map_err(lost)?;
        let queue = status(&mut connection, &self.subject.table).await?;
        Ok(queue.is_none_or(|queue| queue.waiting == 0))
    }
}

/// Ends when a notification comes; never where there is nobody to hear it.
async fn notified(listener: &mut Option<PgListener>, is_listening: bool) {
    match listener {
        Some(listener) if is_listening => {
            // A connection that is lost is noticed by the next batch.
            if listener.recv().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        _ => std::future::pending().await,
    }
}

/// Whether waiting may help. A queue that was removed and a right that was revoked (SQLSTATE class 42) do not come back.
fn is_passing(error: &EmbeddingError) -> bool {
    if let EmbeddingError::Database(DatabaseError::Statement { source, .. }) = error
        && sqlstate(source).is_some_and(|code| code.starts_with("42"))
    {
        return false;
    }
    error.exit() == Exit::Resumable
}

fn lost(error: sqlx::Error) -> EmbeddingError {
    DatabaseError::Lost {
        detail: error.to_string(),
    }
    .into()
}
