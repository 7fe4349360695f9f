//! The host lock: a kernel lock on a file, so it is gone the moment its holder is.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use super::{Host, HostError};

const POLL: Duration = Duration::from_millis(50);

/// Held until dropped. The file stays: only the lock on it means anything.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Host {
    /// Takes the lock or says who has it; never waits.
    ///
    /// # Errors
    /// [`HostError::Locked`] with the holder's process id and command.
    pub fn lock(&self, path: &Path, command: &str) -> Result<Lock, HostError> {
        let mut file = self.open_append(path, 0o600, None)?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(HostError::Locked {
                path: path.to_owned(),
                holder: holder.trim().to_owned(),
            });
        }
        let _ = file.set_len(0);
        let _ = writeln!(file, "process {} ({command})", std::process::id());
        Ok(Lock {
            file,
            path: path.to_owned(),
        })
    }
}

impl Host {
    /// As [`Host::lock`], for a lock that is held for moments: asks again for at most `patience`. `told` hears once who has it.
    ///
    /// # Errors
    /// [`HostError::Locked`] when it is still held then.
    pub async fn lock_within(
        &self,
        path: &Path,
        command: &str,
        patience: Duration,
        told: impl Fn(&str),
    ) -> Result<Lock, HostError> {
        let (end, mut is_told) = (Instant::now() + patience, false);
        loop {
            match self.lock(path, command) {
                Err(HostError::Locked { holder, .. }) if Instant::now() < end => {
                    if !is_told {
                        told(&format!("{holder} is at work, at most {} s", patience.as_secs()));
                        is_told = true;
                    }
                }
                taken => return taken,
            }
            // A kernel lock of another process has nothing to subscribe to.
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Lock {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}
