//! Prometheus's own programs, and commands whose words are what matters.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Debian's packages are unpacked and not installed: installed, they start servers.
const PACKAGES: [&str; 2] = ["prometheus", "prometheus-node-exporter"];

static UNPACKED: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let place = kept();
    let programs = place.join("usr/bin");
    if PACKAGES.iter().all(|name| programs.join(name).exists()) {
        return Some(programs);
    }
    let fetch = tempfile::tempdir_in(&place).ok()?;
    succeeds(
        Command::new("apt-get")
            .arg("download")
            .args(PACKAGES)
            .current_dir(&fetch),
    )?;
    for package in std::fs::read_dir(&fetch).ok()? {
        succeeds(
            Command::new("dpkg-deb")
                .arg("-x")
                .arg(package.ok()?.path())
                .arg(&place),
        )?;
    }
    Some(programs)
});

/// What is fetched once and kept among the build products.
pub fn kept() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    std::fs::create_dir_all(&place).unwrap();
    place
}

/// The program of this name, from the search path or Debian's package; a line says that it is not to be had.
pub fn program(name: &str) -> Option<PathBuf> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search_path)
        .map(|directory| directory.join(name))
        .find(|path| path.exists())
        .or_else(|| Some(UNPACKED.as_ref()?.join(name)).filter(|path| path.exists()));
    if found.is_none() {
        eprintln!(
            "SKIPPED: there is no {name}, and apt-get download {} fails",
            PACKAGES.join(" ")
        );
    }
    found
}

fn succeeds(command: &mut Command) -> Option<()> {
    command
        .stdin(Stdio::null())
        .output()
        .ok()?
        .status
        .success()
        .then_some(())
}

/// Runs to its end; gives whether it succeeded, and all that it said.
pub fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// `pgvector-setup render …` into `place`.
#[track_caller]
pub fn render(place: &Path, words: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
    command.arg("render").arg(words[0]).arg(place).args(&words[1..]);
    command.env_clear().env("HOME", place).current_dir("/");
    let (is_done, text) = said(&mut command);
    assert!(is_done, "{text}");
}
