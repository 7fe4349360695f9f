//! The command line as clap reads it. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::embed::Embed;
use super::import::Import;
use super::options::Options;
use super::render::{self, Kubernetes, Monitoring, Systemd};
use super::store::{Get, Search, Similar, Upsert};

/// Take a machine from nothing to a proven pgvector database, and undo it again
///
/// Without a command: on a terminal the wizard, else this help.
#[derive(Debug, Parser)]
#[command(name = "pgvector-setup", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
    #[command(flatten)]
    pub output: Output,
}

/// How the program talks.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// With --json: print an event a line while the command works, and the document as the last line
    #[arg(long, global = true, help_heading = "Output")]
    pub progress: bool,
    /// Say nothing but results and errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Install, start, create, migrate and prove; does nothing where nothing is missing
    Up {
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Show what `up` would do; changes nothing
    Plan {
        /// Exit with 8 when something is missing
        #[arg(long)]
        check: bool,
        /// Print the SQL of every step in order, for somebody who runs it by psql
        #[arg(long, conflicts_with = "check")]
        sql: bool,
    },
    /// Databases of sites: one command for each, nobody watching
    Site {
        #[command(subcommand)]
        command: super::site::Site,
    },
    /// Make server and sites as the settings file declares them
    Apply(super::site::Apply),
    /// Bring a newer pgvector: package, extension in every database, indexes
    Upgrade(Upgrade),
    /// Start the embedded server, or the one in its container
    Start,
    /// Stop the embedded server, or the compose project
    Stop,
    /// Say what is there and whether it runs
    Status,
    /// Stop the embedded server or the compose project, and delete its data
    Destroy(Destruction),
    /// Print how to connect, for a shell or a .env file
    Env {
        /// The form of the output
        #[arg(long, value_enum, default_value_t = EnvFormat::Shell)]
        format: EnvFormat,
    },
    /// Open psql as the application's role
    Psql {
        /// Handed to psql as they are
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Look at or change the schema's version
    Migrate {
        #[command(subcommand)]
        command: Migrate,
    },
    /// Measure that vectors can be kept and found: scratch data, index, recall; leaves nothing behind
    Verify(Verify),
    /// Read the database's health; changes nothing
    Doctor(Doctor),
    /// Move another vector store's records here, and prove that they arrived
    Import {
        #[command(subcommand)]
        command: Import,
    },
    /// Find the rows nearest to a text or a vector
    Search(Search),
    /// Find the rows nearest to a row
    Similar(Similar),
    /// Print rows by key or condition
    Get(Get),
    /// Write rows from a file of JSON lines
    Upsert(Upsert),
    /// Make vectors from the rows' text
    Embed {
        #[command(subcommand)]
        command: Embed,
    },
    /// Write files that bring the database up elsewhere: compose, Kubernetes, quadlet, SQL;
    /// or that run and watch it: systemd, monitoring
    Render {
        #[command(subcommand)]
        command: Render,
    },
    /// Undo what `up` did, newest first; never touches what was there before
    Rollback {
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        destruction: Destruction,
    },
    /// Copy standard input and output to a server's socket (used by this program itself)
    #[command(hide = true)]
    Relay {
        /// Login name to connect as
        #[arg(long = "as", value_name = "USER")]
        user: String,
        socket: PathBuf,
    },
    /// Replace a file of another user's by standard input (used by this program itself)
    #[command(hide = true)]
    Replace {
        /// Login name to write as
        #[arg(long = "as", value_name = "USER")]
        user: String,
        /// SHA-256 of what has to be there now; without it nothing may be
        #[arg(long, value_name = "SHA256")]
        was: Option<String>,
        /// Remove it instead
        #[arg(long)]
        remove: bool,
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Consent {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Patience with a server that is only starting.
#[derive(Debug, Clone, Copy, Args)]
pub struct Waiting {
    /// Url: wait this long for the server to answer a query
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub wait: Option<u16>,
}

#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// Of this site, as its service
    #[arg(long, value_name = "NAME", conflicts_with = "wait")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Of every site, each as its service; where there are none, of the database of these settings
    #[arg(long, conflicts_with_all = ["domain", "wait"])]
    pub sites: bool,
    /// Of this site alone
    #[arg(long, value_name = "NAME", conflicts_with = "wait")]
    pub domain: Option<String>,
    /// Measure recall on the real table too
    #[arg(long)]
    pub recall: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text, conflicts_with = "json")]
    pub format: DoctorFormat,
    /// Write the metrics to this file, whole or not at all, instead of printing them
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// Findings for a reader
    Text,
    /// Metrics for Prometheus, as node_exporter's textfile collector reads them
    Prometheus,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Upgrade {
    #[command(flatten)]
    pub consent: Consent,
    /// Show what would be done; changes nothing
    #[arg(long)]
    pub plan: bool,
    /// As --plan, and exit with 8 when something is to be done
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Destruction {
    /// Agree to lose the data of what bears this name (the instance, or the database of the system target)
    #[arg(long, value_name = "NAME")]
    pub destroy_data: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Show each migration and its state
    Status,
    /// Apply what is missing
    Up {
        /// Stop after this version
        #[arg(long, value_name = "N", conflicts_with = "create")]
        to: Option<i32>,
        /// Make role, database and schema too, and prove the result: all of `up`, without a question
        #[arg(long)]
        create: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Take migrations back, newest first
    Down {
        /// Keep this version and all before it
        #[arg(long, value_name = "N", default_value_t = 3)]
        to: i32,
        /// Agree to lose the data of this column or table (can be repeated)
        #[arg(long, value_name = "NAME")]
        destroy: Vec<String>,
        /// Write the vectors to this file first
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Print the SQL of every migration
    Sql,
}

#[derive(Debug, Subcommand)]
pub enum Render {
    /// A compose project: database, migrations, and where an application hooks in
    Compose(Written),
    /// Manifests for the operator CloudNativePG, and a job for the migrations
    Kubernetes(Kubernetes),
    /// Units for podman's quadlet
    Quadlet(Written),
    /// Every statement in order, for a database administrator
    Sql(render::Sql),
    /// Units for systemd: provisioning at boot, and health as metrics by a timer
    Systemd(Systemd),
    /// Alert rules for Prometheus and a dashboard for Grafana
    Monitoring(Monitoring),
}

impl Render {
    /// Runs what the settings file says, rather than saying it anew.
    pub fn is_for_this_machine(&self) -> bool {
        matches!(self, Self::Systemd(_))
    }
}

/// Where files are written, and what becomes of those that are there.
#[derive(Debug, Clone, Args)]
pub struct Written {
    /// Directory for the files; - prints them
    // `directory` is an option of every command, which a second one of its name would hide.
    #[arg(default_value = ".", value_name = "DIR")]
    pub place: PathBuf,
    /// Write nothing; exit with 8 when a file is missing or not current
    #[arg(long)]
    pub check: bool,
    /// Replace files that were edited, and keep a backup of each
    #[arg(long, conflicts_with = "check")]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EnvFormat {
    /// `export NAME=value`
    Shell,
    /// `NAME=value`
    Dotenv,
}
