//! Everything that was typed in one case and everything that was answered.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// What one command answered.
#[derive(Debug)]
pub struct Reply {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

pub struct Transcript {
    file: PathBuf,
    text: Mutex<String>,
}

impl Transcript {
    /// Written to `target/TIER/NAME.log` when the transcript ends.
    pub fn new(tier: &str, name: &str) -> Self {
        let file = directory(tier).join(format!("{name}.log"));
        Self {
            file,
            text: Mutex::default(),
        }
    }

    pub fn note(&self, text: &str) {
        let mut transcript = self.text.lock().expect("nothing panics while it writes");
        writeln!(transcript, "# {text}").expect("a string takes all");
    }

    pub fn exchange(&self, user: &str, command: &str, reply: &Reply) {
        let mut transcript = self.text.lock().expect("nothing panics while it writes");
        writeln!(transcript, "{user}$ {command}").expect("a string takes all");
        for (stream, text) in [("", &reply.stdout), ("2> ", &reply.stderr)] {
            for line in text.lines() {
                writeln!(transcript, "{stream}{line}").expect("a string takes all");
            }
        }
        writeln!(transcript, "[exit {} after {:.1?}]\n", reply.exit, reply.took).expect("a string takes all");
    }

    /// The end of the exchange, enough to see what went wrong.
    pub fn tail(&self) -> String {
        let transcript = self.text.lock().expect("nothing panics while it writes");
        let lines: Vec<&str> = transcript.lines().collect();
        let from = lines.len().saturating_sub(60);
        format!(
            "{}\n(all of it: {})",
            lines[from..].join("\n"),
            self.file.display()
        )
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if let Ok(text) = self.text.lock() {
            // A log that cannot be written is no reason to fail a case that passed.
            let _ = std::fs::write(&self.file, text.as_str());
        }
    }
}

/// Beside the other build products, whatever the target directory is.
pub fn directory(tier: &str) -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_pgvector-setup"));
    let target = binary.ancestors().nth(2).expect("binaries are in target/PROFILE");
    let directory = target.join(tier);
    std::fs::create_dir_all(&directory).expect("the target directory is ours");
    directory
}
