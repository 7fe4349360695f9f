//! Users of this machine, as `/etc/passwd` has them.

use std::path::PathBuf;

use super::{Host, HostError};

/// A user: ids, login name and home directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: Option<PathBuf>,
}

impl Account {
    pub(super) fn current(home: Option<PathBuf>) -> Self {
        let (uid, gid) = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        let known = read_passwd().into_iter().find(|account| account.uid == uid);
        let home = home.or_else(|| known.as_ref().and_then(|account| account.home.clone()));
        Self {
            name: known.map(|account| account.name).unwrap_or_default(),
            uid,
            gid,
            home,
        }
    }
}

impl Host {
    /// The account of this login name, or `None`.
    pub fn account_named(&self, name: &str) -> Option<Account> {
        read_passwd().into_iter().find(|account| account.name == name)
    }

    /// The account of this user id, or `None`.
    pub fn account_with_id(&self, uid: u32) -> Option<Account> {
        read_passwd().into_iter().find(|account| account.uid == uid)
    }

    /// The account that owns a file or directory (not following a symlink).
    pub fn owner_of(&self, path: &std::path::Path) -> Result<u32, HostError> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::symlink_metadata(path)
            .map(|metadata| metadata.uid())
            .map_err(|source| HostError::io("look at", path, source))
    }
}

fn read_passwd() -> Vec<Account> {
    let text = std::fs::read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(parse_passwd_line)
        .collect()
}

/// `name:password:uid:gid:comment:home:shell`, passwd(5).
fn parse_passwd_line(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, ..] = fields.as_slice() else {
        return None;
    };
    let home = (!home.is_empty()).then(|| PathBuf::from(home));
    Some(Account {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home,
    })
}
