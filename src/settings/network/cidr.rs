//! A network of clients as it is written for a server (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{is_mapped, refused};
use crate::settings::SettingsError;

/// Clients' addresses that begin alike, as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

/// No registry hands out more than this in one piece, so what is wider was hardly meant; everybody is meant by name.
const WIDEST_IPV4: u8 = 8;
/// `fc00::/7` is every private address of IPv6.
const WIDEST_IPV6: u8 = 7;

impl Network {
    pub fn is_everybody(self) -> bool {
        self.prefix == 0
    }

    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                first_bits(own, self.prefix) == first_bits(address, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => {
                first_bits6(own, self.prefix) == first_bits6(address, self.prefix)
            }
            _ => false,
        }
    }

    /// An address of the network that may be a client's; of everybody one for documents (RFC 5737, RFC 3849), which is routed as
    /// any other.
    pub fn sample(self) -> IpAddr {
        let length = if self.address.is_ipv4() { 32 } else { 128 };
        match self.address {
            address if self.prefix == length => address,
            IpAddr::V4(_) if self.is_everybody() => Ipv4Addr::new(192, 0, 2, 1).into(),
            IpAddr::V6(_) if self.is_everybody() => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() | 1).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() | 1).into(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |problem: &str| refused("--allow", text, problem);
        const FORM: &str = "is no network such as 192.0.2.0/24, or 192.0.2.7/32 for one address";
        let Some((address, prefix)) = text.split_once('/') else {
            return Err(refused(FORM));
        };
        let is_plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>()) else {
            return Err(refused(FORM));
        };
        let (length, widest) = match address {
            IpAddr::V4(_) => (32, WIDEST_IPV4),
            IpAddr::V6(_) => (128, WIDEST_IPV6),
        };
        if prefix > length || !is_plain {
            return Err(refused(FORM));
        }
        if prefix == 0 && !["0.0.0.0/0", "::/0"].contains(&text) {
            return Err(refused(
                "means everybody: write 0.0.0.0/0 or ::/0 where that is meant",
            ));
        }
        if (1..widest).contains(&prefix) {
            return Err(refused(
                "is wider than any network: name the networks, or 0.0.0.0/0 or ::/0 for everybody",
            ));
        }
        let network = Self { address, prefix };
        let begins = match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(first_bits(address, prefix)).into(),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(first_bits6(address, prefix))),
        };
        if begins != address {
            return Err(refused(&format!(
                "begins in the middle of a network: write {begins}/{prefix}, or {address}/{length} for one address"
            )));
        }
        // A server's sockets of IPv6 take no clients of IPv4, so such a line would never be met.
        if is_mapped(address) && prefix >= 96 {
            return Err(refused("is IPv4 written as IPv6"));
        }
        if address.is_loopback() || address.is_multicast() {
            return Err(refused("is no network of clients; loopback is let in anyway"));
        }
        Ok(network)
    }
}

fn first_bits(address: Ipv4Addr, prefix: u8) -> u32 {
    address.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

fn first_bits6(address: Ipv6Addr, prefix: u8) -> u128 {
    address.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

as_text!(Network);
