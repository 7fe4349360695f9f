//! What is known to be wrong with a released pgvector. The data is in [`crate::evidence`], each entry with its source;
//! only the newest release gets security fixes.

use std::fmt;

use super::Severity;
use crate::evidence;

/// The leading `major.minor.patch` of a version; what providers append (`0.8.0.1`, `0.5.0.google-1`) is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl Version {
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// `None` unless the text starts with three numbers; `0.6` and `v1.2.3` are not versions of pgvector.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut numbers = [0; 3];
        for (place, number) in numbers.iter_mut().enumerate() {
            if place > 0 {
                rest = rest.strip_prefix('.')?;
            }
            let end = rest
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(rest.len());
            *number = rest[..end].parse().ok()?;
            rest = &rest[end..];
        }
        let [major, minor, patch] = numbers;
        Some(Self { major, minor, patch })
    }

    /// Whether an HNSW index may be built by several workers without CVE-2026-3172.
    pub fn parallel_build_is_safe(self) -> bool {
        !evidence::advisories()
            .iter()
            .any(|advisory| advisory.affects(self) && advisory.id == PARALLEL_BUILD)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no version of pgvector"))
    }
}

/// Which installations an advisory is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those with an HNSW index, or that want one.
    Hnsw,
    /// IVFFlat on a server built for 32 bits.
    Ivfflat32Bit,
    Everyone,
}

/// One known defect or missing capability of the versions `since..fixed`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    pub id: String,
    pub since: Version,
    /// The first version without it.
    pub fixed: Version,
    /// For an installation in scope.
    pub severity: Severity,
    pub scope: Scope,
    pub summary: String,
    /// Where it is told.
    pub evidence: String,
}

impl Advisory {
    pub fn affects(&self, version: Version) -> bool {
        (self.since..self.fixed).contains(&version)
    }
}

/// The advisories that affect a version.
pub fn advisories(version: Version) -> Vec<&'static Advisory> {
    evidence::advisories()
        .iter()
        .filter(|advisory| advisory.affects(version))
        .collect()
}

const PARALLEL_BUILD: &str = "CVE-2026-3172";

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(version: &str) -> Vec<&'static str> {
        advisories(Version::parse(version).unwrap())
            .iter()
            .map(|advisory| advisory.id.as_str())
            .collect()
    }

    #[test]
    fn providers_suffixes_are_dropped_and_other_text_is_no_version() {
        for (text, version) in [
            ("0.8.5", Some(Version::new(0, 8, 5))),
            ("0.8.0.1", Some(Version::new(0, 8, 0))),
            ("0.5.0.google-1", Some(Version::new(0, 5, 0))),
            ("0.6.0-1", Some(Version::new(0, 6, 0))),
            ("0.10.2", Some(Version::new(0, 10, 2))),
            ("0.6", None),
            ("v0.6.0", None),
            ("", None),
            ("99999999.0.0", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text}");
        }
    }

    #[test]
    fn each_release_has_its_advisories_until_the_release_that_fixes_them() {
        for (version, present, absent) in [
            ("0.6.0", "CVE-2026-3172", "pgvector-no-hnsw"),
            ("0.5.1", "pgvector#988", "CVE-2026-3172"),
            ("0.8.1", "CVE-2026-3172", "pgvector-no-iterative-scan"),
            ("0.8.2", "pgvector#988", "CVE-2026-3172"),
            ("0.8.4", "CVE-2026-18022", "pgvector#988"),
            ("0.4.4", "pgvector-no-hnsw", "pgvector#988"),
        ] {
            assert!(ids(version).contains(&present), "{version} has {present}");
            assert!(!ids(version).contains(&absent), "{version} lacks {absent}");
        }
        assert_eq!(ids("0.8.6"), [""; 0]);
    }

    #[test]
    fn parallel_builds_are_safe_outside_the_affected_range() {
        for (version, safe) in [
            ("0.5.1", true),
            ("0.6.0", false),
            ("0.8.1", false),
            ("0.8.2", true),
        ] {
            assert_eq!(
                Version::parse(version).unwrap().parallel_build_is_safe(),
                safe,
                "{version}"
            );
        }
    }
}
