//! TCP ports of the loopback interface.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

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
}
