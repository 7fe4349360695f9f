//! Where an installation keeps its files. Pure: computed from the account, the environment and the settings.

use std::path::{Path, PathBuf};

use crate::digest::sha256_hex;
use crate::host::{Account, Environment, TEMPORARY};
use crate::settings::{InstanceName, Settings, SettingsError, Target};

/// Longest socket directory: `sun_path` holds 108 bytes with its NUL (unix(7)), and `/.s.PGSQL.65535` takes 15.
const LONGEST_SOCKET_DIRECTORY: usize = 92;

/// The system user that embedded clusters run as when we are root.
pub const SERVICE_USER: &str = "pgvector-setup";

/// The paths of one installation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Layout {
    /// Holds every instance, the bundles and the system target's records.
    pub root: PathBuf,
    pub instance: PathBuf,
    pub data: PathBuf,
    pub socket_directory: PathBuf,
    pub receipt: PathBuf,
    pub credentials: PathBuf,
    pub lock: PathBuf,
    pub start_log: PathBuf,
    pub bundles: PathBuf,
}

impl Layout {
    /// # Errors
    /// [`SettingsError::NoHome`] for a plain user without home directory and without `--directory`.
    pub fn new(
        account: &Account,
        environment: &Environment,
        settings: &Settings,
    ) -> Result<Self, SettingsError> {
        let root = root(account, environment, settings)?;
        let instance = match settings.target {
            Target::Embedded => root.join("instances").join(settings.instance.as_str()),
            Target::System => root.join("system"),
            Target::Docker => root.join("docker").join(settings.instance.as_str()),
            Target::Url => root.join("servers").join(server_name(settings)),
        };
        Ok(Self {
            data: instance.join("data"),
            socket_directory: socket_directory(account, &instance),
            receipt: instance.join("receipt.jsonl"),
            credentials: instance.join("credentials"),
            lock: instance.join("lock"),
            start_log: instance.join("start.log"),
            bundles: root.join("bundles"),
            instance,
            root,
        })
    }
}

/// One directory for each database of each server: readable, and with a digest, so that no two ever share one.
fn server_name(settings: &Settings) -> String {
    let Some(url) = &settings.server_url else {
        return "none".to_owned();
    };
    let whole = format!("{}\0{}\0{}", url.host.text(), url.port, settings.database);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || ".-_".contains(c) {
            c
        } else {
            '-'
        }
    };
    let readable: String = format!("{}-{}-{}", url.host.text(), url.port, settings.database)
        .trim_start_matches('/')
        .chars()
        .map(plain)
        .take(60)
        .collect();
    format!("{readable}-{}", &sha256_hex(whole.as_bytes())[..10])
}

/// `--directory`, else `/var/lib/pgvector-setup` for root, else the XDG data directory
/// (XDG Base Directory Specification: `$XDG_DATA_HOME`, by default `~/.local/share`).
fn root(account: &Account, environment: &Environment, settings: &Settings) -> Result<PathBuf, SettingsError> {
    if let Some(directory) = &settings.directory {
        return std::path::absolute(directory).map_err(|error| SettingsError::File {
            path: directory.display().to_string(),
            problem: error.to_string(),
        });
    }
    if account.uid == 0 {
        return Ok(PathBuf::from("/var/lib/pgvector-setup"));
    }
    let data_home = environment.data_home.clone().filter(|path| path.is_absolute());
    let data_home = data_home.or_else(|| account.home.as_ref().map(|home| home.join(".local/share")));
    data_home
        .map(|path| path.join("pgvector-setup"))
        .ok_or(SettingsError::NoHome)
}

/// The instance's own `run` directory where its path is short and plain, else a short one named after the instance.
fn socket_directory(account: &Account, instance: &Path) -> PathBuf {
    let inside = instance.join("run");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    let text = inside.to_string_lossy();
    if text.len() <= LONGEST_SOCKET_DIRECTORY && text.chars().all(plain) {
        return inside;
    }
    let digest = &sha256_hex(text.as_bytes())[..12];
    let parent = if account.uid == 0 { "/run" } else { TEMPORARY };
    Path::new(parent).join(format!("pgvector-setup-{}-{digest}", account.uid))
}

/// The instance's name as its directory has it.
pub fn instance_of(name: &str) -> Option<InstanceName> {
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(uid: u32, home: Option<&str>) -> Account {
        Account {
            name: "ann".into(),
            uid,
            gid: uid,
            home: home.map(PathBuf::from),
        }
    }

    #[test]
    fn sockets_stay_short_and_plain_whatever_the_data_path_is() {
        let ann = account(1000, Some("/home/ann"));
        let short = socket_directory(
            &ann,
            Path::new("/home/ann/.local/share/pgvector-setup/instances/default"),
        );
        assert_eq!(
            short,
            Path::new("/home/ann/.local/share/pgvector-setup/instances/default/run")
        );
        for awkward in [
            "/home/ann/with space/x".to_owned(),
            "/home/änn/x".to_owned(),
            format!("/{}", "x".repeat(100)),
        ] {
            let chosen = socket_directory(&ann, Path::new(&awkward));
            assert!(
                chosen.starts_with("/tmp") && chosen.as_os_str().len() < 60,
                "{awkward} -> {}",
                chosen.display()
            );
        }
    }
}
