//! An address of this machine as it is written for a server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{is_mapped, refused};
use crate::settings::SettingsError;

/// An address to listen on beside loopback, which a server always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ListenAddress {
    /// `*`: every address of either kind.
    Every,
    /// `0.0.0.0` and `::` are every address of their kind.
    One(IpAddr),
}

impl ListenAddress {
    /// Whether a socket on `address` is what was asked for.
    pub fn covers(self, address: IpAddr) -> bool {
        match self {
            Self::Every => true,
            Self::One(own) if own.is_unspecified() => own.is_ipv4() == address.is_ipv4(),
            Self::One(own) => own == address,
        }
    }

    /// The one address, where it is one.
    pub fn single(self) -> Option<IpAddr> {
        match self {
            Self::One(address) if !address.is_unspecified() => Some(address),
            _ => None,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => formatter.write_str("*"),
            Self::One(address) => write!(formatter, "{address}"),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Every);
        }
        let refused = |problem| refused("--listen", text, problem);
        let Ok(address) = text.parse::<IpAddr>() else {
            // What a name means may be another address tomorrow.
            return Err(refused("is no address of this machine such as 192.0.2.7"));
        };
        // 0.0.0.0 and :: are meant only where they are written so, not as one of their other spellings.
        if address.is_unspecified() && !["0.0.0.0", "::"].contains(&text) {
            return Err(refused(
                "means every address: write 0.0.0.0, :: or * where that is meant",
            ));
        }
        if address.is_loopback() {
            return Err(refused("is loopback, where a server listens anyway"));
        }
        if address.is_multicast() || is_mapped(address) {
            return Err(refused("is no address that a server can listen on"));
        }
        Ok(Self::One(address))
    }
}

as_text!(ListenAddress);
