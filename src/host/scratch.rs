//! Private directories for a while: removed when dropped, and after a run that was killed by the next.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Host, HostError, TEMPORARY};

const NAME: &str = "pgvector-setup-scratch";

/// A directory that only this user can look into, gone with this value.
#[derive(Debug)]
pub struct Scratch {
    host: Host,
    path: PathBuf,
}

impl Host {
    /// # Errors
    /// [`HostError::Io`] where the directory for temporary files cannot be written.
    pub fn scratch(&self) -> Result<Scratch, HostError> {
        static CLEARED: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        CLEARED.call_once(|| self.clear_scratch());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let path = Path::new(TEMPORARY).join(format!(".{NAME}-{number}.{process}.partial"));
        if !self.create_directory(&path, 0o700, None)? {
            return Err(HostError::io(
                "create",
                &path,
                std::io::ErrorKind::AlreadyExists.into(),
            ));
        }
        Ok(Scratch {
            host: self.clone(),
            path,
        })
    }

    /// Before this process makes the first one, so that its own id, in a container often the same each time, counts as ended.
    fn clear_scratch(&self) {
        let directory = Path::new(TEMPORARY);
        let ours = self.list(directory).into_iter().filter(|entry| {
            entry.starts_with(&format!(".{NAME}-"))
                && self
                    .mode_and_owner(&directory.join(entry))
                    .is_some_and(|(_, owner)| owner == self.account().uid)
        });
        for entry in ours {
            if let Some((name, _)) = super::partial::parse(&entry) {
                self.clear_partials(directory, Some(name));
            }
        }
    }
}

impl Scratch {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies a file into it, byte by byte.
    ///
    /// # Errors
    /// [`HostError::Io`]
    pub fn copy(&self, from: &Path, name: &Path) -> Result<PathBuf, HostError> {
        let to = self.path.join(name);
        std::fs::copy(from, &to).map_err(|source| HostError::io("copy", from, source))?;
        Ok(to)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.host.remove_directory(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use crate::host::{Environment, Host};

    #[test]
    fn a_scratch_directory_is_private_and_goes_with_its_value() {
        let host = Host::new(Environment::default());
        let scratch = host.scratch().expect("made");
        let path = scratch.path().to_owned();
        let second = host.scratch().expect("made");
        assert_ne!(path, second.path());
        assert_eq!(host.mode_and_owner(&path).map(|(mode, _)| mode), Some(0o700));
        drop(scratch);
        assert!(!host.exists(&path));
    }
}
