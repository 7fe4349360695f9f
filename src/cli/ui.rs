//! The one place that prints: data on stdout, talk on stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the lint points here")]

mod events;
mod journal;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use events::{Event, Events, Far, milliseconds};
use journal::Level;

use super::arguments::Output;
use super::{Address, bar, prompt};
use crate::apply::{Outcome, Progress};
use crate::database::index::BuildProgress;
use crate::embedding::backfill::BackfillProgress;
use crate::error::{Error, Exit, Explain as _, Result};
use crate::host::Host;
use crate::import::{ImportError, Loaded};
use crate::plan::{Plan, Step, plan_text};
use crate::settings::SiteSettings;

/// Where output goes to no terminal.
const WIDTH_ELSEWHERE: usize = 100;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ui {
    output: Output,
    is_terminal: bool,
    is_journal: bool,
    can_ask: bool,
    assume_yes: bool,
    /// With `--json --progress`.
    events: Option<Events>,
    /// Completes the hints in events.
    address: Arc<Address>,
    /// What every line of talk begins with, where several sites are worked on at once.
    speaks_of: Option<Arc<str>>,
}

impl Ui {
    pub fn new(output: Output, host: &Host) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            output,
            is_terminal,
            is_journal: host.talks_to_journal(),
            can_ask: is_terminal && std::io::stdin().is_terminal(),
            assume_yes: false,
            events: (output.json && output.progress).then(Events::begin),
            address: Arc::default(),
            speaks_of: None,
        }
    }

    /// The same, on behalf of one of several sites: its events say which.
    pub fn for_site(&self, name: &str) -> Self {
        Self {
            events: self.events.as_ref().map(|events| events.for_site(name)),
            ..self.clone()
        }
    }

    /// The same, with every line of talk begun by a name, and without bars, which several would write over each other.
    pub fn speaking_of(self, name: &str) -> Self {
        Self {
            speaks_of: Some(name.into()),
            is_terminal: false,
            ..self
        }
    }

    /// The same, once it is known which installation is meant: hints in events are completed by it.
    pub(super) fn addressed(&self, address: impl FnOnce() -> Address) -> Self {
        match &self.events {
            Some(_) => Self {
                address: Arc::new(address()),
                ..self.clone()
            },
            None => self.clone(),
        }
    }

    /// The same, where commands are shown that hold for this installation alone.
    pub(super) fn speaking_to(&self, address: Address) -> Self {
        Self {
            address: Arc::new(address),
            ..self.clone()
        }
    }

    /// The same, where what is said is about one site.
    pub(super) fn about_site(&self, site: &SiteSettings) -> Self {
        let address = (*self.address).clone();
        self.speaking_to(address.about_site(&site.name, &site.database.table.schema))
    }

    /// A text with its commands completed, so that they do what they say when they are typed here.
    pub(super) fn completed(&self, text: &str) -> String {
        self.address.complete(text)
    }

    pub fn is_json(&self) -> bool {
        self.output.json
    }

    /// With `--yes`: a plan that is shown is agreed to.
    pub fn assuming(&self, assume_yes: bool) -> Self {
        Self {
            assume_yes,
            ..self.clone()
        }
    }

    /// Whether a person can be asked something.
    pub fn can_ask(&self) -> bool {
        self.can_ask && !self.output.json
    }

    /// Characters of a line on standard output.
    pub fn width(&self) -> usize {
        let width = console::Term::stdout().size_checked();
        width.map_or(WIDTH_ELSEWHERE, |(_, columns)| usize::from(columns))
    }

    /// Talk: progress and remarks. Lines that begin with `note:` are events too.
    pub fn say(&self, text: impl AsRef<str>) {
        let text = text.as_ref().trim_end();
        if let Some(events) = &self.events {
            for text in text.lines().filter_map(|line| line.strip_prefix("note: ")) {
                events.tell(Event::Note { text });
            }
        }
        if self.output.quiet || self.output.json || text.is_empty() {
            return;
        }
        let text = visible(text);
        let _ = match (self.is_journal, &self.speaks_of) {
            (true, None) => write!(std::io::stderr(), "{}", journal::entries(&text)),
            (true, Some(name)) => write!(std::io::stderr(), "{}", journal::entries_about(name, &text)),
            (false, None) => writeln!(std::io::stderr(), "{text}"),
            (false, Some(name)) => {
                let lines = text.lines().map(|line| format!("{name}: {line}\n"));
                write!(std::io::stderr(), "{}", lines.collect::<String>())
            }
        };
    }

    /// A note that is no part of a plan, such as what comes of a signal.
    pub(super) fn remark(&self, text: &str) {
        match &self.events {
            Some(events) => events.tell(Event::Note { text }),
            None => self.say(text),
        }
    }

    /// What a command without steps waits for.
    pub(super) fn awaits(&self, text: &str) {
        match &self.events {
            Some(events) => events.tell(Event::Waiting { what: text }),
            None => self.say(text),
        }
    }

    /// A part of a command that has no steps begins.
    pub(super) fn begins_part(&self, kind: &str, title: &str) {
        bar::clear();
        match &self.events {
            Some(events) => events.starts_part(kind, title),
            None => self.say(title),
        }
    }

    /// Something was changed by a command without steps.
    pub(super) fn changes(&self) {
        if let Some(events) = &self.events {
            events.changes();
        }
    }

    /// Talk that answers what was just typed, so it is said even with `--quiet`.
    pub fn reply(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// How far something of unknown length is; on a terminal only.
    pub(super) fn count(&self, text: &str) {
        if self.is_terminal && !self.output.quiet && !self.output.json {
            bar::count(text);
        }
    }

    /// Data that could be piped. A reader that went away is not an error.
    pub fn print(&self, text: impl AsRef<str>) {
        let text = text.as_ref().trim_end();
        match &self.events {
            Some(events) => events.tell(Event::Output { text }),
            None => {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
        }
    }

    /// The one document of `--json`; with `--progress` it is the last line, which [`Self::finish`] writes.
    pub fn json(&self, value: &impl serde::Serialize) {
        let written = match &self.events {
            Some(events) => serde_json::to_value(value).map(|document| events.keep(document)),
            None => serde_json::to_string_pretty(value).map(|text| self.print(text)),
        };
        if let Err(error) = written {
            self.say(format!("error: the report cannot be written as JSON: {error}"));
        }
    }

    /// The command ends: with `--progress` its document is written, whatever came of it.
    pub(super) fn finish(&self, exit: Exit) {
        if let Some(events) = &self.events {
            events.end(exit);
        }
    }

    /// How far a backfill is.
    pub(super) fn fills(&self, progress: &BackfillProgress) {
        if let Some(events) = &self.events {
            if progress.embedded > 0 {
                events.changes();
            }
            events.is_at(Far {
                what: "rows",
                done: Some(progress.embedded),
                total: Some(progress.planned),
                remaining_ms: progress.remaining.map(milliseconds),
                ..Far::default()
            });
        }
        if self.is_terminal && !self.output.quiet && !self.output.json {
            bar::show_rows(progress);
        }
    }

    pub(super) fn fills_no_more(&self) {
        bar::clear();
    }

    /// How far the records of an import are.
    pub(super) fn loads(&self, loaded: Loaded) {
        let Some(events) = &self.events else {
            self.builds(&BuildProgress {
                phase: format!("{} of {} records", loaded.passed, loaded.total),
                fraction: (loaded.total > 0).then(|| loaded.passed as f64 / loaded.total as f64),
                elapsed: loaded.elapsed,
                remaining: loaded.remaining,
                waiting_for: None,
                remark: None,
            });
            return;
        };
        if loaded.passed > 0 {
            events.changes();
        }
        events.is_at(Far {
            what: "records",
            done: Some(loaded.passed),
            total: Some(loaded.total),
            remaining_ms: loaded.remaining.map(milliseconds),
            ..Far::default()
        });
    }

    pub(super) fn error(&self, error: &Error, address: &Address) {
        if self.output.json {
            let mut document = serde_json::json!({ "error": described(error, address) });
            // What was done before it is nowhere else.
            if let Error::Import(ImportError::Later { imported, .. }) = error {
                document["imported"] = serde_json::json!(imported);
            }
            self.json(&document);
            return;
        }
        let hint = error.hint().map(|hint| address.complete(&hint));
        let hint = hint.map_or_else(String::new, |hint| format!("hint: {hint}\n"));
        let text = visible(&format!("error[{}]: {error}\n{hint}", error.code()));
        let _ = match self.is_journal {
            true => write!(std::io::stderr(), "{}", journal::entries_of(&text, Level::Error)),
            false => write!(std::io::stderr(), "{text}"),
        };
    }
}

/// An error as data.
fn described(error: &Error, address: &Address) -> serde_json::Value {
    let hint = error.hint().map(|hint| address.complete(&hint));
    serde_json::json!({
        "code": error.code(), "message": error.to_string(), "hint": hint, "exit": error.exit() as u8
    })
}

#[async_trait::async_trait]
impl Progress for Ui {
    async fn agrees(&self, plan: &Plan) -> Result<bool> {
        self.say(plan_text(plan, 1));
        Ok(self.assume_yes || (self.can_ask() && prompt::confirm("Go on?").await?))
    }

    fn begins(&self, number: usize, total: usize, step: &Step) {
        if let Some(events) = &self.events {
            events.starts(number, total, &step.kind(), &step.title());
        }
        self.say(format!("[{number}/{total}] {}", step.title()));
    }

    fn ended(&self, step: &Step, outcome: &Outcome) {
        bar::clear();
        if let Some(events) = &self.events {
            if matches!(outcome, Outcome::Changed { .. }) {
                events.changes();
            }
            events.finishes(Event::Finished {
                kind: &step.kind(),
                title: &step.title(),
                outcome: word(outcome),
                why: match outcome {
                    Outcome::Skipped { why } | Outcome::Failed { error: why } => Some(why),
                    _ => None,
                },
                error: None,
            });
        }
        match outcome {
            // Its own report follows.
            _ if matches!(step, Step::Verify { .. }) => {}
            Outcome::AlreadyThere => self.say("      already there"),
            Outcome::Skipped { why } => self.say(format!("      {why}")),
            // On a terminal the next line tells; in a journal it may be filtered out.
            Outcome::Changed { .. } if self.is_journal => self.say(format!("changed: {}", step.title())),
            Outcome::Changed { .. } | Outcome::Failed { .. } => {}
        }
    }

    fn failed(&self, step: &Step, error: &Error) {
        bar::clear();
        if let Some(events) = &self.events {
            events.finishes(Event::Finished {
                kind: &step.kind(),
                title: &step.title(),
                outcome: "failed",
                why: None,
                error: Some(described(error, &self.address)),
            });
        }
    }

    fn builds(&self, progress: &BuildProgress) {
        if let Some(remark) = &progress.remark {
            bar::clear();
            match &self.events {
                Some(events) => events.tell(Event::Note { text: remark }),
                None => self.say(format!("      {remark}")),
            }
            return;
        }
        if let Some(events) = &self.events {
            events.is_at(Far {
                what: "index",
                phase: Some(&progress.phase),
                fraction: progress.fraction,
                remaining_ms: progress.remaining.map(milliseconds),
                waiting_for: progress.waiting_for.as_ref().map(ToString::to_string),
                ..Far::default()
            });
        }
        if self.is_terminal && !self.output.quiet && !self.output.json {
            bar::show(progress);
        }
    }

    fn undoes(&self, what: &str) {
        if let Some(events) = &self.events {
            events.changes();
            events.tell(Event::Undoing { title: what });
        }
        self.say(format!("undo: {what}"));
    }

    fn waits(&self, what: &str) {
        if let Some(events) = &self.events {
            events.tell(Event::Waiting { what });
        }
        self.say(format!("      waiting: {what}"));
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Changed { .. } => "changed",
        Outcome::AlreadyThere => "already_there",
        Outcome::Skipped { .. } => "skipped",
        Outcome::Failed { .. } => "failed",
    }
}

/// Lines as they are, with control characters spelt out: names and messages of a source or a server are anybody's text, and a control
/// character in one could rewrite the terminal.
pub(super) fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() && !matches!(letter, '\n' | '\t') {
            true => visible.extend(letter.escape_default()),
            false => visible.push(letter),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_could_rewrite_the_terminal_is_spelt_out() {
        assert_eq!(visible("a\u{1b}[2J\rb\n\tc ä"), "a\\u{1b}[2J\\rb\n\tc ä");
    }
}
