//! How to connect, in every form that is asked for.

use std::path::PathBuf;

use super::arguments::EnvFormat;
use super::{Address, Ui};
use crate::database::Endpoint;
use crate::error::{Exit, Result};
use crate::host::quote_word;
use crate::pipeline::Installation;
use crate::plan::Refusal;
use crate::settings::{ServerHost, TlsMode, percent_encoded as encode};

/// What an application needs. The password itself stays in its file.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub role: String,
    /// A libpq password file, mode 0600; none when the role was there before.
    pub password_file: Option<PathBuf>,
    /// How the server has to prove itself, where it is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sslmode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sslrootcert: Option<String>,
    /// The application is the user of the URL, whose password only the user has.
    #[serde(skip)]
    is_users_own: bool,
}

impl Connection {
    /// # Errors
    /// [`Refusal::Blocked`] when the server does not run.
    pub async fn of(installation: &Installation<'_>) -> Result<Self> {
        let facts = installation.machine_facts().await?;
        let server = installation.answering(&facts).await?;
        let file = installation.layout.credentials.clone();
        Ok(Self {
            host: server.application.host(),
            port: server.application.port(),
            database: installation.settings.database.to_string(),
            role: installation.settings.role.to_string(),
            password_file: installation.host.exists(&file).then_some(file),
            sslmode: tls(&server.application).map(|(mode, _)| mode),
            sslrootcert: tls(&server.application).and_then(|(_, root)| root),
            is_users_own: installation.settings.application_is_the_user(),
        })
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("PGHOST", self.host.clone()),
            ("PGPORT", self.port.to_string()),
            ("PGDATABASE", self.database.clone()),
            ("PGUSER", self.role.clone()),
        ];
        if let Some(file) = &self.password_file {
            variables.push(("PGPASSFILE", file.display().to_string()));
        }
        variables.extend(self.sslmode.map(|mode| ("PGSSLMODE", mode.to_owned())));
        variables.extend(
            self.sslrootcert
                .iter()
                .map(|root| ("PGSSLROOTCERT", root.clone())),
        );
        variables
    }

    /// What `up` ends with: the address and where the password is, and the command that sets an application's environment.
    pub(super) fn text(&self, address: &Address) -> String {
        let url = format!(
            "postgresql://{}@{}:{}/{}{}",
            encode(&self.role),
            self.url_host(),
            self.port,
            encode(&self.database),
            self.url_query()
        );
        let file = match &self.password_file {
            Some(file) => file.display().to_string(),
            None if self.is_users_own => "the one that the URL came with".to_owned(),
            None => "not ours: the role was there before".to_owned(),
        };
        address.complete(&format!(
            "connect:   {url}\npassword:  {file}\nvariables: eval \"$(pgvector-setup env)\"\nclient:    pgvector-setup psql"
        ))
    }
}

impl Connection {
    fn url_host(&self) -> String {
        if self.host.starts_with('/') {
            encode(&self.host)
        } else if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    fn url_query(&self) -> String {
        let Some(mode) = self.sslmode else {
            return String::new();
        };
        let root = self.sslrootcert.as_ref();
        let root = root.map(|root| format!("&sslrootcert={}", encode(root).replace("%2F", "/")));
        format!("?sslmode={mode}{}", root.unwrap_or_default())
    }
}

/// libpq's `sslmode` and `sslrootcert` for a server elsewhere; `system` is libpq's word for the system's certificates.
fn tls(endpoint: &Endpoint) -> Option<(&'static str, Option<String>)> {
    let Endpoint::Server(server) = endpoint else {
        return None;
    };
    if matches!(server.host, ServerHost::Socket(_)) {
        return None;
    }
    let root = server
        .root_certificate
        .as_ref()
        .map(|path| path.display().to_string());
    let is_verified = server.tls >= TlsMode::VerifyCa;
    Some((
        server.tls.name(),
        root.or_else(|| is_verified.then(|| "system".to_owned())),
    ))
}

pub(super) async fn env(installation: &Installation<'_>, format: EnvFormat, ui: &Ui) -> Result<Exit> {
    let connection = Connection::of(installation).await?;
    if ui.is_json() {
        ui.json(&connection);
        return Ok(Exit::Done);
    }
    let line = |(name, value): (&str, String)| match format {
        EnvFormat::Shell => format!("export {name}={}", quote_word(&value)),
        EnvFormat::Dotenv => format!("{name}={}", dotenv(&value)),
    };
    let lines: Vec<String> = connection.variables().into_iter().map(line).collect();
    ui.print(lines.join("\n"));
    Ok(Exit::Done)
}

/// Single quotes keep everything but themselves in .env files; a value that holds one is double-quoted.
fn dotenv(value: &str) -> String {
    let is_plain = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
    if is_plain {
        value.to_owned()
    } else if value.contains('\'') {
        format!(
            "\"{}\"",
            value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('$', "\\$")
        )
    } else {
        format!("'{value}'")
    }
}

/// Becomes psql: the one that came with the server, else the machine's.
pub(super) async fn psql(installation: &Installation<'_>, arguments: &[String]) -> Result<Exit> {
    let connection = Connection::of(installation).await?;
    let program = installation
        .client("psql")
        .await?
        .ok_or_else(|| Refusal::Unavailable {
            fact: "there is no psql on this machine".into(),
            alternatives: vec!["sudo apt-get install postgresql-client".into()],
        })?;
    let mut command = crate::host::Command::new(program, "open psql")
        .argument("-X")
        .arguments(arguments);
    for (name, value) in connection.variables() {
        command = command.environment(name, value);
    }
    // Where the password is, but never the password: psql asks for it where no file has it.
    let variables = &installation.host.environment().libpq;
    let theirs = variables.iter().find(|(name, _)| name == "PGPASSFILE");
    if let (None, Some((name, file))) = (&connection.password_file, theirs) {
        command = command.environment(name, file.expose());
    }
    Err(installation.host.replace_by(&command).into())
}
