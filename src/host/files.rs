//! Reading and writing files: exact modes, atomic replacement, never through a symbolic link.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};

use super::partial::partial_name;
use super::{Account, Host, HostError};
use crate::facts::layout::SERVICE_USER;

/// Largest file that is ever read whole. Receipts, configurations and os-release are far below it.
const READ_LIMIT: u64 = 4 * 1024 * 1024;

/// Where short-lived directories go. On macOS `/tmp` is a symbolic link, which we follow nowhere.
pub const TEMPORARY: &str = if cfg!(target_os = "macos") {
    "/private/tmp"
} else {
    "/tmp"
};

/// The exact permission bits of a file or directory, whatever the umask.
pub type FileMode = u32;

/// Who a new file or directory shall belong to; `None` leaves it with the calling user.
pub type Owner<'a> = Option<&'a Account>;

impl Host {
    /// The id of the group that a file belongs to; `None` where nothing is.
    pub fn group_of(&self, path: &Path) -> Option<u32> {
        Some(std::fs::symlink_metadata(path).ok()?.gid())
    }

    /// Whether anything is at this path (a dangling symlink counts).
    pub fn exists(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok()
    }

    pub fn is_directory(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
    }

    /// # Errors
    /// [`HostError::Symlink`] when a link stands where a file of ours belongs.
    pub fn refuse_link(&self, path: &Path) -> Result<(), HostError> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => Err(HostError::Symlink {
                path: path.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Names in a directory, sorted; empty when there is none.
    pub fn list(&self, directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// A whole file as bytes.
    ///
    /// # Errors
    /// [`HostError::Io`] (see [`HostError::is_not_found`]), [`HostError::TooLarge`] over 4 MiB.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        self.read_within(path, READ_LIMIT)
    }

    /// As [`Host::read`], for a file that grows for as long as it is used. `limit` is in bytes.
    ///
    /// # Errors
    /// As [`Host::read`], [`HostError::TooLarge`] over the limit.
    pub fn read_within(&self, path: &Path, limit: u64) -> Result<Vec<u8>, HostError> {
        let failed = |source| HostError::io("read", path, source);
        let file = File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(HostError::TooLarge {
                path: path.to_owned(),
                limit,
            });
        }
        Ok(bytes)
    }

    /// Opens a file for reading, for what is too large to be read whole.
    pub fn open(&self, path: &Path) -> Result<File, HostError> {
        File::open(path).map_err(|source| HostError::io("read", path, source))
    }

    /// A whole file as text, bad UTF-8 replaced; `None` when there is none.
    pub fn read_text(&self, path: &Path) -> Result<Option<String>, HostError> {
        match self.read(path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file so that a reader, or a power cut, sees the old content or the new, never a part:
    /// a new file beside it, fsync, rename, fsync of the directory.
    pub fn write_file(
        &self,
        path: &Path,
        content: &[u8],
        mode: FileMode,
        owner: Owner<'_>,
    ) -> Result<(), HostError> {
        let (directory, name) = self.open_parent(path)?;
        let temporary = partial_name(&name);
        let failed = |source: rustix::io::Errno| HostError::io("write", path, source.into());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let written = (|| {
            let file = rustix::fs::openat(&directory, &temporary, flags, Mode::from_raw_mode(0o600))
                .map_err(failed)?;
            let mut file = File::from(file);
            file.write_all(content)
                .map_err(|source| HostError::io("write", path, source))?;
            set_mode_and_owner(&file, path, mode, owner)?;
            file.sync_all()
                .map_err(|source| HostError::io("write", path, source))?;
            rustix::fs::renameat(&directory, &temporary, &directory, &name).map_err(failed)?;
            rustix::fs::fsync(&directory).map_err(failed)
        })();
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty());
        }
        written
    }

    /// Writes one new file of a tree that nobody uses yet, with its directories; returns its size. Not durable by itself:
    /// [`Host::sync_file_system`] comes before the tree is used.
    pub fn write_new(
        &self,
        tree: &Path,
        relative: &Path,
        content: &mut dyn std::io::Read,
        mode: FileMode,
    ) -> Result<u64, HostError> {
        let path = tree.join(relative);
        let failed = |source| HostError::io("write", &path, source);
        let parent = path.parent().unwrap_or(tree);
        if !parent.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o755);
            builder.create(parent).map_err(failed)?;
            // The umask may have taken bits away that the server's own user needs.
            for made in parent.ancestors().take_while(|made| *made != tree) {
                std::fs::set_permissions(made, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                    .map_err(failed)?;
            }
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        let written = std::io::copy(content, &mut file).map_err(failed)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(|source| failed(source.into()))?;
        Ok(written)
    }

    /// Makes everything on the file system of `path` durable.
    pub fn sync_file_system(&self, path: &Path) -> Result<(), HostError> {
        let directory = open_directory(path)?;
        #[cfg(target_os = "linux")]
        let synced = rustix::fs::syncfs(&directory);
        #[cfg(not(target_os = "linux"))]
        let synced = rustix::fs::fsync(&directory);
        synced.map_err(|source| HostError::io("sync", path, source.into()))
    }

    /// Appends to a file that is there already, keeping its mode and owner.
    pub fn append(&self, path: &Path, content: &[u8]) -> Result<(), HostError> {
        let (directory, name) = self.open_parent(path)?;
        let failed = |source| HostError::io("write", path, source);
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, &name, flags, Mode::empty())
            .map_err(|source| failed(source.into()))?;
        let mut file = File::from(file);
        file.write_all(content)
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }

