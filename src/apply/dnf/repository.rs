//! A repository of RPM packages: its key is had, checked, kept and made known to rpm before the repository's file is there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::passing;
use super::{RpmError, command, run_dnf, words};
use crate::apply::apt::Waits;
use crate::apply::patience::{self, Patience};
use crate::apply::{ApplyError, Outcome, Progress};
use crate::error::Result;
use crate::facts::openpgp;
use crate::host::{Command, Host, HostError};
use crate::plan::{RpmKey, Step};

const FETCH_DEADLINE: Duration = Duration::from_secs(90);

/// Does [`Step::AddRpmRepository`]. `own` is a directory of the caller's.
///
/// # Errors
/// [`RpmError::Key`] when what is fetched is not the pinned key: nothing was written then.
pub async fn add_repository(
    host: &Host,
    step: &Step,
    own: &Path,
    patience: Patience,
    progress: &dyn Progress,
) -> Result<Outcome> {
    let waits = |what: &str| progress.waits(what);
    let Step::AddRpmRepository {
        key,
        path,
        content,
        import,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let armored = checked(host, key, own, patience, &waits).await?;
    let known_before = known_keys(host).await?;
    if let Some(directory) = key.path.parent()
        && !host.exists(directory)
    {
        host.create_root_directory(directory).await?;
    }
    host.write_root_file(&key.path, armored.as_bytes(), 0o644, own)
        .await?;
    let import = command(import, "have rpm know the key", FETCH_DEADLINE);
    run_dnf(host, &import, patience, &waits).await?;
    let known = known_keys(host).await?;
    host.write_root_file(path, content.as_bytes(), 0o644, own).await?;
    let imported = known.into_iter().find(|name| !known_before.contains(name));
    // A run that was cut off between import and here finds the key known; that it was us, its name tells.
    let ours = imported.or_else(|| {
        known_before
            .into_iter()
            .find(|name| is_named_after(name, &key.fingerprint))
    });
    Ok(Outcome::Changed { object: ours })
}

/// The key in ASCII armor, once it is the one that is meant.
async fn checked(
    host: &Host,
    key: &RpmKey,
    own: &Path,
    patience: Patience,
    waits: Waits<'_>,
) -> Result<String> {
    let fetched = own.join("pgdg-key.partial");
    let bytes = match (&key.armored, &key.url) {
        (Some(armored), _) => armored.clone().into_bytes(),
        (None, Some(url)) => {
            let attempt = async || fetch(host, url, &fetched).await;
            patience::run(host, patience, |_| None, waits, attempt).await?;
            let bytes = host.read(&fetched)?;
            host.remove_file(&fetched)?;
            bytes
        }
        (None, None) => Vec::new(),
    };
    let wrong = |found: String| {
        ApplyError::Rpm(RpmError::Key {
            from: key.url.clone().unwrap_or_else(|| "--pgdg-key".to_owned()),
            wanted: key.fingerprint.clone(),
            found,
        })
    };
    let keys = openpgp::parse(&bytes).map_err(&wrong)?;
    if keys.fingerprints != [key.fingerprint.clone()] {
        return Err(wrong(keys.fingerprints.join(", ")).into());
    }
    Ok(keys.armored)
}

/// By curl, which every system with dnf has: https alone, no redirect, small, as this user.
async fn fetch(host: &Host, url: &str, to: &PathBuf) -> Result<()> {
    let curl = Command::new("/usr/bin/curl", "fetch the key of the repository")
        .arguments(words(&[
            "--fail",
            "--silent",
            "--show-error",
            "--proto",
            "=https",
            "--tlsv1.2",
        ]))
        .arguments(words(&[
            "--max-time",
            "60",
            "--max-filesize",
            "65536",
            "--output",
        ]))
        .argument(to)
        .argument(url)
        .deadline(FETCH_DEADLINE);
    match host.run(&curl).await {
        Ok(_) => Ok(()),
        // A network that is not there yet, or a clock, are told as they are of dnf, which is built on the same library.
        Err(HostError::Failed { command, output, .. }) if passing(&output.stderr).is_some() => {
            Err(ApplyError::Rpm(RpmError::from_output(command, &output)).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The names that rpm gives to the keys it knows: `gpg-pubkey-08b40d20-65943dc4`.
async fn known_keys(host: &Host) -> Result<Vec<String>> {
    let argv = words(&["/usr/bin/rpm", "--query", "--all", "gpg-pubkey*"]);
    let output = host
        .run(&command(&argv, "ask rpm which keys it knows", FETCH_DEADLINE))
        .await?;
    Ok(output.stdout.lines().map(str::to_owned).collect())
}

/// rpm names a key by the end of its fingerprint: the last 8 digits, since rpm 6 all of them.
fn is_named_after(name: &str, fingerprint: &str) -> bool {
    let fingerprint = fingerprint.to_lowercase();
    let version = name
        .strip_prefix("gpg-pubkey-")
        .and_then(|rest| rest.split('-').next());
    version.is_some_and(|version| version.len() >= 8 && fingerprint.ends_with(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpm_names_a_key_by_the_end_of_its_fingerprint() {
        let fingerprint = "D4BF08AE67A0B4C7A1DBCCD240BCA2B408B40D20";
        for (name, expected) in [
            ("gpg-pubkey-08b40d20-65943dc4", true),
            (
                "gpg-pubkey-d4bf08ae67a0b4c7a1dbccd240bca2b408b40d20-65943dc4",
                true,
            ),
            ("gpg-pubkey-b9738825-65899a90", false),
            ("gpg-pubkey-20-1", false),
            ("bash-5.2", false),
        ] {
            assert_eq!(is_named_after(name, fingerprint), expected, "{name}");
        }
    }
}
