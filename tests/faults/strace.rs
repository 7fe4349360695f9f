//! strace as the hand that kills: it ends our own process before the Nth call of a name, never a child of ours.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// `-f` for our threads; `-b execve` lets every child go as soon as it becomes another program.
const OURS_ONLY: [&str; 4] = ["strace", "-f", "-qq", "-b"];

/// Ends the whole test run where strace is missing: the tier was asked for, so nothing may pass without it.
pub fn require() {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "the fault loop needs strace: apt-get install strace"
    );
}

/// Writes every call of these names to `log`, with the paths of its files.
pub fn watching(calls: &[&str], log: &Path) -> Vec<OsString> {
    // A question mark lets a name pass that this architecture does not have.
    let calls: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
    let trace = format!("trace={}", calls.join(","));
    ours_only([
        "-y".into(),
        "-s".into(),
        "0".into(),
        "-e".into(),
        trace.into(),
        "-o".into(),
        log.into(),
    ])
}

/// Lets the `number`th of these calls in a thread of ours end in `effect`: `signal=KILL`, `error=ENOSPC`. With `only`,
/// calls on other files neither count nor fail.
pub fn injecting(call: &str, number: u32, effect: &str, only: Option<&Path>) -> Vec<OsString> {
    let (trace, inject) = (
        format!("trace={call}"),
        format!("inject={call}:{effect}:when={number}"),
    );
    let mut options: Vec<OsString> = ["-e", &trace, "-e", &inject, "-o", "/dev/null"]
        .map(OsString::from)
        .into();
    if let Some(path) = only {
        options.extend(["-P".into(), path.into()]);
    }
    ours_only(options)
}

/// Logs every program that ours starts, with its whole argument list and environment.
pub fn logging_programs(log: &Path) -> Vec<OsString> {
    let words = ["-v", "-s", "100000", "-e", "trace=execve", "-o"].map(OsString::from);
    ours_only(words.into_iter().chain([log.into()]))
}

fn ours_only(options: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let fixed = OURS_ONLY.into_iter().chain(["execve"]).map(OsString::from);
    fixed.chain(options).collect()
}
