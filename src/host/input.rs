//! What the user hands over: a file, or standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Host, HostError};

/// The name that means standard input.
const STANDARD_INPUT: &str = "-";

impl Host {
    /// Opens a file, or standard input for `-`. Reading it may wait for a person: not for the async threads.
    ///
    /// # Errors
    /// [`HostError::Input`]
    pub fn open_input(&self, path: &Path) -> Result<Box<dyn Read + Send>, HostError> {
        if path == Path::new(STANDARD_INPUT) {
            return Ok(Box::new(std::io::stdin()));
        }
        let file = std::fs::File::open(path).map_err(|source| HostError::Input {
            path: path.to_owned(),
            source,
        })?;
        Ok(Box::new(file))
    }

    /// All of a file or of standard input.
    ///
    /// # Errors
    /// [`HostError::Input`], [`HostError::Io`], [`HostError::TooLarge`] over `limit` bytes.
    pub async fn read_input(&self, path: &Path, limit: u64) -> Result<Vec<u8>, HostError> {
        let (host, path) = (self.clone(), path.to_owned());
        let failed = path.clone();
        let reading = tokio::task::spawn_blocking(move || host.read_whole(path, limit));
        match reading.await {
            Ok(read) => read,
            Err(error) => Err(HostError::io("read", &failed, std::io::Error::other(error))),
        }
    }

    fn read_whole(&self, path: PathBuf, limit: u64) -> Result<Vec<u8>, HostError> {
        let mut bytes = Vec::new();
        let input = self.open_input(&path)?;
        let read = input.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| HostError::io("read", &path, source))?;
        if bytes.len() as u64 > limit {
            return Err(HostError::TooLarge { path, limit });
        }
        Ok(bytes)
    }
}
