//! The package step by Homebrew: its formula `pgvector`, as long as that serves the server's major.

use std::path::PathBuf;

use crate::facts::brew::{Formula, major_of, server_formula};
use crate::health::advisories::Version;
use crate::plan::system::brew::{compiles, upgrade};
use crate::plan::{Plan, Refusal};

/// pgvector's formula, as brew describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct BrewPackage {
    pub program: PathBuf,
    pub extension: Formula,
    /// The server's major.
    pub major: u16,
    /// The formulae of servers that are here: the one that is meant and, where pgvector is compiled, those that it is built
    /// against.
    pub others: Vec<Formula>,
}

impl BrewPackage {
    /// `pgvector 0.8.5`
    pub fn installed(&self) -> Option<String> {
        let Formula {
            name,
            linked,
            installed,
            ..
        } = &self.extension;
        let version = linked.as_ref().or(installed.last())?;
        Some(format!("{name} {version}"))
    }
}

/// The step that brings a newer keg; none where brew knows none newer.
pub(super) fn plan(package: &BrewPackage) -> Result<Plan, Refusal> {
    let BrewPackage {
        program, extension, ..
    } = package;
    let (name, brew) = (&extension.name, program.display());
    let mut plan = Plan::default();
    let refuse = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
    let Some(linked) = &extension.linked else {
        return refuse(
            format!("{name} is installed, but not linked to where the server looks for it"),
            format!("{brew} link {name}"),
        );
    };
    let stable = &extension.stable;
    if version(stable) <= version(linked) {
        plan.notes.push(format!(
            "Homebrew knows no newer {name} than {linked}; it looks for newer ones by: {brew} update"
        ));
        return Ok(plan);
    }
    if extension
        .installed
        .iter()
        .any(|keg| version(keg) == version(stable))
    {
        return refuse(
            format!("{name} {stable} is installed, but {linked} is linked to where the server looks for it"),
            format!("{brew} unlink {name} && {brew} link {name}"),
        );
    }
    if let Some(why) = &extension.disabled {
        plan.notes
            .push(format!("Homebrew no longer upgrades {name}: {why}"));
        return Ok(plan);
    }
    if extension.is_pinned {
        return refuse(
            format!("brew is told to keep {name} at {linked}, and {stable} can be had"),
            format!("{brew} unpin {name}"),
        );
    }
    plan.notes.extend(serves(package)?);
    if let Some(server) = brought_along(package) {
        return refuse(
            format!(
                "{name} {stable} has no bottle for this machine, and to compile it brew would upgrade {server} as well"
            ),
            format!(
                "upgrade the server at a time of your choice, then run this again: {brew} upgrade {server}"
            ),
        );
    }
    plan.notes.extend(compiles(extension));
    plan.steps.push(upgrade(program, extension, linked.clone()));
    Ok(plan)
}

/// A note where the formula does not say which majors it is built for.
///
/// # Errors
/// [`Refusal::Blocked`] where it is built for others: its keg would take the place of the one that the server uses.
fn serves(package: &BrewPackage) -> Result<Option<String>, Refusal> {
    let BrewPackage {
        program,
        extension,
        major,
        ..
    } = package;
    let (name, stable) = (&extension.name, &extension.stable);
    let built_against = extension.build_dependencies.iter();
    let served: Vec<u16> = built_against.filter_map(|name| major_of(name)).collect();
    if served.is_empty() {
        return Ok(Some(format!(
            "the formula {name} does not say which PostgreSQL majors it serves; whether it still serves {major} is seen \
             when it is upgraded"
        )));
    }
    if served.contains(major) {
        return Ok(None);
    }
    let served: Vec<String> = served.iter().map(ToString::to_string).collect();
    Err(Refusal::Blocked {
        fact: format!(
            "Homebrew's {name} {stable} serves PostgreSQL {}, not {major}: it would take pgvector's files away from {}",
            served.join(" and "),
            server_formula(*major)
        ),
        hint: format!("keep it from being upgraded: {} pin {name}", program.display()),
    })
}

/// A server that compiling the extension would upgrade: one that it is built against and of which there is a newer version.
fn brought_along(package: &BrewPackage) -> Option<&str> {
    let extension = &package.extension;
    if extension.is_bottled {
        return None;
    }
    let is_outdated = |formula: &&Formula| {
        let is_stable = |keg: &String| upstream(keg) == formula.stable;
        extension.build_dependencies.contains(&formula.name)
            && !formula.installed.is_empty()
            && !formula.installed.iter().any(is_stable)
    };
    let found = package.others.iter().find(is_outdated)?;
    Some(&found.name)
}

/// `18.4` of the keg `18.4_1`.
fn upstream(keg: &str) -> &str {
    keg.split('_').next().unwrap_or(keg)
}

