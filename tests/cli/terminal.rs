//! The binary on a pseudo-terminal, answered as a person would.

use std::time::Duration;

use rexpect::reader::Options;
use rexpect::session::PtySession;
use rustix::termios::{LocalModes, tcgetattr};

use crate::place::Place;

/// The longest that any answer may take: a whole `up` on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SHOW_CURSOR: &str = "\u{1b}[?25h";
const HIDE_CURSOR: &str = "\u{1b}[?25l";

pub struct Terminal {
    session: PtySession,
    /// All that was shown so far.
    pub shown: String,
}

impl Terminal {
    pub fn run(place: &Place, words: &[&str], kind: &str) -> Self {
        let mut command = place.command(words);
        command.env("TERM", kind);
        // The pseudo-terminal takes the place of what the transcripts cut off.
        command.stdin(std::process::Stdio::inherit());
        let options = Options::new().timeout_ms(Some(PATIENCE.as_millis().try_into().unwrap()));
        let session = rexpect::session::spawn_with_options(command, options).unwrap();
        Self {
            session,
            shown: String::new(),
        }
    }

    pub fn sees(&mut self, text: &str) -> &mut Self {
        match self.session.exp_string(text) {
            Ok(before) => self.shown.push_str(&format!("{before}{text}")),
            Err(error) => panic!("waited for {text:?} after {}: {error}", self.shown),
        }
        self
    }

    /// Waits for the question and types; Enter follows.
    pub fn answers(&mut self, question: &str, keys: &str) -> &mut Self {
        self.sees(question);
        self.session.send_line(keys).unwrap();
        self
    }

    pub fn interrupts(&mut self) -> &mut Self {
        self.session.send_control('c').unwrap();
        self
    }

    /// Waits for the end; a terminal that was left raw or without cursor fails.
    pub fn exit(&mut self) -> i32 {
        let rest = self.session.exp_eof().unwrap();
        self.shown.push_str(&rest);
        let modes = tcgetattr(self.session.process().get_file_handle().unwrap()).unwrap();
        assert!(
            modes.local_modes.contains(LocalModes::ICANON | LocalModes::ISIG),
            "the terminal was left raw"
        );
        assert!(
            self.shown.rfind(HIDE_CURSOR) <= self.shown.rfind(SHOW_CURSOR),
            "the cursor was left hidden"
        );
        // rexpect does not export the type: `Exited(Pid(7), 0)`.
        let status = format!("{:?}", self.session.process().wait().unwrap());
        let code = status
            .strip_suffix(')')
            .and_then(|status| status.rsplit_once(' '));
        code.and_then(|(_, code)| code.parse().ok())
            .unwrap_or_else(|| panic!("ended by {status}"))
    }
}
