//! The command line of sites, and `[[sites]]` of the settings file.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::arguments::Consent;
use crate::cli::options::{IndexMethod, number_or_text};
use crate::settings::Metric;

/// What is declared of one site: by flags, or as one of `[[sites]]`, where its table may differ from the others'.
#[derive(Debug, Clone, Default, Args, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SiteOptions {
    /// The site's host name, as gp.example.com
    #[arg(long, value_name = "NAME")]
    pub domain: String,
    /// Whom to write to about it [default: what was given before]
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Its database and login [default: the first label of the domain]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The systemd service that uses it [default: NAME.service of the domain, where there is one]
    #[arg(long, value_name = "UNIT")]
    pub service: Option<String>,
    /// Give the service its URL as a systemd credential (database-url), not in its environment
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub credentials: Option<bool>,
    /// Answers with 200 to 299 when the service is well
    #[arg(long, value_name = "URL")]
    pub health_url: Option<String>,
    #[arg(skip)]
    pub schema: Option<String>,
    #[arg(skip)]
    pub table: Option<String>,
    #[arg(skip)]
    pub key: Option<String>,
    #[arg(skip)]
    pub column: Option<String>,
    #[arg(skip)]
    #[serde(deserialize_with = "number_or_text")]
    pub dimensions: Option<String>,
    #[arg(skip)]
    pub metric: Option<Metric>,
    #[arg(skip)]
    pub index: Option<IndexMethod>,
    #[arg(skip)]
    pub m: Option<u16>,
    #[arg(skip)]
    pub ef_construction: Option<u16>,
    #[arg(skip)]
    #[serde(deserialize_with = "number_or_text")]
    pub lists: Option<String>,
}

/// One site that was deployed before.
#[derive(Debug, Clone, Args)]
pub struct Known {
    /// The site's host name
    #[arg(long, value_name = "NAME")]
    pub domain: String,
}

#[derive(Debug, Subcommand)]
pub enum Site {
    /// Make database, logins and the file that its service reads, run the migrations, prove it, restart the service
    Deploy {
        #[command(flatten)]
        site: Box<SiteOptions>,
        #[command(flatten)]
        consent: Consent,
    },
    /// The sites of this machine
    List,
    /// How a site is: what is pending, its login, its service
    Status(Known),
    /// What was changed for a site, when, and by which version
    History(Known),
    /// Give the service another password: the new one works before the old one stops
    RotatePassword {
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        consent: Consent,
    },
    /// Bring a site's extension and schema to the newest that the server has
    Upgrade {
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take a site away; its database stays unless it is named
    Remove {
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        consent: Consent,
        /// Agree to lose the data: the database's name
        #[arg(long, value_name = "NAME")]
        destroy_data: Option<String>,
        /// Write the database to this file first (pg_dump's custom format)
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
}

impl Site {
    /// The domain that it is about, and the name of the database where one was given.
    pub fn meant(&self) -> Option<(String, Option<String>)> {
        match self {
            Self::List => None,
            Self::Deploy { site, .. } => Some((site.domain.clone(), site.name.clone())),
            Self::Status(known)
            | Self::History(known)
            | Self::RotatePassword { known, .. }
            | Self::Upgrade { known, .. }
            | Self::Remove { known, .. } => Some((known.domain.clone(), None)),
        }
    }
}

/// Make everything as the settings file declares it.
#[derive(Debug, Clone, Copy, Args)]
pub struct Apply {
    #[command(flatten)]
    pub consent: Consent,
    /// How many sites are worked on at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub parallel: u16,
}
