//! Talk for systemd's journal: each line an entry, with its level as sd-daemon(3) has it.

/// sd-daemon(3): `SD_ERR`, `SD_WARNING`, `SD_NOTICE`, `SD_INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error = 3,
    /// A note: what somebody who takes care of the machine should know.
    Warning = 4,
    /// Something was changed.
    Changed = 5,
    Info = 6,
}

/// Every line of a text with the prefix of its level.
pub(super) fn entries(text: &str) -> String {
    let mut level = Level::Info;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = |line: &str| {
        level = level_of(line).unwrap_or(match belongs_to_line_before(line) {
            true => level,
            false => Level::Info,
        });
        prefixed(line, level)
    };
    lines.map(line).collect()
}

/// The same, with a name before what each line says.
pub(super) fn entries_about(name: &str, text: &str) -> String {
    let named = |entry: &str| match entry.split_once('>') {
        Some((level, line)) => format!("{level}>{name}: {line}\n"),
        None => format!("{entry}\n"),
    };
    entries(text).lines().map(named).collect()
}

/// Every line with the same level.
pub(super) fn entries_of(text: &str, level: Level) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| prefixed(line, level)).collect()
}

fn prefixed(line: &str, level: Level) -> String {
    format!("<{}>{}\n", level as u8, line.trim_end())
}

/// By the words that this program begins such lines with.
fn level_of(line: &str) -> Option<Level> {
    const WORDS: [(&str, Level); 6] = [
        ("error[", Level::Error),
        ("error:", Level::Error),
        ("note:", Level::Warning),
        ("warning:", Level::Warning),
        ("undo:", Level::Changed),
        ("changed:", Level::Changed),
    ];
    let found = WORDS.iter().find(|(word, _)| line.starts_with(word));
    found.map(|(_, level)| *level)
}

/// A hint, or what another program said.
fn belongs_to_line_before(line: &str) -> bool {
    line.starts_with("hint:") || line.trim_start().starts_with("| ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_an_entry_with_the_level_of_what_it_says() {
        assert_eq!(
            entries(
                "note: uses the portable bundle\n  1. create directory /x\n\nundo: drop role\n      waiting: a lock\n"
            ),
            "<4>note: uses the portable bundle\n<6>  1. create directory /x\n<5>undo: drop role\n<6>      waiting: a lock\n"
        );
    }

    #[test]
    fn a_hint_and_a_quotation_have_the_level_of_what_they_belong_to() {
        assert_eq!(
            entries("error[E0521]: failed\n  | E: no\nhint: df -h\nnothing to do"),
            "<3>error[E0521]: failed\n<3>  | E: no\n<3>hint: df -h\n<6>nothing to do\n"
        );
    }

    #[test]
    fn all_of_an_error_is_one() {
        assert_eq!(entries_of("one\ntwo", Level::Error), "<3>one\n<3>two\n");
    }
}
