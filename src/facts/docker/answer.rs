//! Whether a server answers where a container's port is published, and how it asks for a password.

use std::net::IpAddr;
use std::time::Duration;

use crate::database::greeting::greeting;
use crate::secret::Secret;
use crate::settings::{Authentication, Identifier, Origin, ServerHost, ServerUrl, TlsMode};

const PATIENCE: Duration = Duration::from_secs(2);

/// The superuser of the image, and the database that it always has.
pub const ADMINISTRATOR: &str = "postgres";

/// `true` once a server there asks for a SCRAM proof, which a server can only judge, and must itself answer, by knowing the
/// password. One that asks for less, is silent or still starting, is not ready; no password is sent to find out.
pub async fn is_ready(address: IpAddr, port: u16) -> bool {
    let Ok(name) = Identifier::new(ADMINISTRATOR) else {
        return false;
    };
    let server = ServerUrl {
        origin: Origin::Environment,
        host: ServerHost::Tcp(reachable(address).to_string()),
        port,
        user: name.clone(),
        // Only that there is one is looked at; the greeting ends before any is sent.
        password: Some(Secret::new("")),
        password_file: None,
        database: name,
        tls: TlsMode::Plain,
        root_certificate: None,
        given_root: None,
        allows_plaintext: true,
        authentication: vec![Authentication::Scram],
        notes: Vec::new(),
    };
    let answer = tokio::time::timeout(PATIENCE, greeting(&server, None)).await;
    matches!(answer, Ok(Ok(_)))
}

/// Where this machine reaches what is published on an address: every address includes loopback.
pub fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(any) if any.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        given => given,
    }
}
