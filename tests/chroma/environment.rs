//! One virtual environment for each version of chromadb, kept below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// pip's own cache and the disk are shared: one installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A program of `programs/` by the Python that has this version.
pub fn program(version: &str, name: &str) -> Command {
    let mut command = Command::new(environment(version).join("bin/python"));
    command
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/chroma/programs")
                .join(name),
        )
        .stdin(Stdio::null());
    command
}

/// Panics with what the program said where it fails.
pub fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

fn environment(version: &str) -> PathBuf {
    let _turn = INSTALLING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chroma-venvs");
    let directory = kept.join(version);
    let is_whole = directory.join("is-whole");
    if !is_whole.exists() {
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&kept).unwrap();
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&directory));
        let mut pip = Command::new(directory.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("chromadb=={version}"));
        if version.starts_with("0.4.") || version.starts_with("0.5.") {
            // They were written for numpy 1 and do not say so.
            pip.arg("numpy<2");
        }
        succeed(&mut pip);
        std::fs::write(is_whole, "").unwrap();
    }
    directory
}
