//! The docker client, and what test runs that were killed have left behind.

#![allow(
    clippy::disallowed_methods,
    reason = "a harness starts docker without the product"
)]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Standard output of one docker command; `None` where it fails.
pub fn docker<Arguments>(arguments: Arguments) -> Option<String>
where
    Arguments: IntoIterator,
    Arguments::Item: AsRef<std::ffi::OsStr>,
{
    let Output { status, stdout, .. } = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    status
        .success()
        .then(|| String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// Whether the process of this number, which made something, is still there.
pub fn is_alive(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

/// Removes the containers that bear this label, whose value is the process that made them, where that is gone.
pub fn remove_containers_of_the_dead(label: &str) {
    let format = format!("{{{{.ID}}}} {{{{.Label \"{label}\"}}}}");
    let filter = format!("label={label}");
    let listing = docker(["ps", "--all", "--filter", &filter, "--format", &format]).unwrap_or_default();
    for (container, owner) in listing.lines().filter_map(|line| line.split_once(' ')) {
        if !is_alive(owner) {
            docker(["rm", "--force", "--volumes", container]);
        }
    }
}

/// The tag that a recipe of `docker/` prints. Panics with the build's last words.
pub fn build(recipe: &str, arguments: &[&str]) -> String {
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(recipe))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the recipe starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    let from = errors.lines().count().saturating_sub(15);
    let last_words: Vec<&str> = errors.lines().skip(from).collect();
    assert!(
        output.status.success(),
        "{recipe} {}: the build ended with:\n{}",
        arguments.join(" "),
        last_words.join("\n")
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
