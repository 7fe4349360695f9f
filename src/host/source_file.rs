//! Files of somebody else's that are read and never written: at given places, in pieces, while their owner may still be at work.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::{Host, HostError};

/// A regular file, open for reading.
#[derive(Debug)]
pub struct SourceFile {
    file: File,
    path: PathBuf,
    length: u64,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    pub device: u64,
    pub inode: u64,
    /// bytes
    pub size: u64,
    /// Last modification in nanoseconds since 1970.
    pub modified: i128,
}

impl Host {
    /// Opens a regular file for reading. A symbolic link is followed: a directory of data is often one.
    ///
    /// # Errors
    /// [`HostError::Io`] (see [`HostError::is_not_found`]), also for what is no regular file: a pipe would never end.
    pub fn open_source(&self, path: &Path) -> Result<SourceFile, HostError> {
        let failed = |source| HostError::io("read", path, source);
        // Without O_NONBLOCK a pipe would be waited for right here.
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = File::options()
            .read(true)
            .custom_flags(nonblocking)
            .open(path)
            .map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(std::io::Error::other("it is no regular file")));
        }
        Ok(SourceFile {
            file,
            path: path.to_owned(),
            length: metadata.len(),
        })
    }

    /// The path without symbolic links.
    ///
    /// # Errors
    /// [`HostError::Io`] where nothing is there, or the way to it is closed.
    pub fn resolved(&self, path: &Path) -> Result<PathBuf, HostError> {
        std::fs::canonicalize(path).map_err(|source| HostError::io("find", path, source))
    }

    /// `None` when nothing is there.
    pub fn identity(&self, path: &Path) -> Option<FileIdentity> {
        std::fs::metadata(path).ok().map(|metadata| FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        })
    }

    /// Another process that has this file open; of processes of other users only root is told. `None` without `/proc`.
    pub fn process_with_open(&self, path: &Path) -> Option<u32> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        processes
            .filter(|process| *process != std::process::id())
            .find(|process| {
                let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"));
                descriptors.into_iter().flatten().flatten().any(|descriptor| {
                    std::fs::read_link(descriptor.path()).is_ok_and(|target| target == path)
                })
            })
    }
}

impl SourceFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes, when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills the buffer from the file at `offset`; returns how many bytes there were, fewer than asked for only at its end.
    ///
    /// # Errors
    /// [`HostError::Io`]
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, HostError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(HostError::io("read", &self.path, source)),
            }
        }
        Ok(filled)
    }

    /// Whether another process holds a lock (fcntl(2)) on a byte of this range.
    pub fn is_locked(&self, start: u64, length: u64) -> bool {
        let wanted = Flock {
            start,
            length,
            ..Flock::from(FlockType::WriteLock)
        };
        matches!(fcntl_getlk(&self.file, &wanted), Ok(Some(_)))
    }
}

#[cfg(test)]
mod tests {
    use crate::host::{Environment, Host};

    #[test]
    fn a_source_file_is_read_at_places_and_never_past_its_end() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("data");
        std::fs::write(&path, b"0123456789").expect("written");
        let file = Host::new(Environment::default())
            .open_source(&path)
            .expect("opened");

        let mut buffer = [0; 4];
        assert_eq!(file.read_at(8, &mut buffer).expect("read"), 2);
        assert_eq!(&buffer[..2], b"89");
        assert_eq!(file.length(), 10);
        assert!(!file.is_locked(0, 10));
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("made");
        let error = Host::new(Environment::default())
            .open_source(&pipe)
            .expect_err("a pipe");
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}
