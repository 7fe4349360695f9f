//! A package repository among apt's sources: its files written, and taken away again as long as they are ours.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::facts::apt::LISTS;
use crate::host::Host;
use crate::plan::RepositoryFile;

/// Writes the files, in their order. `own` is a directory of the caller's.
///
/// # Errors
/// As [`Host::write_root_file`].
pub async fn add_repository(
    host: &Host,
    directories: &[PathBuf],
    files: &[RepositoryFile],
    own: &Path,
) -> Result<()> {
    for path in directories {
        host.create_root_directory(path).await?;
    }
    for RepositoryFile { path, mode, content } in files {
        let mode = u32::from_str_radix(mode, 8).unwrap_or(0o644);
        host.write_root_file(path, content.as_bytes(), mode, own).await?;
    }
    Ok(())
}

/// Removes the files that are as we wrote them, the directories that we made for them if nothing else is in them, and
/// what apt read of the repository: without its source those lists mean nothing, and no mirror has to be asked for that.
///
/// Returns what stays and why.
pub async fn remove_repository(
    host: &Host,
    files: &[RepositoryFile],
    directories: &[PathBuf],
    lists: &str,
) -> Result<Option<String>> {
    let mut changed = Vec::new();
    // Last written, first removed: a source without its key would break every apt-get update.
    for RepositoryFile { path, content, .. } in files.iter().rev() {
        match host.read(path) {
            Err(error) if error.is_not_found() => {}
            Ok(found) if found == content.as_bytes() => host.remove_root_files(&[path]).await?,
            Ok(_) => {
                changed.push(path.display().to_string());
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !changed.is_empty() {
        return Ok(Some(format!("{}: it was changed since", changed.join(", "))));
    }
    for path in directories {
        host.remove_empty_root_directory(path).await?;
    }
    if !lists.is_empty() {
        for directory in [Path::new(LISTS).to_owned(), Path::new(LISTS).join("partial")] {
            host.remove_root_files_beginning(&directory, lists).await?;
        }
    }
    Ok(None)
}
