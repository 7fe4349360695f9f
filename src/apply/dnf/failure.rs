//! What a failed dnf meant: its exit status is 1 for everything, so the text decides.

use crate::apply::patience::Passing;
use crate::error::{Exit, Explain};
use crate::host::Output;

/// dnf or rpm did not do its part, or was not let.
#[derive(Debug, thiserror::Error)]
pub enum RpmError {
    #[error("{cause}{}", quoted(said))]
    Failed {
        cause: Cause,
        command: String,
        /// The lines that told the cause, as dnf printed them.
        said: Vec<String>,
    },
    #[error("removing our packages would also remove {}, which were not installed by us", others.join(", "))]
    WouldRemove { others: Vec<String> },
    #[error("the key from {from} is not the one that is pinned, {wanted}: {found}; it was not kept")]
    Key {
        from: String,
        wanted: String,
        found: String,
    },
}

/// Why, in the order in which they are looked for: the first that fits is the root of those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Locked,
    NoSpace,
    Clock,
    Signature,
    Content,
    Excluded,
    NoMatch,
    Unreachable,
    Dependencies,
    Script,
    Other,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Locked => "another process uses dnf or rpm",
            Self::NoSpace => "there is no room left for the packages",
            Self::Clock => {
                "a repository's certificate is not valid at the time that this machine's clock shows"
            }
            Self::Signature => "a repository or a package is not signed by a key that this machine trusts",
            Self::Content => "a download does not have the size or checksum that its repository names",
            Self::Excluded => "dnf is told to leave a package out",
            Self::NoMatch => "no repository has a package of that name",
            Self::Unreachable => "a package repository did not answer",
            Self::Dependencies => "the packages do not fit together with what is installed",
            Self::Script => "a package was unpacked, and its own script failed",
            Self::Other => "dnf failed",
        })
    }
}

/// Names do not resolve, or nothing answers: what a network that is not there yet comes to (libcurl-errors(3): 5, 6, 7, 28).
const NOBODY_THERE: &[&str] = &[
    "Curl error (5)",
    "Curl error (6)",
    "Curl error (7)",
    "Curl error (28)",
    "curl: (5)",
    "curl: (6)",
    "curl: (7)",
    "curl: (28)",
];

/// OpenSSL's words for a certificate that the clock contradicts.
const CLOCK: &[&str] = &["certificate is not yet valid", "certificate has expired"];

/// What dnf, librepo and rpm print (in the C locale), by cause.
const SIGNS: &[(Cause, &[&str])] = &[
    (
        Cause::Locked,
        &[
            "can't create transaction lock",
            "Waiting for process with pid",
            "is locked by another process",
        ],
    ),
    (
        Cause::NoSpace,
        &[
            "No space left on device",
            "needs more space on the",
            "more space needed on",
            "Disk quota exceeded",
        ],
    ),
    (Cause::Clock, CLOCK),
    (
        Cause::Signature,
        &[
            "GPG signature verification error",
            "GPG check FAILED",
            "is not signed",
            "Public key for",
            "Public key is not installed",
            "not correct for this package",
            "Signature not found",
            "key import failed",
            "OpenPGP check",
        ],
    ),
    (
        Cause::Content,
        &[
            "Downloading successful, but checksum doesn't match",
            "checksum doesn't match",
            "has incorrect checksum",
            "Payload SHA256",
        ],
    ),
    (
        Cause::Excluded,
        &[
            "filtered out by exclude filtering",
            "filtered out by modular filtering",
        ],
    ),
    (
        Cause::Unreachable,
        &[
            "Cannot download repomd.xml",
            "Cannot download",
            "Curl error",
            "curl: (",
            "Could not resolve host",
            "Failed to download metadata",
            "No more mirrors to try",
            "All mirrors were tried",
        ],
    ),
    (
        Cause::NoMatch,
        &["No match for argument", "Unable to find a match"],
    ),
    (
        Cause::Dependencies,
        &[
            "nothing provides",
            "conflicting requests",
            "conflicts with",
            "none of the providers can be installed",
        ],
    ),
    (Cause::Script, &["scriptlet failed"]),
];

