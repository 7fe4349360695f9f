//! The one place that prints: data on stdout, talk on stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the lint points here")]

use std::io::{IsTerminal as _, Write as _};

use super::arguments::Output;
use super::{Address, bar, prompt};
use crate::apply::{Outcome, Progress};
use crate::database::index::BuildProgress;
use crate::error::{Error, Explain as _, Result};
use crate::plan::{Plan, Step, plan_text};

#[derive(Debug, Clone, Copy)]
pub struct Ui {
    output: Output,
    is_terminal: bool,
    can_ask: bool,
    assume_yes: bool,
}

impl Ui {
    pub fn new(output: Output) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            output,
            is_terminal,
            can_ask: is_terminal && std::io::stdin().is_terminal(),
            assume_yes: false,
        }
    }

    pub fn is_json(&self) -> bool {
        self.output.json
    }

    /// With `--yes`: a plan that is shown is agreed to.
    pub fn assuming(self, assume_yes: bool) -> Self {
        Self { assume_yes, ..self }
    }

    /// Whether a person can be asked something.
    pub fn can_ask(&self) -> bool {
        self.can_ask && !self.output.json
    }

    /// Talk: progress and remarks.
    pub fn say(&self, text: impl AsRef<str>) {
        let text = text.as_ref().trim_end();
        if !self.output.quiet && !self.output.json && !text.is_empty() {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Talk that answers what was just typed, so it is said even with `--quiet`.
    pub fn reply(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// Data that could be piped. A reader that went away is not an error.
    pub fn print(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stdout(), "{}", text.as_ref().trim_end());
    }

    /// The one document of `--json`.
    pub fn json(&self, value: &impl serde::Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.print(text),
            Err(error) => self.say(format!("error: the report cannot be written as JSON: {error}")),
        }
    }

    pub(super) fn error(&self, error: &Error, address: &Address) {
        let hint = error.hint().map(|hint| address.complete(&hint));
        if self.output.json {
            self.json(&serde_json::json!({
                "error": { "code": error.code(), "message": error.to_string(), "hint": hint, "exit": error.exit() as u8 }
            }));
            return;
        }
        let _ = writeln!(std::io::stderr(), "error[{}]: {error}", error.code());
        if let Some(hint) = hint {
            let _ = writeln!(std::io::stderr(), "hint: {hint}");
        }
    }
}

#[async_trait::async_trait]
impl Progress for Ui {
    async fn agrees(&self, plan: &Plan) -> Result<bool> {
        self.say(plan_text(plan, 1));
        Ok(self.assume_yes || (self.can_ask() && prompt::confirm("Go on?").await?))
    }

    fn begins(&self, number: usize, total: usize, step: &Step) {
        self.say(format!("[{number}/{total}] {}", step.title()));
    }

    fn ended(&self, step: &Step, outcome: &Outcome) {
        bar::clear();
        match outcome {
            // Its own report follows.
            _ if matches!(step, Step::Verify { .. }) => {}
            Outcome::AlreadyThere => self.say("      already there"),
            Outcome::Skipped { why } => self.say(format!("      {why}")),
            Outcome::Changed { .. } | Outcome::Failed { .. } => {}
        }
    }

    fn builds(&self, progress: &BuildProgress) {
        if let Some(remark) = &progress.remark {
            bar::clear();
            self.say(format!("      {remark}"));
            return;
        }
        if self.is_terminal && !self.output.quiet && !self.output.json {
            bar::show(progress);
        }
    }

    fn undoes(&self, what: &str) {
        self.say(format!("undo: {what}"));
    }

    fn waits(&self, what: &str) {
        self.say(format!("      waiting: {what}"));
    }
}
