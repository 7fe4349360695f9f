//! `dnf install --assumeno` and `dnf upgrade --assumeno`: what dnf would do, before it does anything.

use crate::plan::Package;

/// What dnf would do. Only `new` may be other than empty for a plan to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Simulation {
    /// Packages that are absent and would be there, dependencies included.
    pub new: Vec<Package>,
    pub upgraded: Vec<String>,
    pub removed: Vec<String>,
    pub downgraded: Vec<String>,
    /// Why dnf found no way, in its own words; empty where it found one.
    pub refused: String,
}

/// Reads the transaction table: a heading (`Installing:`, `Installing dependencies:`, `Upgrading:`, `Removing:`), then
/// ` name arch version repository size` a line, a long name alone on a line before the rest.
pub fn parse(stdout: &str, stderr: &str) -> Simulation {
    let mut simulation = Simulation::default();
    let (mut heading, mut name) = (String::new(), String::new());
    for line in stdout.lines() {
        if line.starts_with("Transaction Summary") || line.starts_with("Transaction Summary:") {
            break;
        }
        if !line.starts_with(' ') {
            heading = line.trim_end_matches(':').to_owned();
            name.clear();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (found, version, origin) = match words.as_slice() {
            [alone] => {
                name = (*alone).to_owned();
                continue;
            }
            ["replacing", ..] => continue,
            [_arch, version, origin, _size, _unit] if !name.is_empty() => {
                (std::mem::take(&mut name), version, origin)
            }
            [found, _arch, version, origin, ..] => ((*found).to_owned(), version, origin),
            _ => continue,
        };
        match heading.as_str() {
            heading if heading.starts_with("Installing") => simulation.new.push(Package {
                name: found,
                // dnf 5 writes the epoch always: `0:17.6-1`.
                version: version.strip_prefix("0:").unwrap_or(version).to_owned(),
                origin: (*origin).to_owned(),
            }),
            heading if heading.starts_with("Upgrading") => simulation.upgraded.push(found),
            heading if heading.starts_with("Removing") => simulation.removed.push(found),
            "Downgrading" => simulation.downgraded.push(found),
            _ => {}
        }
    }
    // What dnf complains of besides, a repository that it ignores, is then no reason.
    let is_done = stdout.lines().any(|line| line.trim() == "Nothing to do.");
    if simulation == Simulation::default() && !is_done {
        simulation.refused = refusal(stdout, stderr);
    }
    simulation
}

fn refusal(stdout: &str, stderr: &str) -> String {
    let lines = || stderr.lines().chain(stdout.lines()).map(str::trim);
    let tells = |line: &&str| {
        [
            "No match for argument",
            "nothing provides",
            "filtered out by",
            "Error:",
            "conflict",
            "Problem",
        ]
        .iter()
        .any(|sign| line.contains(sign))
            && *line != "Error:"
    };
    let said: Vec<&str> = lines().filter(tells).take(3).collect();
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_installation_only_adds() {
        let simulation = parse(
            include_str!("../../../tests/fixtures/dnf/install.txt"),
            "Operation aborted.\n",
        );
        let new: Vec<String> = simulation
            .new
            .iter()
            .map(|package| format!("{} {} {}", package.name, package.version, package.origin))
            .collect();
        assert_eq!(
            new,
            [
                "pgvector_17 0.8.6-1PGDG.rhel9.6 pgdg17",
                "postgresql17-server 17.6-1PGDG.rhel9.6 pgdg17",
                "postgresql17 17.6-1PGDG.rhel9.6 pgdg17",
                "postgresql17-libs 17.6-1PGDG.rhel9.6 pgdg17",
            ]
        );
        let Simulation { new, .. } = &simulation;
        assert_eq!(
            simulation,
            Simulation {
                new: new.clone(),
                ..Simulation::default()
            }
        );
    }

    #[test]
    fn a_recorded_removal_names_what_goes_with_it() {
        let simulation = parse(
            include_str!("../../../tests/fixtures/dnf/remove.txt"),
            "Operation aborted.\n",
        );
        assert_eq!(
            simulation.removed,
            [
                "postgresql17-libs",
                "pgvector_17",
                "postgresql17",
                "postgresql17-server"
            ]
        );
    }

    #[test]
    fn long_names_upgrades_and_replaced_packages_are_read() {
        let text = [
            "Dependencies resolved.",
            " Package Arch Version Repository Size",
            "Installing:",
            " a-package-with-a-name-that-is-very-long",
            "             x86_64 0:1.0-1.fc42 updates 1.0 M",
            "Upgrading:",
            " postgresql16-server x86_64 16.9-1 pgdg16 5 M",
            "   replacing  postgresql16-server x86_64 16.8-1",
            "Downgrading:",
            " libpq x86_64 13-1 base 1 M",
            "Transaction Summary",
            " Install 9 x y z",
        ]
        .join("\n");
        let simulation = parse(&text, "");
        assert_eq!(simulation.new.len(), 1, "{simulation:?}");
        assert_eq!(simulation.new[0].version, "1.0-1.fc42");
        assert_eq!(simulation.upgraded, ["postgresql16-server"]);
        assert_eq!(simulation.downgraded, ["libpq"]);
    }

    #[test]
    fn why_there_is_no_way_is_quoted() {
        let simulation = parse("", include_str!("../../../tests/fixtures/dnf/excluded.txt"));
        assert!(
            simulation.refused.contains("filtered out by exclude filtering"),
            "{simulation:?}"
        );
    }
}
