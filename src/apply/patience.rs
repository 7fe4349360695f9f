//! Waiting with a package manager: for another one to end, and on a machine that is only booting for network and clock.
//!
//! Locks are looked at before a command runs, so that their holder can be named; a command that lost the race for one runs
//! again. A repository is asked again only where asking is what mends it: names do not resolve, nothing answers, or the
//! clock contradicts what it signed.

use std::path::Path;
use std::time::{Duration, Instant};

use super::apt::{PackageError, Waits};
use super::{ApplyError, interrupt};
use crate::error::{Error, Result};
use crate::facts::apt::LockHolder;
use crate::host::Host;

/// How long a step waits for what others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For another program to release the package manager.
    pub lock: Duration,
    /// For repositories to be reached, and for a clock that suits them; counted from the first failure.
    pub repositories: Duration,
}

impl Patience {
    /// No network is waited for by what takes a step back.
    pub const fn with_locks_alone(lock: Duration) -> Self {
        Self {
            lock,
            repositories: Duration::ZERO,
        }
    }
}

/// What goes by without anybody mending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    Locked,
    /// Names do not resolve, or nothing answers.
    Unreachable,
    /// What a repository signed is not valid by this machine's clock.
    Clock,
}

const LOCK_INTERVAL: Duration = Duration::from_millis(200);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// systemd-timesyncd.service(8): touched when the clock was set by the network since the machine started.
const CLOCK_IS_SET: &str = "/run/systemd/timesync/synchronized";

/// Runs `attempt` once `holder` finds nobody, and again for as long as its failure may go by within `patience`.
///
/// # Errors
/// [`PackageError::Busy`] when a lock is never free, [`ApplyError::Interrupted`] for a signal during a pause, and the last
/// failure of `attempt`.
pub async fn run<T>(
    host: &Host,
    patience: Patience,
    holder: impl Fn(&Host) -> Option<LockHolder>,
    waits: Waits<'_>,
    attempt: impl AsyncFn() -> Result<T>,
) -> Result<T> {
    run_pausing(host, patience, holder, waits, attempt, sleep).await
}

async fn run_pausing<T>(
    host: &Host,
    patience: Patience,
    holder: impl Fn(&Host) -> Option<LockHolder>,
    waits: Waits<'_>,
    attempt: impl AsyncFn() -> Result<T>,
    sleep: impl AsyncFn(Duration) -> Result<()>,
) -> Result<T> {
    let mut end_of_lock = Instant::now() + patience.lock;
    // From the first failure on: apt's own attempts may take longer than the whole budget.
    let mut failing_since = None;
    let mut pauses = Pauses::within(patience.repositories);
    let mut has_told_lock = false;
    loop {
        wait_for_lock(host, &holder, end_of_lock, patience.lock, waits).await?;
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let pause = match passing(&error) {
            Some(Passing::Locked) if Instant::now() < end_of_lock => {
                if !has_told_lock {
                    waits(&told(&error, "the package manager", patience.lock, LOCK_INTERVAL));
                    has_told_lock = true;
                }
                LOCK_INTERVAL
            }
            Some(Passing::Clock) if host.exists(Path::new(CLOCK_IS_SET)) => return Err(error),
            Some(Passing::Clock | Passing::Unreachable) => {
                let elapsed = failing_since.get_or_insert_with(Instant::now).elapsed();
                let Some(pause) = pauses.next(elapsed) else {
                    return Err(error);
                };
                waits(&told(
                    &error,
                    "the package repositories",
                    patience.repositories,
                    pause,
                ));
                // Others have waited for the network as well, and are quicker.
                end_of_lock = Instant::now() + pause + patience.lock;
                has_told_lock = false;
                pause
            }
            _ => return Err(error),
        };
        sleep(pause).await?;
    }
}

/// Longer and longer ones, until a time is over; the last ends when it does.
struct Pauses {
    limit: Duration,
    next: Duration,
}

impl Pauses {
    fn within(limit: Duration) -> Self {
        Self {
            limit,
            next: FIRST_PAUSE,
        }
    }

    fn next(&mut self, elapsed: Duration) -> Option<Duration> {
        let pause = self.next.min(self.limit.saturating_sub(elapsed));
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        (!pause.is_zero()).then_some(pause)
    }
}

async fn wait_for_lock(
    host: &Host,
    holder: impl Fn(&Host) -> Option<LockHolder>,
    end: Instant,
    longest: Duration,
    waits: Waits<'_>,
) -> Result<()> {
    let mut told = None;
    while let Some(holder) = holder(host) {
        if Instant::now() >= end {
            return Err(ApplyError::Packages(PackageError::Busy {
                holder: holder.to_string(),
                seconds: longest.as_secs(),
            })
            .into());
        }
        if told != Some(holder.pid) {
            let longest = longest.as_secs();
            waits(&format!("up to {longest} s for the package manager: {holder}"));
            told = Some(holder.pid);
        }
        sleep(LOCK_INTERVAL).await?;
    }
    Ok(())
}

async fn sleep(pause: Duration) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(pause) => Ok(()),
        exit = interrupt::wait() => Err(ApplyError::Interrupted { exit }.into()),
    }
}

