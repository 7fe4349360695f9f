//! Whom a server of the operating system serves beside this machine: on which addresses, from which networks, with whose
//! certificate.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use super::SettingsError;

macro_rules! as_text {
    ($name:ident) => {
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = SettingsError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

mod cidr;
mod listen_address;

pub use cidr::Network;
pub use listen_address::ListenAddress;

/// A certificate and its key, as the server reads them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What was asked for; nothing where none of the options was given, and then nothing of the network is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct NetworkSettings {
    /// Sorted, none twice, none that another one covers.
    pub listen: Vec<ListenAddress>,
    /// Sorted, none twice.
    pub allow: Vec<Network>,
    pub tls: Option<TlsFiles>,
}

impl NetworkSettings {
    /// # Errors
    /// [`SettingsError::Network`] for what cannot be meant, [`SettingsError::Conflict`] for options that lack another.
    pub fn new(
        listen: &[String],
        allow: &[String],
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        let mut listen = parsed::<ListenAddress>(listen)?;
        let all = listen.clone();
        listen.retain(|one| !all.iter().any(|other| other != one && covers(*other, *one)));
        let allow = parsed::<Network>(allow)?;
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: readable("--tls-certificate", certificate)?,
                key: readable("--tls-key", key)?,
            }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(lacks(
                    "--tls-key",
                    "--tls-certificate",
                    "a certificate is used with its key",
                ));
            }
            (None, Some(_)) => {
                return Err(lacks(
                    "--tls-certificate",
                    "--tls-key",
                    "a key is used with its certificate",
                ));
            }
        };
        if listen.is_empty() && tls.is_some() {
            return Err(lacks(
                "--listen ADDRESS",
                "--tls-certificate",
                "the certificate is for clients of other machines",
            ));
        }
        if !listen.is_empty() && tls.is_none() {
            return Err(lacks(
                "--tls-certificate FILE --tls-key FILE",
                "--listen",
                "nothing is served to other machines in the clear",
            ));
        }
        if listen.is_empty() && allow.iter().any(|network| network.is_everybody()) {
            return Err(lacks(
                "--listen ADDRESS",
                "--allow of everybody",
                "who opens a server to everybody names both",
            ));
        }
        Ok(Self { listen, allow, tls })
    }

    /// Whether anything of the network was asked for.
    pub fn is_asked(&self) -> bool {
        !self.listen.is_empty() || !self.allow.is_empty()
    }
}

fn covers(one: ListenAddress, other: ListenAddress) -> bool {
    match other {
        ListenAddress::Every => false,
        ListenAddress::One(address) => one.covers(address),
    }
}

fn parsed<T: FromStr<Err = SettingsError> + Ord>(texts: &[String]) -> Result<Vec<T>, SettingsError> {
    let words = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    let mut values = words.map(str::parse).collect::<Result<Vec<T>, _>>()?;
    values.sort();
    values.dedup();
    Ok(values)
}

/// The path is written into the server's own settings, where it has to mean the same from any directory.
fn readable(option: &'static str, path: PathBuf) -> Result<PathBuf, SettingsError> {
    let text = path.to_str().unwrap_or_default();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(refused(
            option,
            &path.display().to_string(),
            "is no path that the server's settings can hold",
        ));
    }
    std::path::absolute(&path).map_err(|error| refused(option, text, &error.to_string()))
}

fn lacks(missing: &str, given: &str, reason: &'static str) -> SettingsError {
    SettingsError::Conflict {
        first: format!("no {missing}"),
        second: given.to_owned(),
        reason,
    }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn refused(option: &'static str, given: &str, problem: &str) -> SettingsError {
    SettingsError::Network {
        option,
        given: given.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;
