//! Who listens on a Unix socket, and what /proc tells of that process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;

use super::process::arguments_of;

const PATIENCE: Duration = Duration::from_secs(1);

/// Who answers a connection to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Nobody listens, or the way to the socket is closed to us.
    Nobody,
    /// Somebody does, in another container, or on a system that does not say who.
    Hidden,
    /// The process that called listen(2), as the kernel noted it (SO_PEERCRED, unix(7)).
    Process(u32),
}

/// Connects and hangs up. A PostgreSQL server takes a connection without a byte for a probe and logs nothing.
pub async fn listener(socket: &Path) -> Listener {
    match tokio::time::timeout(PATIENCE, UnixStream::connect(socket)).await {
        Ok(Ok(connection)) => who(&connection),
        Ok(Err(_)) => Listener::Nobody,
        // It listens, but its queue is full.
        Err(_) => Listener::Hidden,
    }
}

/// A process of another pid namespace has the number 0, which is no pid.
fn who(connection: &UnixStream) -> Listener {
    let pid = connection
        .peer_cred()
        .ok()
        .and_then(|credentials| credentials.pid());
    match pid.and_then(|pid| u32::try_from(pid).ok()) {
        None | Some(0) => Listener::Hidden,
        Some(pid) => Listener::Process(pid),
    }
}

/// The executable of a process, which only root and its own user may see; a replaced one by its old name.
pub fn executable_of(pid: u32) -> Option<PathBuf> {
    let link = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    // proc(5): the link of a file that is gone ends so.
    let text = link.to_str()?;
    Some(text.strip_suffix(" (deleted)").unwrap_or(text).into())
}

/// The working directory of a process, under the same rule.
pub fn working_directory_of(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// The words that a process was started with; everybody may see them.
pub fn command_line_of(pid: u32) -> Vec<String> {
    let words = arguments_of(pid).unwrap_or_default();
    words
        .into_iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Whether a process sees other file systems than we do, as in a container; `None` where we may not know.
pub fn is_in_other_file_systems(pid: u32) -> Option<bool> {
    let theirs = std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
    let ours = std::fs::read_link("/proc/self/ns/mnt").ok()?;
    Some(theirs != ours)
}
