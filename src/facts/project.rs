//! What is in a directory of rendered files, beside what would be written there.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::Host;
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

/// A secret of a project, without the line end that an editor may have left; `None` where it is missing.
///
/// # Errors
/// [`Refusal`] for an empty one, what the host says of one that cannot be read.
pub fn read_secret(host: &Host, path: &Path) -> Result<Option<Secret>> {
    let Some(text) = host.read_text(path)? else {
        return Ok(None);
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() || text.contains(['\n', '\r', '\0']) {
        return Err(blocked(path, "it has to be one line with a password").into());
    }
    Ok(Some(Secret::new(text)))
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
    let Some(there) = read_secret(host, &directory.join(&secret.path))? else {
        return Ok(FileState::Missing);
    };
    let SecretSource::Url {
        before,
        password,
        after,
    } = &secret.source
    else {
        return Ok(FileState::Current);
    };
    let password = read_secret(host, &directory.join(password))?;
    let fits = password.is_some_and(|password| url(before, &password, after) == there);
    Ok(if fits {
        FileState::Current
    } else {
        FileState::Outdated
    })
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
    for path in &paths {
        host.refuse_link(path)?;
        if host.exists(path) && !host.is_file(path) {
            return Err(blocked(path, "it is no plain file").into());
        }
    }
    Ok(())
}

fn blocked(path: &Path, problem: &str) -> Refusal {
    Refusal::Blocked {
        fact: format!("{} cannot be used: {problem}", path.display()),
        hint: format!("ls -ld {}", crate::host::quote_word(&path.display().to_string())),
    }
}
