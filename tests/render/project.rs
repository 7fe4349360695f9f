//! A directory for one project, and the binary that renders into it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::transcript::Transcript;

pub struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("pgvector-setup-")
            .tempdir_in("/tmp")
            .unwrap();
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `pgvector-setup render compose` here.
    pub fn render(&self, words: &[&str]) -> Transcript {
        let words: Vec<&str> = ["render", "compose"].iter().chain(words).copied().collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
        command
            .args(&words)
            .env_clear()
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path());
        Transcript::of(&mut command, &words)
    }

    pub fn rendered(&self, words: &[&str]) -> String {
        let transcript = self.render(words);
        assert_eq!(transcript.exit, 0, "{transcript}");
        transcript.stdout
    }

    /// Renders into this directory.
    pub fn rendered_here(&self, options: &[&str]) {
        let words: Vec<&str> = ["."].iter().chain(options).copied().collect();
        self.rendered(&words);
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// For its owner alone.
    pub fn write_private(&self, name: &str, content: &str) {
        self.write(name, content);
        std::fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }
}
