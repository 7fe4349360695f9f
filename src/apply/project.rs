//! Writing rendered files and the secrets that they refer to.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::facts::project::{FileState, ProjectFacts, gather, read_password, read_url, url};
use crate::host::{Host, HostError, quote_word};
use crate::plan::Refusal;
use crate::plan::project::may_write;
use crate::render::{RenderedFile, RenderedSecret, Rendering, SecretSource};
use crate::secret::Secret;

/// Nobody else looks into the directory of the secrets.
const PRIVATE: u32 = 0o700;
/// Below that directory: the container's own user, whoever it is, reads the file by a mount of its own.
const READABLE: u32 = 0o444;
const SHARED: u32 = 0o755;

/// One file that was written or kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WrittenFile {
    /// Relative to the directory.
    pub path: PathBuf,
    /// What was found; it is current now.
    pub before: FileState,
    /// Where a copy of somebody else's work was put, relative to the directory.
    pub backup: Option<PathBuf>,
}

/// Brings the directory to what was rendered: secrets first, so that no file refers to one that is missing. Files that are
/// current and secrets that are there stay untouched.
///
/// # Errors
/// As [`gather`] and [`may_write`], before anything is written; what the host says of a file that cannot be written.
pub fn write(
    host: &Host,
    directory: &Path,
    rendering: &Rendering,
    overwrite: bool,
) -> Result<Vec<WrittenFile>> {
    let facts = gather(host, directory, rendering)?;
    may_write(&facts, rendering, overwrite)?;
    if facts.is_current() {
        return Ok(kept(&facts));
    }
    make_directories(host, &facts.directory)?;
    let mut written = kept(&facts);
    for secret in &rendering.secrets {
        write_secret(host, &facts.directory, secret)?;
    }
    for (file, written) in rendering.files.iter().zip(&mut written) {
        written.backup = write_rendered(host, &facts.directory, file, written.before)?;
    }
    Ok(written)
}

fn kept(facts: &ProjectFacts) -> Vec<WrittenFile> {
    let kept = facts.files.iter().map(|file| WrittenFile {
        path: file.path.clone(),
        before: file.state,
        backup: None,
    });
    kept.collect()
}

fn write_rendered(
    host: &Host,
    directory: &Path,
    file: &RenderedFile,
    before: FileState,
) -> Result<Option<PathBuf>> {
    let path = directory.join(&file.path);
    if before == FileState::Current {
        return Ok(None);
    }
    if let Some(parent) = path.parent() {
        make_directories(host, parent)?;
    }
    let backup = if before.is_somebody_elses() {
        Some(back_up(host, directory, &file.path)?)
    } else {
        None
    };
    host.write_file(&path, file.content.as_bytes(), file.mode, None)?;
    Ok(backup)
}

/// `compose.yaml.backup-1`, or the first number that is free: no backup is ever lost.
fn back_up(host: &Host, directory: &Path, file: &Path) -> Result<PathBuf> {
    let path = directory.join(file);
    let content = host.read(&path)?;
    let mode = host.mode_and_owner(&path).map_or(0o600, |(mode, _)| mode);
    for number in 1_u32.. {
        let backup = PathBuf::from(format!("{}.backup-{number}", file.display()));
        if host.write_file_once(&directory.join(&backup), &content, mode)? {
            return Ok(backup);
        }
    }
    Err(HostError::io("write", &path, std::io::ErrorKind::AlreadyExists.into()).into())
}

/// What is there is kept, whoever wrote it; a URL is written anew when it does not fit its password.
fn write_secret(host: &Host, directory: &Path, secret: &RenderedSecret) -> Result<()> {
    let path = directory.join(&secret.path);
    host.create_directory(path.parent().unwrap_or(directory), PRIVATE, None)?;
    match &secret.source {
        SecretSource::Url {
            before,
            password,
            after,
        } => {
            let there = read_url(host, &path)?;
            let password = read_password(host, &directory.join(password))?;
            let wanted = password.map(|password| url(before, &password, after));
            match wanted {
                Some(wanted) if there.as_ref() != Some(&wanted) => {
                    host.write_file(&path, wanted.expose().as_bytes(), READABLE, None)?;
                }
                _ => {}
            }
        }
        SecretSource::Generated | SecretSource::File(_) if host.exists(&path) => {}
        SecretSource::Generated => once(host, &path, &generated()?)?,
        SecretSource::File(file) => once(host, &path, &host.read_password(file)?)?,
    }
    Ok(())
}

/// Another run may be first: then its secret is the one.
fn once(host: &Host, path: &Path, secret: &Secret) -> Result<()> {
    host.write_file_once(path, secret.expose().as_bytes(), READABLE)?;
    Ok(())
}

fn generated() -> Result<Secret> {
    Secret::generate().map_err(|error| {
        let source = std::io::Error::other(error.to_string());
        HostError::io("read", Path::new("/dev/urandom"), source).into()
    })
}

fn make_directories(host: &Host, directory: &Path) -> Result<()> {
    let missing = directory.ancestors().take_while(|place| !host.exists(place));
    let missing: Vec<&Path> = missing.collect();
    let nearest = directory.ancestors().nth(missing.len()).unwrap_or(directory);
    if !host.is_writable(nearest) {
        return Err(Refusal::Blocked {
            fact: format!("{} cannot be written by this user", nearest.display()),
            hint: format!(
                "name a directory that can be, or look why: ls -ld {}",
                quote_word(&nearest.display().to_string())
            ),
        }
        .into());
    }
    for place in missing.into_iter().rev() {
        host.create_directory(place, SHARED, None)?;
    }
    Ok(())
}
