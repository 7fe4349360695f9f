//! A child process as data: what runs, as whom, how long it may take, and why.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Account;

/// What a command needs beyond the user who runs this program. Viewing a plan needs none of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Runs as the calling user.
    None,
    /// Runs as root: directly when we are root, else by `sudo -n`.
    Root,
}

/// One child process. The constructor asks for the purpose, which is shown in plans, progress and failures.
#[derive(Debug, Clone)]
pub struct Command {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(String, OsString)>,
    pub purpose: String,
    pub deadline: Duration,
    pub privilege: Privilege,
    /// Drop to this user (only root can).
    pub account: Option<Account>,
    /// Exit codes that count as success besides 0.
    pub accepted: Vec<i32>,
    pub directory: Option<PathBuf>,
}

impl Command {
    /// A read-only or changing child. `program` must be absolute.
    pub fn new(program: impl Into<PathBuf>, purpose: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            purpose: purpose.into(),
            deadline: Duration::from_secs(60),
            privilege: Privilege::None,
            account: None,
            accepted: Vec::new(),
            directory: None,
        }
    }

    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub fn environment(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub fn privilege(mut self, privilege: Privilege) -> Self {
        self.privilege = privilege;
        self
    }

    /// Run as `account` when this process is root; a plain user runs it as itself.
    pub fn account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    pub fn accept(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.accepted.extend(codes);
        self
    }

    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// The command line as a person would type it, for plans and failures.
    pub fn shown(&self) -> String {
        let sudo = match self.privilege {
            Privilege::Root => "sudo ",
            Privilege::None => "",
        };
        let words =
            std::iter::once(self.program.as_os_str()).chain(self.arguments.iter().map(OsString::as_os_str));
        let words: Vec<String> = words.map(|word| quote_word(&word.to_string_lossy())).collect();
        format!("{sudo}{}", words.join(" "))
    }
}

/// Quotes a word for reading and pasting into a POSIX shell. Nothing here is ever run through one.
pub fn quote_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What a finished child left behind. Output is captured, never inherited.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}
