//! The module `postgresql` of EL 8 and 9: a stream of it hides PGDG's packages of the same names.

use std::path::Path;

use crate::host::Host;

pub const FILE: &str = "/etc/dnf/modules.d/postgresql.module";

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// Nobody chose: the default stream holds, where there is one.
    #[default]
    Unset,
    Enabled {
        stream: String,
    },
    Disabled,
}

pub fn gather(host: &Host) -> ModuleState {
    let text = host.read_text(Path::new(FILE)).ok().flatten();
    text.map_or(ModuleState::Unset, |text| parse(&text))
}

/// `[postgresql]`, `stream=15`, `profiles=`, `state=enabled`.
pub fn parse(text: &str) -> ModuleState {
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().to_owned())
    };
    match value("state").as_deref() {
        Some("enabled") => ModuleState::Enabled {
            stream: value("stream").unwrap_or_default(),
        },
        Some("disabled") => ModuleState::Disabled,
        _ => ModuleState::Unset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read() {
        let enabled = "[postgresql]\nname=postgresql\nstream=15\nprofiles=server\nstate=enabled\n";
        assert_eq!(
            parse(enabled),
            ModuleState::Enabled {
                stream: "15".to_owned()
            }
        );
        assert_eq!(
            parse("[postgresql]\nname=postgresql\nstream=\nprofiles=\nstate=disabled\n"),
            ModuleState::Disabled
        );
        assert_eq!(
            parse("[postgresql]\nname=postgresql\nstream=\nprofiles=\nstate=\n"),
            ModuleState::Unset
        );
    }
}
