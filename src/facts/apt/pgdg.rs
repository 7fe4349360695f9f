//! What adding PGDG to apt's sources depends on: whether its lists are there, and the key to trust.

use std::path::{Path, PathBuf};

use super::sources::is_pgdg_suite;
use crate::facts::openpgp;
use crate::host::{Host, HostError};
use crate::settings::PackageSettings;

/// The key that signs PGDG's apt repository: postgresql-client-common and postgresql-common carry it, and PostgreSQL's
/// download pages name it.
pub const FINGERPRINT: &str = "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8";

/// As postgresql-client-common 293 of Debian has it.
const EMBEDDED_KEY: &str = include_str!("../../evidence/apt.postgresql.org.asc");

/// Where the distribution's own signed package has the key: postgresql-client-common since 2023, before it
/// postgresql-common.
const PACKAGED_KEYS: [&str; 2] = [
    "/usr/share/postgresql-common/pgdg/apt.postgresql.org.gpg",
    "/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc",
];

/// sources.list(5): where keys that an administrator adds belong.
pub const KEYRINGS: &str = "/etc/apt/keyrings";

/// The source that we add. Named after this program, so that it is never somebody else's `pgdg.sources`.
pub const SOURCES: &str = "/etc/apt/sources.list.d/pgvector-setup-pgdg.sources";

/// What ca-certificates makes; apt reads it to check a server's certificate.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PgdgFacts {
    /// Whether there are package lists of it.
    pub is_read: bool,
    /// The key that would be trusted, or what is wrong with it.
    pub key: Option<Result<SigningKey, String>>,
    pub keyrings_exist: bool,
    /// Whether the file that we would write is there; where PGDG is not configured, it was switched off.
    pub our_file_exists: bool,
    /// Whether apt can check the certificate of an https server.
    pub certificates_exist: bool,
}

/// A key, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SigningKey {
    pub fingerprint: String,
    pub origin: KeyOrigin,
    pub armored: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// A file of the distribution's own signed package, used where it is.
    Packaged(PathBuf),
    /// The key in this program.
    Embedded,
    /// `--pgdg-key`.
    Given(PathBuf),
}

/// Reads what is there. A key that is not the pinned one is never handed on, wherever it is from; the user's own for a
/// mirror is not compared, but shown.
pub fn gather(host: &Host, packages: &PackageSettings) -> PgdgFacts {
    PgdgFacts {
        is_read: host
            .list(Path::new(super::LISTS))
            .iter()
            .any(|name| is_list(name)),
        key: Some(key(host, packages)),
        our_file_exists: host.exists(Path::new(SOURCES)),
        keyrings_exist: host.is_directory(Path::new(KEYRINGS)),
        certificates_exist: host.exists(Path::new(CERTIFICATES)),
    }
}

/// `mirror.example_apt_dists_trixie-pgdg_InRelease`
fn is_list(name: &str) -> bool {
    let suite = name.split_once("_dists_").map(|(_, rest)| rest);
    suite
        .and_then(|rest| rest.split('_').next())
        .is_some_and(is_pgdg_suite)
}

fn key(host: &Host, packages: &PackageSettings) -> Result<SigningKey, String> {
    if let Some(path) = &packages.pgdg_key {
        let bytes = host.read(path).map_err(|error: HostError| error.to_string())?;
        return given(path, &bytes);
    }
    for path in PACKAGED_KEYS.map(Path::new) {
        let Ok(bytes) = host.read(path) else { continue };
        // A file that is not what it should be is no reason to trust it, nor to do without the embedded one.
        if let Ok(key) = pinned(&bytes, KeyOrigin::Packaged(path.to_owned())) {
            return Ok(key);
        }
    }
    pinned(EMBEDDED_KEY.as_bytes(), KeyOrigin::Embedded)
}

/// A key that has to be PGDG's own, alone in its file.
fn pinned(bytes: &[u8], origin: KeyOrigin) -> Result<SigningKey, String> {
    let keys = openpgp::parse(bytes)?;
    if keys.fingerprints != [FINGERPRINT] {
        return Err(format!(
            "holds {}, not {FINGERPRINT} alone",
            keys.fingerprints.join(", ")
        ));
    }
    Ok(SigningKey {
        fingerprint: FINGERPRINT.to_owned(),
        origin,
        armored: keys.armored,
    })
}

fn given(path: &Path, bytes: &[u8]) -> Result<SigningKey, String> {
    let problem = |problem| format!("{} {problem}", path.display());
    let keys = openpgp::parse(bytes).map_err(problem)?;
    match keys.fingerprints.as_slice() {
        [fingerprint] => Ok(SigningKey {
            fingerprint: fingerprint.clone(),
            origin: KeyOrigin::Given(path.to_owned()),
            armored: keys.armored,
        }),
        several => Err(problem(format!(
            "holds {} keys; a mirror signs with one",
            several.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_key_is_the_pinned_one() {
        let key = pinned(EMBEDDED_KEY.as_bytes(), KeyOrigin::Embedded).unwrap();
        assert_eq!(key.fingerprint, FINGERPRINT);
    }

    #[test]
    fn a_substituted_or_accompanied_key_is_not_handed_on() {
        // Another key of version 4, by itself and behind the real one.
        let other = [0x98, 3, 4, 0, 0];
        assert!(pinned(&other, KeyOrigin::Embedded).is_err());
        let real = openpgp::parse(EMBEDDED_KEY.as_bytes()).unwrap();
        assert!(real.armored.contains("-----BEGIN"));
        assert!(
            given(Path::new("/key"), &other).is_ok(),
            "a mirror's own key may be any"
        );
        let two = [other, other].concat();
        assert_eq!(
            given(Path::new("/key"), &two).unwrap_err(),
            "/key holds 2 keys; a mirror signs with one"
        );
    }

    #[test]
    fn the_lists_of_pgdg_are_known_by_the_suite_in_their_names() {
        for (name, expected) in [
            ("mirror.example_pub_repos_apt_dists_trixie-pgdg_InRelease", true),
            (
                "mirror.example_dists_trixie-pgdg_main_binary-amd64_Packages.lz4",
                true,
            ),
            ("mirror.example_debian_dists_trixie_InRelease", false),
            ("partial", false),
        ] {
            assert_eq!(is_list(name), expected, "{name}");
        }
    }
}
