use std::path::PathBuf;

use crate::error::{Exit, Explain};

/// A server could not be opened to other machines, and what became of it.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error(
        "the cluster {cluster} was to listen, and {problem}{}\nits settings were taken back, and it runs as before",
        lines(said)
    )]
    TakenBack {
        cluster: String,
        problem: String,
        /// What the server's log says.
        said: Vec<String>,
        log: PathBuf,
    },
    #[error(
        "the cluster {cluster} was to listen, and {problem}{}\nits settings were taken back, and it does not run: {since}",
        lines(said)
    )]
    Down {
        cluster: String,
        problem: String,
        said: Vec<String>,
        log: PathBuf,
        /// Why it does not run on its old settings either.
        since: String,
    },
    #[error("{role} was to be let in over the network, and {problem}\nthe lines in {} were taken back", path.display())]
    NotLetIn {
        role: String,
        problem: String,
        path: PathBuf,
    },
    #[error("{} holds lines of ours that somebody changed", path.display())]
    Changed { path: PathBuf },
}

fn lines(said: &[String]) -> String {
    said.iter().map(|line| format!("\n  | {line}")).collect()
}

impl Explain for NetworkError {
    fn code(&self) -> &'static str {
        match self {
            Self::TakenBack { .. } => "E0513",
            Self::Down { .. } => "E0514",
            Self::NotLetIn { .. } => "E0515",
            Self::Changed { .. } => "E0516",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::TakenBack { .. } | Self::NotLetIn { .. } => Exit::Undone,
            Self::Down { .. } => Exit::Resumable,
            Self::Changed { .. } => Exit::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TakenBack { log, .. } | Self::Down { log, .. } => {
                format!("sudo tail -n 50 {}", log.display())
            }
            Self::NotLetIn { .. } => {
                "see which rule is met first: SELECT * FROM pg_hba_file_rules".to_owned()
            }
            Self::Changed { path } => format!("look at them, and take them out: sudoedit {}", path.display()),
        })
    }
}