    /// Opens a file for appending, made with `mode` when it is not there. Used by the receipt alone.
    pub fn open_append(&self, path: &Path, mode: FileMode, owner: Owner<'_>) -> Result<File, HostError> {
        let (directory, name) = self.open_parent(path)?;
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |source: rustix::io::Errno| HostError::io("open", path, source.into());
        let file = File::from(
            rustix::fs::openat(&directory, &name, flags, Mode::from_raw_mode(0o600)).map_err(failed)?,
        );
        set_mode_and_owner(&file, path, mode, owner)?;
        rustix::fs::fsync(&directory).map_err(failed)?;
        Ok(file)
    }

    /// Makes one directory with exact mode and owner; its parent must be there. `true` when it was made now. It is made
    /// beside its place and moved there, so that one with another mode or owner is never ours.
    pub fn create_directory(&self, path: &Path, mode: FileMode, owner: Owner<'_>) -> Result<bool, HostError> {
        if self.exists(path) {
            // Somebody else's directory of that name, in /tmp for example, could be filled with anything.
            self.refuse_foreign(&open_directory(path)?, path, owner)?;
            return Ok(false);
        }
        let (parent, name) = self.open_parent(path)?;
        let partial = partial_name(&name);
        let failed = |source: rustix::io::Errno| HostError::io("create", path, source.into());
        let made = (|| {
            rustix::fs::mkdirat(&parent, &partial, Mode::from_raw_mode(0o700)).map_err(failed)?;
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = rustix::fs::openat(&parent, &partial, flags, Mode::empty()).map_err(failed)?;
            set_mode_and_owner(&File::from(directory), path, mode, owner)?;
            rustix::fs::renameat(&parent, &partial, &parent, &name).map_err(failed)?;
            rustix::fs::fsync(&parent).map_err(failed)
        })();
        if made.is_err() {
            let _ = rustix::fs::unlinkat(&parent, &partial, AtFlags::REMOVEDIR);
        }
        made.map(|()| true)
    }

