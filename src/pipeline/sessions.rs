//! Sessions as the application's role: one, or several at once.

use sqlx::{PgConnection, PgPool};

use super::{Installation, MachineFacts};
use crate::apply::{Application, Server};
use crate::database::remote::Pooling;
use crate::error::Result;
use crate::health::advisories::Version;
use crate::plan;
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
        let (server, _) = self.shared_server().await?;
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
        let (server, sharing) = self.shared_server().await?;
        let way = Application::new(self.host, self.settings, &self.layout, &server)?;
        let pool = way.pool(size).await?;
        Ok(Sessions {
            pool,
            sharing,
            _server: server,
        })
    }

    /// The server, and how the application's sessions are shared there.
    async fn shared_server(&self) -> Result<(Server, Sharing)> {
        let facts = self.machine_facts().await?;
        match &facts {
            MachineFacts::Url(remote) if remote.pooling == Pooling::Transaction => {
                let server = self.answering(&facts).await?;
                let way = Application::new(self.host, self.settings, &self.layout, &server)?;
                if way.takes_role_on() {
                    plan::url::refuse_pooler(remote)?;
                }
                Ok((server, Sharing::Transaction))
            }
            _ => Ok((self.running(&facts).await?, Sharing::Session)),
        }
    }

    /// The table of these settings as a vector store, with the sessions that it needs to be held.
    pub async fn store(&self, size: u32) -> Result<(VectorStore, Sessions)> {
        let sessions = self.sessions(size).await?;
        let store = VectorStore::open(sessions.pool.clone(), &self.settings.table, sessions.sharing).await?;
        Ok((store, sessions))
    }
}
