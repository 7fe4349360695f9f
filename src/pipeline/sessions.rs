//! Sessions as the application's role: one, or several at once.

use sqlx::{PgConnection, PgPool};

use super::Installation;
use crate::apply::{Application, Server};
use crate::database::remote::Pooling;
use crate::error::Result;
use crate::health::advisories::Version;
use crate::store::{Sharing, VectorStore};

/// One session, for as long as this is held: the way to the server may be a relay that is closed with it.
#[derive(Debug)]
pub struct ApplicationSession {
    pub connection: PgConnection,
    /// Of the extension there.
    pub version: Option<Version>,
    _server: Server,
}

/// A pool, for as long as this is held: the way to the server may be a relay that is closed with it.
#[derive(Debug)]
pub struct Sessions {
    pub pool: PgPool,
    pub sharing: Sharing,
    _server: Server,
}

impl Installation<'_> {
    /// A session as the application's role.
    ///
    /// # Errors
    /// As [`Installation::running`], and what the server says.
    pub async fn application(&self) -> Result<ApplicationSession> {
        let server = self.running_server().await?;
        let way = Application::new(self.host, self.settings, &self.layout, &server)?;
        let (connection, version) = way.connect().await?;
        Ok(ApplicationSession {
            connection,
            version,
            _server: server,
        })
    }

    /// At most `size` sessions as the application's role, each opened when it is first needed.
    pub async fn sessions(&self, size: u32) -> Result<Sessions> {
        let server = self.running_server().await?;
        let way = Application::new(self.host, self.settings, &self.layout, &server)?;
        let pool = way.pool(size).await?;
        let sharing = match self.remote.get().map(|remote| remote.pooling) {
            None | Some(Pooling::Direct) => Sharing::Session,
            Some(Pooling::Transaction | Pooling::Statement) => Sharing::Transaction,
        };
        Ok(Sessions {
            pool,
            sharing,
            _server: server,
        })
    }

    /// The table of these settings as a vector store, with the sessions that it needs to be held.
    pub async fn store(&self, size: u32) -> Result<(VectorStore, Sessions)> {
        let sessions = self.sessions(size).await?;
        let store = VectorStore::open(sessions.pool.clone(), &self.settings.table, sessions.sharing).await?;
        Ok((store, sessions))
    }
}
