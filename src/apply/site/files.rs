//! What a site keeps on disk: its record, a password that is only prepared, and the file that its service reads.

use std::path::Path;

use super::CHANGED;
use crate::apply::Outcome;
use crate::apply::engine::Engine;
use crate::apply::machine::new_password;
use crate::database::{Endpoint, credentials};
use crate::error::Result;
use crate::host::{Account, Host};
use crate::plan::site::SiteStep;
use crate::secret::Secret;
use crate::settings::{Identifier, SiteSettings};
use crate::site::{Environment, SiteRecord, environment};

pub(super) fn write_record(host: &Host, path: &Path, record: &SiteRecord) -> Result<Outcome> {
    let mut text = serde_json::to_string_pretty(record).expect("a record is plain data");
    text.push('\n');
    host.write_file(path, text.as_bytes(), 0o600, None)?;
    Ok(CHANGED)
}

/// On disk before the server knows it. One that is there was prepared by a run that was cut off, and may be known already.
pub(super) fn prepare_password(host: &Host, path: &Path, login: &Identifier) -> Result<Outcome> {
    let text = host.read_text(path)?.unwrap_or_default();
    if credentials::password(&text, login).is_some() {
        return Ok(Outcome::AlreadyThere);
    }
    let password = new_password(path)?;
    // The form of a password file; only login and password are looked at.
    let any = Identifier::new("*")?;
    let line = credentials::line("*", 0, &any, login, &password);
    host.write_file(path, line.as_bytes(), 0o600, None)?;
    Ok(CHANGED)
}

/// The password of a login: prepared, or in use already.
pub(super) fn known_password(engine: &Engine<'_>, login: &Identifier) -> Result<Option<Secret>> {
    let prepared = engine
        .host
        .read_text(&engine.layout.credentials)?
        .unwrap_or_default();
    if let Some(password) = credentials::password(&prepared, login) {
        return Ok(Some(password));
    }
    let Some(places) = &engine.places else {
        return Ok(None);
    };
    let used = engine.host.read_text(&places.environment)?.unwrap_or_default();
    Ok(environment::password(&used, login))
}

/// The one before is kept first: whoever is killed in between finds both.
pub(super) fn write_environment(engine: &Engine<'_>, step: &SiteStep) -> Result<Outcome> {
    let SiteStep::WriteEnvironment {
        path,
        previous,
        login,
        group,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let (Some(site), Some(server)) = (engine.site, &engine.server) else {
        return Ok(Outcome::AlreadyThere);
    };
    let password = known_password(engine, login)?.ok_or_else(|| no_password(engine, login))?;
    let text = environment_of(site, &server.application, login).text(&password);
    let host = engine.host;
    let before = match host.read(path) {
        Ok(before) => before,
        // An empty one says that there was none.
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    // A run that was cut off has kept what the service was last well on.
    if let Some(previous) = previous.as_ref().filter(|previous| !host.exists(previous))
        && before != text.as_bytes()
    {
        host.write_file(previous, &before, 0o600, None)?;
    }
    crate::apply::checkpoint::reached();
    let owner = host.is_root().then(|| reader(host, group)).transpose()?;
    host.write_file(path, text.as_bytes(), site.environment_mode(), owner.as_ref())?;
    crate::apply::checkpoint::reached();
    host.remove_file(&engine.layout.credentials)?;
    Ok(CHANGED)
}

fn no_password(engine: &Engine<'_>, login: &Identifier) -> crate::database::DatabaseError {
    crate::database::DatabaseError::Login {
        code: "28P01".into(),
        message: format!(
            "{} holds no password for the role {login}",
            engine.layout.credentials.display()
        ),
    }
}

/// Root, with the group that may read.
fn reader(host: &Host, group: &str) -> Result<Account> {
    let gid = host
        .group_named(group)
        .ok_or_else(|| crate::facts::FactsError::Unreadable {
            what: "/etc/group".to_owned(),
            detail: format!("there is no group {group}"),
        })?;
    Ok(Account {
        name: "root".into(),
        uid: 0,
        gid,
        home: None,
    })
}

/// How the application of a site comes to this server.
pub fn environment_of<'a>(
    site: &'a SiteSettings,
    way: &'a Endpoint,
    login: &'a Identifier,
) -> Environment<'a> {
    let host = match way {
        Endpoint::Socket { directory, .. } => directory.to_str().unwrap_or_default(),
        Endpoint::Tcp { host, .. } => host,
        // Sites are on servers of this machine.
        Endpoint::Server(_) => "",
    };
    Environment {
        site,
        host,
        port: way.port(),
        login,
    }
}
