//! Restarts a service and watches it until it is well, or until it is clear that it will not be.

use std::time::{Duration, Instant};

use super::service::SYSTEMCTL;
use crate::apply::{ApplyError, Progress, interrupt};
use crate::error::Result;
use crate::facts::service::{self, Condition, Health, HealthUrl, State};
use crate::host::{Command, Host, HostError, Privilege};
use crate::settings::UnitName;

/// Stopping and starting take 90 s each before systemd gives up by default (systemd-system.conf(5), "DefaultTimeoutStartSec=").
const RESTART_DEADLINE: Duration = Duration::from_secs(200);

/// From the end of `systemctl restart` until the service is well.
const BUDGET: Duration = Duration::from_secs(60);

/// How long a service has to stay the same process before it counts. systemd calls one of Type=simple active as soon as it is
/// forked, and a master process (gunicorn's, of Type=notify) is ready before its workers have loaded the application. What cannot
/// read its settings ends as soon as its interpreter and its modules are loaded: some hundred milliseconds, a second with large ones.
const SETTLING: Duration = Duration::from_millis(1500);

/// On a machine that is short of processors all this takes longer, and the service is seen to be at work meanwhile: it has to be
/// seen idle so often in a row, a second's looks. One that always works, because it has much to answer, counts by its age.
const IDLE_LOOKS: u32 = 5;
const SETTLING_AT_WORK: Duration = Duration::from_secs(6);

const POLL: Duration = Duration::from_millis(200);

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    NotWell { why: String },
}

/// `restart` is the command line; `before` is how the service was.
///
/// # Errors
/// [`ApplyError::Interrupted`] when a signal asks for a stop meanwhile; what cannot be run or read.
pub(super) async fn restart_and_watch(
    host: &Host,
    unit: &UnitName,
    restart: &Command,
    before: Option<&State>,
    url: Option<&HealthUrl>,
    progress: &dyn Progress,
) -> Result<Verdict> {
    tokio::select! {
        verdict = async {
            forget_starts(host, unit).await;
            progress.waits(&format!("{unit} is restarted and has {} s to get well", BUDGET.as_secs()));
            if let Some(why) = restarted(host, unit, restart, before).await? {
                return Ok(Verdict::NotWell { why });
            }
            watch(host, unit, url, progress).await
        } => verdict,
        exit = interrupt::wait() => Err(ApplyError::Interrupted { exit }.into()),
    }
}

/// What was started too often of late, by systemd or by hand, is stopped by a restart and not started again (systemd.unit(5),
/// "StartLimitBurst="), unless systemd forgets the starts. Where it does not, the restart will tell.
async fn forget_starts(host: &Host, unit: &UnitName) {
    let reset = Command::new(SYSTEMCTL, "have systemd forget how often the service was started")
        .arguments(["reset-failed", unit.as_str()])
        .privilege(Privilege::Root);
    if let Err(error) = host.run(&reset).await {
        tracing::debug!(%error, "reset-failed");
    }
}

/// The command of the plan, as it is run: ended when nobody waits for it any more.
pub(super) fn command(argv: &[String]) -> Command {
    Command::new(&argv[0], "restart the service")
        .arguments(&argv[1..])
        .privilege(Privilege::Root)
        .deadline(RESTART_DEADLINE)
}

/// Why the restart itself failed. A failed start is not that yet: systemd may be about to start the service again.
async fn restarted(
    host: &Host,
    unit: &UnitName,
    restart: &Command,
    before: Option<&State>,
) -> Result<Option<String>> {
    let ran = match host.follow(restart) {
        Ok(following) => following.to_the_end(|_| ()).await,
        Err(error) => Err(error),
    };
    match ran {
        Ok(()) => Ok(None),
        Err(HostError::Deadline { seconds, .. }) => {
            Ok(Some(format!("it did not stop and start within {seconds} s")))
        }
        Err(HostError::Failed { output, .. }) => {
            let pid = |state: &State| (state.main_pid != 0 && state.is_well()).then_some(state.main_pid);
            let now = service::state(host, unit).await?;
            let runs_on = now
                .as_ref()
                .and_then(pid)
                .is_some_and(|now| before.and_then(pid) == Some(now));
            let said = output
                .stderr
                .lines()
                .next()
                .unwrap_or("systemctl does not say why");
            let said = said.trim_end_matches('.').to_owned();
            Ok((runs_on || now.is_none()).then(|| format!("it was not restarted: {said}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Looks again and again: systemd has nothing to subscribe to short of its bus, and a health URL neither.
async fn watch(
    host: &Host,
    unit: &UnitName,
    url: Option<&HealthUrl>,
    progress: &dyn Progress,
) -> Result<Verdict> {
    let end = Instant::now() + BUDGET;
    let mut steady: Option<Steady> = None;
    let mut told = String::new();
    loop {
        let Some(state) = service::state(host, unit).await? else {
            let why = "systemd has no such unit".to_owned();
            return Ok(Verdict::NotWell { why });
        };
        let mut now = state.to_string();
        match state.condition() {
            Condition::Accomplished => return Ok(Verdict::Well),
            Condition::Down => return Ok(Verdict::NotWell { why: now }),
            Condition::Changing => steady = None,
            condition @ Condition::Active { .. } => {
                let current = steady.take().filter(|steady| steady.condition == condition);
                let mut current = current.unwrap_or_else(|| Steady::new(condition));
                current.look(service::is_at_work(host, &state));
                // The answer counts only once a later look has shown that the process is still the same.
                if current.has_settled() && url.is_none_or(|_| current.health == Some(Health::Well)) {
                    return Ok(Verdict::Well);
                }
                if let Some(url) = url.filter(|_| current.health != Some(Health::Well)) {
                    let health = url.ask(host).await;
                    now = format!("{now}, {health}");
                    current.health = Some(health);
                }
                steady = Some(current);
            }
        }
        if Instant::now() >= end {
            let why = format!("not well after {} s: {now}", BUDGET.as_secs());
            return Ok(Verdict::NotWell { why });
        }
        if now != told {
            progress.waits(&format!("{unit}: {now}"));
            told = now;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// One process, since when it is known, what was seen of it, and what it last answered.
struct Steady {
    condition: Condition,
    since: Instant,
    /// How often in a row it was not at work.
    idle_looks: u32,
    health: Option<Health>,
}

impl Steady {
    fn new(condition: Condition) -> Self {
        Self {
            condition,
            since: Instant::now(),
            idle_looks: 0,
            health: None,
        }
    }

    fn look(&mut self, is_at_work: bool) {
        self.idle_looks = if is_at_work { 0 } else { self.idle_looks + 1 };
    }

    /// What answers is past its start, and what is idle too.
    fn has_settled(&self) -> bool {
        let is_past_its_start = self.health == Some(Health::Well) || self.idle_looks >= IDLE_LOOKS;
        let longest = if is_past_its_start {
            SETTLING
        } else {
            SETTLING_AT_WORK
        };
        self.since.elapsed() >= longest
    }
}
