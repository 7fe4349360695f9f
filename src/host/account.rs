//! Users of this machine, as `/etc/passwd` has them; the one who runs this also where it is kept elsewhere.

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
            name: known.map_or_else(name_by_directory_service, |account| account.name),
            uid,
            gid,
            home,
        }
    }
}

impl Host {
    /// The account of this login name, or `None`.
    pub fn account_named(&self, name: &str) -> Option<Account> {
        let ours = || Some(self.account()).filter(|account| !name.is_empty() && account.name == name);
        let known = read_passwd().into_iter().find(|account| account.name == name);
        known.or_else(|| ours().cloned())
    }

    /// The id of the group of this name (group(5)), or `None`.
    pub fn group_named(&self, name: &str) -> Option<u32> {
        let text = std::fs::read("/etc/group").unwrap_or_default();
        String::from_utf8_lossy(&text).lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_meant = fields.next() == Some(name);
            fields.nth(1).filter(|_| is_meant)?.parse().ok()
        })
    }

    /// The name of the group with this id (group(5)), or `None`.
    pub fn group_with_id(&self, gid: u32) -> Option<String> {
        let text = std::fs::read("/etc/group").unwrap_or_default();
        String::from_utf8_lossy(&text).lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, id, ..] = fields.as_slice() else {
                return None;
            };
            (id.parse() == Ok(gid)).then(|| (*name).to_owned())
        })
    }

    /// The account of this user id, or `None`.
    pub fn account_with_id(&self, uid: u32) -> Option<Account> {
        let ours = || Some(self.account()).filter(|account| !account.name.is_empty() && account.uid == uid);
        let known = read_passwd().into_iter().find(|account| account.uid == uid);
        known.or_else(|| ours().cloned())
    }

    /// The account that owns a file or directory (not following a symlink).
    pub fn owner_of(&self, path: &std::path::Path) -> Result<u32, HostError> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::symlink_metadata(path)
            .map(|metadata| metadata.uid())
            .map_err(|source| HostError::io("look at", path, source))
    }
}

/// Our own login name where `/etc/passwd` does not have it: macOS keeps its users in a directory service, as other
/// systems may. id(1) asks what the C library asks; without a name it fails.
fn name_by_directory_service() -> String {
    let answer = duct::cmd("/usr/bin/id", ["-un"])
        .full_env([("PATH", super::run::SAFE_PATH)])
        .dir("/")
        .stdin_null()
        .stderr_null()
        .read();
    answer.unwrap_or_default()
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
