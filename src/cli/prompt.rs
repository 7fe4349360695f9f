//! Questions on the terminal. They block, so they are asked off the async threads; a signal ends them, and the terminal
//! is left as it was found.

use std::sync::atomic::{AtomicBool, Ordering};

use dialoguer::{Confirm, Input, Select};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::apply::interrupt;
use crate::error::Exit;
use crate::secret::Secret;
use crate::settings::SettingsError;

/// Below this width a list that is redrawn in place would wrap; its items are then typed by name.
const NARROWEST_LIST: u16 = 60;

/// One of several answers: what is typed or chosen, and what it means.
#[derive(Debug, Clone)]
pub struct Choice {
    pub name: String,
    pub meaning: String,
}

/// A line of text; Enter alone gives the default.
///
/// # Errors
/// [`SettingsError::Unanswered`] when a signal or the end of the input came first. So for all questions here.
pub async fn text(question: &str, default: Option<&str>) -> Result<String, SettingsError> {
    let (question, default) = (question.to_owned(), default.map(str::to_owned));
    asked(move || {
        let input = Input::<String>::new().with_prompt(question).allow_empty(true);
        match default {
            Some(default) => input.default(default).interact_text(),
            None => input.interact_text(),
        }
    })
    .await
}

/// A line that is not shown; `None` where nothing was typed.
pub async fn secret(question: &str) -> Result<Option<Secret>, SettingsError> {
    let question = format!("{question}: ");
    asked(move || {
        let (terminal, before) = (console::Term::stderr(), modes()?);
        // First the echo, then the question: whoever types at once is not shown either.
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &silent).map_err(std::io::Error::from)?;
        terminal.write_str(&question)?;
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &before).map_err(std::io::Error::from)?;
        terminal.write_line("")?;
        match read? {
            0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(Secret::new(line.trim_end_matches(['\r', '\n']))),
        }
    })
    .await
    .map(|typed| Some(typed).filter(|typed| !typed.expose().is_empty()))
}

fn modes() -> std::io::Result<Termios> {
    Ok(tcgetattr(std::io::stdin())?)
}

/// Yes or no; no is the default.
pub async fn confirm(question: &str) -> Result<bool, SettingsError> {
    let question = question.to_owned();
    asked(move || {
        Confirm::new()
            .with_prompt(question)
            .default(false)
            .wait_for_newline(true)
            .interact()
    })
    .await
}

/// The name of one of several choices. It may be none of them where it was typed: the caller checks it as it checks a flag.
pub async fn choice(question: &str, choices: Vec<Choice>, default: &str) -> Result<String, SettingsError> {
    if !can_redraw() {
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        return text(&format!("{question} ({})", names.join(", ")), Some(default)).await;
    }
    let (question, default) = (question.to_owned(), default.to_owned());
    asked(move || {
        let selected = choices.iter().position(|choice| choice.name == default);
        // A line that wraps would not be redrawn in its place.
        let room = usize::from(console::Term::stderr().size().1).saturating_sub(4);
        let line = |choice: &Choice| console::truncate_str(&choice.line(), room, "...").into_owned();
        let index = Select::new()
            .with_prompt(question)
            .items(choices.iter().map(line))
            .default(selected.unwrap_or(0))
            .interact()?;
        Ok(choices[index].name.clone())
    })
    .await
}

impl Choice {
    fn line(&self) -> String {
        if self.meaning.is_empty() {
            self.name.clone()
        } else {
            format!("{:<9} {}", self.name, self.meaning)
        }
    }
}

fn can_redraw() -> bool {
    let (_, width) = console::Term::stderr().size();
    !console::is_dumb() && width >= NARROWEST_LIST
}

static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Whether a question stands open: a signal then ends the program without more words.
pub fn is_asking() -> bool {
    IS_ASKING.load(Ordering::SeqCst)
}

async fn asked<T: Send + 'static>(
    question: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, SettingsError> {
    let mut terminal = Terminal::keep();
    let answer = tokio::select! {
        answer = tokio::task::spawn_blocking(question) => answer.expect("a prompt does not panic").map_err(unanswered),
        exit = interrupt::wait() => Err(SettingsError::Unanswered { exit }),
    };
    terminal.is_in_order = answer.is_ok();
    answer
}

fn unanswered(dialoguer::Error::IO(error): dialoguer::Error) -> SettingsError {
    // console reads keys in raw mode and reports Ctrl-C as this kind.
    let exit = match error.kind() {
        std::io::ErrorKind::Interrupted => interrupt::requested().unwrap_or(Exit::Interrupted),
        _ => Exit::Refused,
    };
    SettingsError::Unanswered { exit }
}

/// The terminal's modes as they were before a question; a question that was cut off may have left it raw and without cursor.
struct Terminal {
    modes: Option<Termios>,
    is_in_order: bool,
}

impl Terminal {
    fn keep() -> Self {
        IS_ASKING.store(true, Ordering::SeqCst);
        Self {
            modes: tcgetattr(std::io::stdin()).ok(),
            is_in_order: false,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        IS_ASKING.store(false, Ordering::SeqCst);
        if self.is_in_order {
            return;
        }
        if let Some(modes) = &self.modes {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
        }
        let terminal = console::Term::stderr();
        let _ = terminal.show_cursor();
        let _ = terminal.write_line("");
    }
}
