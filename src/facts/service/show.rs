//! `systemctl show` of several units as data. Pure.

use std::collections::HashMap;
use std::path::PathBuf;

/// What is asked. `LoadCredential` is not: systemctl 257 prints `[unprintable]` for it.
pub(super) const PROPERTIES: &str = "--property=Names,LoadState,ActiveState,SubState,Result,Type,RemainAfterExit,MainPID,\
                                     NRestarts,Job,ConditionResult,ConditionTimestampMonotonic,User,Group,DynamicUser,EnvironmentFiles,FragmentPath,\
                                     DropInPaths,NeedDaemonReload,ControlGroup,After";

/// The properties of one unit; one that is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown(HashMap<String, Vec<String>>);

/// Units are in the order in which they were asked for, with an empty line in between; a list is a line for each of its values.
pub(super) fn parse(text: &str) -> Vec<Shown> {
    let mut units = vec![Shown::default()];
    for line in text.lines() {
        match (line.split_once('='), units.last_mut()) {
            (Some((name, value)), Some(unit)) => {
                unit.0.entry(name.to_owned()).or_default().push(value.to_owned());
            }
            _ => units.push(Shown::default()),
        }
    }
    units.retain(|unit| !unit.0.is_empty());
    units
}

impl Shown {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .and_then(|values| values.last())
            .map_or("", String::as_str)
    }

    pub(super) fn yes(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    pub(super) fn number(&self, name: &str) -> u32 {
        self.text(name).parse().unwrap_or_default()
    }

    /// By one of its names: a unit may have aliases.
    pub(super) fn is_named(&self, unit: &str) -> bool {
        self.text("Names").split(' ').any(|name| name == unit)
    }

    pub(super) fn is_there(&self) -> bool {
        self.text("LoadState") == "loaded"
    }

    pub(super) fn user(&self) -> &str {
        self.text("User")
    }

    /// Each as `/path (ignore_errors=no)`; the path stands as it is, with its spaces.
    pub(super) fn environment_files(&self) -> Vec<PathBuf> {
        let values = self.0.get("EnvironmentFiles").into_iter().flatten();
        let paths = values.filter_map(|value| value.rsplit_once(" (ignore_errors="));
        paths.map(|(path, _)| PathBuf::from(path)).collect()
    }

    /// The unit's file, then its drop-ins, in the order in which systemd reads them.
    pub(super) fn unit_files(&self) -> Vec<PathBuf> {
        let fragment = [self.text("FragmentPath").to_owned()];
        let paths = fragment.into_iter().chain(words(self.text("DropInPaths")));
        paths.filter(|path| !path.is_empty()).map(PathBuf::from).collect()
    }
}

/// Words between spaces; one with a space in it stands in double quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        let word = words.last_mut().expect("there is one from the beginning");
        match c {
            _ if is_escaped => {
                word.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => word.push(c),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `systemctl show` of systemd 257 (Debian 13): a service that reads two files, an instance with a dynamic user, a unit
    /// that is not there, and one that was asked for by its alias and by its name.
    const SEVERAL: &str = include_str!("../../../tests/fixtures/services/several.txt");

    #[test]
    fn every_unit_is_found_by_the_name_that_was_asked_for() {
        let units = parse(SEVERAL);
        let names: Vec<&str> = units.iter().map(|unit| unit.text("Names")).collect();
        assert_eq!(
            names,
            [
                "gp.example.com.service",
                "app@gp.service",
                "none.service",
                "once.service other.service",
                "once.service other.service"
            ]
        );
        assert!(units[3].is_named("other.service") && units[4].is_named("once.service"));
        let are_there: Vec<bool> = units.iter().map(Shown::is_there).collect();
        assert_eq!(are_there, [true, true, false, true, true]);
    }

    #[test]
    fn files_are_read_with_their_spaces() {
        let units = parse(SEVERAL);
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            units[0].environment_files(),
            paths(&[
                "/srv/with space/100%.env",
                "/etc/pgvector-setup/sites/gp.example.com.env"
            ])
        );
        assert_eq!(units[1].environment_files(), paths(&["/etc/gp.env"]));
        assert!(units[2].environment_files().is_empty() && units[2].unit_files().is_empty());
        assert_eq!(
            units[0].unit_files(),
            paths(&[
                "/etc/systemd/system/gp.example.com.service",
                "/etc/systemd/system/gp.example.com.service.d/10-limits.conf",
                "/etc/systemd/system/gp.example.com.service.d/with space.conf"
            ])
        );
    }

    #[test]
    fn who_it_runs_as_is_told() {
        let units = parse(SEVERAL);
        assert_eq!((units[0].user(), units[0].text("Group")), ("site", "readers"));
        assert!(units[1].yes("DynamicUser") && !units[0].yes("DynamicUser"));
    }

    #[test]
    fn no_answer_is_no_unit() {
        assert_eq!(parse(""), []);
        assert_eq!(parse("\n\n"), []);
    }
}
