//! What a failed package manager meant: its exit status is 100 for everything, so the text decides.

use time::OffsetDateTime;

use super::validity::Validity;
use crate::apply::patience::Passing;
use crate::error::{Exit, Explain};
use crate::host::Output;

/// The package manager did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("the package manager was still in use after {seconds} s: {holder}")]
    Busy { holder: String, seconds: u64 },
    #[error("{cause}{}{}", quoted(said), compared(validity))]
    Failed {
        cause: Cause,
        command: String,
        /// The lines that told the cause, as the package manager printed them.
        said: Vec<String>,
        /// What the clock and each of those release files say.
        validity: Vec<Validity>,
    },
    #[error("removing our packages would also remove {}, which were not installed by us", others.join(", "))]
    WouldRemove { others: Vec<String> },
}

/// Why, in the order in which they are looked for: the first that fits is the root of those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Locked,
    Interrupted,
    NoSpace,
    Clock,
    Signature,
    Content,
    NotFound,
    Unreachable,
    Dependencies,
    Reinstall,
    Script,
    Other,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Locked => "another process uses the package manager",
            Self::Interrupted => "dpkg was interrupted before, and does nothing else until it has finished",
            Self::NoSpace => "there is no room left for the packages",
            Self::Clock => "a package repository is not valid at the time that this machine's clock shows",
            Self::Signature => "a package repository is not signed by a key that this machine trusts",
            Self::Content => "a download does not have the size or hash that its repository signed",
            Self::NotFound => "a repository no longer has a file that the package lists name",
            Self::Unreachable => "a package repository did not answer",
            Self::Dependencies => "the packages do not fit together with what is installed",
            Self::Reinstall => "a package is there in part, and has to be installed again",
            Self::Script => "a package was unpacked, and its own script failed",
            Self::Other => "the package manager failed",
        })
    }
}

/// Names do not resolve, or nothing answers: what a network that is not there yet comes to (apt's methods `connect` and
/// `http`).
const NOBODY_THERE: &[&str] = &[
    "Temporary failure resolving",
    "Could not resolve",
    "Something wicked happened resolving",
    "Cannot initiate the connection",
    "Could not connect",
    "Unable to connect",
    "Connection failed",
    "Connection timed out",
    "connection timed out",
    "Network is unreachable",
    "No route to host",
];

/// What apt and dpkg print (in the C locale), by cause.
const SIGNS: &[(Cause, &[&str])] = &[
    (
        Cause::Locked,
        &[
            "Could not get lock",
            "Unable to acquire the dpkg",
            "Unable to lock directory",
            "is locked by another process",
            "was locked by another process",
        ],
    ),
    (Cause::Interrupted, &["dpkg was interrupted"]),
    (
        Cause::NoSpace,
        &[
            "No space left on device",
            "You don't have enough free space",
            "Disk quota exceeded",
        ],
    ),
    (
        Cause::Clock,
        &[
            "is not valid yet",
            "Not live until",
            "is expired (invalid since",
            "has expired",
            // GnuTLS, of a mirror's certificate.
            "uses not yet valid certificate",
            "uses expired certificate",
        ],
    ),
    (
        Cause::Signature,
        &[
            "NO_PUBKEY",
            "is not signed",
            "couldn't be verified",
            "signatures were invalid",
            "signature verification failed",
            "Sub-process /usr/bin/sqv returned an error",
            "BADSIG",
            "EXPKEYSIG",
        ],
    ),
    (
        Cause::Content,
        &[
            "Hash Sum mismatch",
            "Hashes of expected file",
            "File has unexpected size",
            "Mirror sync in progress",
        ],
    ),
    // The words after the number are the server's own.
    (Cause::NotFound, &["  404  ", "404 Not Found"]),
    (Cause::Unreachable, NOBODY_THERE),
    // Said as well where there is no way to an address: `connect (101: Network is unreachable)`, which is looked for before.
    (Cause::NotFound, &["does not have a Release file"]),
    (
        Cause::Unreachable,
        &["Failed to fetch", "Some index files failed to download"],
    ),
    (
        Cause::Dependencies,
        &[
            "held broken packages",
            "unmet dependencies",
            "Packages need to be removed but remove is disabled",
            "Unable to locate package",
            "has no installation candidate",
        ],
    ),
    (
        Cause::Reinstall,
        &[
            "very bad inconsistent state",
            "it cannot be downloaded",
            "but I can't find an archive for it",
        ],
    ),
    (
        Cause::Script,
        &[
            "installation script subprocess returned error",
            "Sub-process /usr/bin/dpkg returned an error code",
        ],
    ),
];

impl PackageError {
    /// Reads the cause out of what the failed command left.
    pub fn from_output(command: String, output: &Output) -> Self {
        Self::from_output_at(command, output, OffsetDateTime::now_utc())
    }

