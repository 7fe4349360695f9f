//! The administrator's way into a cluster of the operating system.
//!
//! Its rules let the owner in by peer authentication and nobody else (`local all postgres peer`), and we are root or a
//! user with sudo. So a relay connects as the owner; the rules stay as they are.

use std::path::Path;

use crate::database::Endpoint;
use crate::error::Result;
use crate::host::{self, Account, Host};

/// A way to a cluster as its owner; closed when dropped.
#[derive(Debug)]
pub struct Relay {
    /// `None` when we are the owner and need no relay.
    relay: Option<host::Relay>,
    endpoint: Endpoint,
}

impl Relay {
    /// Opens the way to the server with this socket directory and port as `account`.
    ///
    /// # Errors
    /// [`crate::host::HostError`] when no private socket can be made.
    pub fn open(host: &Host, socket_directory: &Path, port: u16, account: &Account) -> Result<Self> {
        if account.uid == host.account().uid {
            let directory = socket_directory.to_owned();
            return Ok(Self {
                relay: None,
                endpoint: Endpoint::Socket { directory, port },
            });
        }
        let name = format!(".s.PGSQL.{port}");
        let relay = host.open_relay(&socket_directory.join(&name), account, &name)?;
        let directory = relay.directory().to_owned();
        Ok(Self {
            relay: Some(relay),
            endpoint: Endpoint::Socket { directory, port },
        })
    }

    /// Where to connect to; good for as long as this relay lives.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Whether connections go through another process or thread.
    pub fn is_direct(&self) -> bool {
        self.relay.is_none()
    }
}

/// The hidden subcommand `relay --as USER SOCKET`: its stdin and stdout are one connection.
///
/// # Errors
/// [`crate::facts::FactsError`] when there is no such user, [`crate::host::HostError`] when the server is not reached.
pub fn serve(host: &Host, socket: &Path, user: &str) -> Result<()> {
    let account = host
        .account_named(user)
        .ok_or_else(|| crate::facts::FactsError::Unreadable {
            what: "/etc/passwd".to_owned(),
            detail: format!("there is no user {user}"),
        })?;
    Ok(host::serve_relay(socket, &account)?)
}
