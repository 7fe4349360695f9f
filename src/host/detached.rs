//! A server process that outlives this program.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use super::{Command, Host, HostError};

/// A started server: its process id, and whether it ended while we watched.
#[derive(Debug)]
pub struct Detached {
    handle: duct::Handle,
}

impl Host {
    /// Starts a child that goes on after us, both outputs into `log` (made anew, 0600). Its parent argv should begin with
    /// `setsid`, so that no terminal's end reaches it.
    pub fn start_detached(&self, command: &Command, log: &Path) -> Result<Detached, HostError> {
        self.write_file(log, b"", 0o600, None)?;
        let output: File = self.open_append(log, 0o600, None)?;
        let account = command
            .account
            .clone()
            .filter(|account| self.is_root() && account.uid != 0);
        let environment = [
            ("PATH".into(), super::run::SAFE_PATH.into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
        ]
        .into_iter()
        .chain(
            command
                .environment
                .iter()
                .map(|(name, value)| (std::ffi::OsString::from(name), value.clone())),
        );
        let handle = duct::cmd(&command.program, &command.arguments)
            .full_env(environment)
            .dir(command.directory.clone().unwrap_or_else(|| "/".into()))
            .stdin_null()
            // Inner redirections come first with duct: standard error joins what is then sent to the file.
            .stderr_to_stdout()
            .stdout_file(output)
            .unchecked()
            .before_spawn(move |child| {
                if let Some(account) = &account {
                    child.gid(account.gid).uid(account.uid);
                }
                Ok(())
            })
            .start()
            .map_err(|source| HostError::Spawn {
                command: command.shown(),
                purpose: command.purpose.clone(),
                source,
            })?;
        Ok(Detached { handle })
    }
}

impl Detached {
    /// Whether the process has already ended.
    pub fn has_ended(&self) -> bool {
        !matches!(self.handle.try_wait(), Ok(None))
    }
}
