use crate::error::{Exit, Explain};

/// Why a plan was not made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is wanted cannot be had here; `alternatives` are commands that work on this machine.
    #[error("{fact}")]
    Unavailable { fact: String, alternatives: Vec<String> },
    /// Steps need privilege that this user does not have.
    #[error(
        "these steps need root, and this user has neither root nor password-less sudo:{}",
        lines(steps)
    )]
    Privilege {
        steps: Vec<String>,
        alternatives: Vec<String>,
    },
    /// What is there differs from what is wanted, and changing it could lose data.
    #[error("{what} is already there and differs:{}", lines(differences))]
    Differs {
        what: String,
        differences: Vec<String>,
        hint: String,
    },
    /// Something on the machine blocks the plan until a person has looked.
    #[error("{fact}")]
    Blocked { fact: String, hint: String },
    /// The user of a server that is not ours may not do what the plan needs (what the server would call 42501).
    #[error("{who} may not do what is needed:{}", lines(needs))]
    Rights {
        who: String,
        needs: Vec<String>,
        /// What somebody who may has to do.
        steps: Vec<String>,
    },
    /// The server's owner has not installed or allowed the extension (what the server would call 0A000).
    #[error("{fact}")]
    NotOffered { fact: String, steps: Vec<String> },
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

impl Explain for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "E0401",
            Self::Privilege { .. } => "E0402",
            Self::Differs { .. } => "E0403",
            Self::Blocked { .. } => "E0404",
            Self::Rights { .. } => "E0405",
            Self::NotOffered { .. } => "E0406",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unavailable { alternatives, .. } | Self::Privilege { alternatives, .. } => {
                (!alternatives.is_empty()).then(|| alternatives.join("\nhint: "))
            }
            Self::Rights { steps, .. } | Self::NotOffered { steps, .. } => {
                (!steps.is_empty()).then(|| steps.join("\nhint: "))
            }
            Self::Differs { hint, .. } | Self::Blocked { hint, .. } => Some(hint.clone()),
        }
    }
}
