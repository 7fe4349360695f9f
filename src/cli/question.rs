//! The wizard's questions as a table: what is asked, what is shown as the default, which option the answer fills.

use clap::ValueEnum;

use super::options::{IndexMethod, Options};
use super::prompt::Choice;
use crate::render::compose::DEFAULT_PORT;
use crate::secret::Secret;
use crate::settings::{Index, Lists, Metric, Origin, Settings, SettingsError, Target};

pub(super) struct Question {
    pub text: &'static str,
    pub applies: fn(&Settings) -> bool,
    /// The value as a flag would give it.
    pub current: fn(&Settings) -> String,
    /// Empty for free text.
    pub choices: fn() -> Vec<Choice>,
    /// Puts the answer where the flag would put it.
    pub fill: fn(&mut Options, &str) -> Result<(), SettingsError>,
}

/// The password has a question of its own, whose answer is not shown.
pub(super) const SERVER_URL: &str = "Server URL (postgresql://USER@HOST:5432/DATABASE)";

const FREE_TEXT: fn() -> Vec<Choice> = Vec::new;
const ALWAYS: fn(&Settings) -> bool = |_| true;

/// After this one it is known whether a server of this machine is meant, and which are there.
pub(super) const TARGET: &str = "Target";

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        text: TARGET,
        applies: ALWAYS,
        current: |settings| settings.target.to_string(),
        choices: choices_of::<Target>,
        fill: |options, answer| {
            fill_choice(&mut options.target, "--target", answer)?;
            if options.target != Some(Target::Url) {
                // A URL means that target alone.
                (options.url, options.url_file, options.read.url) = (None, None, None);
            }
            Ok(())
        },
    },
    Question {
        text: SERVER_URL,
        applies: |settings| settings.target == Target::Url,
        current: |settings| match settings.server_url.as_ref().map(|url| &url.origin) {
            Some(Origin::Text(text)) => text.clone(),
            Some(Origin::File(path)) => path.display().to_string(),
            Some(Origin::Environment) | None => "DATABASE_URL".to_owned(),
        },
        choices: FREE_TEXT,
        fill: |options, answer| {
            options.url = Some(Secret::new(answer.trim()));
            (options.url_file, options.read.url) = (None, None);
            Ok(())
        },
    },
    Question {
        text: "Instance",
        applies: |settings| matches!(settings.target, Target::Embedded | Target::Docker),
        current: |settings| settings.instance.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.instance, answer),
    },
    Question {
        text: "Port on this machine",
        applies: |settings| settings.target == Target::Docker,
        current: |settings| settings.port.unwrap_or(DEFAULT_PORT).to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_number(&mut options.port, "--port", "from 1 to 65535", answer),
    },
    Question {
        text: "Database",
        applies: ALWAYS,
        current: |settings| settings.database.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.database, answer),
    },
    Question {
        text: "Table",
        applies: ALWAYS,
        current: |settings| settings.table.table.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.table, answer),
    },
    Question {
        text: "Dimensions",
        applies: ALWAYS,
        current: |settings| settings.table.dimensions.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.dimensions, answer),
    },
    Question {
        text: "Metric",
        applies: ALWAYS,
        current: |settings| settings.table.metric.name().to_owned(),
        choices: choices_of::<Metric>,
        fill: |options, answer| fill_choice(&mut options.metric, "--metric", answer),
    },
    Question {
        text: "Index",
        applies: ALWAYS,
        current: |settings| settings.table.index.method().unwrap_or("none").to_owned(),
        choices: choices_of::<IndexMethod>,
        fill: |options, answer| {
            // Another method has other parameters.
            (options.m, options.ef_construction, options.lists) = (None, None, None);
            fill_choice(&mut options.index, "--index", answer)
        },
    },
];

pub(super) const DETAILS: &[Question] = &[
    Question {
        text: "Role",
        applies: ALWAYS,
        current: |settings| settings.role.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.role, answer),
    },
    Question {
        text: "Schema",
        applies: ALWAYS,
        current: |settings| settings.table.schema.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.schema, answer),
    },
    Question {
        text: "Key column",
        applies: ALWAYS,
        current: |settings| settings.table.key.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.key, answer),
    },
    Question {
        text: "Embedding column",
        applies: ALWAYS,
        current: |settings| settings.table.column.to_string(),
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.column, answer),
    },
    Question {
        text: "m (connections a layer)",
        applies: |settings| matches!(settings.table.index, Index::Hnsw { .. }),
        current: |settings| match settings.table.index {
            Index::Hnsw { m, .. } => m.to_string(),
            _ => String::new(),
        },
        choices: FREE_TEXT,
        fill: |options, answer| fill_number(&mut options.m, "--m", "from 2 to 100", answer),
    },
    Question {
        text: "ef_construction (candidates while building)",
        applies: |settings| matches!(settings.table.index, Index::Hnsw { .. }),
        current: |settings| match settings.table.index {
            Index::Hnsw { ef_construction, .. } => ef_construction.to_string(),
            _ => String::new(),
        },
        choices: FREE_TEXT,
        fill: |options, answer| {
            fill_number(
                &mut options.ef_construction,
                "--ef-construction",
                "from 4 to 1000",
                answer,
            )
        },
    },
    Question {
        text: "Lists (a number, or auto)",
        applies: |settings| matches!(settings.table.index, Index::Ivfflat { .. }),
        current: |settings| match settings.table.index {
            Index::Ivfflat {
                lists: Lists::Count(count),
            } => count.to_string(),
            _ => "auto".to_owned(),
        },
        choices: FREE_TEXT,
        fill: |options, answer| fill_text(&mut options.lists, answer),
    },
];

/// The values of a flag with their help, as clap has them.
fn choices_of<T: ValueEnum>() -> Vec<Choice> {
    let values = T::value_variants().iter().filter_map(T::to_possible_value);
    values
        .map(|value| Choice {
            name: value.get_name().to_owned(),
            meaning: value.get_help().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

fn fill_text(option: &mut Option<String>, answer: &str) -> Result<(), SettingsError> {
    *option = Some(answer.to_owned());
    Ok(())
}

fn fill_choice<T: ValueEnum>(
    option: &mut Option<T>,
    name: &'static str,
    answer: &str,
) -> Result<(), SettingsError> {
    let value = T::from_str(answer.trim(), true).map_err(|_| SettingsError::Range {
        option: name,
        range: format!("one of {}", names(&choices_of::<T>())),
        given: answer.to_owned(),
    })?;
    *option = Some(value);
    Ok(())
}

fn names(choices: &[Choice]) -> String {
    let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
    names.join(", ")
}

fn fill_number(
    option: &mut Option<u16>,
    name: &'static str,
    range: &str,
    answer: &str,
) -> Result<(), SettingsError> {
    let value = answer.trim().parse().map_err(|_| SettingsError::Range {
        option: name,
        range: range.to_owned(),
        given: answer.to_owned(),
    })?;
    *option = Some(value);
    Ok(())
}
