use std::path::PathBuf;

use super::apt::PackageError;
use super::brew::BrewError;
use super::dnf::RpmError;
use super::docker::DockerError;
use super::network::NetworkError;
use super::site::error::ServiceError;
use crate::error::{Exit, Explain};
use crate::host::HostError;
use crate::settings::Domain;

/// A step did not do what the plan said.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{} has SHA-256 {found}, not {wanted}", path.display())]
    Digest {
        path: PathBuf,
        found: String,
        wanted: String,
    },
    #[error("{} cannot be unpacked: {problem}", path.display())]
    Archive { path: PathBuf, problem: String },
    #[error("the portable bundle could not be fetched: {source}")]
    Fetch {
        source: Box<HostError>,
        elsewhere: String,
    },
    #[error("the receipt {} {problem}", path.display())]
    Receipt { path: PathBuf, problem: String },
    #[error("the server that answers on port {port} is not ours: {difference}")]
    Identity { port: u16, difference: String },
    /// Files are where the server was told to look, and it does not list the extension.
    #[error("the server on port {port} does not offer pgvector, though it was told to look in {places}")]
    Unseen { port: u16, places: String },
    /// After some steps the rest could not be planned.
    #[error("stopped half way: {0}")]
    HalfWay(#[source] Box<crate::plan::Refusal>),
    #[error("stopped: the rest of the plan was declined")]
    Declined,
    #[error("stopped by a signal; what was done is recorded")]
    Interrupted { exit: Exit },
    /// While a site was changed, which `rollback` does not take back.
    #[error("stopped by a signal; what was done is recorded")]
    InterruptedSite { exit: Exit, domain: Domain },
    #[error("the server did not answer within {seconds} s{said}")]
    NotReady {
        seconds: u64,
        said: String,
        log: PathBuf,
    },
    #[error("the server cannot read {} with our lines, which are taken out again: {problem}", path.display())]
    LoginRules { path: PathBuf, problem: String },
    #[error("the server did not read its rules again within {seconds} s")]
    NotReloaded { seconds: u64 },
    #[error("{cause}\nwhat this run had changed was taken back")]
    Undone {
        cause: Box<crate::Error>,
        /// What else could be tried, as it can be typed.
        instead: Vec<String>,
    },
    /// The measurement ran, and its result is not good enough to go on.
    #[error("the proof as {login} failed: {problems}")]
    Unproven { login: String, problems: String },
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Rpm(#[from] RpmError),
    #[error(transparent)]
    Packages(#[from] PackageError),
    #[error(transparent)]
    Brew(#[from] BrewError),
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Explain for ApplyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Digest { .. } => "E0501",
            Self::Archive { .. } => "E0502",
            Self::Fetch { .. } => "E0508",
            Self::Receipt { .. } => "E0503",
            Self::Identity { .. } => "E0504",
            Self::NotReady { .. } => "E0505",
            Self::Interrupted { .. } | Self::InterruptedSite { .. } => "E0506",
            Self::Declined => "E0507",
            Self::LoginRules { .. } => "E0509",
            Self::NotReloaded { .. } => "E0510",
            Self::Unseen { .. } => "E0511",
            Self::HalfWay(_) => "E0512",
            Self::Undone { .. } => "E0523",
            Self::Unproven { .. } => "E0560",
            Self::Network(error) => error.code(),
            Self::Rpm(error) => error.code(),
            Self::Packages(error) => error.code(),
            Self::Brew(error) => error.code(),
            Self::Docker(error) => error.code(),
            Self::Service(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Digest { .. }
            | Self::Archive { .. }
            | Self::Receipt { .. }
            | Self::Identity { .. }
            | Self::LoginRules { .. } => Exit::Refused,
            Self::NotReady { .. }
            | Self::Unproven { .. }
            | Self::Declined
            | Self::Fetch { .. }
            | Self::NotReloaded { .. }
            | Self::Unseen { .. }
            | Self::HalfWay(_) => Exit::Resumable,
            Self::Interrupted { exit } | Self::InterruptedSite { exit, .. } => *exit,
            Self::Undone { .. } => Exit::Undone,
            Self::Network(error) => error.exit(),
            Self::Rpm(error) => error.exit(),
            Self::Packages(error) => error.exit(),
            Self::Brew(error) => error.exit(),
            Self::Docker(error) => error.exit(),
            Self::Service(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Digest { path, .. } | Self::Archive { path, .. } => {
                format!("remove it and fetch it again: rm {}", path.display())
            }
            Self::Receipt { path, .. } => {
                format!("look at it, then move it away: mv {0} {0}.old", path.display())
            }
            Self::Fetch { elsewhere, .. } => format!(
                "with network, run the same command again\n\
                 hint: without: {elsewhere} (elsewhere), then pgvector-setup up --bundle FILE\n\
                 hint: or the operating system's own packages: pgvector-setup up --target system"
            ),
            Self::Identity { .. } => "pgvector-setup status".to_owned(),
            Self::Unseen { .. } => {
                "see what the server made of its files: SELECT * FROM pg_file_settings WHERE error IS NOT NULL\n\
                 hint: or take it back: pgvector-setup rollback --target system"
                    .to_owned()
            }
            Self::HalfWay(refusal) => return refusal.hint(),
            Self::Declined | Self::Interrupted { .. } => {
                "run the same command again to go on, or: pgvector-setup rollback".to_owned()
            }
            Self::InterruptedSite { domain, .. } => format!(
                "run the same command again to go on, or see how far it is: pgvector-setup site status --domain {domain}"
            ),
            Self::NotReady { log, .. } => format!("tail -n 50 {}", log.display()),
            Self::LoginRules { path, .. } => format!("sudo cat {}", path.display()),
            Self::NotReloaded { .. } => "run the same command again to go on".to_owned(),
            Self::Undone { instead, .. } => instead.join("\nhint: "),
            Self::Unproven { .. } => "pgvector-setup doctor --sites, then the same command again".to_owned(),
            Self::Network(error) => return error.hint(),
            Self::Rpm(error) => return error.hint(),
            Self::Packages(error) => return error.hint(),
            Self::Brew(error) => return error.hint(),
            Self::Docker(error) => return error.hint(),
            Self::Service(error) => return error.hint(),
        })
    }
}
