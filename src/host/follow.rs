//! A child whose lines are read as they come: a pull's progress, a container's log, an engine's events.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::{Command, Host, HostError, Output};

/// How many of the last lines a failure tells.
const REMEMBERED: usize = 40;

/// A running child. It and all that it started is ended when this is dropped.
#[derive(Debug)]
pub struct Following {
    command: Command,
    child: Arc<duct::ReaderHandle>,
    lines: mpsc::Receiver<String>,
    last: VecDeque<String>,
    until: Instant,
}

impl Host {
    /// Starts a child whose two outputs are read as one, line by line. Its deadline runs from now on.
    ///
    /// # Errors
    /// [`HostError::Spawn`] when it could not start.
    pub fn follow(&self, command: &Command) -> Result<Following, HostError> {
        tracing::debug!(command = %command.shown(), purpose = %command.purpose, "follow");
        // Inner redirections come first with duct: standard error joins what is then read here.
        let started = self.expression(command).stderr_to_stdout().reader();
        let child = started.map_err(|source| HostError::Spawn {
            command: command.shown(),
            purpose: command.purpose.clone(),
            source,
        })?;
        let child = Arc::new(child);
        let (sender, lines) = mpsc::channel(64);
        let source = Arc::clone(&child);
        tokio::task::spawn_blocking(move || read(&source, &sender));
        Ok(Following {
            until: Instant::now() + command.deadline,
            command: command.clone(),
            child,
            lines,
            last: VecDeque::new(),
        })
    }
}

/// Ends with the child's outputs, or when nobody listens any more.
fn read(child: &duct::ReaderHandle, lines: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(child);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&bytes);
        if lines.blocking_send(text.trim_end().to_owned()).is_err() {
            return;
        }
        bytes.clear();
    }
}

impl Following {
    /// The next line of either output; `None` once the child has ended and all is read. May be dropped and asked again.
    ///
    /// # Errors
    /// [`HostError::Deadline`] when the child has been at work for longer than it may; it is ended then.
    pub async fn next(&mut self) -> Result<Option<String>, HostError> {
        let line = tokio::time::timeout_at(self.until.into(), self.lines.recv()).await;
        let Ok(line) = line else {
            self.end();
            return Err(HostError::Deadline {
                command: self.command.shown(),
                purpose: self.command.purpose.clone(),
                seconds: self.command.deadline.as_secs(),
            });
        };
        if let Some(line) = &line {
            if self.last.len() == REMEMBERED {
                self.last.pop_front();
            }
            self.last.push_back(line.clone());
        }
        Ok(line)
    }

    /// Hands each remaining line to `told` and waits for the child's end.
    ///
    /// # Errors
    /// As [`Following::next`], and [`HostError::Failed`] with the last lines for an exit code that is not accepted.
    pub async fn to_the_end(mut self, mut told: impl FnMut(&str)) -> Result<(), HostError> {
        while let Some(line) = self.next().await? {
            told(&line);
        }
        // The reader has waited for it at the end of its output.
        let status = match self.child.try_wait() {
            Ok(Some(output)) => output.status.code().unwrap_or(-1),
            _ => -1,
        };
        if status == 0 || self.command.accepted.contains(&status) {
            return Ok(());
        }
        Err(HostError::Failed {
            command: self.command.shown(),
            purpose: self.command.purpose.clone(),
            output: Output {
                code: status,
                stdout: String::new(),
                stderr: Vec::from(std::mem::take(&mut self.last)).join("\n"),
            },
        })
    }

    fn end(&self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            for pid in self.child.pids() {
                super::process::kill_group(pid);
            }
            let _ = self.child.kill();
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::Environment;

    fn shell(script: &str) -> Command {
        Command::new("/bin/sh", "test the reading of lines").arguments(["-c", script])
    }

    async fn followed(command: &Command) -> (Vec<String>, Result<(), HostError>) {
        let mut told = Vec::new();
        let following = Host::new(Environment::default()).follow(command).unwrap();
        let end = following.to_the_end(|line| told.push(line.to_owned())).await;
        (told, end)
    }

    #[tokio::test]
    async fn both_outputs_are_told_line_by_line_until_the_end() {
        let (told, end) = followed(&shell("echo one; echo two >&2; printf three")).await;
        assert_eq!(told, ["one", "two", "three"]);
        end.unwrap();
    }

    #[tokio::test]
    async fn a_failure_tells_the_code_and_the_last_lines() {
        let (_, end) = followed(&shell("echo no such image >&2; exit 7")).await;
        let Err(HostError::Failed { output, .. }) = end else {
            panic!("{end:?}")
        };
        assert_eq!((output.code, output.stderr.as_str()), (7, "no such image"));
    }

    #[tokio::test]
    async fn a_child_that_stays_is_ended_with_all_that_it_started() {
        let command = shell("sleep 600 & echo $!; wait").deadline(Duration::from_millis(300));
        let mut following = Host::new(Environment::default()).follow(&command).unwrap();
        let grandchild: u32 = following.next().await.unwrap().unwrap().parse().unwrap();
        assert!(crate::host::process_is_alive(grandchild));
        let late = following.next().await;
        assert!(matches!(late, Err(HostError::Deadline { .. })), "{late:?}");
        // Its pipe is closed only once it is gone.
        assert_eq!(following.lines.recv().await, None);
    }
}
