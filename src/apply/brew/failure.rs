//! What a failed brew meant: its exit status is 1 for everything, so the text decides.

use crate::error::{Exit, Explain};
use crate::host::Output;

/// Homebrew did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum BrewError {
    #[error("there is no Homebrew here that this user may change")]
    Absent,
    #[error("{cause}{}", quoted(said))]
    Failed {
        cause: BrewCause,
        command: String,
        /// The lines that told the cause, as brew printed them.
        said: Vec<String>,
    },
}

/// Why, in the order in which they are looked for: the first that fits is the root of those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrewCause {
    Root,
    Locked,
    NotWritable,
    NoSpace,
    UnknownFormula,
    Disabled,
    NoBottle,
    Session,
    Content,
    Unreachable,
    NoCompiler,
    Needed,
    NoKeg,
    Link,
    PostInstall,
    Build,
    Other,
}

impl std::fmt::Display for BrewCause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Root => "brew does not run as root",
            Self::Locked => "another brew is at work",
            Self::NotWritable => "brew's directories are not this user's to write",
            Self::NoSpace => "there is no room left for the formulae",
            Self::UnknownFormula => "Homebrew here knows no such formula",
            Self::Disabled => "Homebrew no longer installs this formula",
            Self::NoBottle => "Homebrew has no bottle of this formula for this machine",
            Self::Unreachable => "a download did not answer",
            Self::Content => "a download does not have the hash that its formula names",
            Self::NoCompiler => "the formula has to be compiled, and there is no compiler",
            Self::Needed => "another formula needs what would be removed",
            Self::NoKeg => "the formula is not installed",
            Self::Session => "this user has no session in which services run",
            Self::Link => "the formula is installed, but other files are where its links belong",
            Self::PostInstall => "the formula is installed, and its own script failed",
            Self::Build => "the formula could not be built",
            Self::Other => "brew failed",
        })
    }
}

/// What brew prints, by cause.
const SIGNS: &[(BrewCause, &[&str])] = &[
    (BrewCause::Root, &["Running Homebrew as root"]),
    (
        BrewCause::Locked,
        &[
            "has already locked",
            "is already in progress",
            "Another active Homebrew",
        ],
    ),
    (
        BrewCause::NotWritable,
        &[
            "not writable by your user",
            "Permission denied @",
            "Can't create update lock",
        ],
    ),
    (
        BrewCause::NoSpace,
        &["No space left on device", "Disk quota exceeded"],
    ),
    (BrewCause::UnknownFormula, &["No available formula"]),
    (BrewCause::Disabled, &["has been disabled"]),
    (BrewCause::NoBottle, &["no bottle available!"]),
    (
        BrewCause::Session,
        &[
            "Failed to connect to bus",
            "Failed to connect to user scope bus",
            "supported only on macOS or Linux (with systemd)",
            "Bootstrap failed",
            "launchctl bootstrap",
        ],
    ),
    (
        BrewCause::Content,
        &["SHA256 mismatch", "SHA-256 mismatch", "checksum mismatch"],
    ),
    (
        BrewCause::Unreachable,
        &[
            "Failed to download resource",
            "Could not resolve host",
            "Failed to connect to",
            "Download failed",
            "curl: (",
        ],
    ),
    (
        BrewCause::NoCompiler,
        &[
            "No developer tools installed",
            "Install the Command Line Tools",
            "cannot be built with any available compilers",
        ],
    ),
    (
        BrewCause::Needed,
        &["Refusing to uninstall", "because it is required by"],
    ),
    (BrewCause::NoKeg, &["No such keg", "is not installed"]),
    (BrewCause::Link, &["The `brew link` step did not complete"]),
    (
        BrewCause::PostInstall,
        &["The post-install step did not complete"],
    ),
    (
        BrewCause::Build,
        &[
            "An exception occurred within a child process",
            "BuildError",
            "Failure while executing",
        ],
    ),
];

impl BrewError {
    /// Reads the cause out of what the failed command left.
    pub fn from_output(command: String, output: &Output) -> Self {
        let lines = || output.stderr.lines().chain(output.stdout.lines()).map(str::trim);
        for (cause, signs) in SIGNS {
            let tells = |line: &&str| signs.iter().any(|sign| line.contains(sign));
            let said: Vec<String> = lines().filter(tells).take(3).map(str::to_owned).collect();
            if !said.is_empty() {
                return Self::Failed {
                    cause: *cause,
                    command,
                    said,
                };
            }
        }
        // brew's own sentence where there is one, else the end of what it printed.
        let errors: Vec<&str> = lines()
            .filter(|line| line.starts_with("Error:"))
            .take(3)
            .collect();
        let all: Vec<&str> = lines().filter(|line| !line.is_empty()).collect();
        let said = match errors.is_empty() {
            true => &all[all.len().saturating_sub(3)..],
            false => &errors,
        };
        Self::Failed {
            cause: BrewCause::Other,
            command,
            said: said.iter().map(ToString::to_string).collect(),
        }
    }

