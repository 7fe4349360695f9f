//! Watching a build from a second connection.

use std::fmt;
use std::time::{Duration, Instant};

use sqlx::{PgConnection, Row as _};

use crate::database::migrate::Blocker;
use crate::database::{DatabaseError, Endpoint, Login, connect};

const POLL: Duration = Duration::from_millis(250);

/// How far a build is.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct BuildProgress {
    /// The server's own words: `building index: loading tuples`.
    pub phase: String,
    /// 0 to 1 of this phase; `None` where it cannot be told.
    pub fraction: Option<f64>,
    pub elapsed: Duration,
    /// For the rest of this phase, from its rate so far.
    pub remaining: Option<Duration>,
    /// The session whose transaction the build waits for.
    pub waiting_for: Option<Blocker>,
    /// What a person should know of how it is built, said once.
    pub remark: Option<String>,
}

/// Where to watch from, whom to tell, and how long a build may wait for other transactions.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub endpoint: &'a Endpoint,
    pub login: &'a Login,
    pub database: &'a str,
    pub patience: Duration,
    pub report: &'a (dyn Fn(BuildProgress) + Sync),
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("endpoint", self.endpoint)
            .field("database", &self.database)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Watch<'_> {
    pub(super) async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        connect(self.endpoint, self.login, self.database).await
    }

    /// Says that a build that has failed for want of shared memory begins again without workers.
    pub(super) fn report_too_little_shared_memory(&self, memory_kilobytes: u64) {
        // Everything else in /dev/shm has room in the default of PostgreSQL's own image.
        let wanted = memory_kilobytes / 1024 + 64;
        (self.report)(BuildProgress {
            phase: "beginning again without workers".to_owned(),
            fraction: None,
            elapsed: Duration::ZERO,
            remaining: None,
            waiting_for: None,
            remark: Some(format!(
                "the server's shared memory (/dev/shm) is too small to build with several processes, so one builds; more of it is faster: shm_size: {wanted}m in a compose file, docker run --shm-size {wanted}m"
            )),
        });
    }

    /// Reports until the build has waited too long for one transaction; then names who is in the way and gives the
    /// connection back. Ends no other way: the caller drops it when the build is over.
    pub(super) async fn run(
        &self,
        mut observer: PgConnection,
        builder: i32,
    ) -> Result<(PgConnection, Blocker), DatabaseError> {
        let start = Instant::now();
        let mut phase = Phase::new(String::new());
        loop {
            tokio::time::sleep(POLL).await;
            let Some(seen) = look(&mut observer, builder).await? else {
                continue;
            };
            if seen.phase != phase.name {
                phase = Phase::new(seen.phase.clone());
            }
            if let Some(blocker) = seen
                .blocker
                .clone()
                .filter(|_| phase.since.elapsed() > self.patience)
            {
                return Ok((observer, blocker));
            }
            let fraction = seen.fraction();
            (self.report)(BuildProgress {
                phase: seen.phase,
                fraction,
                elapsed: start.elapsed(),
                remaining: fraction.and_then(|fraction| remaining(phase.since.elapsed(), fraction)),
                waiting_for: seen.blocker,
                remark: None,
            });
        }
    }
}

/// Has the server end what another session of ours runs.
pub(super) async fn cancel(observer: &mut PgConnection, pid: i32) -> Result<(), DatabaseError> {
    sqlx::query("SELECT pg_catalog.pg_cancel_backend($1)")
        .bind(pid)
        .execute(observer)
        .await
        .map_err(DatabaseError::statement("cancel an index build that waits"))?;
    Ok(())
}

struct Phase {
    name: String,
    since: Instant,
}

impl Phase {
    fn new(name: String) -> Self {
        Self {
            name,
            since: Instant::now(),
        }
    }
}

struct Seen {
    phase: String,
    blocks: (i64, i64),
    tuples: (i64, i64),
    blocker: Option<Blocker>,
}

impl Seen {
    /// HNSW counts blocks; IVFFlat counts blocks while assigning and tuples while loading.
    fn fraction(&self) -> Option<f64> {
        [self.tuples, self.blocks]
            .into_iter()
            .find(|(_, total)| *total > 0)
            .map(|(done, total)| (done as f64 / total as f64).clamp(0.0, 1.0))
    }
}

fn remaining(elapsed: Duration, fraction: f64) -> Option<Duration> {
    (fraction > 0.01).then(|| elapsed.mul_f64((1.0 - fraction) / fraction))
}

async fn look(observer: &mut PgConnection, builder: i32) -> Result<Option<Seen>, DatabaseError> {
    let row = sqlx::query(
        "SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, b.pid AS blocker, b.query
           FROM pg_catalog.pg_stat_progress_create_index p
           LEFT JOIN pg_catalog.pg_stat_activity b ON p.phase LIKE 'waiting for %' AND b.pid = p.current_locker_pid
          WHERE p.pid = $1",
    )
    .bind(builder)
    .fetch_optional(observer)
    .await
    .map_err(DatabaseError::statement("watch the index build"))?;
    Ok(row.map(|row| Seen {
        phase: row.get("phase"),
        blocks: (row.get("blocks_done"), row.get("blocks_total")),
        tuples: (row.get("tuples_done"), row.get("tuples_total")),
        blocker: row.get::<Option<i32>, _>("blocker").map(|pid| Blocker {
            pid,
            query: row.get::<Option<String>, _>("query").unwrap_or_default(),
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_follows_from_the_rate_so_far() {
        assert_eq!(
            remaining(Duration::from_secs(30), 0.25),
            Some(Duration::from_secs(90))
        );
        assert_eq!(remaining(Duration::from_secs(30), 0.0), None);
    }
}
