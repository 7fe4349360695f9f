//! Restarting a server of the operating system, and what its log says of that.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::apply::engine::{Engine, Server};
use crate::database::connect;
use crate::error::Result;
use crate::host::{Command, Host, Privilege};

/// The last checkpoint of a large server takes its time; so does the replay after a crash.
const RESTART_DEADLINE: Duration = Duration::from_secs(5 * 60);
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Restarts it and waits until its administrator is let in.
pub(super) async fn restart(engine: &Engine<'_>, server: &Server, argv: &[String]) -> Result<()> {
    engine.progress.waits("the server restarts");
    run(engine.host, argv).await?;
    let started = Instant::now();
    loop {
        match connect(&server.endpoint, &server.administrator, "postgres").await {
            Ok(_) => return Ok(()),
            Err(error) if started.elapsed() > ANSWER_DEADLINE => return Err(error.into()),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

pub(super) async fn run(host: &Host, argv: &[String]) -> Result<()> {
    let [program, arguments @ ..] = argv else {
        return Ok(());
    };
    let command = Command::new(program, "restart the server")
        .arguments(arguments)
        .privilege(Privilege::Root)
        .deadline(RESTART_DEADLINE);
    host.run(&command).await?;
    Ok(())
}

/// A place in the server's log, to be read from later.
#[derive(Debug)]
pub(super) struct LogMark<'a> {
    log: &'a Path,
    size: u64,
}

impl<'a> LogMark<'a> {
    pub(super) fn now(host: &Host, log: &'a Path) -> Self {
        Self {
            log,
            size: host.size(log).unwrap_or_default(),
        }
    }

    /// The lines since then that say why something was not done; at most four.
    pub(super) async fn complaints(&self, host: &Host) -> Vec<String> {
        let Some(tail) = host.which("tail").filter(|_| host.size(self.log).is_some()) else {
            return Vec::new();
        };
        let read = Command::new(tail, "read what the server said")
            .argument(format!("--bytes=+{}", self.size + 1))
            .argument(self.log)
            .privilege(Privilege::Root)
            .deadline(Duration::from_secs(10));
        let text = host
            .run(&read)
            .await
            .map(|output| output.stdout)
            .unwrap_or_default();
        complaints(&text)
    }
}

fn complaints(log: &str) -> Vec<String> {
    const SIGNS: [&str; 5] = ["FATAL:  ", "PANIC:  ", "could not ", "not reloaded", "HINT:  "];
    // What our own probes are told is what they are for.
    let is_meant =
        |line: &&str| SIGNS.iter().any(|sign| line.contains(sign)) && !line.contains("no pg_hba.conf entry");
    let lines: Vec<&str> = log.lines().filter(is_meant).collect();
    let last = &lines[lines.len().saturating_sub(4)..];
    last.iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::complaints;

    #[test]
    fn of_a_log_only_what_went_wrong_is_told() {
        let log = "2026 [7] LOG:  received SIGHUP, reloading configuration files\n\
            2026 [7] LOG:  could not load server certificate file \"/x\": ca md too weak\n\
            2026 [7] LOG:  SSL configuration was not reloaded\n\
            2026 [9] FATAL:  no pg_hba.conf entry for host \"192.0.2.7\"\n";
        let told = complaints(log);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("md too weak") && told[1].contains("not reloaded"),
            "{told:?}"
        );
        assert!(complaints("").is_empty());
    }
}
