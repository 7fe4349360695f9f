//! The password of `--role-password-file`: whether it is kept here already, and whether it lets the role in.

use std::borrow::Cow;
use std::path::PathBuf;

use super::Installation;
use crate::apply::Server;
use crate::database::facts::{DatabaseFacts, GivenPassword};
use crate::database::{DatabaseError, GreetingError, Login, connect, credentials, greeting};
use crate::error::Result;
use crate::facts::docker::Project;
use crate::secret::Secret;
use crate::settings::{Authentication, ServerUrl, Settings, Target};

/// `invalid_password`.
const WRONG_PASSWORD: &str = "28P01";
/// `invalid_authorization_specification`: the rules let the role in by other means, or not from here.
const NOT_BY_PASSWORD: &str = "28000";
/// What is said only after the password was right: `invalid_catalog_name`, `insufficient_privilege`.
const AFTER_THE_PASSWORD: [&str; 2] = ["3D000", "42501"];

impl Installation<'_> {
    /// Without a server: whether the file gives a password, and whether it is kept.
    ///
    /// # Errors
    /// [`HostError::SecretFile`](crate::host::HostError).
    pub(super) fn given_password(&self) -> Result<Option<GivenPassword>> {
        let Some(file) = self.role_password_file()? else {
            return Ok(None);
        };
        // A compose project's is made with its files.
        if self.settings.target == Target::Docker && !self.host.exists(&file) {
            return Ok(Some(GivenPassword::default()));
        }
        Ok(Some(GivenPassword {
            is_kept: self.keeps(&self.host.read_password(&file)?)?,
            lets_in: None,
        }))
    }

    /// The same, with the answer of the server to the role itself.
    pub(super) async fn given_password_at(
        &self,
        server: &Server,
        facts: &DatabaseFacts,
    ) -> Result<Option<GivenPassword>> {
        let Some(file) = self.role_password_file()? else {
            return Ok(None);
        };
        let password = self.host.read_password(&file)?;
        let lets_in = match &facts.role {
            Some(role) if role.can_log_in => {
                let database = match &facts.database {
                    Some(_) => self.settings.database.as_str(),
                    None => &server.maintenance,
                };
                self.lets_in(server, &password, database).await?
            }
            _ => None,
        };
        Ok(Some(GivenPassword {
            // A container may be published on another port by now, which libpq would not find in the file.
            is_kept: self.keeps(&password)?
                && (self.settings.target != Target::Docker || self.names(server)?),
            lets_in,
        }))
    }

    /// The settings as the database steps take them: in a compose project the role's password is one of its secrets, so that
    /// the application beside the server and this machine agree.
    pub(super) fn database_settings(&self) -> Result<Cow<'_, Settings>> {
        Ok(match self.settings.target {
            Target::Docker => Cow::Owned(Settings {
                role_password_file: self.role_password_file()?,
                ..self.settings.clone()
            }),
            Target::Embedded | Target::System | Target::Url => Cow::Borrowed(self.settings),
        })
    }

    fn role_password_file(&self) -> Result<Option<PathBuf>> {
        Ok(match self.settings.target {
            Target::Docker => Some(Project::of(self.settings, &self.layout)?.role_password()),
            Target::Embedded | Target::System | Target::Url => self.settings.role_password_file.clone(),
        })
    }

    fn names(&self, server: &Server) -> Result<bool> {
        let text = self.host.read_text(&self.layout.credentials)?.unwrap_or_default();
        let (host, port) = (server.application.host(), server.application.port());
        Ok(credentials::names(&text, &host, port))
    }

    fn keeps(&self, password: &Secret) -> Result<bool> {
        let text = self.host.read_text(&self.layout.credentials)?.unwrap_or_default();
        Ok(credentials::password(&text, &self.settings.role).as_ref() == Some(password))
    }

    /// Logs in as the role. No catalog tells whether a password is right.
    async fn lets_in(&self, server: &Server, password: &Secret, database: &str) -> Result<Option<bool>> {
        let role = self.settings.role.clone();
        if let Some(url) = &self.settings.server_url {
            let asked = ServerUrl {
                user: role.clone(),
                password: Some(password.clone()),
                ..url.clone()
            };
            match greeting(&asked, self.roots(url)?).await {
                Ok(_) => {}
                // The role has an MD5 digest of some password, and clients of ours give none.
                Err(DatabaseError::Greeting(GreetingError::Authentication {
                    method: Authentication::Md5,
                    ..
                })) => return Ok(Some(false)),
                Err(DatabaseError::ServerLogin { code, .. }) if code == NOT_BY_PASSWORD => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let login = Login::Application {
            role,
            password: password.clone(),
        };
        match connect(&server.application, &login, database).await {
            Ok(_) => Ok(Some(true)),
            Err(DatabaseError::Login { code, .. } | DatabaseError::ServerLogin { code, .. })
                if code == WRONG_PASSWORD =>
            {
                Ok(Some(false))
            }
            Err(DatabaseError::Login { code, .. } | DatabaseError::ServerLogin { code, .. })
                if AFTER_THE_PASSWORD.contains(&code.as_str()) =>
            {
                Ok(Some(true))
            }
            Err(DatabaseError::Login { code, .. } | DatabaseError::ServerLogin { code, .. })
                if code == NOT_BY_PASSWORD =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
