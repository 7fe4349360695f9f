//! Other processes: is one there, which directory is its own, and ask one to end.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

/// Whether a process of this id exists (also one of another user).
pub fn process_is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Whether a living process was started for `directory` or works in it. Its arguments are readable by everybody, its
/// working directory only by its own user. Without `/proc` (macOS) being alive has to do.
pub fn process_serves(pid: u32, directory: &Path) -> bool {
    if !process_is_alive(pid) {
        return false;
    }
    let process = Path::new("/proc").join(pid.to_string());
    #[expect(
        clippy::disallowed_methods,
        reason = "/proc files have no size that could be capped"
    )]
    let Ok(arguments) = std::fs::read(process.join("cmdline")) else {
        return !Path::new("/proc/self").exists();
    };
    arguments
        .split(|byte| *byte == 0)
        .any(|argument| argument == directory.as_os_str().as_bytes())
        || std::fs::read_link(process.join("cwd")).is_ok_and(|working| working == directory)
}

/// Sends SIGTERM. Only for processes that this program started and still identifies.
pub fn terminate(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Sends SIGINT, as Ctrl-C would.
pub fn interrupt(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::INT);
    }
}

pub(super) fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::process_serves;

    #[test]
    fn a_living_process_serves_its_own_directory_only() {
        let here = std::env::current_dir().expect("tests run somewhere");
        assert!(process_serves(std::process::id(), &here));
        assert!(!process_serves(std::process::id(), Path::new("/nowhere")));
        assert!(!process_serves(0, &here));
    }
}
