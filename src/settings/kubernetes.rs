//! What manifests for Kubernetes need besides the database's own settings. Parsed once, so that what is rendered is what the
//! API server takes.

use std::fmt;

use super::SettingsError;

/// The choices of `render kubernetes`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KubernetesSettings {
    /// Of the cluster; the database, the job and the operator's secrets are named after it.
    pub name: Label,
    /// `None` for whatever `kubectl` is set to.
    pub namespace: Option<Label>,
    /// Servers: one primary, the others its standbys.
    pub instances: u16,
    pub storage: Quantity,
    /// `None` for the cluster's default class.
    pub storage_class: Option<Subdomain>,
    /// The `ObjectStore` of the Barman Cloud plugin that backups and WAL go to; `None` for no backups.
    pub backup: Option<Subdomain>,
}

impl KubernetesSettings {
    pub const DEFAULT_NAME: &str = "vectors";
    pub const DEFAULT_INSTANCES: u16 = 3;
    pub const DEFAULT_STORAGE: &str = "20Gi";
    pub const MOST_INSTANCES: u16 = 100;
}

/// A name of the characters that DNS has, one label: 1 to `longest` of `[a-z0-9-]`, from a letter to a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Label(String);

impl Label {
    /// The operator's limit: it appends to the name for what it makes.
    pub const LONGEST_CLUSTER: usize = 50;
    pub const LONGEST: usize = 63;

    /// # Errors
    /// [`SettingsError::Range`] that names the option.
    pub fn parse(option: &'static str, text: &str, longest: usize) -> Result<Self, SettingsError> {
        let begins_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins_with_letter && is_label(text) && text.len() <= longest {
            return Ok(Self(text.to_owned()));
        }
        Err(SettingsError::Range {
            option,
            range: format!("1 to {longest} of a-z, 0-9 and -, from a letter to a letter or digit"),
            given: format!("{text:?}"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of most objects: labels joined by dots, at most 253 characters (RFC 1123).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Subdomain(String);

impl Subdomain {
    /// # Errors
    /// [`SettingsError::Range`] that names the option.
    pub fn parse(option: &'static str, text: &str) -> Result<Self, SettingsError> {
        if text.len() <= 253 && text.split('.').all(is_label) {
            return Ok(Self(text.to_owned()));
        }
        Err(SettingsError::Range {
            option,
            range: "the name of a Kubernetes object such as fast-ssd".into(),
            given: format!("{text:?}"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// At most 63 characters, whatever they begin with.
fn is_label(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-')
        && is_plain(bytes[0])
        && is_plain(bytes[bytes.len() - 1])
}

/// An amount of storage as Kubernetes writes it: a whole number of `Mi`, `Gi`, `Ti`, `M`, `G` or `T`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Quantity(String);

impl Quantity {
    /// # Errors
    /// [`SettingsError::Range`] that names the option.
    pub fn parse(option: &'static str, text: &str) -> Result<Self, SettingsError> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_unit = ["Mi", "Gi", "Ti", "M", "G", "T"].contains(&&text[digits.len()..]);
        let is_number = digits.len() <= 9 && !digits.starts_with('0') && digits.parse::<u32>().is_ok();
        if is_unit && is_number {
            return Ok(Self(text.to_owned()));
        }
        Err(SettingsError::Range {
            option,
            range: "an amount such as 20Gi".into(),
            given: format!("{text:?}"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_cluster_is_one_that_dns_and_the_operator_take() {
        for good in ["a", "vectors", "v-2", &"a".repeat(50)] {
            assert!(
                Label::parse("--name", good, Label::LONGEST_CLUSTER).is_ok(),
                "{good:?}"
            );
        }
        for bad in [
            "",
            "2v",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "a\n",
            "é",
            "a b",
            &"a".repeat(51),
        ] {
            let refused = Label::parse("--name", bad, Label::LONGEST_CLUSTER).unwrap_err();
            assert!(
                refused.to_string().starts_with("--name must be 1 to 50 of a-z"),
                "{refused}"
            );
        }
    }

    #[test]
    fn an_object_is_named_by_labels_with_dots_between() {
        for good in ["standard", "fast.ssd-1", "1a", &["a"; 127].join(".")] {
            assert!(Subdomain::parse("--storage-class", good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            ".",
            "a..b",
            "a.",
            "A",
            "a/b",
            "a: b",
            &"a".repeat(64),
            &["a"; 128].join("."),
        ] {
            assert!(Subdomain::parse("--storage-class", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn storage_is_a_whole_number_with_a_unit() {
        for good in ["20Gi", "1T", "512Mi", "999999999M"] {
            assert!(Quantity::parse("--storage", good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "Gi",
            "20",
            "0Gi",
            "020Gi",
            "-1Gi",
            "1.5Gi",
            "20gi",
            "20 Gi",
            "9999999999Mi",
            "1é",
        ] {
            assert!(Quantity::parse("--storage", bad).is_err(), "{bad:?}");
        }
    }
}
