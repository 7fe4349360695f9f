//! Who holds the package manager's locks. They are fcntl(2) locks, which the kernel lists for everyone to read.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// A process that keeps apt or dpkg from working.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LockHolder {
    pub path: PathBuf,
    pub pid: u32,
    /// The name of the process, empty where it may not be seen.
    pub command: String,
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, pid, command } = self;
        let command = if command.is_empty() { "process" } else { command };
        write!(formatter, "{command} (process {pid}) holds {}", path.display())
    }
}

/// The locks of dpkg's front ends, of dpkg itself and of the package lists.
const LOCKS: [&str; 3] = [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
];

/// The first holder of one of the locks, or `None` when all are free.
pub fn lock_holder(host: &Host) -> Option<LockHolder> {
    let table = host.read_text(Path::new("/proc/locks")).ok().flatten()?;
    LOCKS.iter().map(Path::new).find_map(|path| {
        let pid = holder_of(&table, host.inode(path)?)?;
        let command = host.read_text(Path::new(&format!("/proc/{pid}/comm")));
        Some(LockHolder {
            path: path.to_owned(),
            pid,
            command: command.ok().flatten().unwrap_or_default().trim().to_owned(),
        })
    })
}

/// The process that holds a write lock on this inode, in the text of /proc/locks (proc_locks(5)):
/// `1: POSIX  ADVISORY  WRITE 4242 fe:00:753935 0 EOF`. Waiters stand behind `->`. The device is not compared:
/// overlay file systems show another one there than stat(2) does.
pub fn holder_of(table: &str, inode: u64) -> Option<u32> {
    table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "WRITE", pid, file, ..] = words.as_slice() else {
            return None;
        };
        let is_same = file.rsplit(':').next()?.parse::<u64>() == Ok(inode);
        pid.parse().ok().filter(|pid| is_same && *pid > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_posix_write_lock_is_found_by_inode() {
        let table = "1: FLOCK  ADVISORY  WRITE 11 fe:00:753935 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 22 fe:00:900001 0 EOF\n\
                     2: -> POSIX  ADVISORY  WRITE 33 fe:00:900002 0 EOF\n\
                     3: POSIX  ADVISORY  READ 44 fe:00:900003 128 128\n\
                     4: OFDLCK ADVISORY  WRITE -1 fe:00:900004 0 EOF\n\
                     5: POSIX  ADVISORY  WRITE 0 fe:00:900005 0 EOF\ncut";
        for (inode, expected) in [
            (900_001, Some(22)),
            (753_935, None),
            (900_002, None),
            (900_003, None),
            (900_004, None),
            (900_005, None),
        ] {
            assert_eq!(holder_of(table, inode), expected, "{inode}");
        }
    }
}
