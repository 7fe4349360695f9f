//! Users, directories and the credentials file.

use std::path::Path;
use std::time::Duration;

use super::Outcome;
use super::engine::Engine;
use crate::database::credentials;
use crate::error::Result;
use crate::facts::layout::SERVICE_USER;
use crate::host::{Account, Command, HostError};
use crate::secret::Secret;
use crate::settings::Identifier;

/// useradd's exit code for a name that is already there (useradd(8)).
const USER_EXISTS: i32 = 9;

pub(super) async fn create_user(engine: &Engine<'_>, argv: &[String]) -> Result<Outcome> {
    let command = Command::new(&argv[0], "make the system user that the server runs as")
        .arguments(&argv[1..])
        .accept([USER_EXISTS])
        .deadline(Duration::from_secs(30));
    let output = engine.host.run(&command).await?;
    Ok(if output.code == USER_EXISTS {
        Outcome::AlreadyThere
    } else {
        Outcome::Changed { object: None }
    })
}

/// The account that the server runs as: none for a plain user, who runs it as itself.
pub(super) fn service_account(engine: &Engine<'_>, owner: Option<&str>) -> Option<Account> {
    owner
        .and_then(|name| engine.host.account_named(name))
        .or_else(|| {
            // Between useradd and its record in a cache there is no gap: the file is read again each time.
            if engine.host.is_root() {
                engine.host.account_named(SERVICE_USER)
            } else {
                None
            }
        })
}

pub(super) fn create_directory(
    engine: &Engine<'_>,
    path: &Path,
    mode: &str,
    owner: Option<&str>,
) -> Result<Outcome> {
    let mode = u32::from_str_radix(mode, 8).unwrap_or(0o700);
    let account = owner.and_then(|name| engine.host.account_named(name));
    let made = engine.host.create_directory(path, mode, account.as_ref())?;
    Ok(if made {
        Outcome::Changed { object: None }
    } else {
        Outcome::AlreadyThere
    })
}

/// A password, made here or taken from a file, on disk before any server knows of it: a run that is cut off finds it again.
pub(super) fn write_credentials(
    engine: &Engine<'_>,
    path: &Path,
    role: &Identifier,
    from: Option<&Path>,
) -> Result<Outcome> {
    let before = engine.host.read_text(path)?;
    let password = match from {
        Some(file) => engine.host.read_password(file)?,
        None if before.is_some() => return Ok(Outcome::AlreadyThere),
        None => new_password(path)?,
    };
    let application = engine.server.as_ref().map(|server| &server.application);
    let port = application.map_or(5432, crate::database::Endpoint::port);
    let host = application.map_or("127.0.0.1".to_owned(), crate::database::Endpoint::host);
    let line = credentials::line(&host, port, &engine.settings.database, role, &password);
    if before.is_some_and(|before| before == line) {
        return Ok(Outcome::AlreadyThere);
    }
    engine.host.write_file(path, line.as_bytes(), 0o600, None)?;
    Ok(Outcome::Changed { object: None })
}

pub(super) fn new_password(path: &Path) -> Result<Secret, HostError> {
    Secret::generate().map_err(|error| {
        let source = std::io::Error::other(error.to_string());
        HostError::io("read random bytes for", path, source)
    })
}
