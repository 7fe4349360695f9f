//! Counts the system calls of one undisturbed run that change something outside the process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::instance::{Instance, Reply};
use super::strace;

const CHANGING: [&str; 27] = [
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "open",
    "openat",
    "write",
    "ftruncate",
    "fsync",
    "fdatasync",
    "syncfs",
    "connect",
    "sendto",
    "kill",
    "vfork",
    "clone",
    "clone3",
];

/// By call, the numbers (counted from 1 in its thread, as strace counts) that are worth a kill.
pub type Census = BTreeMap<String, Vec<u32>>;

/// Runs the command undisturbed and counts.
pub fn take(instance: &Instance<'_>, words: &[&str]) -> (Census, Reply) {
    let log = instance.root.join("census.log");
    let reply = instance.run_under(
        &strace::watching(&CHANGING, &log),
        &instance.ground.program,
        words,
    );
    let text = std::fs::read_to_string(&log).expect("strace wrote its log");
    std::fs::remove_file(&log).expect("the log is ours");
    (count(&text, &instance.root), reply)
}

/// Lines are `PID call(arguments) = result`; a call that another thread cut in two begins with its name too.
fn count(log: &str, root: &Path) -> Census {
    let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut relevant: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !CHANGING.contains(&call) {
            continue;
        }
        let number = seen.entry((thread, call)).or_default();
        *number += 1;
        if changes_something(call, arguments, root) {
            relevant.entry(call.to_owned()).or_default().insert(*number);
        }
    }
    relevant
        .into_iter()
        .map(|(call, numbers)| (call, numbers.into_iter().collect()))
        .collect()
}

fn changes_something(call: &str, arguments: &str, root: &Path) -> bool {
    match call {
        "open" | "openat" => arguments.contains("O_CREAT"),
        // Talk on standard error and wake-ups between threads change nothing.
        "write" => arguments.contains(&*root.to_string_lossy()),
        // Signal 0 only asks whether a process is there.
        "kill" => !arguments.contains(", 0)"),
        _ => true,
    }
}
