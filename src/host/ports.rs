//! TCP ports and addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

use super::Host;

impl Host {
    /// Whether nobody listens on this port, on any loopback address: a listener on one of them would be reached by clients
    /// that resolve `localhost` to it.
    pub fn port_is_free(&self, port: u16) -> bool {
        let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        // A machine without IPv6 refuses the address, which is not the same as a taken port.
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
        v4.is_ok() && !v6.is_err_and(|error| taken(&error))
    }

    /// Whether the address is one of this machine's: nothing else can be bound. Nobody can reach the socket that asks.
    pub fn has_address(&self, address: IpAddr) -> bool {
        UdpSocket::bind((address, 0)).is_ok()
    }

    /// The address that this machine would speak to `client` from, by its routes. Nothing is sent.
    pub fn address_towards(&self, client: IpAddr) -> Option<IpAddr> {
        let any: IpAddr = match client {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        // The port is of no account; 9 is "discard" (RFC 863).
        socket.connect((client, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    /// The addresses on which processes of the user `uid` listen for TCP on `port`, sorted.
    pub fn listening(&self, port: u16, uid: u32) -> Vec<IpAddr> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let texts = tables.map(|table| std::fs::read_to_string(table).unwrap_or_default());
        let mut addresses: Vec<IpAddr> = texts
            .iter()
            .flat_map(|text| text.lines().filter_map(listening_socket))
            .filter(|socket| socket.port == port && socket.uid == uid)
            .map(|socket| socket.address)
            .collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }
}

struct ListeningSocket {
    address: IpAddr,
    port: u16,
    uid: u32,
}

/// `0: 0100007F:1538 00000000:0000 0A … 101 …` (proc(5), `/proc/net/tcp`): state 0A is LISTEN, the eighth field the user.
fn listening_socket(line: &str) -> Option<ListeningSocket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, _, "0A", _, _, _, uid, ..] = fields.as_slice() else {
        return None;
    };
    let (address, port) = local.split_once(':')?;
    Some(ListeningSocket {
        address: kernel_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        uid: uid.parse().ok()?,
    })
}

/// Words of 32 bits, each printed as this machine's own number of the bytes as they are on the wire.
fn kernel_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_kernel_is_a_socket_that_listens_or_none() {
        let rest = "00000000:00000000 00:00000000 00000000   101        0 4711 1 0 100 0 0 10 0";
        for (local, remote, state, expected) in [
            ("0100007F:1538", "00000000:0000", "0A", Some(("127.0.0.1", 5432))),
            ("070200C0:1538", "00000000:0000", "0A", Some(("192.0.2.7", 5432))),
            (
                "00000000000000000000000001000000:1538",
                "00000000000000000000000000000000:0000",
                "0A",
                Some(("::1", 5432)),
            ),
            ("0100007F:1538", "0100007F:A000", "01", None),
            ("x:1538", "00000000:0000", "0A", None),
        ] {
            let found = listening_socket(&format!("   0: {local} {remote} {state} {rest}"));
            let found = found.map(|socket| (socket.address.to_string(), socket.port, socket.uid));
            let expected = expected.map(|(address, port)| (address.to_owned(), port, 101));
            assert_eq!(found, expected, "{local} {state}");
        }
    }

    #[test]
    fn loopback_is_an_address_of_this_machine_and_one_for_documents_is_not() {
        let host = Host::new(crate::host::Environment::default());
        assert!(host.has_address("127.0.0.1".parse().unwrap()));
        assert!(!host.has_address("192.0.2.7".parse().unwrap()));
    }
}
