//! Files that belong to root: written and removed directly by root, and through `sudo` by a user who has it.
//!
//! A plain user's copy is made in a directory of its own first. `install` and `mv` then bring it beside its place and into
//! it, so that, as with [`Host::write_file`], a reader never sees a part.

use std::path::Path;
use std::time::Duration;

use super::{Command, FileMode, Host, HostError, Privilege};

const DEADLINE: Duration = Duration::from_secs(30);

impl Host {
    /// Writes a file that root owns. `own` is a directory of the caller's.
    ///
    /// # Errors
    /// As [`Host::write_file`], and [`Host::run`] where sudo is needed.
    pub async fn write_root_file(
        &self,
        path: &Path,
        content: &[u8],
        mode: FileMode,
        own: &Path,
    ) -> Result<(), HostError> {
        if self.is_root() {
            return self.write_file(path, content, mode, None);
        }
        let staged = own.join(path.file_name().unwrap_or_default());
        self.write_file(&staged, content, 0o600, None)?;
        let beside = partial_of(path);
        let placed = async {
            let install = self.elevated("install", "bring a file beside its place")?;
            let mode = format!("--mode={mode:04o}");
            let install = install.arguments([
                mode.as_str(),
                "--owner=root",
                "--group=root",
                "--no-target-directory",
            ]);
            self.run(&install.argument(&staged).argument(&beside)).await?;
            let rename = self.elevated("mv", "move a file to its place")?;
            let rename = rename.arguments(["--no-target-directory", "--force"]);
            self.run(&rename.argument(&beside).argument(path)).await
        }
        .await;
        self.remove_file(&staged)?;
        placed.map(|_| ())
    }

    /// Makes a directory that root owns, mode 0755, in one that is there. One that is there is no error.
    ///
    /// # Errors
    /// As [`Host::create_directory`], and [`Host::run`] where sudo is needed.
    pub async fn create_root_directory(&self, path: &Path) -> Result<(), HostError> {
        if self.is_root() {
            return self.create_directory(path, 0o755, None).map(|_| ());
        }
        let make = self.elevated("install", "make a directory")?;
        let make = make.arguments(["--directory", "--mode=0755", "--owner=root", "--group=root"]);
        self.run(&make.argument(path)).await.map(|_| ())
    }

    /// Removes files that root owns; those that are not there are no error.
    ///
    /// # Errors
    /// As [`Host::remove_file`], and [`Host::run`] where sudo is needed.
    pub async fn remove_root_files(&self, paths: &[&Path]) -> Result<(), HostError> {
        if self.is_root() {
            return paths.iter().try_for_each(|path| self.remove_file(path));
        }
        if paths.is_empty() {
            return Ok(());
        }
        let remove = self.elevated("rm", "remove files of ours")?;
        self.run(&remove.arguments(["--force", "--"]).arguments(paths))
            .await
            .map(|_| ())
    }

    /// Removes the files of a directory whose names begin so. A plain user may not be able to list it, and has `find` do
    /// both: `beginning` may hold no wildcard of its.
    ///
    /// # Errors
    /// As [`Host::remove_file`], and [`Host::run`] where sudo is needed.
    pub async fn remove_root_files_beginning(
        &self,
        directory: &Path,
        beginning: &str,
    ) -> Result<(), HostError> {
        if self.is_root() {
            let names = self.list(directory).into_iter();
            let mut ours = names.filter(|name| name.starts_with(beginning));
            return ours.try_for_each(|name| self.remove_file(&directory.join(name)));
        }
        if !self.exists(directory) {
            return Ok(());
        }
        let remove = self.elevated("find", "remove files of ours")?.argument(directory);
        let remove = remove.arguments([
            "-maxdepth",
            "1",
            "-type",
            "f",
            "-name",
            &format!("{beginning}*"),
            "-delete",
        ]);
        self.run(&remove).await.map(|_| ())
    }

    /// Removes a directory that root owns, if it is empty.
    ///
    /// # Errors
    /// As [`Host::run`], where sudo is needed.
    pub async fn remove_empty_root_directory(&self, path: &Path) -> Result<(), HostError> {
        if self.is_root() || !self.exists(path) {
            self.remove_empty_directory(path);
            return Ok(());
        }
        let remove = self.elevated("rmdir", "remove a directory of ours")?;
        let remove = remove.argument("--ignore-fail-on-non-empty");
        self.run(&remove.argument(path)).await.map(|_| ())
    }

    fn elevated(&self, program: &str, purpose: &str) -> Result<Command, HostError> {
        let path = self
            .which(program)
            .ok_or_else(|| HostError::io("find", Path::new(program), std::io::ErrorKind::NotFound.into()))?;
        Ok(Command::new(path, purpose)
            .privilege(Privilege::Root)
            .deadline(DEADLINE))
    }
}

/// Without the process in its name: what a killed run left is written over by the next. apt reads no such file.
fn partial_of(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}
