//! The application's way in.

use sqlx::{Executor as _, PgConnection, PgPool, Row as _};

use super::Server;
use crate::database::sql::composed;
use crate::database::{DatabaseError, Endpoint, Login, connect, credentials, pool};
use crate::error::Result;
use crate::facts::Layout;
use crate::health::advisories::Version;
use crate::host::Host;
use crate::settings::{Identifier, Settings};

/// How sessions as the application's role are opened: by its own password where we know it, else as the administrator, who then
/// takes its role on.
#[derive(Debug)]
pub struct Application<'a> {
    endpoint: &'a Endpoint,
    login: Login,
    database: &'a Identifier,
    role: Option<&'a Identifier>,
}

impl<'a> Application<'a> {
    pub fn new(host: &Host, settings: &'a Settings, layout: &Layout, server: &'a Server) -> Result<Self> {
        let text = host.read_text(&layout.credentials)?.unwrap_or_default();
        let database = &settings.database;
        let own = if settings.application_is_the_user() {
            let url = settings.server_url.as_ref();
            Some(Login::User {
                role: settings.role.clone(),
                password: url.and_then(|url| url.password.clone()),
                is_pinned: false,
            })
        } else {
            credentials::password(&text, &settings.role).map(|password| Login::Application {
                role: settings.role.clone(),
                password,
            })
        };
        Ok(match own {
            Some(login) => Self {
                endpoint: &server.application,
                login,
                database,
                role: None,
            },
            None => Self {
                endpoint: &server.endpoint,
                login: server.administrator.clone(),
                database,
                role: Some(&settings.role),
            },
        })
    }

    /// Whether each session is the administrator's until it takes the application's role on, which stays with the session.
    pub fn takes_role_on(&self) -> bool {
        self.role.is_some()
    }

    /// One session, with the version of the extension there.
    pub async fn connect(&self) -> Result<(PgConnection, Option<Version>)> {
        let mut connection = connect(self.endpoint, &self.login, self.database.as_str()).await?;
        if let Some(role) = self.role {
            connection
                .execute(composed(format!("SET ROLE {}", role.quoted())))
                .await
                .map_err(DatabaseError::statement("become the application's role"))?;
        }
        let version = extension_version(&mut connection).await?;
        Ok((connection, version))
    }

    /// At most `size` sessions, with the first of them opened.
    pub async fn pool(&self, size: u32) -> Result<PgPool> {
        let database = self.database.as_str();
        Ok(pool(self.endpoint, &self.login, database, self.role, size).await?)
    }
}

/// The version of the extension in a session's database; `None` where it has none.
///
/// # Errors
/// [`DatabaseError`] when the statement fails.
pub async fn extension_version(connection: &mut PgConnection) -> Result<Option<Version>, DatabaseError> {
    let failed = || DatabaseError::statement("read the extension's version");
    let sql = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'";
    let row = sqlx::raw_sql(sql).fetch_optional(connection).await;
    let version = row.map_err(failed())?.map(|row| row.try_get(0)).transpose();
    let version: Option<String> = version.map_err(failed())?;
    Ok(version.as_deref().and_then(Version::parse))
}