impl RpmError {
    /// Whether a repository is at fault, which then serves nobody.
    pub fn is_of_a_repository(&self) -> bool {
        match self {
            Self::Failed { cause, .. } => {
                matches!(
                    cause,
                    Cause::Clock | Cause::Signature | Cause::Content | Cause::Unreachable
                )
            }
            Self::Key { .. } => true,
            Self::WouldRemove { .. } => false,
        }
    }

    /// Whether the same command may do in a while what it did not do now.
    pub fn passing(&self) -> Option<Passing> {
        match self {
            Self::Failed {
                cause: Cause::Locked, ..
            } => Some(Passing::Locked),
            Self::Failed {
                cause: Cause::Clock | Cause::Unreachable,
                said,
                ..
            } => passing(&said.join("\n")),
            _ => None,
        }
    }

    /// The cause with the first line that told it.
    pub fn in_one_line(&self) -> String {
        match self {
            Self::Failed { cause, said, .. } => said
                .first()
                .map_or_else(|| cause.to_string(), |told| format!("{cause}: {told}")),
            other => other.to_string(),
        }
    }

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
        let is_error = |line: &&str| line.starts_with("Error") || line.starts_with("error:");
        let mut said: Vec<String> = lines().filter(is_error).take(3).map(str::to_owned).collect();
        if said.is_empty() {
            said = last_lines(if output.stderr.trim().is_empty() {
                &output.stdout
            } else {
                &output.stderr
            });
        }
        Self::Failed {
            cause: Cause::Other,
            command,
            said,
        }
    }
}

/// Whether network or clock may mend what curl, by itself or within dnf, said.
pub(super) fn passing(text: &str) -> Option<Passing> {
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    match says(CLOCK) {
        true => Some(Passing::Clock),
        false => says(NOBODY_THERE).then_some(Passing::Unreachable),
    }
}

/// What was said last, where nothing is marked as an error.
fn last_lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(3);
    lines[from..].iter().map(|line| (*line).to_owned()).collect()
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

