//! A command line that clap cannot read, as an error like any other: fact, code, hint.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::Ui;
use super::arguments::Output;
use crate::error::Exit;
use crate::settings::SettingsError;

/// Prints what clap has to say: help and version as they are asked for, everything else as our error.
pub(super) fn report(error: &clap::Error, words: &[OsString]) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Exit::Usage;
    }
    let output = Output {
        json: words.iter().any(|word| word == "--json"),
        quiet: false,
    };
    let problem = problem(&error.to_string());
    Ui::new(output).error(
        &SettingsError::CommandLine { problem }.into(),
        &super::Address::default(),
    );
    Exit::Usage
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
