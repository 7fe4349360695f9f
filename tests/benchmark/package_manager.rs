//! What target `system` adds to the package manager's own time, on fresh Debian machines in containers.
//!
//! The package manager's share is what the product's own log says its children took: reading the lists, installing,
//! starting the server. Everything else counts as added: the probes, the plan, the receipt, the database steps, the
//! proof, and `docker exec` itself.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::BINARY;

const MACHINES: usize = 3;
const UP: &str = "pgvector-setup up --yes --target system --source distro";

/// The commands whose time is not ours.
const THEIRS: [&str; 4] = [
    "/usr/bin/apt-get update",
    "/usr/bin/apt-get install",
    "/usr/bin/pg_ctlcluster",
    "/usr/bin/systemctl",
];

/// One row of the table, or a line that says why there is none.
pub fn print_row() {
    let Some(tag) = image() else {
        println!("up --target system: SKIPPED: no Docker engine, or no image of a fresh machine");
        return;
    };
    let mut added: Vec<f64> = (0..MACHINES).map(|_| added_seconds(&tag)).collect();
    added.sort_by(f64::total_cmp);
    println!(
        "{:<30} {:>9.1} ms {:>9.1} ms {:>10}",
        "up --target system, beside apt",
        added[0] * 1e3,
        added[MACHINES / 2] * 1e3,
        "2000 ms"
    );
}

fn image() -> Option<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/fresh/build");
    said(Command::new(program).arg("trixie"))
}

fn added_seconds(tag: &str) -> f64 {
    let binary = format!("{BINARY}:/usr/local/bin/pgvector-setup:ro");
    let run = [
        "run",
        "--detach",
        "--init",
        "--shm-size",
        "1g",
        "--volume",
        &binary,
    ];
    let container = said(Command::new("docker").args(run).args([tag, "sleep", "infinity"]));
    let machine = Machine(container.expect("docker starts a machine"));
    let started = Instant::now();
    let output = Command::new("docker")
        .args(["exec", "--env", "PGVECTOR_SETUP_LOG=1", &machine.0])
        .args(UP.split(' '))
        .stdin(Stdio::null())
        .output()
        .expect("docker starts");
    let seconds = started.elapsed().as_secs_f64();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{UP}\n{log}");
    seconds - their_seconds(&log)
}

/// The sum over lines like `DEBUG pgvector_setup::host::run: 8123 ms: /usr/bin/apt-get install …`.
fn their_seconds(log: &str) -> f64 {
    let theirs = log.lines().filter_map(|line| {
        let (before, command) = line.split_once(" ms: ")?;
        let milliseconds = before.rsplit(' ').next()?.parse::<f64>().ok()?;
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        THEIRS
            .iter()
            .any(|theirs| command.starts_with(theirs))
            .then_some(milliseconds)
    });
    theirs.sum::<f64>() / 1e3
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Removed when dropped.
struct Machine(String);

impl Drop for Machine {
    fn drop(&mut self) {
        said(Command::new("docker").args(["rm", "--force", "--volumes", &self.0]));
    }
}
