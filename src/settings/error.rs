use crate::error::{Exit, Explain};

/// A setting that cannot be meant. Nothing has been looked at or changed yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{problem}")]
    CommandLine { problem: String },
    #[error("the name {name:?} {problem}")]
    Name { name: String, problem: String },
    #[error("dimensions must be a number from 1 to 16000, not {given:?}")]
    Dimensions { given: String },
    #[error("{option} must be {range}, not {given}")]
    Range {
        option: &'static str,
        range: String,
        given: String,
    },
    #[error("{first} and {second} cannot be combined: {reason}")]
    Conflict {
        first: String,
        second: String,
        reason: &'static str,
    },
    #[error("{option} means nothing without {other}")]
    Requires {
        option: &'static str,
        other: &'static str,
    },
    #[error("the instance name {name:?} {problem}")]
    Instance { name: String, problem: &'static str },
    #[error("--pgdg-mirror {problem}")]
    Mirror { problem: &'static str },
    #[error("--embedder-url {problem}")]
    Embedder { problem: &'static str },
    #[error("{option} {given:?} {problem}")]
    Network {
        option: &'static str,
        given: String,
        problem: String,
    },
    #[error("{path}: {problem}")]
    File { path: String, problem: String },
    #[error("nothing is declared: there is no {path} here, and --config names no other file")]
    Undeclared { path: &'static str },
    #[error("no terminal to ask on, and {flag} was not given")]
    Consent { flag: String },
    #[error("{given:?} is not the name of what would be destroyed, which is {expected:?}")]
    TypedName { given: String, expected: String },
    /// A question was left open: by a signal (its exit status), or because the input ended.
    #[error("stopped at a question that was not answered")]
    Unanswered { exit: Exit },
    #[error("there is no home directory for this user, so no place for the data")]
    NoHome,
    #[error("the domain {given:?} {problem}")]
    Domain { given: String, problem: &'static str },
    #[error("{domain} needs an --email on its first deploy")]
    NoEmail { domain: String },
    #[error("{given:?} is not an e-mail address")]
    Email { given: String },
    #[error("{given:?} is not the name of a systemd service")]
    Unit { given: String },
    #[error("two sites are declared with the same {what}: {first} and {second}")]
    SameSite {
        what: String,
        first: String,
        second: String,
    },
    #[error("the server's URL {problem}")]
    Url { problem: String },
    #[error("sslmode={mode} would let anybody on the way to {host} read and change what is sent")]
    Plaintext { mode: &'static str, host: String },
}

impl Explain for SettingsError {
    fn code(&self) -> &'static str {
        match self {
            Self::CommandLine { .. } => "E0100",
            Self::Name { .. } => "E0101",
            Self::Dimensions { .. } => "E0102",
            Self::Range { .. } => "E0103",
            Self::Conflict { .. } => "E0104",
            Self::Instance { .. } => "E0105",
            Self::File { .. } => "E0106",
            Self::Undeclared { .. } => "E0124",
            Self::Mirror { .. } => "E0113",
            Self::Embedder { .. } => "E0114",
            Self::Network { .. } => "E0115",
            Self::Consent { .. } => "E0107",
            Self::TypedName { .. } => "E0108",
            Self::NoHome => "E0109",
            Self::Unanswered { .. } => "E0110",
            Self::Url { .. } => "E0111",
            Self::Plaintext { .. } => "E0112",
            Self::Domain { .. } => "E0120",
            Self::Email { .. } | Self::NoEmail { .. } => "E0121",
            Self::Unit { .. } => "E0122",
            Self::SameSite { .. } => "E0123",
            Self::Requires { .. } => "E0118",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Consent { .. } | Self::TypedName { .. } | Self::NoHome | Self::Plaintext { .. } => {
                Exit::Refused
            }
            Self::Unanswered { exit } => *exit,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CommandLine { .. } => "pgvector-setup --help".into(),
            Self::Name { .. } => "choose a name of 1 to 63 bytes without NUL or line break".into(),
            Self::Dimensions { .. } => "pgvector-setup up --dimensions 1536".into(),
            Self::Range { option, range, .. } => format!("give {option} {range}"),
            Self::Conflict { second, .. } => format!("leave out {second}"),
            Self::Requires { other, .. } => format!("add {other}"),
            Self::Instance { .. } => "use letters, digits, '-' and '_', at most 40: --instance blue".into(),
            Self::File { .. } => "pgvector-setup up --help".into(),
            Self::Undeclared { .. } => "pgvector-setup apply --config FILE".into(),
            Self::Mirror { .. } => "--pgdg-mirror https://mirror.example/pub/repos/apt".into(),
            Self::Domain { .. } => "--domain gp.example.com".into(),
            Self::NoEmail { domain } => {
                format!("pgvector-setup site deploy --domain {domain} --email admin@example.com")
            }
            Self::Email { .. } => "--email admin@example.com".into(),
            Self::Unit { .. } => "--service gp.example.com.service".into(),
            Self::SameSite { .. } => "give one of them another name: name = \"OTHER\"".into(),
            Self::Embedder { .. } => "--embedder-url https://api.example/v1".into(),
            Self::Network { .. } => {
                "--listen 192.0.2.7 --allow 192.0.2.0/24 --tls-certificate FILE --tls-key FILE".into()
            }
            Self::Consent { flag } => format!("add {flag}"),
            Self::TypedName { expected, .. } => format!("type the name exactly: {expected}"),
            Self::Unanswered { .. } => "pgvector-setup up --yes (asks nothing)".into(),
            Self::Url { .. } => "pgvector-setup up --url postgresql://USER@HOST:5432/DATABASE".into(),
            Self::Plaintext { .. } => {
                "leave sslmode out (verify-full), or agree with --allow-plaintext".into()
            }
            Self::NoHome => "pgvector-setup up --directory /path/for/the/data".into(),
        })
    }
}