    /// Moves a file or directory within one file system and makes the move durable.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        let (old, old_name) = self.open_parent(from)?;
        let (new, new_name) = self.open_parent(to)?;
        let failed = |source: rustix::io::Errno| HostError::io("move", from, source.into());
        rustix::fs::renameat(&old, &old_name, &new, &new_name).map_err(failed)?;
        rustix::fs::fsync(&new).map_err(failed)
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        match std::fs::remove_file(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(HostError::io("remove", path, source))
            }
            _ => Ok(()),
        }
    }

    /// Removes a directory if it is empty. `true` when it is gone.
    pub fn remove_empty_directory(&self, path: &Path) -> bool {
        match std::fs::remove_dir(path) {
            Ok(()) => true,
            Err(source) => source.kind() == std::io::ErrorKind::NotFound,
        }
    }

    /// Removes a directory with all that is in it, not following symlinks; one that is not there is no error.
    pub fn remove_directory(&self, path: &Path) -> Result<(), HostError> {
        match std::fs::remove_dir_all(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(HostError::io("remove", path, source))
            }
            _ => Ok(()),
        }
    }

    /// Free bytes for an unprivileged writer on the file system of the nearest directory that exists.
    pub fn free_bytes(&self, path: &Path) -> Option<u64> {
        let existing = path.ancestors().find(|ancestor| ancestor.is_dir())?;
        let status = rustix::fs::statvfs(existing).ok()?;
        Some(status.f_bavail.saturating_mul(status.f_frsize))
    }

    /// `MemAvailable` of `/proc/meminfo` (proc(5)) in bytes: what could be had without swapping.
    pub fn available_memory(&self) -> Option<u64> {
        let text = self.read_text(Path::new("/proc/meminfo")).ok().flatten()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// Permission bits and owner id, not following a symlink; `None` when nothing is there.
    pub fn mode_and_owner(&self, path: &Path) -> Option<(FileMode, u32)> {
        std::fs::symlink_metadata(path)
            .ok()
            .map(|metadata| (metadata.mode() & 0o7777, metadata.uid()))
    }

    /// The same of what a symlink leads to.
    pub fn mode_and_owner_of_target(&self, path: &Path) -> Option<(FileMode, u32)> {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.mode() & 0o7777, metadata.uid()))
    }

    /// Bytes that a file has; `None` when nothing is there.
    pub fn size(&self, path: &Path) -> Option<u64> {
        std::fs::metadata(path).ok().map(|metadata| metadata.len())
    }

    /// How long ago the file or directory was last changed; `None` when nothing is there.
    pub fn age(&self, path: &Path) -> Option<std::time::Duration> {
        let modified = std::fs::symlink_metadata(path).ok()?.modified().ok()?;
        // A clock that was set back makes the file look new, which is what it most likely is.
        Some(modified.elapsed().unwrap_or_default())
    }

    /// The number under which the kernel lists locks on this file; `None` when nothing is there.
    pub fn inode(&self, path: &Path) -> Option<u64> {
        std::fs::metadata(path).ok().map(|metadata| metadata.ino())
    }

    /// Whether this user may create files in the directory (access(2)).
    pub fn is_writable(&self, directory: &Path) -> bool {
        rustix::fs::access(
            directory,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
        )
        .is_ok()
    }

    /// Whether [`Host::open_append`] could make this file, as far as its directory goes; makes nothing.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Symlink`], [`HostError::ForeignOwner`].
    pub fn refuse_place(&self, path: &Path) -> Result<(), HostError> {
        let (directory, _) = self.open_parent(path)?;
        let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::accessat(directory, ".", wanted, rustix::fs::AtFlags::EACCESS)
            .map_err(|source| HostError::io("write to", path.parent().unwrap_or(path), source.into()))
    }

    /// The parent directory as a descriptor, so that no later step can be led elsewhere, and the last component.
    /// Root refuses parents that a third user owns: their content could be swapped under its hands.
    fn open_parent(&self, path: &Path) -> Result<(OwnedFd, String), HostError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(parent), Some(name)) = (path.parent(), name) else {
            return Err(HostError::io(
                "use",
                path,
                std::io::ErrorKind::InvalidInput.into(),
            ));
        };
        let directory = open_directory(parent)?;
        if self.is_root() {
            self.refuse_foreign(&directory, parent, self.account_named(SERVICE_USER).as_ref())?;
        }
        Ok((directory, name.to_owned()))
    }

    /// Root's own, ours, and the wanted owner's directories are trusted.
    fn refuse_foreign(&self, directory: &OwnedFd, path: &Path, owner: Owner<'_>) -> Result<(), HostError> {
        let status =
            rustix::fs::fstat(directory).map_err(|source| HostError::io("look at", path, source.into()))?;
        let trusted = [0, self.account().uid, owner.map_or(0, |account| account.uid)];
        if trusted.contains(&status.st_uid) {
            return Ok(());
        }
        Err(HostError::ForeignOwner {
            path: path.to_owned(),
            owner: status.st_uid,
        })
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, HostError> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|source| HostError::io("open", path, source.into()))
}

fn set_mode_and_owner(file: &File, path: &Path, mode: FileMode, owner: Owner<'_>) -> Result<(), HostError> {
    let failed = |source: rustix::io::Errno| HostError::io("set mode and owner of", path, source.into());
    if let Some(account) = owner.filter(|_| rustix::process::geteuid().is_root()) {
        rustix::fs::fchown(
            file,
            Some(Uid::from_raw(account.uid)),
            Some(Gid::from_raw(account.gid)),
        )
        .map_err(failed)?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(failed)
}