    fn from_output_at(command: String, output: &Output, clock: OffsetDateTime) -> Self {
        let lines = || output.stderr.lines().chain(output.stdout.lines()).map(str::trim);
        for (cause, signs) in SIGNS {
            let tells = |line: &&str| signs.iter().any(|sign| line.contains(sign));
            let said: Vec<String> = lines().filter(tells).take(3).map(str::to_owned).collect();
            if !said.is_empty() {
                return Self::Failed {
                    cause: *cause,
                    command,
                    validity: said
                        .iter()
                        .filter_map(|line| Validity::read(line, clock))
                        .collect(),
                    said,
                };
            }
        }
        let errors = lines().filter(|line| line.starts_with("E: ") || line.starts_with("dpkg: error"));
        Self::Failed {
            cause: Cause::Other,
            command,
            said: errors.take(3).map(str::to_owned).collect(),
            validity: Vec::new(),
        }
    }

    /// Whether a package repository failed us, and nothing was unpacked yet.
    pub fn is_of_a_repository(&self) -> bool {
        matches!(
            self.cause(),
            Some(Cause::Clock | Cause::Signature | Cause::Content | Cause::NotFound | Cause::Unreachable)
        )
    }

    /// Whether the same command may do in a while what it did not do now.
    pub fn passing(&self) -> Option<Passing> {
        let Self::Failed { cause, said, .. } = self else {
            return None;
        };
        let nobody_there = || {
            said.iter()
                .any(|line| NOBODY_THERE.iter().any(|sign| line.contains(sign)))
        };
        match cause {
            Cause::Locked => Some(Passing::Locked),
            Cause::Clock => Some(Passing::Clock),
            Cause::Unreachable if nobody_there() => Some(Passing::Unreachable),
            _ => None,
        }
    }

    /// The cause with the first line that told it.
    pub fn in_one_line(&self) -> String {
        match self {
            Self::Failed {
                cause,
                said,
                validity,
                ..
            } => {
                let told = validity.first().map(ToString::to_string);
                let told = told.or_else(|| said.first().cloned());
                told.map_or_else(|| cause.to_string(), |told| format!("{cause}: {told}"))
            }
            other => other.to_string(),
        }
    }

    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Failed { cause, .. } => Some(*cause),
            _ => None,
        }
    }
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

fn compared(validity: &[Validity]) -> String {
    validity.iter().map(|validity| format!("\n{validity}")).collect()
}

