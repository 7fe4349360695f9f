//! The one door to the machine: every child process, every file read or written, every request by HTTP goes
//! through [`Host`].
//!
//! `clippy.toml` forbids the direct calls everywhere else; this folder alone allows them.
#![allow(
    clippy::disallowed_methods,
    reason = "this folder is the door that the lint points to"
)]

mod account;
mod command;
mod detached;
mod error;
mod exclusive;
mod files;
mod follow;
pub mod http;
mod input;
mod journal;
mod lock;
mod partial;
mod ports;
mod process;
mod relay;
mod replace;
mod root_files;
mod run;
mod scratch;
mod secret_file;
mod server_process;
mod source_file;

pub use account::Account;
pub use command::{Command, Output, Privilege, quote_word};
pub use detached::Detached;
pub use error::HostError;
pub use files::{FileMode, Owner, TEMPORARY};
pub use follow::Following;
pub use lock::Lock;
pub use process::{
    interrupt, kill, process_is_alive, process_is_at_work, process_serves, processes_with_arguments,
    terminate,
};
pub use relay::{Relay, is_relay, serve as serve_relay};
pub use replace::{Replacement, serve as serve_replacement};
pub use scratch::Scratch;
pub use secret_file::SecretProblem;
pub use server_process::{
    Listener, command_line_of, executable_of, is_in_other_file_systems, listener, working_directory_of,
};
pub use source_file::{FileIdentity, SourceFile};

/// The machine this program runs on. Cheap to clone; holds what was read of the process at the start.
#[derive(Debug, Clone)]
pub struct Host {
    account: Account,
    environment: std::sync::Arc<Environment>,
}

/// The few environment variables that are looked at, read once at the start.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub home: Option<std::path::PathBuf>,
    pub data_home: Option<std::path::PathBuf>,
    /// The user's own `PATH`, looked at for pip and brew alone and never by root.
    pub search_path: Option<std::ffi::OsString>,
    /// Handed on to pip alone, so that the user's mirrors and proxies hold: `PIP_*`, `*_proxy`, certificate bundles.
    pub download: Vec<(String, std::ffi::OsString)>,
    /// Handed on to brew alone, which is the user's own: `HOMEBREW_*`, proxies, and what leads to the user's services.
    pub homebrew: Vec<(String, std::ffi::OsString)>,
    /// Handed on to docker, podman and compose alone: which engine the user means, and where its settings are.
    pub containers: Vec<(String, std::ffi::OsString)>,
    /// `DATABASE_URL` and libpq's `PG*`, for the target `url` alone; some hold passwords.
    pub libpq: Vec<(String, crate::secret::Secret)>,
    /// `*_proxy`, for [`http`] alone; some hold passwords.
    pub proxies: Vec<(String, crate::secret::Secret)>,
    /// `JOURNAL_STREAM`: which stream systemd has connected to the journal.
    pub journal_stream: Option<String>,
    /// `PGVECTOR_SETUP_EMBEDDER_KEY`, for the embedder alone.
    pub embedder_key: Option<crate::secret::Secret>,
    /// `PGVECTOR_SETUP_CHROMA_TOKEN`, for a Chroma server alone.
    pub chroma_token: Option<crate::secret::Secret>,
}

impl Host {
    /// The real machine, seen as the user this process runs as.
    pub fn new(environment: Environment) -> Self {
        let account = Account::current(environment.home.clone());
        Self {
            account,
            environment: std::sync::Arc::new(environment),
        }
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    pub fn is_root(&self) -> bool {
        self.account.uid == 0
    }
}