    pub fn cause(&self) -> Option<BrewCause> {
        match self {
            Self::Failed { cause, .. } => Some(*cause),
            Self::Absent => None,
        }
    }
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

impl Explain for BrewError {
    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "E0530",
            Self::Failed { .. } => "E0531",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Absent => Exit::Refused,
            Self::Failed {
                cause: BrewCause::Locked,
                ..
            } => Exit::Busy,
            Self::Failed { .. } => Exit::Resumable,
        }
    }

    fn hint(&self) -> Option<String> {
        let Self::Failed { cause, command, said } = self else {
            return Some("pgvector-setup up --target embedded".to_owned());
        };
        let program = command.split(' ').next().unwrap_or("brew");
        let formula = command.rsplit(' ').next().unwrap_or_default();
        Some(match cause {
            BrewCause::Root => "run it as the user who owns Homebrew, without sudo".to_owned(),
            BrewCause::Locked => "wait for it to end, then run the same command again".to_owned(),
            BrewCause::NotWritable => format!("see whose they are: ls -ld $({program} --prefix)/*"),
            BrewCause::NoSpace => format!("df -h; {program} cleanup"),
            BrewCause::UnknownFormula | BrewCause::Disabled => {
                format!(
                    "{program} update, then run the same command again; or pgvector-setup up --target embedded"
                )
            }
            BrewCause::NoBottle => format!("{program} install --build-from-source {formula}"),
            BrewCause::Unreachable | BrewCause::Content => {
                format!("with network, run the same command again; to see more: {command}")
            }
            BrewCause::NoCompiler => {
                "xcode-select --install (macOS) or sudo apt-get install build-essential".to_owned()
            }
            BrewCause::Needed => format!("see what needs it: {program} uses --installed {formula}"),
            BrewCause::NoKeg => format!("{program} list --versions"),
            BrewCause::Session => {
                "log in as this user on the machine itself, or: sudo loginctl enable-linger USER; \
                 or pgvector-setup up --target embedded"
                    .to_owned()
            }
            BrewCause::Link => format!("{program} link --overwrite --dry-run {formula}"),
            BrewCause::PostInstall => format!("{program} postinstall {formula}"),
            BrewCause::Build | BrewCause::Other => match said.is_empty() {
                true => format!("run it by hand to see why: {command}"),
                false => format!("run it by hand to see more: {command}"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Error: Running Homebrew as root is extremely dangerous and no longer supported.\n\
                        As Homebrew does not drop privileges on installation you would be giving all\n\
                        build scripts full access to your system.";

    /// What is recorded of the real brew, and what its source says where it was not recorded.
    #[test]
    fn the_text_tells_the_cause() {
        let unknown = include_str!("../../../tests/fixtures/brew/unknown-formula.txt");
        let missing = include_str!("../../../tests/fixtures/brew/uninstall-missing.txt");
        for (stderr, expected) in [
            (unknown, BrewCause::UnknownFormula),
            (missing, BrewCause::NoKeg),
            (ROOT, BrewCause::Root),
            (
                "Error: A `brew install pgvector` process has already locked /opt/homebrew/Cellar/pgvector.",
                BrewCause::Locked,
            ),
            (
                "Error: The following directories are not writable by your user:\n/usr/local/share/man",
                BrewCause::NotWritable,
            ),
            ("Error: pgvector: no bottle available!", BrewCause::NoBottle),
            (
                "Error: postgresql@12 has been disabled because it is not supported upstream!",
                BrewCause::Disabled,
            ),
            (
                "curl: (6) Could not resolve host: mirror.example\nError: Failed to download resource \"pgvector\"",
                BrewCause::Unreachable,
            ),
            (
                "Error: SHA-256 mismatch\nExpected: ab8e\n  Actual: 0000",
                BrewCause::Content,
            ),
            (
                "Error: Refusing to uninstall /opt/homebrew/Cellar/icu4c@77/77.1\nbecause it is required by node, which is currently installed.",
                BrewCause::Needed,
            ),
            (
                "Failed to connect to bus: No medium found\nError: Failure while executing; `/usr/bin/systemctl --user daemon-reload` exited with 1.",
                BrewCause::Session,
            ),
            (
                "Error: Invalid usage: `brew services` is supported only on macOS or Linux (with systemd)!",
                BrewCause::Session,
            ),
            (
                "Error: The `brew link` step did not complete successfully",
                BrewCause::Link,
            ),
            (
                "Warning: The post-install step did not complete successfully",
                BrewCause::PostInstall,
            ),
            (
                "Error: An exception occurred within a child process:\n  RuntimeError: x",
                BrewCause::Build,
            ),
            ("Error: something new", BrewCause::Other),
            ("", BrewCause::Other),
        ] {
            let output = Output {
                code: 1,
                stderr: stderr.to_owned(),
                ..Output::default()
            };
            let error = BrewError::from_output("/opt/homebrew/bin/brew install pgvector".to_owned(), &output);
            assert_eq!(error.cause(), Some(expected), "{stderr}");
        }
    }

    #[test]
    fn a_cause_nobody_knows_is_told_by_the_end_of_the_output() {
        let output = Output {
            code: 1,
            stdout: "==> Fetching\nmake: one\nmake: two\nmake: three\n".to_owned(),
            ..Output::default()
        };
        let error = BrewError::from_output("brew install x".to_owned(), &output);
        assert_eq!(
            error.to_string(),
            "brew failed\n  | make: one\n  | make: two\n  | make: three"
        );
        assert_eq!(error.exit(), Exit::Resumable);
    }
}
