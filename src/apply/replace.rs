//! The hidden subcommand `replace --as USER [--was SHA256] [--remove] FILE`: our own child under `sudo`, with the content on stdin.

use std::path::PathBuf;

use crate::error::Result;
use crate::facts::FactsError;
use crate::host::{self, Host};

/// # Errors
/// [`FactsError`] when there is no such user, [`crate::host::HostError`] when the file is not what was read or cannot be
/// written.
pub fn serve(host: &Host, user: &str, file: PathBuf, was: Option<String>, removes: bool) -> Result<()> {
    let account = host.account_named(user).ok_or_else(|| FactsError::Unreadable {
        what: "/etc/passwd".to_owned(),
        detail: format!("there is no user {user}"),
    })?;
    Ok(host::serve_replacement(host, &account, file, was, removes)?)
}
