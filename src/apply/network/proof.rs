//! What has to be seen of a server that was opened: its sockets, its certificate at each address, no way in without TLS, and
//! SCRAM. Each answer is a problem in words, or nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::apply::engine::{Engine, Server};
use crate::database::greeting::{Reply, probe};
use crate::facts::network::reachable;
use crate::plan::network::{is_expected, is_socket_of};
use crate::settings::{Authentication, Identifier, ListenAddress, NetworkSettings};

/// Whether the server listens on all of `listen`, and on nothing else but loopback.
pub(super) fn sockets(engine: &Engine<'_>, server: &Server, listen: &[ListenAddress]) -> Option<String> {
    let listening = listening(engine, server);
    let missing = listen
        .iter()
        .find(|wanted| !listening.iter().any(|own| is_socket_of(**wanted, *own)));
    if let Some(missing) = missing {
        return Some(format!("it does not listen on {missing}"));
    }
    let beyond = listening.iter().find(|own| !is_expected(listen, **own))?;
    Some(format!("it listens on {beyond} as well"))
}

fn listening(engine: &Engine<'_>, server: &Server) -> Vec<IpAddr> {
    let owner = server
        .owner
        .as_ref()
        .and_then(|owner| engine.host.account_named(owner));
    let port = server.endpoint.port();
    owner.map_or_else(Vec::new, |owner| engine.host.listening(port, owner.uid))
}

/// Whether the server shows this certificate on loopback, where it can be asked before it is restarted.
pub(super) async fn certificate_on_loopback(
    engine: &Engine<'_>,
    server: &Server,
    certificate: &Path,
) -> Option<String> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let is_reached = |own: &IpAddr| *own == loopback || *own == IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if !listening(engine, server).iter().any(is_reached) {
        return None;
    }
    certificate_at(engine, server, loopback, certificate).await
}

/// Whether it does at every address that a client may come to.
pub(super) async fn certificate_everywhere(
    engine: &Engine<'_>,
    server: &Server,
    listen: &[ListenAddress],
    certificate: &Path,
) -> Option<String> {
    for address in addresses(engine, listen) {
        let problem = certificate_at(engine, server, address, certificate).await;
        if problem.is_some() {
            return problem;
        }
    }
    None
}

fn addresses(engine: &Engine<'_>, listen: &[ListenAddress]) -> Vec<IpAddr> {
    let networks = engine.settings.network.allow.iter();
    let clients: Vec<IpAddr> = networks.map(|network| network.sample()).collect();
    reachable(engine.host, listen, &clients)
}

async fn certificate_at(
    engine: &Engine<'_>,
    server: &Server,
    address: IpAddr,
    certificate: &Path,
) -> Option<String> {
    let expected = match own_certificate(engine, certificate) {
        Ok(expected) => expected,
        Err(problem) => return Some(problem),
    };
    let at = SocketAddr::new(address, server.endpoint.port());
    let (role, database) = (&engine.settings.role, &engine.settings.database);
    match probe(at, role, database, true).await {
        Err(error) => Some(format!("TLS fails at {at}: {error}")),
        Ok(probed) if probed.certificate.as_ref() != Some(&expected) => Some(format!(
            "it does not show the certificate of {} at {at}",
            certificate.display()
        )),
        Ok(_) => None,
    }
}

fn own_certificate(engine: &Engine<'_>, path: &Path) -> Result<Vec<u8>, String> {
    let text = engine.host.read(path).map_err(|error| error.to_string())?;
    let certificate = CertificateDer::from_pem_slice(&text)
        .map_err(|_| format!("there is no certificate in {}", path.display()))?;
    Ok(certificate.to_vec())
}

/// How the role would be let in: at every address of this machine that is in a network which was named, a connection from
/// that address itself is one from there.
pub(super) async fn access(
    engine: &Engine<'_>,
    server: &Server,
    database: &Identifier,
    role: &Identifier,
) -> Option<String> {
    let NetworkSettings { listen, allow, .. } = &engine.settings.network;
    let is_named = |address: &IpAddr| allow.iter().any(|network| network.contains(*address));
    // A server that others have opened is asked where it listens.
    let theirs: Vec<ListenAddress>;
    let listen = match listen.is_empty() {
        true => {
            theirs = listening(engine, server)
                .into_iter()
                .map(ListenAddress::One)
                .collect();
            &theirs
        }
        false => listen,
    };
    for address in addresses(engine, listen).into_iter().filter(is_named) {
        let at = SocketAddr::new(address, server.endpoint.port());
        match probe(at, role, database, true).await {
            Err(error) => return Some(format!("TLS fails at {at}: {error}")),
            Ok(probed) if probed.reply != Reply::Asks(Authentication::Scram) => {
                return Some(format!(
                    "it {} at {at}, not for a proof by SCRAM",
                    shown(&probed.reply)
                ));
            }
            Ok(_) => {}
        }
        match probe(at, role, database, false).await {
            Err(error) => {
                return Some(format!(
                    "a connection in the clear was to be refused at {at}: {error}"
                ));
            }
            Ok(probed) if !probed.reply.is_by_rule() => {
                return Some(format!("it {} in the clear at {at}", shown(&probed.reply)));
            }
            Ok(_) => {}
        }
    }
    None
}

fn shown(reply: &Reply) -> String {
    match reply {
        Reply::Asks(method) => format!("asks by {}", method.name()),
        Reply::Refuses { code, message } => format!("refuses ({code}: {message})"),
    }
}
