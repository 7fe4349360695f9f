//! What is in a directory of rendered files, beside what would be written there.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::{Host, quote_word};
use crate::plan::Refusal;
use crate::render::seal::{Seal, major_of, seal_of};
use crate::render::{RenderedSecret, Rendering, SecretSource};
use crate::secret::Secret;
use crate::settings::percent_encoded;

/// How a file on disk stands to what would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Not there.
    Missing,
    /// As it would be written; a secret that is kept.
    Current,
    /// As this program wrote it, for other settings or by another version.
    Outdated,
    /// Written by this program and changed by somebody else.
    Edited,
    /// Not written by this program.
    Foreign,
}

impl FileState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Current => "current",
            Self::Outdated => "outdated",
            Self::Edited => "edited",
            Self::Foreign => "not ours",
        }
    }

    /// Whether somebody else's work would be lost by writing.
    pub fn is_somebody_elses(self) -> bool {
        matches!(self, Self::Edited | Self::Foreign)
    }
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileFacts {
    /// Relative to the directory.
    pub path: PathBuf,
    pub state: FileState,
    /// A unified diff from what is there to what would be written; never of a secret.
    pub difference: Option<String>,
}

/// A directory of rendered files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProjectFacts {
    /// Absolute.
    pub directory: PathBuf,
    /// Files, then secrets, each in the order of the rendering.
    pub files: Vec<FileFacts>,
    /// The PostgreSQL major that the files there were written for, if any was.
    pub major: Option<u16>,
}

impl ProjectFacts {
    pub fn is_current(&self) -> bool {
        self.files.iter().all(|file| file.state == FileState::Current)
    }
}

/// Reads the directory; changes nothing.
///
/// # Errors
/// [`Refusal`] where something else than a directory or a plain file stands at a path of the project, what the host says
/// of a file that cannot be read.
pub fn gather(host: &Host, directory: &Path, rendering: &Rendering) -> Result<ProjectFacts> {
    let directory = std::path::absolute(directory).map_err(|error| blocked(directory, &error.to_string()))?;
    refuse_other_kinds(host, &directory, rendering)?;
    let mut facts = ProjectFacts {
        directory,
        files: Vec::new(),
        major: None,
    };
    for file in &rendering.files {
        let there = host.read_text(&facts.directory.join(&file.path))?;
        facts.major = facts.major.or(there.as_deref().and_then(major_of));
        facts.files.push(FileFacts {
            path: file.path.clone(),
            state: state(there.as_deref(), &file.content),
            difference: there.and_then(|there| difference(&file.path, &there, &file.content)),
        });
    }
    for secret in &rendering.secrets {
        facts.files.push(FileFacts {
            path: secret.path.clone(),
            state: secret_state(host, &facts.directory, secret)?,
            difference: None,
        });
    }
    Ok(facts)
}

/// A password of a project; `None` where it is missing.
///
/// # Errors
/// As [`Host::read_password`].
pub fn read_password(host: &Host, path: &Path) -> Result<Option<Secret>> {
    Ok(host.exists(path).then(|| host.read_password(path)).transpose()?)
}

/// A URL of a project; `None` where it is missing.
///
/// # Errors
/// As [`Host::read_url`].
pub fn read_url(host: &Host, path: &Path) -> Result<Option<Secret>> {
    Ok(host.exists(path).then(|| host.read_url(path)).transpose()?)
}

/// The URL with this password.
pub fn url(before: &str, password: &Secret, after: &str) -> Secret {
    Secret::new(format!("{before}{}{after}", percent_encoded(password.expose())))
}

fn state(there: Option<&str>, wanted: &str) -> FileState {
    match there {
        None => FileState::Missing,
        Some(there) if there == wanted => FileState::Current,
        Some(there) => match seal_of(there) {
            Seal::Intact => FileState::Outdated,
            Seal::Broken => FileState::Edited,
            Seal::Absent => FileState::Foreign,
        },
    }
}

fn secret_state(host: &Host, directory: &Path, secret: &RenderedSecret) -> Result<FileState> {
    let path = directory.join(&secret.path);
    let SecretSource::Url {
        before,
        password,
        after,
    } = &secret.source
    else {
        return password_state(host, &path, &secret.source);
    };
    let Some(there) = read_url(host, &path)? else {
        return Ok(FileState::Missing);
    };
    let password = read_password(host, &directory.join(password))?;
    let fits = password.is_some_and(|password| url(before, &password, after) == there);
    Ok(if fits {
        FileState::Current
    } else {
        FileState::Outdated
    })
}

fn password_state(host: &Host, path: &Path, source: &SecretSource) -> Result<FileState> {
    let there = read_password(host, path)?;
    let given = match source {
        SecretSource::File(file) => Some((file, host.read_password(file)?)),
        SecretSource::Generated | SecretSource::Url { .. } => None,
    };
    match (there, given) {
        (None, _) => Ok(FileState::Missing),
        (Some(there), Some((file, given))) if there != given => Err(Refusal::Blocked {
            fact: format!(
                "{} holds another password than {}",
                path.display(),
                file.display()
            ),
            hint: format!(
                "rm {}, and the same command takes the other; or leave out --role-password-file",
                quote_word(&path.display().to_string())
            ),
        }
        .into()),
        (Some(_), _) => Ok(FileState::Current),
    }
}

fn difference(path: &Path, there: &str, wanted: &str) -> Option<String> {
    let path = path.display();
    let diff = similar::TextDiff::from_lines(there, wanted);
    let mut unified = diff.unified_diff();
    let header = (format!("{path} (as it is)"), format!("{path} (as rendered)"));
    (there != wanted).then(|| unified.header(&header.0, &header.1).to_string())
}

/// A link could lead a write elsewhere, and a pipe would be waited for.
fn refuse_other_kinds(host: &Host, directory: &Path, rendering: &Rendering) -> Result<()> {
    let files = rendering.files.iter().map(|file| &file.path);
    let secrets = rendering.secrets.iter().map(|secret| &secret.path);
    let paths: Vec<PathBuf> = files.chain(secrets).map(|path| directory.join(path)).collect();
    let parents = paths.iter().filter_map(|path| path.parent());
    let above = directory.ancestors().find(|place| host.exists(place));
    for place in above.into_iter().chain(parents) {
        host.refuse_link(place)?;
        if host.exists(place) && !host.is_directory(place) {
            return Err(blocked(place, "it is no directory").into());
        }
    }
    let private = rendering.secrets.iter().filter_map(|secret| secret.path.parent());
    for place in private.map(|place| directory.join(place)) {
        refuse_open(host, &place)?;
    }
    for path in &paths {
        host.refuse_link(path)?;
        if host.exists(path) && !host.is_file(path) {
            return Err(blocked(path, "it is no plain file").into());
        }
    }
    Ok(())
}

/// Whoever can look into the directory of the secrets can read them.
fn refuse_open(host: &Host, place: &Path) -> Result<(), Refusal> {
    match host.mode_and_owner(place) {
        Some((mode, _)) if mode & 0o077 != 0 => Err(Refusal::Blocked {
            fact: format!("{} is open to other users, and holds passwords", place.display()),
            hint: format!("chmod 700 {}", quote_word(&place.display().to_string())),
        }),
        _ => Ok(()),
    }
}

fn blocked(path: &Path, problem: &str) -> Refusal {
    Refusal::Blocked {
        fact: format!("{} cannot be used: {problem}", path.display()),
        hint: format!("ls -ld {}", quote_word(&path.display().to_string())),
    }
}
