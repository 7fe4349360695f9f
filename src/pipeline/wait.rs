//! Waiting for a server that somebody else starts. Nothing tells when it is ready, so it is asked again and again.

use std::time::{Duration, Instant};

use super::Installation;
use crate::apply::{ApplyError, interrupt};
use crate::database::{DatabaseError, sqlstate};
use crate::error::{Error, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// SQLSTATEs of a server that starts or stops: `cannot_connect_now`, `admin_shutdown`, `crash_shutdown`.
const STARTING: [&str; 3] = ["57P03", "57P01", "57P02"];

impl Installation<'_> {
    /// Returns when the server of the URL has answered queries: not its port alone, which a container engine may open before
    /// the server listens, and not a server that is only starting.
    ///
    /// # Errors
    /// [`DatabaseError::NotYet`] after `limit`, with the last answer; at once for what waiting does not mend (a wrong
    /// password, TLS), and for a signal.
    pub async fn wait(&self, limit: Duration, told: impl Fn(&str)) -> Result<()> {
        // Another run that is first there is waited for as long.
        let _ = self.patience.set(limit);
        let (began, mut pause, mut last) = (Instant::now(), FIRST_PAUSE, None);
        let Some(url) = &self.settings.server_url else {
            return Ok(());
        };
        loop {
            let left = limit.saturating_sub(began.elapsed());
            let answer = tokio::select! {
                answer = tokio::time::timeout(left, self.machine_facts()) => answer,
                exit = interrupt::wait() => return Err(ApplyError::Interrupted { exit }.into()),
            };
            let reason = match answer {
                Ok(Ok(_)) => break,
                Ok(Err(error)) if is_starting(&error) => Some(error.to_string()),
                Ok(Err(error)) => return Err(error),
                Err(_) => None,
            };
            let is_first = last.is_none();
            last = reason.or(last);
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(DatabaseError::NotYet {
                    seconds: limit.as_secs(),
                    last: last.unwrap_or_else(|| format!("{} says nothing", url.address())),
                }
                .into());
            }
            if let (true, Some(reason)) = (is_first, &last) {
                told(&format!("waiting, at most {} s: {reason}", limit.as_secs()));
            }
            tokio::select! {
                () = tokio::time::sleep(pause.min(left)) => {}
                exit = interrupt::wait() => return Err(ApplyError::Interrupted { exit }.into()),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if last.is_some() {
            let seconds = began.elapsed().as_secs_f32();
            told(&format!("{} answers after {seconds:.1} s", url.address()));
        }
        Ok(())
    }
}

/// Whether the same question may be answered in a moment: nobody there yet, no such name yet, starting, gone again.
fn is_starting(error: &Error) -> bool {
    match error {
        Error::Database(DatabaseError::ServerUnreachable { .. }) => true,
        Error::Database(DatabaseError::ServerLogin { code, .. }) => STARTING.contains(&code.as_str()),
        Error::Database(DatabaseError::Statement { source, .. }) => {
            matches!(source, sqlx::Error::Io(_))
                || sqlstate(source).is_some_and(|code| STARTING.contains(&code.as_str()))
        }
        _ => false,
    }
}
