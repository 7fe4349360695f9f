//! The service that reads a site's file: what adds the file to its unit, and the restart that takes back what it cannot live with.
//!
//! What was before stays beside the records until the service is well: `previous`, and `previous.drop-in`, each empty where there
//! was nothing. They are written before what they keep is changed, and removed last, so that whoever is killed in between leaves
//! them to the next run, which restarts the service once more and judges it as this one would have.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::{Failure, ServiceError};
use super::start::{Verdict, command, restart_and_watch};
use super::{CHANGED, journal};
use crate::apply::engine::Engine;
use crate::apply::{ApplyError, Outcome, checkpoint};
use crate::error::{Error, Result};
use crate::facts::service::{self, HealthUrl, is_ours};
use crate::host::{Account, Command, Host, HostError, Privilege};
use crate::plan::site::{SiteStep, UNATTENDED};
use crate::secret::Secret;
use crate::site::environment;

pub(super) const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// A reload runs every generator and reads every unit.
const RELOAD_DEADLINE: Duration = Duration::from_secs(90);

/// Writes the drop-in, where `before` is what has to be there now, and has systemd read its units again.
///
/// # Errors
/// [`HostError::Changed`] where something else is there by now.
pub(super) async fn connect(
    engine: &Engine<'_>,
    path: &Path,
    content: &str,
    before: Option<&str>,
) -> Result<Outcome> {
    let host = engine.host;
    let found = host.read_text(path)?;
    if found.as_deref() != Some(content) {
        if found.as_deref() != before {
            let path = path.to_owned();
            return Err(HostError::Changed { path }.into());
        }
        let found = found.unwrap_or_default();
        let kept = engine.places.map(|places| places.previous_drop_in.as_path());
        // Another comment is nothing that a service reads.
        let kept = kept.filter(|kept| assignments(&found) != assignments(content) && !host.exists(kept));
        if let Some(kept) = kept {
            host.write_file(kept, found.as_bytes(), 0o600, None)?;
            checkpoint::reached();
        }
        if let Some(directory) = path.parent() {
            host.create_directory(directory, 0o755, None)?;
        }
        host.write_file(path, content.as_bytes(), 0o644, None)?;
        checkpoint::reached();
    }
    // A run that was cut off may have written it, and no more.
    daemon_reload(host).await?;
    Ok(CHANGED)
}

