//! A bare place for a server of sites, on the target embedded, and the product there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{account, bundle, server};

pub const BINARY: &str = env!("CARGO_BIN_EXE_pgvector-setup");

/// What is below it is gone when this process ends, however it ends.
pub struct Place {
    pub directory: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // A socket's path has no room for the build's own directory.
        let directory = PathBuf::from(format!("/tmp/pgvector-automation-{}-{count}", std::process::id()));
        account::prepare();
        std::fs::create_dir(&directory).unwrap();
        server::destroy_when_this_process_ends(&directory);
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What a settings file says of this place, one line each.
    pub fn server(&self) -> Vec<String> {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        vec![
            "target = \"embedded\"".into(),
            format!("directory = {}", quoted(&self.directory)),
            format!("instance = {:?}", server::INSTANCE),
            format!("site-directory = {}", quoted(&self.path("services"))),
            format!("bundle = {}", quoted(&bundle::wheel())),
        ]
    }

    /// Writes the settings file that declares these sites.
    pub fn declare(&self, file: &Path, domains: &[&str]) {
        let mut text = self.server().join("\n") + "\ndimensions = 3\n";
        for domain in domains {
            text.push_str(&format!(
                "\n[[sites]]\ndomain = \"{domain}\"\nemail = \"contact@{domain}\"\n"
            ));
        }
        std::fs::write(file, text).unwrap();
    }

    /// The product, by a settings file.
    pub fn product(&self, settings: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        command.arg("--config").arg(settings).args(words);
        command
    }
}
