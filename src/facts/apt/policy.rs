//! `apt-cache policy`, the live evidence: what is installed, what would be installed, and from where.

/// One package as `apt-cache policy` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PackagePolicy {
    pub name: String,
    pub installed: Option<String>,
    /// The version that apt would install; `None` where every version is pinned away.
    pub candidate: Option<String>,
    /// Where the candidate comes from: `http://mirror.example/debian trixie/main`.
    pub origin: String,
    /// Every version that a repository offers and that is not pinned away, the newest first.
    #[serde(default)]
    pub offers: Vec<Offer>,
}

/// One version of a package in one repository.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Offer {
    pub version: String,
    /// As [`PackagePolicy::origin`].
    pub origin: String,
}

impl Offer {
    /// Whether it is PGDG's: distribution and PGDG name their packages the same, and only the suite tells them apart.
    pub fn is_pgdg(&self) -> bool {
        self.origin
            .split_whitespace()
            .nth(1)
            .is_some_and(super::sources::is_pgdg_suite)
    }
}

/// Reads the output of `apt-cache policy` (in the C locale). Packages that apt does not know are not in it.
pub fn parse(text: &str) -> Vec<PackagePolicy> {
    let mut policies: Vec<PackagePolicy> = Vec::new();
    let mut version = String::new();
    let mut is_eligible = true;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            version.clear();
            policies.push(PackagePolicy {
                name: name.to_owned(),
                installed: None,
                candidate: None,
                origin: String::new(),
                offers: Vec::new(),
            });
            continue;
        }
        let Some(policy) = policies.last_mut() else {
            continue;
        };
        if let Some(installed) = trimmed.strip_prefix("Installed: ") {
            policy.installed = some_version(installed);
        } else if let Some(candidate) = trimmed.strip_prefix("Candidate: ") {
            policy.candidate = some_version(candidate);
        } else if let Some((found, priority)) = table_version(line) {
            version = found.to_owned();
            is_eligible = !priority.starts_with('-');
        } else if let Some(origin) = source(trimmed).filter(|_| !version.is_empty()) {
            if policy.origin.is_empty() && policy.candidate.as_deref() == Some(&version) {
                policy.origin.clone_from(&origin);
            }
            if is_eligible {
                policy.offers.push(Offer {
                    version: version.clone(),
                    origin,
                });
            }
        }
    }
    policies
}

fn some_version(text: &str) -> Option<String> {
    (text != "(none)").then(|| text.to_owned())
}

/// `     0.8.0-1 500` or ` *** 0.8.0-1 500`: a row of the version table stands five columns in, its sources further.
/// Version and priority; a negative priority is never installed (apt_preferences(5)).
fn table_version(line: &str) -> Option<(&str, &str)> {
    let row = line
        .strip_prefix(" *** ")
        .or_else(|| line.strip_prefix("     ").filter(|rest| !rest.starts_with(' ')))?;
    let mut words = row.split_whitespace();
    Some((words.next()?, words.next().unwrap_or_default()))
}

/// `500 http://mirror.example/debian trixie/main amd64 Packages` without priority, architecture and file kind;
/// `100 /var/lib/dpkg/status` is no source.
fn source(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_priority, address, suite, ..] = words.as_slice() else {
        return None;
    };
    Some(format!("{address} {suite}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_package_of_two_repositories_is_told_apart_by_the_suite() {
        let policies = parse(include_str!("../../../tests/fixtures/apt/policy-trixie-pgdg.txt"));
        let pgvector = policies
            .iter()
            .find(|policy| policy.name == "postgresql-17-pgvector")
            .unwrap();
        let offers: Vec<(&str, bool)> = pgvector
            .offers
            .iter()
            .map(|offer| (offer.version.as_str(), offer.is_pgdg()))
            .collect();
        assert_eq!(offers, [("0.8.7-1.pgdg13+1", true), ("0.8.0-1", false)]);
    }

    #[test]
    fn what_is_pinned_away_or_only_installed_is_no_offer() {
        let pinned = parse(include_str!("../../../tests/fixtures/apt/policy-pinned-away.txt"));
        assert_eq!(pinned[0].offers, []);
        let installed = "x:\n  Installed: 1\n  Candidate: 1\n  Version table:\n *** 1 100\n        100 /var/lib/dpkg/status\n";
        assert_eq!(parse(installed)[0].offers, []);
    }

    fn shown(text: &str) -> Vec<String> {
        parse(text)
            .into_iter()
            .map(|policy| {
                format!(
                    "{} {} -> {} [{}]",
                    policy.name,
                    policy.installed.as_deref().unwrap_or("-"),
                    policy.candidate.as_deref().unwrap_or("-"),
                    policy.origin
                )
            })
            .collect()
    }

    #[test]
    fn recorded_policies_are_read() {
        for (text, expected) in [
            (
                include_str!("../../../tests/fixtures/apt/policy-trixie.txt"),
                vec![
                    "postgresql-17 - -> 17.11-0+deb13u1 [http://mirror.example/debian trixie/main]",
                    "postgresql-17-pgvector - -> 0.8.0-1 [http://mirror.example/debian trixie/main]",
                ],
            ),
            (
                include_str!("../../../tests/fixtures/apt/policy-trixie-installed.txt"),
                vec![
                    "postgresql-17 17.11-0+deb13u1 -> 17.11-0+deb13u1 [http://mirror.example/debian trixie/main]",
                    "postgresql-17-pgvector - -> 0.8.0-1 [http://mirror.example/debian trixie/main]",
                ],
            ),
            (
                include_str!("../../../tests/fixtures/apt/policy-bookworm.txt"),
                vec![
                    "postgresql-15 15.18-0+deb12u1 -> 15.20-0+deb12u1 \
                     [http://mirror.example/debian-security bookworm-security/main]",
                ],
            ),
            (
                include_str!("../../../tests/fixtures/apt/policy-pinned-away.txt"),
                vec!["postgresql-17-pgvector - -> - []"],
            ),
            ("", vec![]),
            ("N: Unable to locate package postgresql-99\n", vec![]),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
