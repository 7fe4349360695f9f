//! What a server answers before anything is proven to it: whether it speaks TLS, with whose certificate, and how it wants
//! to know who we are. Asked on a connection of its own, so that no password is sent to a server that asks for it wrongly.
//!
//! PostgreSQL, "Frontend/Backend Protocol": SSLRequest, StartupMessage, and the first answer to it.

mod certificate;
mod error;
mod probe;
mod wire;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub use error::GreetingError;
pub use probe::{Reply, probe};

use super::DatabaseError;
use crate::settings::{Authentication, ServerHost, ServerUrl, TlsMode};

/// Longest that the whole exchange may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Greeting {
    /// `TLSv1.3`; `None` in the clear.
    pub tls: Option<String>,
    pub authentication: Authentication,
}

/// A connection that is made, in the clear or not.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Asks `server`, with the PEM text of its root certificates where they are a file's.
///
/// # Errors
/// [`GreetingError`] for what TLS or authentication lack; [`DatabaseError::Unreachable`] and [`DatabaseError::Login`].
pub async fn greeting(server: &ServerUrl, roots: Option<Vec<u8>>) -> Result<Greeting, DatabaseError> {
    let asked = server.clone();
    let unreachable = |detail: String| DatabaseError::ServerUnreachable {
        address: server.address(),
        detail,
    };
    // Name resolution and the TLS library block; the deadline holds even where a resolver does not.
    let task = tokio::task::spawn_blocking(move || ask(&asked, roots.as_deref()));
    match tokio::time::timeout(DEADLINE + Duration::from_secs(1), task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", DEADLINE.as_secs()))),
    }
}

fn ask(server: &ServerUrl, roots: Option<&[u8]>) -> Result<Greeting, DatabaseError> {
    let deadline = Instant::now() + DEADLINE;
    let failed = |error: std::io::Error| DatabaseError::ServerUnreachable {
        address: server.address(),
        detail: match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                format!("no answer within {} s", DEADLINE.as_secs())
            }
            std::io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
            _ => error.to_string(),
        },
    };
    let (mut stream, tls) = match &server.host {
        ServerHost::Socket(directory) => {
            let path = directory.join(format!(".s.PGSQL.{}", server.port));
            (unix(&path, deadline).map_err(failed)?, None)
        }
        ServerHost::Tcp(host) => {
            let mut stream = tcp(host, server.port, deadline).map_err(failed)?;
            let speaks_tls =
                server.tls != TlsMode::Plain && wire::request_tls(&mut stream).map_err(failed)?;
            if speaks_tls {
                let (stream, version) = certificate::handshake(stream, host, server, roots)?;
                (stream, Some(version))
            } else if server.tls > TlsMode::Opportunistic {
                return Err(GreetingError::NoTls { host: host.clone() }.into());
            } else {
                (Box::new(stream) as Box<dyn Stream>, None)
            }
        }
    };
    wire::start(&mut stream, server.user.as_str(), server.database.as_str()).map_err(failed)?;
    let authentication = match wire::answer(&mut stream).map_err(failed)? {
        wire::Answer::Authentication(method) => method,
        wire::Answer::Error { code, message } => {
            return Err(DatabaseError::ServerLogin {
                address: server.address(),
                code,
                message,
            });
        }
    };
    let _ = wire::leave(&mut stream);
    allowed(server, authentication, tls.is_some())?;
    Ok(Greeting { tls, authentication })
}

/// Whether the password may be given to a server that asks for it in this way.
fn allowed(server: &ServerUrl, method: Authentication, is_encrypted: bool) -> Result<(), GreetingError> {
    let is_exposed = !is_encrypted && !server.host.is_local();
    let is_weak = matches!(method, Authentication::Password | Authentication::Md5);
    if !server.authentication.contains(&method) || (is_exposed && is_weak) {
        return Err(GreetingError::Authentication {
            address: server.address(),
            method,
            is_exposed,
        });
    }
    let takes_password = method != Authentication::None;
    if takes_password && server.password.is_none() {
        return Err(GreetingError::NoPassword {
            address: server.address(),
            user: server.user.to_string(),
        });
    }
    Ok(())
}

fn tcp(host: &str, port: u16, deadline: Instant) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("its name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(left(deadline)))?;
                stream.set_write_timeout(Some(left(deadline)))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn unix(path: &std::path::Path, deadline: Instant) -> std::io::Result<Box<dyn Stream>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(left(deadline)))?;
    stream.set_write_timeout(Some(left(deadline)))?;
    Ok(Box::new(stream))
}

/// At least a moment, because a timeout of nothing is refused.
fn left(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(10))
}

#[cfg(test)]
mod tests;