fn assignments(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// Removes the drop-in if it is ours, and its directory where nothing else is in it.
pub(super) async fn disconnect(host: &Host, path: &Path) -> Result<Outcome> {
    match host.read_text(path)? {
        Some(content) if !is_ours(&content) => {
            let why = format!("{} is not ours by now", path.display());
            return Ok(Outcome::Skipped { why });
        }
        Some(_) => remove_drop_in(host, path)?,
        None => {}
    }
    daemon_reload(host).await?;
    Ok(CHANGED)
}

fn remove_drop_in(host: &Host, path: &Path) -> Result<()> {
    host.remove_file(path)?;
    checkpoint::reached();
    if let Some(directory) = path.parent() {
        host.remove_empty_directory(directory);
    }
    Ok(())
}

async fn daemon_reload(host: &Host) -> Result<()> {
    let reload = Command::new(SYSTEMCTL, "have systemd read its units again")
        .argument("daemon-reload")
        .privilege(Privilege::Root)
        .deadline(RELOAD_DEADLINE);
    host.run(&reload).await?;
    checkpoint::reached();
    Ok(())
}

/// Restarts, waits until it is well, or puts back what was there before and restarts it on that.
///
/// # Errors
/// [`ServiceError`] where it did not come up; [`ApplyError::Interrupted`] for a signal: the next run restarts it again.
pub(super) async fn restart(engine: &Engine<'_>, step: &SiteStep) -> Result<Outcome> {
    let SiteStep::RestartService {
        unit,
        argv,
        environment,
        previous,
        health_url,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let (host, progress) = (engine.host, engine.progress);
    let kept = Kept {
        environment,
        previous,
        drop_in: engine
            .places
            .map(|places| (places.drop_in.as_path(), places.previous_drop_in.as_path())),
    };
    let url = health_url.as_deref().map(HealthUrl::parse).transpose()?;
    let command = command(argv);
    if argv.iter().any(|word| word == UNATTENDED) {
        // It waits for the unit that we run in, so nobody here can see it well; `doctor` and `site status` can.
        host.run(&command).await?;
        checkpoint::reached();
        kept.forget(host)?;
        return Ok(CHANGED);
    }
    let before = service::state(host, unit).await?;
    let since = SystemTime::now();
    let was_running = before.as_ref().is_some_and(service::State::is_well);
    let watched = restart_and_watch(host, unit, &command, before.as_ref(), url.as_ref(), progress);
    let why = match watched.await? {
        Verdict::Well => {
            checkpoint::reached();
            kept.forget(host)?;
            return Ok(CHANGED);
        }
        Verdict::NotWell { why } => why,
    };
    checkpoint::reached();
    let failure = Failure {
        unit: unit.clone(),
        said: journal::last_words(host, unit, since, &kept.secrets(host)).await,
        why,
    };
    if !kept.is_something(host) {
        return Err(service_error(ServiceError::Unchanged { failure, was_running }));
    }
    progress.undoes(&format!("what {unit} reads: it did not come up on the new"));
    if let Err(problem) = kept.put_back(host).await {
        let problem = Box::new(problem);
        return Err(service_error(ServiceError::NotPutBack { failure, problem }));
    }
    let again = restart_and_watch(host, unit, &command, None, url.as_ref(), progress).await?;
    checkpoint::reached();
    Err(service_error(match again {
        Verdict::Well => {
            kept.forget(host)?;
            ServiceError::PutBack { failure }
        }
        // What was kept stays, so that the next run restarts the service again.
        Verdict::NotWell { why: again } => ServiceError::Down {
            failure,
            again,
            was_running,
        },
    }))
}

fn service_error(error: ServiceError) -> Error {
    ApplyError::from(error).into()
}

/// What a service read before, and where it read it.
struct Kept<'a> {
    environment: &'a Path,
    previous: &'a Path,
    /// The drop-in, and the one before.
    drop_in: Option<(&'a Path, &'a Path)>,
}

impl Kept<'_> {
    fn is_something(&self, host: &Host) -> bool {
        host.exists(self.previous) || self.drop_in.is_some_and(|(_, before)| host.exists(before))
    }

    /// The unit first: at no moment does it ask for a file that is gone.
    async fn put_back(&self, host: &Host) -> Result<()> {
        if let Some((path, before)) = self.drop_in
            && let Some(content) = host.read_text(before)?
        {
            if content.is_empty() {
                remove_drop_in(host, path)?;
            } else {
                host.write_file(path, content.as_bytes(), 0o644, None)?;
                checkpoint::reached();
            }
            daemon_reload(host).await?;
        }
        match host.read(self.previous) {
            Ok(content) if content.is_empty() => host.remove_file(self.environment)?,
            Ok(content) => {
                let (mode, owner) = self.mode_and_owner(host);
                host.write_file(self.environment, &content, mode, owner.as_ref())?;
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        checkpoint::reached();
        Ok(())
    }

    /// Of the file that is replaced: who may read is no secret of either.
    fn mode_and_owner(&self, host: &Host) -> (u32, Option<Account>) {
        let (Some((mode, uid)), Some(gid)) = (
            host.mode_and_owner(self.environment),
            host.group_of(self.environment),
        ) else {
            return (0o600, None);
        };
        let owner = Account {
            name: String::new(),
            uid,
            gid,
            home: None,
        };
        (mode, Some(owner))
    }

    /// Nothing is to be put back any more. The file first: with the drop-in's alone a later failure takes the unit from a file
    /// that stays, never a file from a unit that needs it.
    fn forget(&self, host: &Host) -> Result<()> {
        host.remove_file(self.previous)?;
        checkpoint::reached();
        if let Some((_, before)) = self.drop_in {
            host.remove_file(before)?;
        }
        Ok(())
    }

    fn secrets(&self, host: &Host) -> Vec<Secret> {
        let files = [self.environment, self.previous].into_iter();
        let texts = files.filter_map(|path| host.read_text(path).ok().flatten());
        texts.flat_map(|text| environment::passwords(&text)).collect()
    }
}
