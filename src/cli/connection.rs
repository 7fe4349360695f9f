//! How to connect, in every form that is asked for.

use std::path::PathBuf;

use super::arguments::EnvFormat;
use super::{Address, Ui};
use crate::error::{Exit, Result};
use crate::host::quote_word;
use crate::pipeline::Installation;
use crate::plan::Refusal;

/// What an application needs. The password itself stays in its file.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub role: String,
    /// A libpq password file, mode 0600; none when the role was there before.
    pub password_file: Option<PathBuf>,
}

impl Connection {
    /// # Errors
    /// [`Refusal::Blocked`] when the server does not run.
    pub async fn of(installation: &Installation<'_>) -> Result<Self> {
        let facts = installation.machine_facts().await?;
        let server = installation.server(&facts).await?.ok_or_else(not_running)?;
        let file = installation.layout.credentials.clone();
        Ok(Self {
            host: "127.0.0.1".into(),
            port: server.application.port(),
            database: installation.settings.database.to_string(),
            role: installation.settings.role.to_string(),
            password_file: installation.host.exists(&file).then_some(file),
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
        variables
    }

    /// What `up` ends with: the address and where the password is, and the command that sets an application's environment.
    pub(super) fn text(&self, address: &Address) -> String {
        let url = format!(
            "postgresql://{}@{}:{}/{}",
            encode(&self.role),
            self.host,
            self.port,
            encode(&self.database)
        );
        let file = self
            .password_file
            .as_ref()
            .map_or("not ours: the role was there before".into(), |file| {
                file.display().to_string()
            });
        address.complete(&format!(
            "connect:   {url}\npassword:  {file}\nvariables: eval \"$(pgvector-setup env)\"\nclient:    pgvector-setup psql"
        ))
    }
}

fn not_running() -> Refusal {
    Refusal::Blocked {
        fact: "the server is not running".into(),
        hint: "pgvector-setup start".into(),
    }
}

/// Percent-encoding for the user and database parts of a URL (RFC 3986, unreserved characters stay).
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
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
    Err(installation.host.replace_by(&command).into())
}
