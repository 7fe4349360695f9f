//! The first words of a server at one of its addresses, by TLS or in the clear, as a client of any other machine would hear
//! them: which certificate it shows, and how it asks who is there. Nothing secret is said.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{DEADLINE, Stream, certificate, wire};
use crate::database::DatabaseError;
use crate::settings::{Authentication, Identifier};

/// What one connection came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The server's own certificate (DER); `None` in the clear. That it has the key to it was proven.
    pub certificate: Option<Vec<u8>>,
    pub reply: Reply,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Asks(Authentication),
    /// The server's SQLSTATE and its words.
    Refuses {
        code: String,
        message: String,
    },
}

impl Reply {
    /// `invalid_authorization_specification`: no rule lets this client in, or one sends it away.
    pub fn is_by_rule(&self) -> bool {
        matches!(self, Self::Refuses { code, .. } if code == "28000")
    }
}

/// Connects, says who wants to which database, and leaves at the server's first answer.
///
/// # Errors
/// [`DatabaseError::ServerUnreachable`], and [`GreetingError`](super::GreetingError) for what TLS lacks.
pub async fn probe(
    address: SocketAddr,
    role: &Identifier,
    database: &Identifier,
    by_tls: bool,
) -> Result<Probe, DatabaseError> {
    let (role, database) = (role.clone(), database.clone());
    let unreachable = |detail: String| DatabaseError::ServerUnreachable {
        address: address.to_string(),
        detail,
    };
    let task = tokio::task::spawn_blocking(move || ask(address, &role, &database, by_tls));
    match tokio::time::timeout(DEADLINE + Duration::from_secs(1), task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", DEADLINE.as_secs()))),
    }
}

fn ask(
    address: SocketAddr,
    role: &Identifier,
    database: &Identifier,
    by_tls: bool,
) -> Result<Probe, DatabaseError> {
    let failed = |error: std::io::Error| DatabaseError::ServerUnreachable {
        address: address.to_string(),
        detail: error.to_string(),
    };
    let host = address.ip().to_string();
    let mut stream = super::tcp(&host, address.port(), Instant::now() + DEADLINE).map_err(failed)?;
    let (mut stream, certificate): (Box<dyn Stream>, _) = if by_tls {
        if !wire::request_tls(&mut stream).map_err(failed)? {
            return Err(super::GreetingError::NoTls { host }.into());
        }
        let (stream, certificate) = certificate::unjudged(stream, &host)?;
        (stream, Some(certificate))
    } else {
        (Box::new(stream), None)
    };
    wire::start(&mut stream, role.as_str(), database.as_str()).map_err(failed)?;
    let reply = match wire::answer(&mut stream).map_err(failed)? {
        wire::Answer::Authentication(method) => {
            let _ = wire::leave(&mut stream);
            Reply::Asks(method)
        }
        wire::Answer::Error { code, message } => Reply::Refuses { code, message },
    };
    Ok(Probe { certificate, reply })
}
