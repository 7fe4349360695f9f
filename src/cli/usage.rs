//! A command line that clap cannot read, as an error like any other: fact, code, hint.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::Ui;
use super::arguments::{Arguments, Command, Output};
use crate::error::Exit;
use crate::host::Host;
use crate::settings::SettingsError;

/// Prints what clap has to say: help and version as they are asked for, everything else as our error.
pub(super) fn report(error: &clap::Error, words: &[OsString], host: &Host) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Exit::Usage;
    }
    let has = |flag: &str| words.iter().any(|word| word == flag);
    let output = Output {
        json: has("--json"),
        progress: has("--progress"),
        quiet: false,
    };
    let problem = problem(&error.to_string());
    let ui = Ui::new(output, host);
    ui.error(
        &SettingsError::CommandLine { problem }.into(),
        &super::Address::default(),
    );
    ui.finish(Exit::Usage);
    Exit::Usage
}

/// What clap cannot judge, because these options may stand before and after the command.
///
/// # Errors
/// [`SettingsError::Requires`], [`SettingsError::Conflict`].
pub(super) fn check(arguments: &Arguments) -> Result<(), SettingsError> {
    if !arguments.output.progress {
        return Ok(());
    }
    if !arguments.output.json {
        return Err(SettingsError::Requires {
            option: "--progress",
            other: "--json",
        });
    }
    match arguments.command {
        Some(Command::Psql { .. }) => Err(SettingsError::Conflict {
            first: "psql".into(),
            second: "--progress".into(),
            reason: "what psql prints is its own",
        }),
        _ => Ok(()),
    }
}

/// clap's own words without its prefix, its usage line and its advice to read the help, which is our hint.
fn problem(said: &str) -> String {
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|tail| said.find(tail))
        .min();
    said[..end.unwrap_or(said.len())].trim_end().to_owned()
}