impl Explain for RpmError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "E0540",
            Self::WouldRemove { .. } => "E0541",
            Self::Key { .. } => "E0542",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Failed {
                cause: Cause::Locked, ..
            } => Exit::Busy,
            Self::Failed { .. } => Exit::Resumable,
            Self::WouldRemove { .. } | Self::Key { .. } => Exit::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let (cause, command) = match self {
            Self::WouldRemove { others } => {
                return Some(format!(
                    "see what needs them: rpm --query --whatrequires {}",
                    others.join(" ")
                ));
            }
            Self::Key { .. } => {
                return Some(
                    "get it by a way that you trust, look at it with gpg --show-keys, then: \
                     pgvector-setup up --target system --pgdg-key FILE"
                        .to_owned(),
                );
            }
            Self::Failed { cause, command, .. } => (*cause, command.as_str()),
        };
        Some(match cause {
            Cause::Locked => "wait for it to end, then run the same command again".to_owned(),
            Cause::NoSpace => "df -h / /var /var/cache".to_owned(),
            Cause::Clock => {
                "look at the clock: timedatectl; set it, or let it be waited for on a machine that boots: \
                             --repository-timeout 300"
                    .to_owned()
            }
            Cause::Unreachable if self.passing().is_some() => format!(
                "see whether the mirror works, then run the same command again: {command}\n\
                 hint: on a machine that boots, let the network be waited for: --repository-timeout 300"
            ),
            Cause::Signature => {
                "look at the repositories and their gpgkey: ls /etc/yum.repos.d /etc/pki/rpm-gpg; \
                 take ours back: pgvector-setup rollback --target system"
                    .to_owned()
            }
            Cause::Excluded => {
                "look for excludepkgs: grep -r exclude /etc/dnf/dnf.conf /etc/yum.repos.d".to_owned()
            }
            Cause::NoMatch => "see what is enabled: dnf repolist".to_owned(),
            Cause::Content | Cause::Unreachable => {
                format!("see whether the mirror works, then run the same command again: {command}")
            }
            Cause::Dependencies => "sudo dnf upgrade, then run the same command again".to_owned(),
            Cause::Script | Cause::Other => format!("run it by hand to see why: {command}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_told_by_its_cause() {
        for (said, expected) in [
            (
                include_str!("../../../tests/fixtures/dnf/excluded.txt"),
                Cause::Excluded,
            ),
            (
                include_str!("../../../tests/fixtures/dnf/hash.txt"),
                Cause::Content,
            ),
            (
                include_str!("../../../tests/fixtures/dnf/dead.txt"),
                Cause::Unreachable,
            ),
            (
                include_str!("../../../tests/fixtures/dnf/wrong-key.txt"),
                Cause::Signature,
            ),
            (
                include_str!("../../../tests/fixtures/dnf/wrong-package-key.txt"),
                Cause::Signature,
            ),
            (
                "No match for argument: nosuch\nError: Unable to find a match: nosuch",
                Cause::NoMatch,
            ),
            (
                "  - nothing provides /bin/sh needed by postgresql17-server-17.6-1.x86_64",
                Cause::Dependencies,
            ),
            ("Error: something else", Cause::Other),
            ("", Cause::Other),
        ] {
            let output = Output {
                code: 1,
                stderr: said.to_owned(),
                ..Output::default()
            };
            let RpmError::Failed { cause, .. } = RpmError::from_output(String::new(), &output) else {
                panic!("{said}");
            };
            assert_eq!(cause, expected, "{said}");
        }
    }

    #[test]
    fn only_a_network_or_a_clock_that_is_not_there_yet_goes_by() {
        for (said, expected) in [
            (
                include_str!("../../../tests/fixtures/dnf/dead.txt"),
                Some(Passing::Unreachable),
            ),
            (
                "  - Curl error (6): Could not resolve hostname for https://x/repodata/repomd.xml [Could not resolve host: x]",
                Some(Passing::Unreachable),
            ),
            ("curl: (6) Could not resolve host: x", Some(Passing::Unreachable)),
            (
                "  - Curl error (60): SSL peer certificate or SSH remote key was not OK for https://x/repodata/repomd.xml \
                 [SSL certificate problem: certificate is not yet valid]",
                Some(Passing::Clock),
            ),
            (
                "Waiting for process with pid 4242 to finish.",
                Some(Passing::Locked),
            ),
            (
                "  - Status code: 404 for https://x/repodata/repomd.xml (IP: 127.0.0.1)\n\
              Error: Failed to download metadata for repo 'x': Cannot download repomd.xml",
                None,
            ),
            (include_str!("../../../tests/fixtures/dnf/wrong-key.txt"), None),
            (include_str!("../../../tests/fixtures/dnf/hash.txt"), None),
            ("curl: (22) The requested URL returned error: 404", None),
        ] {
            let output = Output {
                code: 1,
                stderr: said.to_owned(),
                ..Output::default()
            };
            let passing = RpmError::from_output(String::new(), &output).passing();
            assert_eq!(passing, expected, "{said}");
        }
    }

    #[test]
    fn a_failure_without_a_sign_is_told_in_the_last_words() {
        let output = Output {
            code: 1,
            stdout: "Running transaction\n".to_owned(),
            stderr: "one\ntwo\n\ndnf: cannot load librpm.so\nfour\n".to_owned(),
        };
        assert_eq!(
            RpmError::from_output(String::new(), &output).to_string(),
            "dnf failed\n  | two\n  | dnf: cannot load librpm.so\n  | four"
        );
    }
}
