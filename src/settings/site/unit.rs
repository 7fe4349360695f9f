//! Names of systemd services.

use std::fmt;
use std::str::FromStr;

use super::Domain;
use crate::settings::SettingsError;

/// A service's whole name, as `gp.aunoo.ai.service` (systemd.unit(5), "Description").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct UnitName(String);

impl UnitName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A template: only its instances, `app@gp.service`, are services.
    pub fn is_template(&self) -> bool {
        self.0.ends_with("@.service") || self.0.starts_with('@')
    }

    pub(super) fn of_domain(domain: &Domain) -> Self {
        Self(format!("{domain}.service"))
    }
}

impl FromStr for UnitName {
    type Err = SettingsError;

    /// `.service` may be left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = if text.ends_with(".service") {
            text.to_owned()
        } else {
            format!("{text}.service")
        };
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        // A name that begins so would be taken for an option.
        if whole.len() > 255
            || text.is_empty()
            || text.starts_with(['-', '.'])
            || !whole.chars().all(is_allowed)
        {
            return Err(SettingsError::Unit {
                given: text.to_owned(),
            });
        }
        Ok(Self(whole))
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for UnitName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_service_and_never_an_option() {
        let parsed = |text: &str| text.parse::<UnitName>().map(|unit| unit.to_string());
        assert_eq!(parsed("gp").unwrap(), "gp.service");
        assert_eq!(parsed("app@gp.service").unwrap(), "app@gp.service");
        for refused in ["", "--force", "a b", "../x", "a/b", ".service", "gp;reboot"] {
            assert!(parsed(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_template_is_told_from_its_instances() {
        let is_template = |text: &str| text.parse::<UnitName>().unwrap().is_template();
        assert!(is_template("app@.service") && is_template("app@") && is_template("@gp"));
        assert!(!is_template("app@gp.service") && !is_template("app"));
    }
}
