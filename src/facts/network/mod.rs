//! What opening a server to other machines depends on: its certificate, its settings with where they are from, the addresses
//! that it listens on, and our own file among its settings.

mod certificate;
mod key_file;
mod server;

use std::net::IpAddr;

use sqlx::PgConnection;

pub use certificate::CertificateFacts;
pub use server::{FileSetting, RunningSetting, ServerNetwork};

use super::clusters::Cluster;
use super::privilege::Elevation;
use crate::error::Result;
use crate::host::Host;
use crate::settings::{ListenAddress, Settings, TlsFiles};

/// Our own file in the server's directory of settings.
pub const FILE: &str = "pgvector-setup.conf";

/// The settings that this file has.
pub const NAMES: [&str; 5] = [
    "listen_addresses",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "ssl_min_protocol_version",
];

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct NetworkFacts {
    /// `None` where none was named.
    pub certificate: Option<CertificateFacts>,
    /// Addresses that were named and are none of this machine's.
    pub elsewhere: Vec<IpAddr>,
    /// `None` while no server answers.
    pub server: Option<ServerNetwork>,
}

/// A server that the operating system starts, as it is restarted.
#[derive(Debug, Clone)]
pub struct Service {
    pub cluster: Cluster,
    pub systemd: bool,
    pub elevation: Elevation,
}

/// What the receipt knows of our file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Everything that we ever wrote, newest first.
    pub contents: Vec<String>,
    /// The newest was not seen to work.
    pub is_owed: bool,
}

/// Whom Debian's servers run as.
const USUAL_OWNER: &str = "postgres";

/// What can be known without a server; `None` where nothing of the network was asked for. That a file is not there is a fact.
pub fn gather(host: &Host, settings: &Settings) -> Option<NetworkFacts> {
    gather_for(host, settings, USUAL_OWNER)
}

fn gather_for(host: &Host, settings: &Settings, owner: &str) -> Option<NetworkFacts> {
    let network = &settings.network;
    if !network.is_asked() {
        return None;
    }
    let single: Vec<IpAddr> = network
        .listen
        .iter()
        .filter_map(|address| address.single())
        .collect();
    let mut elsewhere = single.clone();
    elsewhere.retain(|address| !host.has_address(*address));
    Some(NetworkFacts {
        certificate: network.tls.as_ref().map(|tls| judge(host, tls, &single, owner)),
        elsewhere,
        server: None,
    })
}

/// The same with what the server says of itself, from its administrator's session.
///
/// # Errors
/// [`DatabaseError::Statement`](crate::database::DatabaseError).
pub async fn gather_from(
    host: &Host,
    settings: &Settings,
    service: &Service,
    recorded: Recorded,
    connection: &mut PgConnection,
) -> Result<Option<NetworkFacts>> {
    let Some(mut facts) = gather_for(host, settings, &service.cluster.owner) else {
        return Ok(None);
    };
    let mut server = server::read(host, service, recorded, connection).await?;
    if let (Some(tls), Some(certificate)) = (&settings.network.tls, &mut facts.certificate) {
        if certificate.problem.is_none() {
            certificate.problem = server::unreadable(connection, tls).await;
        }
        server.shows_certificate = server::shows(&server, settings, &certificate.certificate).await;
    }
    facts.server = Some(server);
    Ok(Some(facts))
}

fn judge(host: &Host, tls: &TlsFiles, addresses: &[IpAddr], owner: &str) -> CertificateFacts {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let certificate = match host.read(&tls.certificate) {
        Ok(certificate) => certificate,
        Err(error) => {
            return CertificateFacts {
                problem: Some(error.to_string()),
                ..CertificateFacts::default()
            };
        }
    };
    let key = match host.read(&tls.key) {
        Ok(key) => Some(key),
        // The server alone may read it, and is asked.
        Err(error) if error.is_denied() => None,
        Err(error) => {
            return CertificateFacts {
                problem: Some(error.to_string()),
                ..CertificateFacts::default()
            };
        }
    };
    let mut facts = certificate::judge(&certificate, key.as_deref(), addresses, now);
    if facts.problem.is_none() {
        facts.problem = key_file::problem(host, &tls.key, owner);
    }
    facts
}

/// The addresses at which a server that listens so can be spoken to from this machine: each that was named, and for all of
/// them the one that a client would be answered from.
pub fn reachable(host: &Host, listen: &[ListenAddress], clients: &[IpAddr]) -> Vec<IpAddr> {
    let named = listen.iter().filter_map(|address| address.single());
    let towards = clients.iter().filter_map(|client| host.address_towards(*client));
    let covered = |address: &IpAddr| {
        listen
            .iter()
            .any(|one| one.single().is_none() && one.covers(*address))
    };
    let mut addresses: Vec<IpAddr> = named.chain(towards.filter(covered)).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}
