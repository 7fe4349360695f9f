use std::path::{Path, PathBuf};

use super::{Output, SecretProblem};
use crate::error::{Exit, Explain};

/// The machine did not do what was asked of it. Every variant names the command or the path.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot {purpose}: {command} did not start: {source}")]
    Spawn {
        command: String,
        purpose: String,
        source: std::io::Error,
    },
    #[error("cannot {purpose}: {command} ended with status {}{}", output.code, last_lines(output))]
    Failed {
        command: String,
        purpose: String,
        output: Output,
    },
    #[error("cannot {purpose}: {command} was ended after {seconds} s")]
    Deadline {
        command: String,
        purpose: String,
        seconds: u64,
    },
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is a symbolic link, and is not followed", path.display())]
    Symlink { path: PathBuf },
    #[error("{} belongs to user id {owner}, not to us", path.display())]
    ForeignOwner { path: PathBuf, owner: u32 },
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("another run holds {}{}", path.display(), if holder.is_empty() { String::new() } else { format!(": {holder}") })]
    Locked { path: PathBuf, holder: String },
    #[error("{} has changed since it was read", path.display())]
    Changed { path: PathBuf },
    /// A file that was named to be read cannot be opened: trying again would not help.
    #[error("cannot read {}: {source}", path.display())]
    Input { path: PathBuf, source: std::io::Error },
    /// A file that should hold a secret was named, and gives none.
    #[error("{}: {problem}", path.display())]
    SecretFile { path: PathBuf, problem: SecretProblem },
}

impl HostError {
    pub fn io(operation: &'static str, path: &Path, source: std::io::Error) -> Self {
        match source.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP) => Self::Symlink {
                path: path.to_owned(),
            },
            _ => Self::Io {
                operation,
                path: path.to_owned(),
                source,
            },
        }
    }

    pub fn is_not_empty(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::DirectoryNotEmpty)
    }

    /// Somebody else's, and closed to us.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
    }

    /// The device does not give back what was written to it.
    pub fn is_of_the_device(&self) -> bool {
        let code = match self {
            Self::Io { source, .. } => source.raw_os_error(),
            _ => None,
        };
        code == Some(rustix::io::Errno::IO.raw_os_error())
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// The end of what a failed child said, on lines of its own.
fn last_lines(output: &Output) -> String {
    let said = if output.stderr.trim().is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(6)..]
        .iter()
        .map(|line| format!("\n  | {line}"))
        .collect()
}

impl Explain for HostError {
    fn code(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "E0201",
            Self::Failed { .. } => "E0202",
            Self::Deadline { .. } => "E0203",
            Self::Io { .. } => "E0204",
            Self::Symlink { .. } => "E0205",
            Self::ForeignOwner { .. } => "E0206",
            Self::TooLarge { .. } => "E0207",
            Self::Locked { .. } => "E0208",
            Self::Changed { .. } => "E0209",
            Self::SecretFile { .. } => "E0210",
            Self::Input { .. } => "E0211",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Spawn { .. }
            | Self::Failed { .. }
            | Self::Deadline { .. }
            | Self::Io { .. }
            | Self::Changed { .. } => Exit::Resumable,
            Self::Symlink { .. } | Self::ForeignOwner { .. } | Self::TooLarge { .. } => Exit::Refused,
            Self::Locked { .. } => Exit::Busy,
            Self::SecretFile { .. } | Self::Input { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        use std::io::ErrorKind;
        Some(match self {
            Self::Spawn { command, .. } | Self::Failed { command, .. } | Self::Deadline { command, .. } => {
                format!("run it by hand to see why, then the same pgvector-setup command again: {command}")
            }
            Self::Io { path, source, .. } => match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    format!("make room: df -h {}", parent(path))
                }
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    format!(
                        "choose a place that can be written: --directory DIR (now {})",
                        parent(path)
                    )
                }
                _ => format!("ls -la {}", parent(path)),
            },
            Self::Input { path, .. } => format!("ls -la {}", parent(path)),
            Self::Symlink { path } => {
                format!("look where it points, then remove it: ls -la {}", path.display())
            }
            Self::ForeignOwner { path, .. } => format!("ls -ld {}", path.display()),
            Self::TooLarge { path, .. } => format!("ls -la {}", path.display()),
            Self::SecretFile { path, problem } => problem.hint(path),
            Self::Changed { .. } => "run the same command again: it is read anew".to_owned(),
            Self::Locked { .. } => "wait for it to end, then run the same command again".to_owned(),
        })
    }
}

fn parent(path: &Path) -> String {
    match path.parent() {
        // A name alone is in the directory that we work in.
        Some(parent) if parent.as_os_str().is_empty() => ".".to_owned(),
        parent => parent.unwrap_or(path).display().to_string(),
    }
}
