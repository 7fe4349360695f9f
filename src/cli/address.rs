//! Which installation was meant: the flags that a shown command needs, so that it does what it says when it is typed here.

use clap::CommandFactory as _;

use super::arguments::Arguments;
use super::options::Options;
use super::{resolve, unattended};
use crate::host::Host;
use crate::settings::{Identifier, Settings, SiteSettings};

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
#[derive(Debug, Clone, Default)]
pub(super) struct Address {
    flags: Vec<(&'static str, String)>,
    /// Of one site's database: for the commands that are not about sites, and could not tell it from the domain.
    site: Vec<(&'static str, String)>,
}

/// Commands that know a site's database by themselves.
const OF_SITES: [&str; 3] = ["site", "apply", "plan"];

impl Address {
    pub(super) fn of(settings: &Settings, host: &Host) -> Self {
        let mut flags = unattended::missing_here(settings, host);
        flags.retain(|(flag, _)| NAMING.contains(flag));
        let site = Vec::new();
        Self { flags, site }
    }

    /// For the commands of sites, where the target has another default, and the services' files a place of their own.
    /// `options` are those of the command line and the environment.
    pub(super) fn of_sites(options: &Options, host: &Host) -> Self {
        let elsewhere = unattended::surroundings(host);
        let settings = resolve::resolve(options.clone(), host);
        let mut address = settings.map_or_else(|_| Self::default(), |settings| Self::of(&settings, host));
        address.flags.retain(|(flag, _)| *flag != "--target");
        if options.target.is_none() && elsewhere.target.is_none() {
            // What the commands of sites take without a word, the others have to be told.
            address.site.push(("--target", "system".to_owned()));
        }
        if let Some(target) = options.target.filter(|target| elsewhere.target != Some(*target)) {
            address.flags.insert(0, ("--target", target.to_string()));
        }
        let directory = options.site_directory.as_ref();
        if let Some(directory) = directory.filter(|path| elsewhere.site_directory.as_ref() != Some(path)) {
            address
                .flags
                .push(("--site-directory", directory.display().to_string()));
        }
        address
    }

    /// The same, where what is shown is about the database `name` of a site, with this schema and its owner.
    pub(super) fn about_site(mut self, name: &Identifier, schema: &Identifier) -> Self {
        self.site.extend([
            ("--database", name.to_string()),
            ("--role", SiteSettings::owner(name).to_string()),
            ("--schema", schema.to_string()),
        ]);
        self
    }

    /// A text with every `pgvector-setup COMMAND` in it completed, but for flags that the text gives itself.
    pub(super) fn complete(&self, text: &str) -> String {
        let given = |flag: &str| text.split_whitespace().any(|word| word == flag);
        let typed = |flags: &[(&'static str, String)]| -> String {
            let flags = flags.iter().filter(|(flag, _)| !given(flag));
            flags
                .map(|(flag, value)| format!(" {}", unattended::typed(flag, value)))
                .collect()
        };
        let mut text = text.to_owned();
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            let of_site = if OF_SITES.contains(&name) {
                ""
            } else {
                &typed(&self.site)
            };
            let whole = format!("pgvector-setup{}{of_site} {name}", typed(&self.flags));
            text = text.replace(&format!("pgvector-setup {name}"), &whole);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_hint_are_completed_unless_they_name_it_themselves() {
        let address = Address {
            flags: vec![("--instance", "two".into()), ("--database", "a b".into())],
            site: Vec::new(),
        };
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
    fn a_command_about_a_sites_database_names_it_unless_it_is_about_sites() {
        let name = Identifier::new("gp").unwrap();
        let address = Address::default().about_site(&name, &name);
        assert_eq!(
            address.complete("pgvector-setup migrate down --to 2, pgvector-setup site list"),
            "pgvector-setup --database gp --role gp_migrator --schema gp migrate down --to 2, pgvector-setup site list"
        );
    }

    #[test]
    fn what_is_allowed_is_typed_without_a_value() {
        let address = Address {
            flags: vec![("--allow-plaintext", "true".into())],
            site: Vec::new(),
        };
        assert_eq!(
            address.complete("pgvector-setup env"),
            "pgvector-setup --allow-plaintext env"
        );
    }
}
