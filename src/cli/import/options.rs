//! What `import chroma` takes. The doc comments are the help.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::arguments::Consent;
use crate::error::Result;
use crate::host::Host;
use crate::import::chroma_server::ServerOptions;
use crate::import::{Choice, is_address};
use crate::settings::SettingsError;

#[derive(Debug, Args)]
pub struct Chroma {
    /// Directory with chroma.sqlite3, or http://HOST:PORT
    // `source` is an option of every command, which a second one of its name would hide.
    #[arg(value_name = "DIR|URL", value_parser = NonEmptyStringValueParser::new())]
    pub from: String,
    /// List what is there; import nothing
    #[arg(long)]
    pub inspect: bool,
    /// Only this collection, as NAME, DATABASE/NAME or TENANT/DATABASE/NAME (can be repeated) [default: all]
    #[arg(long, value_name = "NAME")]
    pub collection: Vec<String>,
    /// Table for the one collection [default: the collection's name]
    #[arg(long, value_name = "TABLE")]
    pub into: Option<String>,
    /// Give the rows of --table that are there their embedding, matched by --key; insert nothing
    #[arg(long = "match")]
    pub is_match: bool,
    /// What becomes of a record that cannot be a row as it is, as KIND=ACTION (can be repeated) [default: fail]
    ///
    /// Kinds: nul (a NUL in a text), not-finite (NaN or an infinity), missing-vector, dimension, existing (the row is there
    /// already). Actions: fail, skip, and replace: NUL is taken out; NaN becomes null in metadata, and a vector with one a row
    /// without embedding, as does a missing vector; an existing row is overwritten.
    #[arg(long, value_name = "KIND=ACTION")]
    pub on: Vec<Choice>,
    /// File for the records that are left out or changed, one JSON object a line [default: beside the instance]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Compare source and table again; write nothing
    #[arg(long, conflicts_with = "restart")]
    pub verify_only: bool,
    /// Forget how far an earlier run has come
    #[arg(long)]
    pub restart: bool,
    /// URL: tenant of the server [default: the token's, else default_tenant]
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// URL: database of the server [default: all]
    #[arg(long, value_name = "NAME")]
    pub chroma_database: Option<String>,
    /// URL: file of mode 0600 with the server's token [default: PGVECTOR_SETUP_CHROMA_TOKEN in the environment]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub consent: Consent,
}

impl Chroma {
    /// # Errors
    /// [`SettingsError::Conflict`] for a server's option with a directory; what is wrong with the token's file.
    pub fn server_options(&self, host: &Host) -> Result<ServerOptions> {
        let given = [
            ("--tenant", self.tenant.is_some()),
            ("--chroma-database", self.chroma_database.is_some()),
            ("--token-file", self.token_file.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given)
            && !is_address(&self.from)
        {
            return Err(SettingsError::Conflict {
                first: self.from.clone(),
                second: (*option).to_owned(),
                reason: "a directory has no server",
            }
            .into());
        }
        let token = match &self.token_file {
            Some(file) => Some(host.read_token(file)?),
            None => host.environment().chroma_token.clone(),
        };
        Ok(ServerOptions {
            tenant: self.tenant.clone(),
            database: self.chroma_database.clone(),
            token,
        })
    }
}
