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
}

/// Reads the output of `apt-cache policy` (in the C locale). Packages that apt does not know are not in it.
pub fn parse(text: &str) -> Vec<PackagePolicy> {
    let mut policies: Vec<PackagePolicy> = Vec::new();
    let mut version = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            version.clear();
            policies.push(PackagePolicy {
                name: name.to_owned(),
                installed: None,
                candidate: None,
                origin: String::new(),
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
        } else if let Some(found) = table_version(line) {
            version = found.to_owned();
        } else if policy.origin.is_empty() && policy.candidate.as_deref() == Some(&version) {
            policy.origin = source(trimmed).unwrap_or_default();
        }
    }
    policies
}

fn some_version(text: &str) -> Option<String> {
    (text != "(none)").then(|| text.to_owned())
}

/// `     0.8.0-1 500` or ` *** 0.8.0-1 500`: a row of the version table stands five columns in, its sources further.
fn table_version(line: &str) -> Option<&str> {
    let row = line
        .strip_prefix(" *** ")
        .or_else(|| line.strip_prefix("     ").filter(|rest| !rest.starts_with(' ')))?;
    row.split_whitespace().next()
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
