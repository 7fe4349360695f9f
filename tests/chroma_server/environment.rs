//! One virtual environment for each version of chromadb, kept below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// pip's own cache and the disk are shared: one installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// What pip says where there is no registry to ask.
const OFFLINE: [&str; 3] = [
    "Failed to establish a new connection",
    "NameResolutionError",
    "Network is unreachable",
];

/// Its `bin`; `None`, with a word on the terminal, where no registry can be reached.
pub fn programs(version: &str) -> Option<PathBuf> {
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chroma-venvs");
    let directory = kept.join(version);
    let is_whole = directory.join("is-whole");
    if !is_whole.exists() {
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&kept).unwrap();
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&directory)
            .status();
        assert!(made.unwrap().success());
        let mut pip = Command::new(directory.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        pip.arg(format!("chromadb=={version}"));
        if version.starts_with("0.4.") {
            // It was written for numpy 1 and does not say so.
            pip.arg("numpy<2");
        }
        let output = pip.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && OFFLINE.iter().any(|word| said.contains(word)) {
            println!("SKIPPED: chromadb {version} cannot be installed, no registry is reached");
            return None;
        }
        assert!(output.status.success(), "{said}");
        std::fs::write(is_whole, "").unwrap();
    }
    Some(directory.join("bin"))
}
