//! The program with the hook of the feature `fault-checkpoints`, which ends it at a step boundary.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgvector_setup::apply::receipt;
use pgvector_setup::host::{Environment, Host};

use super::instance::{Instance, Reply, finish};

/// Names the boundary. A release must not even know the word.
const KILL_AT: &str = "PGVECTOR_SETUP_KILL_AT";

/// The engine passes three boundaries a step, an undo two a step and some at its end; one more must not be reached.
const A_STEP: u32 = 3;

/// Builds the program with the hook beside the one without, and gives the path of its copy.
pub fn build() -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pgvector-setup-with-hook");
    std::fs::copy(cargo_build(&["--features", "fault-checkpoints"]), &copy)
        .expect("the target directory is ours");
    // Cargo has put the one with the hook where the other was.
    cargo_build(&[]);
    copy
}

fn cargo_build(options: &[&str]) -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_pgvector-setup"));
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--quiet", "--locked", "--bin", "pgvector-setup"])
        .args(options);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let target = program
        .ancestors()
        .nth(2)
        .expect("binaries are in TARGET/PROFILE");
    command.arg("--target-dir").arg(target);
    assert!(
        command.status().expect("cargo starts").success(),
        "cargo cannot build with {options:?}"
    );
    program
}

/// Runs to the boundary of this number.
pub fn run_to(instance: &Instance<'_>, words: &[&str], number: u32) -> Reply {
    let mut command = instance.command_under(&[], &instance.ground.program_with_hook, words);
    command.env(KILL_AT, number.to_string());
    finish(command)
}

/// No run passes more boundaries than this.
pub fn boundaries(instance: &Instance<'_>, is_rollback: bool) -> u32 {
    let steps = if is_rollback {
        made(instance)
    } else {
        pending(instance)
    };
    (steps + 2) * A_STEP
}

fn pending(instance: &Instance<'_>) -> u32 {
    let plan = instance.run(["plan", "--json"]).succeeds();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("plan prints JSON");
    u32::try_from(plan["pending"].as_u64().expect("a count")).expect("a small count")
}

fn made(instance: &Instance<'_>) -> u32 {
    let host = Host::new(Environment::default());
    let records = receipt::read(&host, &instance.directory().join("receipt.jsonl")).expect("a whole receipt");
    u32::try_from(receipt::made(&records).len()).expect("a small count")
}

pub fn is_not_in_releases() {
    let with_hook = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pgvector-setup-with-hook");
    assert!(knows_the_hook(&with_hook), "the search would not find the hook");
    let program = Path::new(env!("CARGO_BIN_EXE_pgvector-setup"));
    let target = program
        .ancestors()
        .nth(2)
        .expect("binaries are in TARGET/PROFILE");
    for program in [program.to_owned(), target.join("release/pgvector-setup")] {
        assert!(
            !program.exists() || !knows_the_hook(&program),
            "{} has the hook",
            program.display()
        );
    }
}

fn knows_the_hook(program: &Path) -> bool {
    let bytes = std::fs::read(program).expect("the program is readable");
    bytes
        .windows(KILL_AT.len())
        .any(|window| window == KILL_AT.as_bytes())
}
