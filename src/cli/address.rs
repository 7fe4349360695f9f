//! Which installation was meant: the flags that a shown command needs, so that it does what it says when it is typed here.

use clap::CommandFactory as _;

use super::arguments::Arguments;
use super::unattended;
use crate::host::Host;
use crate::settings::Settings;

/// The flags that tell installations, databases and tables apart.
const NAMING: [&str; 13] = [
    "--target",
    "--url",
    "--url-file",
    "--tls-root",
    "--allow-plaintext",
    "--password-file",
    "--instance",
    "--directory",
    "--port",
    "--database",
    "--role",
    "--schema",
    "--table",
];

/// Empty where the defaults, the environment and the file name the installation already.
#[derive(Debug, Default)]
pub(super) struct Address(Vec<(&'static str, String)>);

impl Address {
    pub(super) fn of(settings: &Settings, host: &Host) -> Self {
        let mut flags = unattended::missing_here(settings, host);
        flags.retain(|(flag, _)| NAMING.contains(flag));
        Self(flags)
    }

    /// A text with every `pgvector-setup COMMAND` in it completed, but for flags that the text gives itself.
    pub(super) fn complete(&self, text: &str) -> String {
        let given = |flag: &str| text.split_whitespace().any(|word| word == flag);
        let flags: String = self
            .0
            .iter()
            .filter(|(flag, _)| !given(flag))
            .map(|(flag, value)| format!(" {}", unattended::typed(flag, value)))
            .collect();
        let mut text = text.to_owned();
        for command in Arguments::command().get_subcommands() {
            let short = format!("pgvector-setup {}", command.get_name());
            text = text.replace(&short, &format!("pgvector-setup{flags} {}", command.get_name()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_hint_are_completed_unless_they_name_it_themselves() {
        let address = Address(vec![("--instance", "two".into()), ("--database", "a b".into())]);
        let cases = [
            (
                "pgvector-setup start",
                "pgvector-setup --instance two --database 'a b' start",
            ),
            (
                "pgvector-setup up --instance two-2 (beside it)",
                "pgvector-setup --database 'a b' up --instance two-2 (beside it)",
            ),
            (
                "then the same pgvector-setup command again",
                "then the same pgvector-setup command again",
            ),
            ("leave out --m", "leave out --m"),
        ];
        for (hint, completed) in cases {
            assert_eq!(address.complete(hint), completed);
        }
    }

    #[test]
    fn what_is_allowed_is_typed_without_a_value() {
        let address = Address(vec![("--allow-plaintext", "true".into())]);
        assert_eq!(
            address.complete("pgvector-setup env"),
            "pgvector-setup --allow-plaintext env"
        );
    }
}
