//! What has to hold when all is over: settled as if nothing had happened, or gone as if nothing had been.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use pgvector_setup::apply::Record;
use pgvector_setup::apply::receipt;
use pgvector_setup::host::{Environment, Host};

use super::end_state;
use super::instance::Instance;

/// A child that its killed parent left behind notices within this.
const ORPHANS_END: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Everything that an undisturbed run leaves, nothing else, and a further `up` finds nothing to do.
pub fn is_settled(instance: &Instance<'_>) {
    let found = end_state::of(instance);
    let found: Vec<&str> = found.lines().collect();
    let expected: Vec<&str> = instance.ground.undisturbed(instance.user).lines().collect();
    same(&found, &expected, "the end state");
    let receipt = instance.directory().join("receipt.jsonl");
    let records = receipt::read(&Host::new(Environment::default()), &receipt).expect("a readable receipt");
    assert!(
        matches!(records.last(), Some(Record::Ended { .. })),
        "the receipt ends with {:?}",
        records.last()
    );
    let leftovers: Vec<String> = listing(instance)
        .into_iter()
        .filter(|line| line.contains("partial"))
        .collect();
    assert!(leftovers.is_empty(), "left behind: {leftovers:?}");
    until(
        || servers(instance) == 1 && only_the_server_runs(instance),
        || format!("not one server alone: {:?}", instance.processes()),
    );
    let text = std::fs::read(&receipt).expect("a readable receipt");
    let reply = instance.up().succeeds();
    assert!(
        reply.stderr.contains("nothing to do"),
        "a settled instance has things to do\n{reply}"
    );
    assert_eq!(
        std::fs::read(&receipt).expect("a readable receipt"),
        text,
        "doing nothing wrote into the receipt"
    );
}

/// The directory as before, and no process.
pub fn is_gone(instance: &Instance<'_>, before: &[String]) {
    same(&listing(instance), before, "the directory");
    until(
        || instance.processes().is_empty(),
        || format!("still running: {:?}", instance.processes()),
    );
}

/// Fails with the lines that are in one only.
fn same<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T], what: &str) {
    let without = |some: &[T], others: &[T]| -> Vec<String> {
        let alone = some.iter().filter(|line| !others.contains(line));
        alone.map(|line| format!("{line:?}")).collect()
    };
    let (added, missing) = (without(found, expected), without(expected, found));
    assert!(
        found == expected,
        "{what} differs\nadded: {added:#?}\nmissing: {missing:#?}"
    );
}

/// Path and mode of everything in the root that concerns this instance: not what is inside clusters and bundles.
pub fn listing(instance: &Instance<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    walk(instance, &instance.root, &mut lines);
    lines.sort();
    lines
}

fn walk(instance: &Instance<'_>, directory: &Path, lines: &mut Vec<String>) {
    let instances = instance.root.join("instances");
    let sites = instance.root.join("sites");
    let closed = [instance.directory().join("data"), instance.root.join("bundles")];
    for entry in std::fs::read_dir(directory)
        .expect("a readable directory")
        .flatten()
    {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Sites are looked at by their own cases.
        let is_other = path == sites
            || directory == instances
                && name != instance.name
                && !name.starts_with(&format!(".{}.", instance.name));
        // What others make is theirs, and may go while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        if is_other {
            continue;
        }
        lines.push(format!("{:o} {}", metadata.permissions().mode(), path.display()));
        if metadata.is_dir()
            && !closed
                .iter()
                .any(|closed| closed == directory || (closed == &path && name == "data"))
        {
            walk(instance, &path, lines);
        }
    }
}

fn servers(instance: &Instance<'_>) -> usize {
    let data = instance.directory().join("data");
    let is_postmaster = |pid: &u32| command_line(*pid).ends_with(&format!("-D\0{}\0", data.display()));
    instance
        .processes()
        .iter()
        .filter(|pid| is_postmaster(pid))
        .count()
}

fn only_the_server_runs(instance: &Instance<'_>) -> bool {
    let is_server = |pid: &u32| {
        command_line(*pid)
            .split(['\0', ':'])
            .next()
            .is_some_and(|word| word.ends_with("postgres"))
    };
    instance.processes().iter().all(is_server)
}

fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

/// Asks again until it holds; the case fails when it does not in time.
fn until(holds: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < ORPHANS_END, "{}", otherwise());
        std::thread::sleep(POLL);
    }
}
