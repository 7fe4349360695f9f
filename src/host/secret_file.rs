//! Files that hold one secret on one line: what is in them, and who else may read them.
//!
//! A file that others may read is refused, because then they have the secret. Three things make a file ours alone: its mode, a
//! directory above it that lets nobody else through, or the mount of a container, which nobody outside of it sees: Docker and
//! podman mount each secret by itself as mode 0444 below `/run/secrets`, Kubernetes and systemd mount a read-only tmpfs whose
//! files are links.

use std::fmt;
use std::fs::Metadata;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Host, HostError};
use crate::secret::Secret;

/// PostgreSQL's own limit for what SASLprep is given (`MAX_PASSWORD_LENGTH` in `saslprep.c` of PostgreSQL 10 to 13).
const LONGEST_PASSWORD: usize = 1024;
/// Host names, paths and a password, all percent-encoded, are far below it.
const LONGEST_URL: usize = 16 * 1024;
/// Bits that let others than the owner do something.
const OTHERS: u32 = 0o077;
/// Where container engines mount secrets (Compose specification, `secrets`).
const ENGINE_SECRETS: &str = "/run/secrets";

/// Why a file gives no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretProblem {
    Missing,
    NoFile,
    /// Not by the user with this id.
    Unreadable(u32),
    OthersMayRead,
    Empty,
    SeveralLines,
    TooLong(usize),
    Nul,
    NoText,
    Unfit,
}

impl fmt::Display for SecretProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "there is no such file",
            Self::NoFile => "it is not a file",
            Self::Unreadable(user) => return write!(formatter, "user id {user} may not read it"),
            Self::OthersMayRead => "others may read it",
            Self::Empty => "it is empty",
            Self::SeveralLines => "it has more than one line",
            Self::TooLong(limit) => return write!(formatter, "it is longer than {limit} bytes"),
            Self::Nul => "it has a NUL in it",
            Self::NoText => "it is not UTF-8",
            Self::Unfit => "it has a control character or another one that no password may have (SASLprep)",
        };
        formatter.write_str(text)
    }
}

impl SecretProblem {
    pub(super) fn hint(self, path: &Path) -> String {
        let path = super::quote_word(&path.display().to_string());
        match self {
            Self::OthersMayRead => format!(
                "chmod 600 {path}; in a container, mount it as a secret: below {ENGINE_SECRETS}, or a Kubernetes secret volume"
            ),
            Self::Unreadable(_) => format!(
                "ls -lL {path}; a compose secret needs mode 0444 in a directory of mode 0700, a Kubernetes one defaultMode: 0444 or fsGroup"
            ),
            Self::Missing | Self::NoFile => format!("ls -lL {path}"),
            _ => format!("write it anew, one line: (umask 077; cat > {path})"),
        }
    }
}

impl Host {
    /// The password in a file: one line, of which the end is not part.
    ///
    /// # Errors
    /// [`HostError::SecretFile`] with what is wrong; no part of the file is repeated.
    pub fn read_password(&self, path: &Path) -> Result<Secret, HostError> {
        let password = self.read_secret_line(path, LONGEST_PASSWORD)?;
        if stringprep::saslprep(password.expose()).is_err() {
            return Err(refused(path, SecretProblem::Unfit));
        }
        Ok(password)
    }

    /// The URL in a file, spaces around it left out.
    ///
    /// # Errors
    /// As [`Host::read_password`].
    pub fn read_url(&self, path: &Path) -> Result<Secret, HostError> {
        let line = self.read_secret_line(path, LONGEST_URL)?;
        Ok(Secret::new(line.expose().trim()))
    }

    /// The token or key in a file, spaces around it left out.
    ///
    /// # Errors
    /// As [`Host::read_password`].
    pub fn read_token(&self, path: &Path) -> Result<Secret, HostError> {
        self.read_url(path)
    }

    fn read_secret_line(&self, path: &Path, limit: usize) -> Result<Secret, HostError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => refused(path, SecretProblem::Missing),
            std::io::ErrorKind::PermissionDenied => {
                refused(path, SecretProblem::Unreadable(self.account().uid))
            }
            _ => HostError::io("read", path, source),
        };
        // A pipe would be waited for when it is opened, so it is looked at first.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(refused(path, SecretProblem::NoFile));
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !is_private(path, &metadata) {
            return Err(refused(path, SecretProblem::OthersMayRead));
        }
        let mut bytes = Vec::new();
        // One byte more than fits with the end of a line, so that a longer file is noticed.
        let most = u64::try_from(limit + 3).unwrap_or(u64::MAX);
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
        one_line(&bytes, limit).map_err(|problem| refused(path, problem))
    }
}

fn refused(path: &Path, problem: SecretProblem) -> HostError {
    HostError::SecretFile {
        path: path.to_owned(),
        problem,
    }
}

