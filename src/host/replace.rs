//! Writing or removing a file of another user's as that user, so that root never writes in a directory whose owner could lead it
//! elsewhere. What was there is compared first; mode and owner stay.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Account, FileMode, Host, HostError};

/// The hidden subcommand that [`serve`]s: `pgvector-setup replace --as postgres --was SHA256 FILE`, content on stdin. Without
/// `--was` nothing may be there; with `--remove` nothing will be.
pub const SUBCOMMAND: &str = "replace";

/// Mode of a file that was not there; one that was keeps its own.
const NEW_FILE: FileMode = 0o644;

/// One file's new content.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub path: PathBuf,
    /// SHA-256 of what has to be there now; `None` where nothing may be.
    pub before: Option<String>,
    /// `None` removes the file.
    pub content: Option<Vec<u8>>,
}

impl Replacement {
    /// From one content to another, either of which may be that there is no file.
    pub fn new(path: &Path, before: Option<&[u8]>, after: Option<&[u8]>) -> Self {
        Self {
            path: path.to_owned(),
            before: before.map(crate::digest::sha256_hex),
            content: after.map(<[u8]>::to_vec),
        }
    }
}

impl Host {
    /// Replaces, makes or removes the file as `account`: in this process where that is who we are, in a thread that has taken its ids as
    /// root, else in a child of `sudo`.
    ///
    /// # Errors
    /// [`HostError::Changed`] when something else is there by now, [`HostError::ForeignOwner`] when the file belongs to
    /// somebody else, [`HostError::Symlink`] for a link.
    pub async fn replace_file_as(
        &self,
        account: &Account,
        replacement: Replacement,
    ) -> Result<(), HostError> {
        let (host, account) = (self.clone(), account.clone());
        let replaced = tokio::task::spawn_blocking(move || {
            if account.uid == host.account.uid {
                host.replace_file(&replacement)
            } else if host.is_root() {
                host.replace_as_root(account, replacement)
            } else {
                host.replace_by_sudo(&account, &replacement)
            }
        });
        replaced.await.expect("a blocking task does not panic")
    }

    fn replace_file(&self, replacement: &Replacement) -> Result<(), HostError> {
        let path = &replacement.path;
        self.refuse_link(path)?;
        if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
            self.clear_partials(directory, name.to_str());
        }
        let bytes = match self.read(path) {
            Err(error) if error.is_not_found() => None,
            read => Some(read?),
        };
        if bytes == replacement.content {
            return Ok(());
        }
        if bytes.as_deref().map(crate::digest::sha256_hex) != replacement.before {
            return Err(HostError::Changed { path: path.clone() });
        }
        if bytes.is_none() {
            let content = replacement.content.as_deref().unwrap_or_default();
            return match self.write_file_once(path, content, NEW_FILE)? {
                true => Ok(()),
                false => Err(HostError::Changed { path: path.clone() }),
            };
        }
        let metadata =
            std::fs::symlink_metadata(path).map_err(|source| HostError::io("look at", path, source))?;
        if metadata.uid() != self.account.uid {
            return Err(HostError::ForeignOwner {
                path: path.clone(),
                owner: metadata.uid(),
            });
        }
        match &replacement.content {
            Some(content) => self.write_file(path, content, metadata.mode() & 0o7777, None),
            None => {
                self.remove_file(path)?;
                self.sync_file_system(path.parent().unwrap_or(path))
            }
        }
    }

    /// On Linux ids belong to a thread, so one of its own takes the other user's and ends with them.
    #[cfg(target_os = "linux")]
    fn replace_as_root(&self, account: Account, replacement: Replacement) -> Result<(), HostError> {
        let host = Self {
            account: account.clone(),
            ..self.clone()
        };
        let path = replacement.path.clone();
        let replacing = std::thread::spawn(move || {
            become_for_good(&account).map_err(|source| HostError::io("write", &replacement.path, source))?;
            host.replace_file(&replacement)
        });
        let ended_early = || HostError::io("write", &path, std::io::Error::other("its thread ended early"));
        replacing.join().unwrap_or_else(|_| Err(ended_early()))
    }

    #[cfg(not(target_os = "linux"))]
    fn replace_as_root(&self, _account: Account, replacement: Replacement) -> Result<(), HostError> {
        Err(HostError::io(
            "write",
            &replacement.path,
            std::io::ErrorKind::Unsupported.into(),
        ))
    }

    fn replace_by_sudo(&self, account: &Account, replacement: &Replacement) -> Result<(), HostError> {
        let path = &replacement.path;
        let failed = |source| HostError::io("write", path, source);
        let program = std::env::current_exe().map_err(failed)?;
        let mut words: Vec<std::ffi::OsString> = vec![
            "-n".into(),
            "--".into(),
            program.into(),
            SUBCOMMAND.into(),
            "--as".into(),
            account.name.clone().into(),
        ];
        if let Some(before) = &replacement.before {
            words.extend(["--was".into(), before.clone().into()]);
        }
        if replacement.content.is_none() {
            words.push("--remove".into());
        }
        words.push(path.into());
        let output = duct::cmd("/usr/bin/sudo", words)
            .full_env([("PATH", super::run::SAFE_PATH), ("LC_ALL", "C.UTF-8")])
            .dir("/")
            .stdin_bytes(replacement.content.clone().unwrap_or_default())
            .stdout_null()
            .stderr_capture()
            .unchecked()
            .run()
            .map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(std::io::Error::other(said)))
    }
}

/// The child's side: becomes `account` for good when it is root, and replaces `path` by what stdin holds, or removes it.
///
/// # Errors
/// As [`Host::replace_file_as`].
pub fn serve(
    host: &Host,
    account: &Account,
    path: PathBuf,
    before: Option<String>,
    removes: bool,
) -> Result<(), HostError> {
    let failed = |source| HostError::io("write", &path, source);
    let mut input = std::fs::File::from(rustix::stdio::stdin().try_clone_to_owned().map_err(failed)?);
    let mut content = Vec::new();
    input.read_to_end(&mut content).map_err(failed)?;
    #[cfg(target_os = "linux")]
    if host.is_root() {
        become_for_good(account).map_err(failed)?;
    }
    let host = Host {
        account: account.clone(),
        ..host.clone()
    };
    host.replace_file(&Replacement {
        path,
        before,
        content: (!removes).then_some(content),
    })
}

/// Takes the user's ids for this thread; groups first, because without root they could no longer be given up.
#[cfg(target_os = "linux")]
fn become_for_good(account: &Account) -> std::io::Result<()> {
    let (uid, gid) = (
        rustix::thread::Uid::from_raw(account.uid),
        rustix::thread::Gid::from_raw(account.gid),
    );
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}
