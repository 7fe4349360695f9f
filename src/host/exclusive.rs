//! A file that is made once: of two who make it at the same time, one does, and the other is told.

use std::path::Path;

use rustix::fs::AtFlags;

use super::{FileMode, Host, HostError};

impl Host {
    /// Whether a plain file is there: no directory, no symbolic link, nothing that would block whoever opens it.
    pub fn is_file(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
    }

    /// As [`Host::write_file`], for a file that must not be there yet; `false` where it is, which leaves it as it is.
    ///
    /// # Errors
    /// As [`Host::write_file`].
    pub fn write_file_once(&self, path: &Path, content: &[u8], mode: FileMode) -> Result<bool, HostError> {
        let whole = self.partial_beside(path);
        self.write_file(&whole, content, mode, None)?;
        // A link, unlike a rename, fails where the name is taken.
        let linked = rustix::fs::linkat(rustix::fs::CWD, &whole, rustix::fs::CWD, path, AtFlags::empty());
        self.remove_file(&whole)?;
        match linked {
            Ok(()) => {
                self.sync_file_system(path.parent().unwrap_or(path))?;
                Ok(true)
            }
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(source) => Err(HostError::io("write", path, source.into())),
        }
    }
}