fn passing(error: &Error) -> Option<Passing> {
    match error {
        Error::Apply(ApplyError::Packages(error)) => error.passing(),
        Error::Apply(ApplyError::Rpm(error)) => error.passing(),
        _ => None,
    }
}

fn told(error: &Error, what: &str, longest: Duration, pause: Duration) -> String {
    let reason = match error {
        Error::Apply(ApplyError::Packages(error)) => error.in_one_line(),
        Error::Apply(ApplyError::Rpm(error)) => error.in_one_line(),
        other => other.to_string(),
    };
    let again = match pause.as_secs() {
        0 => String::new(),
        seconds => format!("; asked again in {seconds} s"),
    };
    format!("up to {} s for {what}: {reason}{again}", longest.as_secs())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::{Exit, Explain as _};
    use crate::host::{Environment, Output};

    const DNS: &str = "E: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'";
    const LOCK: &str =
        "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 7 (apt-get)";
    const KEY: &str = "E: The repository 'http://x stable InRelease' is not signed.";
    const MISSING: &str = "E: Failed to fetch http://x/y.deb  404  Not Found [IP: 127.0.0.1 80]";
    const DENIED: &str = "E: Failed to fetch http://x/y.deb  403  Forbidden [IP: 127.0.0.1 80]";

    struct Story {
        ran: usize,
        told: Vec<String>,
        pauses: Vec<u64>,
        end: Result<()>,
    }

    /// Runs what fails with each of `failures` in turn and then succeeds; pauses are noted and not made.
    async fn story(failures: &[&str], lock: u64, repositories: u64) -> Story {
        let patience = Patience {
            lock: Duration::from_secs(lock),
            repositories: Duration::from_secs(repositories),
        };
        let (ran, told, pauses) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        let host = Host::new(Environment::default());
        let waits = |what: &str| {
            let told: &Mutex<Vec<_>> = &told;
            told.lock().unwrap().push(what.to_owned());
        };
        let attempt = async || {
            let Some(stderr) = failures.get(ran.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(());
            };
            let output = Output {
                code: 100,
                stderr: (*stderr).to_owned(),
                ..Output::default()
            };
            let error = PackageError::from_output("apt-get update".to_owned(), &output);
            Err(ApplyError::Packages(error).into())
        };
        let sleep = async |pause: Duration| {
            let pauses: &Mutex<Vec<_>> = &pauses;
            pauses.lock().unwrap().push(pause.as_secs());
            Ok(())
        };
        let end = run_pausing(&host, patience, |_| None, &waits, attempt, sleep).await;
        Story {
            ran: ran.into_inner(),
            told: told.into_inner().unwrap(),
            pauses: pauses.into_inner().unwrap(),
            end,
        }
    }

    #[tokio::test]
    async fn a_network_that_comes_is_waited_for_with_growing_pauses() {
        let story = story(&[DNS, DNS, DNS], 0, 60).await;
        assert!(story.end.is_ok());
        assert_eq!((story.ran, story.pauses), (4, vec![1, 2, 4]));
        assert_eq!(
            story.told[1],
            format!(
                "up to 60 s for the package repositories: a package repository did not answer: {DNS}; asked again in 2 s"
            )
        );
    }

    #[tokio::test]
    async fn without_a_budget_the_first_failure_is_the_last() {
        let story = story(&[DNS], 0, 0).await;
        assert_eq!((story.ran, story.told.len()), (1, 0));
        assert_eq!(story.end.unwrap_err().code(), "E0521");
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_is_never_asked_again() {
        for failure in [KEY, MISSING, DENIED, "E: something new"] {
            let story = story(&[failure], 60, 60).await;
            assert_eq!((story.ran, story.told.len()), (1, 0), "{failure}");
            assert_eq!(story.end.unwrap_err().exit(), Exit::Resumable, "{failure}");
        }
    }

    #[tokio::test]
    async fn a_lost_race_for_a_lock_is_run_again_also_right_after_the_network_came() {
        let story = story(&[LOCK, DNS, LOCK], 60, 60).await;
        assert!(story.end.is_ok());
        assert_eq!((story.ran, story.pauses), (4, vec![0, 1, 0]));
        assert_eq!(
            story.told[2],
            format!("up to 60 s for the package manager: another process uses the package manager: {LOCK}")
        );
    }

    #[tokio::test]
    async fn a_lock_without_patience_is_busy_at_once() {
        let story = story(&[LOCK], 0, 60).await;
        assert_eq!((story.ran, story.end.unwrap_err().exit()), (1, Exit::Busy));
    }

    #[test]
    fn pauses_double_to_half_a_minute_and_the_last_ends_with_the_budget() {
        let mut pauses = Pauses::within(Duration::from_secs(100));
        let mut next = |elapsed| {
            pauses
                .next(Duration::from_secs(elapsed))
                .map(|pause| pause.as_secs())
        };
        let got = [0, 1, 3, 7, 15, 31, 61, 91, 100].map(&mut next);
        let expected = [1, 2, 4, 8, 16, 30, 30, 9].map(Some);
        assert_eq!((&got[..8], got[8]), (&expected[..], None));
    }
}
