//! The last words of a service, for the report of a failure.

use std::time::{Duration, SystemTime};

use crate::host::{Command, Host, Privilege};
use crate::secret::Secret;
use crate::settings::UnitName;

const DEADLINE: Duration = Duration::from_secs(10);
const LINES: &str = "5";
/// Longest part of a line that is repeated, in characters.
const LONGEST_LINE: usize = 300;

/// What the service itself said since `since`; where that is nothing, the last that systemd has of it. Each line on a line of its
/// own; nothing where there is no journal to ask.
pub(super) async fn last_words(
    host: &Host,
    unit: &UnitName,
    since: SystemTime,
    secrets: &[Secret],
) -> String {
    let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let own = [
        // systemd.journal-fields(7), systemd.time(7)
        format!("_SYSTEMD_UNIT={unit}"),
        format!("--since=@{}", since.as_secs()),
    ];
    let mut said = ask(host, &own).await;
    if said.trim().is_empty() {
        said = ask(host, &[format!("--unit={unit}")]).await;
    }
    quoted(&said, secrets)
}

async fn ask(host: &Host, which: &[String]) -> String {
    let Some(journalctl) = host.which("journalctl") else {
        return String::new();
    };
    let ask = Command::new(journalctl, "read the last lines of the service")
        .arguments(["--quiet", "--no-pager", "--output=cat", "--lines", LINES])
        .arguments(which)
        .privilege(Privilege::Root)
        .deadline(DEADLINE);
    // What failed is the service, and its report does not depend on this.
    host.run(&ask)
        .await
        .map(|output| output.stdout)
        .unwrap_or_default()
}

/// A log may hold anything: passwords of ours are masked, and nothing reaches the terminal as a command to it.
fn quoted(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        text = text.replace(secret.expose(), "***");
    }
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            format!(
                "\n  | {}",
                line.trim_end()
                    .chars()
                    .map(plain)
                    .take(LONGEST_LINE)
                    .collect::<String>()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_quoted_without_passwords_and_without_commands_to_the_terminal() {
        let secrets = [Secret::new("canary"), Secret::new("older")];
        let log = "cannot connect to postgresql://gp:canary@/gp, nor with older\n\n\u{1b}[31mred\n";
        assert_eq!(
            quoted(log, &secrets),
            "\n  | cannot connect to postgresql://gp:***@/gp, nor with ***\n  |  [31mred"
        );
        assert_eq!(quoted(&"x".repeat(1000), &secrets).len(), LONGEST_LINE + 5);
        assert_eq!(quoted("", &secrets), "");
    }
}
