//! `apt-get --simulate install`: what apt would do, before it does anything.

use crate::plan::Package;

/// What apt would do. Only `new` may be other than empty for a plan to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Simulation {
    /// Packages that are absent and would be there, dependencies included.
    pub new: Vec<Package>,
    /// Packages that are there and would get a newer version.
    pub upgraded: Vec<String>,
    pub removed: Vec<String>,
    pub downgraded: Vec<String>,
    /// Why apt found no way, in its own words; empty where it found one.
    pub refused: String,
}

/// One line of a simulation: `Inst libpq5 [17.10-1] (17.11-1 Debian:13.2/stable [amd64])`.
#[derive(Debug, PartialEq, Eq)]
pub struct Simulated {
    pub name: String,
    pub old_version: Option<String>,
    pub version: String,
    pub origin: String,
}

/// Reads what `apt-get --simulate` printed (in the C locale).
pub fn parse(stdout: &str, stderr: &str) -> Simulation {
    let mut simulation = Simulation {
        downgraded: block(stdout, "The following packages will be DOWNGRADED:"),
        refused: refusal(stdout, stderr),
        ..Simulation::default()
    };
    for line in stdout.lines() {
        if let Some(removed) = line.strip_prefix("Remv ").or_else(|| line.strip_prefix("Purg ")) {
            simulation
                .removed
                .extend(removed.split_whitespace().next().map(str::to_owned));
        } else if let Some(installed) = line.strip_prefix("Inst ").and_then(inst) {
            if installed.old_version.is_some() {
                simulation.upgraded.push(installed.name);
            } else {
                simulation.new.push(Package {
                    name: installed.name,
                    version: installed.version,
                    origin: installed.origin,
                });
            }
        }
    }
    simulation
        .upgraded
        .retain(|name| !simulation.downgraded.contains(name));
    simulation
}

/// The part after `Inst `: name, `[old version]` where there is one, `(version origin, origin [architecture])`.
fn inst(rest: &str) -> Option<Simulated> {
    let (head, details) = rest.split_once(" (")?;
    let (name, old) = head.split_once(' ').unwrap_or((head, ""));
    let details = details.split_once(')').map_or(details, |(inner, _)| inner);
    let (version, origin) = details.split_once(' ').unwrap_or((details, ""));
    let origin = origin.split(" [").next().unwrap_or_default();
    let old = old.trim().trim_start_matches('[').trim_end_matches(']');
    Some(Simulated {
        name: name.to_owned(),
        old_version: (!old.is_empty()).then(|| old.to_owned()),
        version: version.to_owned(),
        origin: origin.to_owned(),
    })
}

/// The names in the indented lines under a heading.
fn block(stdout: &str, heading: &str) -> Vec<String> {
    stdout
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// The `E:` lines, after the unmet dependencies that explain them.
fn refusal(stdout: &str, stderr: &str) -> String {
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("E: ")).collect();
    if errors.is_empty() {
        return String::new();
    }
    let unmet = stdout
        .lines()
        .skip_while(|line| *line != "The following packages have unmet dependencies:")
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .map(str::trim);
    unmet.chain(errors).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_installation_is_new_packages_alone() {
        let found = parse(
            include_str!("../../../tests/fixtures/apt/simulate-trixie.txt"),
            "",
        );
        assert_eq!(found.new.len(), 47);
        assert_eq!(
            found.new.last(),
            Some(&Package {
                name: "postgresql-17-pgvector".to_owned(),
                version: "0.8.0-1".to_owned(),
                origin: "Debian:13.7/stable".to_owned(),
            })
        );
        assert_eq!(
            (found.removed.len(), found.downgraded.len(), found.upgraded.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn removals_downgrades_upgrades_and_refusals_are_told_apart() {
        let found = parse(
            include_str!("../../../tests/fixtures/apt/simulate-conflict.txt"),
            "",
        );
        assert_eq!(found.removed, ["mawk"]);
        assert_eq!(found.downgraded, ["curl", "libcurl4"]);
        assert_eq!(
            found.upgraded,
            ["libpq-dev", "libpq5", "postgresql-client-15", "postgresql-15"]
        );
        let names: Vec<&str> = found.new.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["original-awk"]);

        let refused = parse(
            include_str!("../../../tests/fixtures/apt/simulate-unmet.txt"),
            "E: Unable to correct problems, you have held broken packages.\n",
        );
        assert_eq!(
            refused.refused,
            "postgresql-17-pgvector : Depends: postgresql-17 but it is not installable; \
             Depends: postgresql-17-jit-llvm (>= 19); \
             E: Unable to correct problems, you have held broken packages."
        );
    }

    #[test]
    fn lines_that_are_cut_or_hostile_do_no_harm() {
        for line in [
            "Inst",
            "Inst ",
            "Inst x",
            "Inst x (",
            "Inst x [1 (2",
            "Remv",
            "Remv ",
            "Purg ",
        ] {
            let found = parse(line, "");
            assert!(found.new.len() + found.upgraded.len() <= 1, "{line}");
        }
        assert_eq!(parse("Remv ", "").removed, Vec::<String>::new());
    }
}
