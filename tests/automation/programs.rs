//! Ansible and cloud-init, fetched once and kept among the build products; nothing is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// By pip into an environment of its own: Ansible, and what cloud-init imports.
const MODULES: [&str; 8] = [
    "ansible-core",
    "configobj",
    "jinja2",
    "jsonpatch",
    "jsonschema",
    "oauthlib",
    "pyyaml",
    "requests",
];

static ENVIRONMENT: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let place = kept("automation-venv");
    let is_whole = place.join("is-whole");
    if !is_whole.exists() {
        succeeds(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&place),
        )?;
        let mut pip = Command::new(place.join("bin/pip"));
        succeeds(pip.args(["install", "--quiet"]).args(MODULES))?;
        std::fs::write(is_whole, "").ok()?;
    }
    Some(place.join("bin"))
});

/// Debian's package is unpacked and not installed: installed, it would take the machine in hand at its next boot.
static CLOUD_INIT: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let place = kept("cloud-init");
    let modules = place.join("usr/lib/python3/dist-packages");
    if !modules.join("cloudinit").exists() {
        std::fs::create_dir_all(&place).ok()?;
        let fetch = tempfile::tempdir_in(&place).ok()?;
        let mut download = Command::new("apt-get");
        succeeds(download.args(["download", "cloud-init"]).current_dir(&fetch))?;
        for package in std::fs::read_dir(&fetch).ok()? {
            let package = package.ok()?.path();
            succeeds(Command::new("dpkg-deb").arg("-x").arg(package).arg(&place))?;
        }
    }
    Some(modules)
});

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs").join(name)
}

/// `ansible-playbook`; a line says that it is not to be had.
pub fn ansible_playbook() -> Option<PathBuf> {
    let program = ENVIRONMENT.as_ref().map(|bin| bin.join("ansible-playbook"));
    if program.is_none() {
        eprintln!("SKIPPED: there is no ansible-playbook: pip install ansible-core fails");
    }
    program
}

/// A Python that has cloud-init's modules; a line says that it is not to be had.
pub fn cloud_init() -> Option<Command> {
    let (Some(bin), Some(modules)) = (ENVIRONMENT.as_ref(), CLOUD_INIT.as_ref()) else {
        eprintln!("SKIPPED: there is no cloud-init: pip install or apt-get download cloud-init fails");
        return None;
    };
    let mut python = Command::new(bin.join("python3"));
    python.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    python.env("PYTHONPATH", modules).stdin(Stdio::null());
    Some(python)
}

fn succeeds(command: &mut Command) -> Option<()> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success().then_some(())
}

/// Runs to its end; gives the exit status, and all that it said.
pub fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}
