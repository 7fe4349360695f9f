//! The password of `--role-password-file`: whether it is kept here already, and whether it lets the role in.

use super::Installation;
use crate::apply::Server;
use crate::database::facts::{DatabaseFacts, GivenPassword};
use crate::database::{DatabaseError, GreetingError, Login, connect, credentials, greeting};
use crate::error::Result;
use crate::secret::Secret;
use crate::settings::{Authentication, ServerUrl};

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
        let Some(password) = self.role_password()? else {
            return Ok(None);
        };
        Ok(Some(GivenPassword {
            is_kept: self.keeps(&password)?,
            lets_in: None,
        }))
    }

    /// The same, with the answer of the server to the role itself.
    pub(super) async fn given_password_at(
        &self,
        server: &Server,
        facts: &DatabaseFacts,
    ) -> Result<Option<GivenPassword>> {
        let Some(password) = self.role_password()? else {
            return Ok(None);
        };
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
            is_kept: self.keeps(&password)?,
            lets_in,
        }))
    }

    fn role_password(&self) -> Result<Option<Secret>> {
        let file = self.settings.role_password_file.as_deref();
        Ok(file.map(|file| self.host.read_password(file)).transpose()?)
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
