//! One run of the product, left alone or killed.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::source;
use crate::support::server;

/// What the run was at, by the last that it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Plan,
    Load,
    Index,
    Proof,
}

/// How a run ended, with all that it wrote.
#[derive(Debug)]
pub enum End {
    Killed { at: Phase },
    Exited { code: Option<i32>, said: String },
}

pub struct Victim {
    child: Child,
    is_over: Receiver<()>,
    output: JoinHandle<String>,
    talk: JoinHandle<String>,
}

impl Victim {
    /// Begins an import into this table, or goes on with it.
    pub fn start(directory: &Path, table: &str, rejects: &Path) -> Self {
        let mut command = server::product_on_server();
        command
            .args(["import", "chroma"])
            .arg(directory)
            .args(["--into", table, "--yes", "--rejects"])
            .arg(rejects)
            .args(source::OPTIONS);
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, is_over) = channel();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let output = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            // Nobody listens once the child was killed.
            let _ = sender.send(());
            text
        });
        let talk = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            is_over,
            output,
            talk,
        }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills it after so long, unless it ends before.
    pub fn killed_after(mut self, moment: Duration) -> End {
        let is_killed = self.is_over.recv_timeout(moment) == Err(RecvTimeoutError::Timeout);
        if is_killed {
            self.child.kill().unwrap();
        }
        let code = self.child.wait().unwrap().code();
        let (output, talk) = (self.output.join().unwrap(), self.talk.join().unwrap());
        // One that ended by itself in the very moment has an exit code.
        if code.is_none() {
            assert!(is_killed, "ended by a signal of somebody else: {talk}");
            return End::Killed { at: phase(&talk) };
        }
        End::Exited {
            code,
            said: format!("{output}{talk}"),
        }
    }
}

fn phase(talk: &str) -> Phase {
    [
        ("compare ", Phase::Proof),
        ("build the index ", Phase::Index),
        ("load ", Phase::Load),
    ]
    .into_iter()
    .find(|(begins, _)| talk.lines().any(|line| line.starts_with(begins)))
    .map_or(Phase::Plan, |(_, phase)| phase)
}
