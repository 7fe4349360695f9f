//! Host names and addresses of people, as far as a file name, a comment and a unit need them to be plain.

use std::fmt;
use std::str::FromStr;

use crate::settings::SettingsError;

/// A host name of at least two labels, in lower case (RFC 1123, 2.1; RFC 1035, 2.3.4): safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Domain(String);

impl Domain {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl FromStr for Domain {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let problem = if !text.is_ascii() {
            "has letters beyond ASCII; give the form that begins with xn--"
        } else if text.len() > 253 {
            "is longer than 253 characters"
        } else if !text.contains('.') {
            "has one label; a site's domain has at least two, as in gp.example.com"
        } else if !text.split('.').all(is_label) {
            "is no host name: labels of letters, digits and '-', with a dot between them"
        } else {
            return Ok(Self(text.to_ascii_lowercase()));
        };
        Err(SettingsError::Domain {
            given: text.to_owned(),
            problem,
        })
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An address of a person: nothing is sent to it here, so only what would break a line or a comment is refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
        // RFC 5321, 4.5.3.1.3
        let is_whole = text.len() <= 254
            && text.chars().all(is_plain)
            && text
                .rsplit_once('@')
                .is_some_and(|(person, host)| !person.is_empty() && !host.is_empty());
        if is_whole {
            return Ok(Self(text.to_owned()));
        }
        Err(SettingsError::Email {
            given: text.to_owned(),
        })
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_plain_host_name() {
        let parsed = |text: &str| text.parse::<Domain>().map(|domain| domain.to_string());
        assert_eq!(parsed("GP.Aunoo.AI").unwrap(), "gp.aunoo.ai");
        let long = format!("{}.example", "x".repeat(64));
        for refused in [
            "",
            "localhost",
            ".example.com",
            "a..b",
            "-a.example",
            "a-.example",
            "../etc.passwd",
            "a b.example",
            "bücher.example",
            "example.com.",
            "a.example/x",
            &long,
        ] {
            assert!(parsed(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_address_has_two_parts_and_no_spaces() {
        assert!("admin@example.com".parse::<Email>().is_ok());
        for refused in [
            "",
            "admin",
            "@example.com",
            "admin@",
            "a b@example.com",
            "a\n@example.com",
        ] {
            assert!(refused.parse::<Email>().is_err(), "{refused:?}");
        }
    }
}