fn one_line(bytes: &[u8], limit: usize) -> Result<Secret, SecretProblem> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(SecretProblem::Empty);
    }
    if line.len() > limit {
        return Err(SecretProblem::TooLong(limit));
    }
    if line.contains(&0) {
        return Err(SecretProblem::Nul);
    }
    if line.contains(&b'\n') || line.contains(&b'\r') {
        return Err(SecretProblem::SeveralLines);
    }
    let text = std::str::from_utf8(line).map_err(|_| SecretProblem::NoText)?;
    Ok(Secret::new(text))
}

fn is_private(path: &Path, metadata: &Metadata) -> bool {
    if metadata.mode() & OTHERS == 0 {
        return true;
    }
    let Ok(place) = std::fs::canonicalize(path) else {
        return false;
    };
    let lets_nobody_through = |directory: &Path| {
        std::fs::symlink_metadata(directory).is_ok_and(|metadata| metadata.mode() & OTHERS == 0)
    };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    place.ancestors().skip(1).any(lets_nobody_through) || is_secret_mount(&mounts, &place)
}

/// Whether the file is on a mount that a container engine makes for secrets; `mounts` is `/proc/self/mountinfo`, proc(5).
fn is_secret_mount(mounts: &str, file: &Path) -> bool {
    // Of mounts at one place, the last is seen.
    let mut over = mounts
        .lines()
        .filter_map(Mount::parse)
        .filter(|mount| file.starts_with(&mount.place));
    let Some(first) = over.next() else {
        return false;
    };
    let longest = |found: Mount, next: Mount| {
        let is_deeper = next.place.as_os_str().len() >= found.place.as_os_str().len();
        if is_deeper { next } else { found }
    };
    let mount = over.fold(first, longest);
    mount.place == file
        || mount.place.starts_with(ENGINE_SECRETS)
        || (mount.is_read_only && mount.is_in_memory)
}

struct Mount {
    place: PathBuf,
    is_read_only: bool,
    is_in_memory: bool,
}

impl Mount {
    /// `36 35 98:0 /root /place rw,noatime master:1 - ext3 /dev/sda rw`; a space in a place is `\040`.
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let fields: Vec<&str> = before.split(' ').collect();
        let place = fields.get(4)?.replace("\\040", " ");
        Some(Self {
            place: PathBuf::from(place),
            is_read_only: fields.get(5)?.split(',').any(|option| option == "ro"),
            is_in_memory: ["tmpfs", "ramfs"].contains(&after.split(' ').next()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_without_its_end() {
        let table: [(&[u8], Result<&str, SecretProblem>); 14] = [
            (b"secret", Ok("secret")),
            (b"secret\n", Ok("secret")),
            (b"secret\r\n", Ok("secret")),
            (b" two words \n", Ok(" two words ")),
            ("p\u{e4}ss\n".as_bytes(), Ok("p\u{e4}ss")),
            (b"123456789\n", Ok("123456789")),
            (b"123456789\r\n", Ok("123456789")),
            (b"1234567890\n", Err(SecretProblem::TooLong(9))),
            (b"", Err(SecretProblem::Empty)),
            (b"\n", Err(SecretProblem::Empty)),
            (b"a\nb\n", Err(SecretProblem::SeveralLines)),
            (b"a\n\n", Err(SecretProblem::SeveralLines)),
            (b"a\0b\n", Err(SecretProblem::Nul)),
            (b"\xff\n", Err(SecretProblem::NoText)),
        ];
        for (bytes, expected) in table {
            let read = one_line(bytes, if bytes.len() > 11 { 20 } else { 9 });
            let read = read.as_ref().map(Secret::expose).map_err(|problem| *problem);
            assert_eq!(read, expected, "{bytes:?}");
        }
    }

    /// Lines as the engines write them: overlay root, Docker's bind mounts, Kubernetes' tmpfs.
    const MOUNTS: &str = "\
        620 560 0:51 / / rw,relatime - overlay overlay rw,lowerdir=/a\n\
        621 620 0:55 / /dev rw,nosuid - tmpfs tmpfs rw,mode=755\n\
        622 620 254:1 /home/u/secrets/pass /run/secrets/pass ro,relatime - ext4 /dev/vda rw\n\
        623 620 254:1 /home/u/x /data ro,relatime - ext4 /dev/vda rw\n\
        624 620 254:1 /home/u/pass /etc/my\\040pass rw,relatime - ext4 /dev/vda rw\n\
        625 620 0:60 / /etc/secret ro,relatime - tmpfs tmpfs rw\n\
        626 620 0:61 / /tmp rw,relatime - tmpfs tmpfs rw\n";

    #[test]
    fn the_mounts_of_container_secrets_are_told_from_others() {
        let table = [
            ("/run/secrets/pass", true),
            ("/run/secrets/other", false),
            ("/etc/my pass", true),
            ("/etc/secret/..2026_01/pass", true),
            ("/etc/secrets", false),
            ("/data/pass", false),
            ("/tmp/pass", false),
            ("/dev/pass", false),
            ("/pass", false),
        ];
        for (file, is_expected) in table {
            assert_eq!(is_secret_mount(MOUNTS, Path::new(file)), is_expected, "{file}");
        }
        assert!(
            !is_secret_mount("", Path::new("/run/secrets/pass")),
            "no mounts are known"
        );
    }
}
