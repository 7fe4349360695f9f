//! A running Chroma server that has the v2 REST API (seen with 0.6.3 to 1.5.9), or its cloud.

mod api;
mod error;
mod inventory;
mod opening;
mod page;
mod records;
mod space;

use std::time::Duration;

pub use error::ServerError;

use self::api::Api;
use self::records::ServerRecords;
use crate::host::Host;
use crate::import::{Collection, ImportError, Inventory, Records, Source};
use crate::secret::Secret;

/// What of a server is meant, and how it knows us.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// `None` is the token's own tenant, or `default_tenant`.
    pub tenant: Option<String>,
    /// `None` is every database of the tenant that the server lists.
    pub database: Option<String>,
    /// Of the cloud, or of a server or proxy that asks for one.
    pub token: Option<Secret>,
}

/// A server that answered.
#[derive(Debug)]
pub struct Server {
    api: Api,
    /// As the server says it; 1.0 to 1.5 all say 1.0.0.
    version: String,
    tenant: String,
    database: Option<String>,
    /// What the token may read, where the server says it and lists no databases.
    databases_of_token: Vec<String>,
}

impl Server {
    /// Asks the server at `url` what it is. Blocks.
    ///
    /// # Errors
    /// [`ServerError`] where it cannot be reached, speaks no v2 or does not take the token.
    pub fn open(host: &Host, url: &str, options: ServerOptions) -> Result<Self, ServerError> {
        opening::open(host, url, options)
    }

    /// How long a request is tried again where the server is away or too busy.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.api.set_patience(patience);
        self
    }
}

impl Source for Server {
    fn inventory(&mut self) -> Result<Inventory, ImportError> {
        Ok(inventory::read(self)?)
    }

    fn records<'s>(
        &'s mut self,
        collection: &Collection,
        passed: u64,
    ) -> Result<Box<dyn Records + Send + 's>, ImportError> {
        Ok(Box::new(ServerRecords::new(&self.api, collection, passed)))
    }
}
