//! Other processes: is one there, which directory is its own, and ask one to end.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
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
    let Some(arguments) = arguments_of(pid) else {
        return !Path::new("/proc/self").exists();
    };
    arguments.iter().any(|argument| argument == directory)
        || std::fs::read_link(process.join("cwd")).is_ok_and(|working| working == directory)
}

/// Whether one of its threads runs, waits for a processor, or waits for a disk (proc_pid_stat(5): state R or D).
pub fn process_is_at_work(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut threads = threads.into_iter().flatten().flatten();
    threads.any(|thread| {
        #[expect(
            clippy::disallowed_methods,
            reason = "/proc files have no size that could be capped"
        )]
        let text = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name before it may hold anything, parentheses too.
        let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        matches!(state, Some('R' | 'D'))
    })
}

/// The processes that have these words one after the other among their arguments, as Linux lists them; none elsewhere.
pub fn processes_with_arguments(words: [&OsStr; 2]) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process: &u32| {
            let arguments = arguments_of(*process).unwrap_or_default();
            arguments.windows(2).any(|pair| pair == words)
        })
        .collect()
}

/// A process's argument list; `None` where it cannot be read.
pub(super) fn arguments_of(process: u32) -> Option<Vec<OsString>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "/proc files have no size that could be capped"
    )]
    let bytes = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let words = bytes
        .strip_suffix(&[0])
        .unwrap_or(&bytes)
        .split(|byte| *byte == 0);
    Some(words.map(|word| OsString::from_vec(word.to_vec())).collect())
}

/// Ends a process at once. Only for children of killed runs of ours that are still identified.
pub fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
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

    use super::{process_is_at_work, process_serves};

    #[test]
    fn who_asks_is_at_work_and_nobody_is_not() {
        assert!(process_is_at_work(std::process::id()));
        assert!(!process_is_at_work(0));
    }

    #[test]
    fn a_living_process_serves_its_own_directory_only() {
        let here = std::env::current_dir().expect("tests run somewhere");
        assert!(process_serves(std::process::id(), &here));
        assert!(!process_serves(std::process::id(), Path::new("/nowhere")));
        assert!(!process_serves(0, &here));
    }
}