impl Explain for PackageError {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "E0520",
            Self::Failed { .. } => "E0521",
            Self::WouldRemove { .. } => "E0522",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Busy { .. } => Exit::Busy,
            Self::Failed {
                cause: Cause::Locked, ..
            } => Exit::Busy,
            Self::Failed { .. } => Exit::Resumable,
            Self::WouldRemove { .. } => Exit::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let (cause, command) = match self {
            Self::Busy { .. } => (Cause::Locked, ""),
            Self::WouldRemove { others } => {
                return Some(format!(
                    "see what needs them: apt-cache rdepends --installed {}",
                    others.join(" ")
                ));
            }
            Self::Failed { cause, command, .. } => (*cause, command.as_str()),
        };
        Some(match cause {
            Cause::Locked => "wait for it to end, then run the same command again".to_owned(),
            Cause::Interrupted => "sudo dpkg --configure -a".to_owned(),
            Cause::NoSpace => "df -h / /var /var/cache/apt/archives".to_owned(),
            Cause::Clock => {
                "look at the clock: timedatectl; set it, or let it be waited for on a machine that boots: \
                             --repository-timeout 300"
                    .to_owned()
            }
            Cause::Signature => {
                "look at the sources and their Signed-By keys: ls /etc/apt/sources.list.d /etc/apt/keyrings"
                    .to_owned()
            }
            Cause::Unreachable if self.passing().is_some() => format!(
                "see whether the mirror works, then run the same command again: {command}\n\
                 hint: on a machine that boots, let the network be waited for: --repository-timeout 300"
            ),
            Cause::Content | Cause::NotFound | Cause::Unreachable => {
                format!("see whether the mirror works, then run the same command again: {command}")
            }
            Cause::Dependencies => "apt-mark showhold; apt-get check".to_owned(),
            Cause::Reinstall => {
                "see which repository has it: sudo apt-get update; dpkg --audit; then run the same command again"
                    .to_owned()
            }
            Cause::Script => "sudo dpkg --configure -a".to_owned(),
            Cause::Other => format!("run it by hand to see why: {command}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_told_by_its_cause() {
        for (stderr, expected) in [
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)\n\
                 E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
                Cause::Locked,
            ),
            (
                "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)\n\
                 E: Unable to lock directory /var/lib/apt/lists/",
                Cause::Locked,
            ),
            (
                "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
                Cause::Interrupted,
            ),
            (
                "E: Release file for http://127.0.0.1/InRelease is not valid yet (invalid for another 2d). \
                 Updates for this repository will not be applied.",
                Cause::Clock,
            ),
            (
                "E: Release file for http://127.0.0.1/InRelease is expired (invalid since 400d).",
                Cause::Clock,
            ),
            (
                "W: GPG error: http://127.0.0.1 ./ InRelease: The following signatures couldn't be verified because the \
                 public key is not available: NO_PUBKEY 0E98404D386FA1D9\nE: The repository is not signed.",
                Cause::Signature,
            ),
            (
                "E: Failed to fetch http://127.0.0.1/x.deb  Hash Sum mismatch\n   Hashes of expected file:",
                Cause::Content,
            ),
            (
                "E: Failed to fetch http://127.0.0.1/x.deb  File has unexpected size (10 != 9). Mirror sync in progress?",
                Cause::Content,
            ),
            (
                "E: Failed to fetch http://127.0.0.1/x.deb  404  Not Found [IP: 127.0.0.1 80]\n\
                 E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
                Cause::NotFound,
            ),
            (
                "E: Failed to fetch http://127.0.0.1/x.deb  404  File not found [IP: 127.0.0.1 80]",
                Cause::NotFound,
            ),
            (
                "W: Failed to fetch http://nowhere.invalid/InRelease  Temporary failure resolving 'nowhere.invalid'\n\
                 E: Some index files failed to download.",
                Cause::Unreachable,
            ),
            // dpkg 1.21, `dpkg --configure -a`.
            (
                "dpkg: error: dpkg frontend lock was locked by another process with pid 12925\n\
                 Note: removing the lock file is always wrong, can damage the locked area",
                Cause::Locked,
            ),
            // apt 3.0 without a route; the line before is on standard output.
            (
                "  Cannot initiate the connection to 10.1.2.3:80 (10.1.2.3). - connect (101: Network is unreachable)\n\
                 E: The repository 'http://10.1.2.3/x trixie-security Release' does not have a Release file.",
                Cause::Unreachable,
            ),
            (
                "E: The repository 'http://x stable Release' does not have a Release file.",
                Cause::NotFound,
            ),
            (
                "E: Failed to fetch https://x/InRelease  Certificate verification failed: The certificate is NOT trusted. \
                 The certificate chain uses not yet valid certificate.",
                Cause::Clock,
            ),
            (
                "dpkg: error: cannot write: No space left on device\n\
                 E: Sub-process /usr/bin/dpkg returned an error code (1)",
                Cause::NoSpace,
            ),
            (
                "E: Packages need to be removed but remove is disabled.",
                Cause::Dependencies,
            ),
            (
                "dpkg: error processing package x (--configure):\n package is in a very bad inconsistent state; \
                 you should\n reinstall it before attempting configuration\n\
                 E: Sub-process /usr/bin/dpkg returned an error code (1)",
                Cause::Reinstall,
            ),
            (
                "E: The package x needs to be reinstalled, but I can't find an archive for it.",
                Cause::Reinstall,
            ),
            (
                "dpkg: error processing package x (--configure):\n installed x package post-installation script \
                 subprocess returned error exit status 1\nE: Sub-process /usr/bin/dpkg returned an error code (1)",
                Cause::Script,
            ),
            ("E: Something new", Cause::Other),
            ("", Cause::Other),
        ] {
            let output = Output {
                code: 100,
                stderr: stderr.to_owned(),
                ..Output::default()
            };
            let error = PackageError::from_output("apt-get update".to_owned(), &output);
            assert_eq!(error.cause(), Some(expected), "{stderr}");
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_beside_what_the_file_says() {
        let output = Output {
            stderr: "E: Release file for http://x/InRelease is not valid yet (invalid for another 1d 0h 0min 1s). Updates"
                .to_owned(),
            ..Output::default()
        };
        let clock = OffsetDateTime::from_unix_timestamp(0).unwrap();
        let error = PackageError::from_output_at(String::new(), &output, clock);
        assert!(
            error.to_string().ends_with(
                "\nthis machine's clock says 1970-01-01T00:00:00Z; http://x/InRelease is valid from 1970-01-02T00:00:01Z"
            ),
            "{error}"
        );
        assert_eq!(error.passing(), Some(Passing::Clock));
    }

    #[test]
    fn a_held_lock_ends_as_busy_and_everything_else_can_be_run_again() {
        let held = PackageError::Busy {
            holder: "apt-get (process 7) holds /var/lib/dpkg/lock-frontend".to_owned(),
            seconds: 2,
        };
        assert_eq!(held.exit(), Exit::Busy);
        assert!(held.to_string().contains("process 7"));
        let output = Output::default();
        assert_eq!(
            PackageError::from_output("x".to_owned(), &output).exit(),
            Exit::Resumable
        );
    }
}