/// A revision of the formula alone is no newer pgvector.
fn version(keg: &str) -> Option<Version> {
    Version::parse(upstream(keg))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::brew::{Platform, parse_formulae};
    use crate::plan::Step;

    const INSTALLED: &str = include_str!("../../../tests/fixtures/brew/info-installed.txt");

    /// pgvector 0.8.5 and PostgreSQL 18 as recorded; homebrew/core has a bottle of 0.8.7 by now, built for 17 and 18.
    fn package() -> BrewPackage {
        let lines: Vec<&str> = INSTALLED.lines().collect();
        let platform = Platform {
            is_macos: false,
            is_arm: false,
        };
        let mut formulae = parse_formulae(&lines[1..lines.len() - 1].join("\n"), platform).unwrap();
        let mut extension = formulae.remove(0);
        assert_eq!(extension.linked.as_deref(), Some("0.8.5"));
        extension.stable = "0.8.7".into();
        extension.is_bottled = true;
        extension.build_dependencies = vec!["postgresql@17".into(), "postgresql@18".into()];
        BrewPackage {
            program: "/opt/homebrew/bin/brew".into(),
            extension,
            major: 18,
            others: formulae,
        }
    }

    /// The command lines, or the refusal with its hint; notes follow after `|`.
    fn outline(package: &BrewPackage) -> String {
        let plan = match plan(package) {
            Ok(plan) => plan,
            Err(Refusal::Blocked { fact, hint }) => return format!("refused: {fact}; {hint}"),
            Err(refusal) => return format!("refused: {refusal}"),
        };
        let commands: Vec<String> = plan.steps.iter().map(|step| step.argv().join(" ")).collect();
        let mut text = commands.join(", ");
        for note in plan.notes {
            text.push_str(&format!(" | {note}"));
        }
        text
    }

    fn serves(package: &mut BrewPackage, majors: &[u16]) {
        package.extension.build_dependencies = majors.iter().copied().map(server_formula).collect();
    }

    type Case = (&'static str, fn(&mut BrewPackage), &'static str);

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        ("a newer formula", |_| {}, "/opt/homebrew/bin/brew upgrade pgvector"),
        ("none newer", |package| package.extension.stable = "0.8.5".into(),
         " | Homebrew knows no newer pgvector than 0.8.5; it looks for newer ones by: /opt/homebrew/bin/brew update"),
        ("an older formula", |package| package.extension.stable = "0.8.4".into(),
         " | Homebrew knows no newer pgvector than 0.8.5; it looks for newer ones by: /opt/homebrew/bin/brew update"),
        ("the newest, of a revised formula", |package| package.extension.linked = Some("0.8.7_1".into()),
         " | Homebrew knows no newer pgvector than 0.8.7_1; it looks for newer ones by: /opt/homebrew/bin/brew update"),
        ("built for other majors by now", |package| self::serves(package, &[19, 20]),
         "refused: Homebrew's pgvector 0.8.7 serves PostgreSQL 19 and 20, not 18: it would take pgvector's files away from \
          postgresql@18; keep it from being upgraded: /opt/homebrew/bin/brew pin pgvector"),
        ("no newer one, built for other majors by now", |package| {
            self::serves(package, &[19, 20]);
            package.extension.stable = "0.8.5".into();
         }, " | Homebrew knows no newer pgvector than 0.8.5; it looks for newer ones by: /opt/homebrew/bin/brew update"),
        ("which majors it serves is not said", |package| self::serves(package, &[]),
         "/opt/homebrew/bin/brew upgrade pgvector | the formula pgvector does not say which PostgreSQL majors it serves; \
          whether it still serves 18 is seen when it is upgraded"),
        ("its owner pinned it", |package| package.extension.is_pinned = true,
         "refused: brew is told to keep pgvector at 0.8.5, and 0.8.7 can be had; /opt/homebrew/bin/brew unpin pgvector"),
        ("disabled", |package| package.extension.disabled = Some("is not maintained".into()),
         " | Homebrew no longer upgrades pgvector: is not maintained"),
        ("a keg that is not linked", |package| package.extension.linked = None,
         "refused: pgvector is installed, but not linked to where the server looks for it; /opt/homebrew/bin/brew link pgvector"),
        ("the newer keg is there, the older one is linked", |package| package.extension.installed.push("0.8.7".into()),
         "refused: pgvector 0.8.7 is installed, but 0.8.5 is linked to where the server looks for it; \
          /opt/homebrew/bin/brew unlink pgvector && /opt/homebrew/bin/brew link pgvector"),
        ("no bottle", |package| package.extension.is_bottled = false,
         "/opt/homebrew/bin/brew upgrade --build-from-source pgvector | brew has no bottle of pgvector 0.8.7 for this machine: \
          it is compiled, which takes a compiler and minutes"),
        ("a newer server, and a bottle", |package| package.others[0].stable = "18.9".into(),
         "/opt/homebrew/bin/brew upgrade pgvector"),
        ("a newer server, and no bottle", |package| {
            package.extension.is_bottled = false;
            package.others[0].stable = "18.9".into();
         }, "refused: pgvector 0.8.7 has no bottle for this machine, and to compile it brew would upgrade postgresql@18 as well; \
             upgrade the server at a time of your choice, then run this again: /opt/homebrew/bin/brew upgrade postgresql@18"),
    ];

    #[test]
    fn every_state_has_its_plan() {
        for (what, change, expected) in CASES {
            let mut package = package();
            change(&mut package);
            assert_eq!(outline(&package), *expected, "{what}");
        }
    }

    #[test]
    fn the_step_keeps_the_version_of_before_and_needs_no_root() {
        let steps = plan(&package()).unwrap().steps;
        let [step @ Step::UpgradePackage { from, package, .. }] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert_eq!((from.as_str(), package.version.as_str()), ("0.8.5", "0.8.7"));
        assert_eq!(step.privilege(), crate::host::Privilege::None);
    }
}
