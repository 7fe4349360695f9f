//! Who holds dnf or rpm.

use std::path::Path;

use crate::facts::apt::{LockHolder, holder_of};
use crate::host::Host;

/// Files in which dnf 4 writes the process that works (dnf/lock.py: `*_lock.pid`).
const PROCESS_FILES: [&str; 3] = [
    "/var/lib/dnf/rpmdb_lock.pid",
    "/var/cache/dnf/metadata_lock.pid",
    "/var/cache/dnf/download_lock.pid",
];

/// fcntl(2) locks of rpm, in each place of its database, and of dnf 5.
const LOCKS: [&str; 4] = [
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
    "/run/dnf/rpmtransaction.lock",
    "/usr/lib/sysimage/libdnf5/transaction.lock",
];

/// The first holder that lives, or `None` when all are free.
pub fn lock_holder(host: &Host) -> Option<LockHolder> {
    let by_file = PROCESS_FILES.iter().find_map(|path| {
        let text = host.read_text(Path::new(path)).ok().flatten()?;
        let pid: u32 = text.trim().parse().ok()?;
        holder(host, path, pid)
    });
    let by_lock = || {
        let table = host.read_text(Path::new("/proc/locks")).ok().flatten()?;
        LOCKS.iter().find_map(|path| {
            let pid = holder_of(&table, host.inode(Path::new(path))?)?;
            holder(host, path, pid)
        })
    };
    by_file.or_else(by_lock)
}

fn holder(host: &Host, path: &str, pid: u32) -> Option<LockHolder> {
    let command = host
        .read_text(Path::new(&format!("/proc/{pid}/comm")))
        .ok()
        .flatten()?;
    Some(LockHolder {
        path: path.into(),
        pid,
        command: command.trim().to_owned(),
    })
}
