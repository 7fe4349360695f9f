//! `site` and `apply`: databases of sites on one server.

mod apply;
mod declared;
mod deploy;
mod health;
mod history;
mod known;
mod listing;
mod options;
mod remove;
mod report;

pub use options::{Apply, Site, SiteOptions};

use std::path::PathBuf;

use super::arguments::{Command, Doctor};
use super::options::Options;
use super::resolve;
use super::unattended;
use super::{Address, Ui};
use crate::error::{Exit, Result};
use crate::facts::Layout;
use crate::host::Host;
use crate::pipeline::{Installation, Sites};
use crate::plan::site::Wish;
use crate::plan::{Refusal, Step};
use crate::settings::{Settings, SiteSettings, Target};
use crate::site::ENVIRONMENT_DIRECTORY;

/// Options as they were given, and what they come to for the server.
struct Given<'a> {
    options: Options,
    server: Settings,
    host: &'a Host,
}

impl<'a> Given<'a> {
    /// `options` are layered.
    fn new(options: Options, host: &'a Host) -> Result<Self> {
        let server = declared::server(options.clone())?;
        refuse_without_root(host, &server)?;
        Ok(Self {
            options,
            server,
            host,
        })
    }

    fn sites(&self) -> Result<Sites<'_>> {
        let directory = self.options.site_directory.clone();
        Ok(Sites {
            server: Installation::new(self.host, &self.server)?,
            directory: directory.unwrap_or_else(|| PathBuf::from(ENVIRONMENT_DIRECTORY)),
        })
    }
}

pub(super) async fn run(options: Options, command: Site, host: &Host, ui: &Ui) -> Result<Exit> {
    let ui = &ui.speaking_to(Address::of_sites(&options, host));
    let options = resolve::layered(options, host)?;
    let given = Given::new(options, host)?;
    let sites = given.sites()?;
    match command {
        Site::Deploy { site, consent } => {
            let record = known::record(&sites, &site.domain.parse()?)?;
            let site = declared::site(&given.options, *site, record.as_ref())?;
            deploy::deploy(&sites, &site, &Wish::Deploy, consent, ui).await
        }
        Site::RotatePassword { known, consent } => {
            let site = known::site(&given, &sites, &known)?;
            deploy::deploy(&sites, &site, &Wish::Rotate, consent, ui).await
        }
        Site::Upgrade { known, consent } => {
            let site = known::site(&given, &sites, &known)?;
            let wish = Wish::Upgrade(deploy::upgrade_steps(&sites, &site).await?);
            deploy::deploy(&sites, &site, &wish, consent, ui).await
        }
        Site::List => listing::list(&given, &sites, ui),
        Site::Status(known) => {
            let site = known::site(&given, &sites, &known)?;
            listing::status(&sites, &site, ui).await
        }
        Site::History(known) => history::history(&sites, &known.domain.parse()?, ui),
        Site::Remove {
            known,
            consent,
            destroy_data,
            export,
        } => {
            let site = known::site_or_removed(&given, &sites, &known)?;
            remove::remove(&sites, &site, consent, destroy_data, export, ui).await
        }
    }
}

/// Whether a command is for sites as well as for a database that is none.
pub(super) fn may_be_meant(command: &Command) -> bool {
    match command {
        Command::Apply(_) | Command::Plan { sql: false, .. } => true,
        Command::Doctor(wanted) => wanted.sites || wanted.domain.is_some(),
        Command::Verify(wanted) => wanted.domain.is_some(),
        _ => false,
    }
}

/// `options` are layered here and below.
pub(super) async fn apply(options: Options, arguments: Apply, host: &Host, ui: &Ui) -> Result<Exit> {
    let ui = &ui.speaking_to(Address::of_sites(&options, host));
    let given = Given::new(options, host)?;
    apply::apply(&given, arguments, ui).await
}

/// What commands in a hint need. `site` is the domain and the name that a command was given.
pub(super) fn address(options: &Options, site: Option<(String, Option<String>)>, host: &Host) -> Address {
    let address = Address::of_sites(options, host);
    let database = |(domain, name): (String, Option<String>)| -> Result<_> {
        let server = declared::server(resolve::layered(options.clone(), host)?)?;
        let (server, directory) = (Installation::new(host, &server)?, PathBuf::new());
        let domain = domain.parse()?;
        let record = known::record(&Sites { server, directory }, &domain)?;
        if let Some(record) = record {
            return Ok((record.name, record.table.schema));
        }
        let name = SiteSettings::named(&domain, name)?;
        Ok((name.clone(), name))
    };
    match site.map(database) {
        Some(Ok((name, schema))) => address.about_site(&name, &schema),
        _ => address,
    }
}

/// What `apply` would do, for `plan` where sites are meant.
pub(super) async fn plan(options: Options, check: bool, host: &Host, ui: &Ui) -> Result<Exit> {
    let ui = &ui.speaking_to(Address::of_sites(&options, host));
    let given = Given::new(options, host)?;
    apply::plan(&given, check, ui).await
}

/// Sites are on the operating system's server where nothing else is said.
pub(super) fn default_target(options: &mut Options) {
    if !options.sites.is_empty() {
        options.target.get_or_insert(Target::System);
    }
}

/// Whether `apply` and `plan` are about sites: where some are declared, and where some were deployed and there is no database
/// of the settings' own.
///
/// # Errors
/// [`crate::settings::SettingsError`] for options that cannot be meant.
pub(super) fn are_meant(options: &Options, host: &Host) -> Result<bool> {
    Ok(!options.sites.is_empty() || (!has_own(options, host)? && are_deployed(options, host)?))
}

/// Whether `doctor` is about sites; where there are none it is about the settings' own database whatever was asked.
///
/// # Errors
/// As [`are_meant`].
pub(super) fn are_asked(wanted: &Doctor, options: &Options, host: &Host) -> Result<bool> {
    if wanted.domain.is_some() || !wanted.sites {
        return Ok(wanted.domain.is_some());
    }
    Ok(!options.sites.is_empty() || are_deployed(options, host)?)
}

/// Whether the settings name a database that is no site's, or `up` has made it.
fn has_own(options: &Options, host: &Host) -> Result<bool> {
    if options.database.is_some() || options.role.is_some() {
        return Ok(true);
    }
    let settings = resolve::settings(options.clone())?;
    let made = Installation::new(host, &settings)?.made()?;
    Ok(made
        .iter()
        .any(|made| matches!(made.step, Step::CreateDatabase { .. } | Step::Migrate { .. })))
}

fn are_deployed(options: &Options, host: &Host) -> Result<bool> {
    let settings = resolve::settings(options.clone())?;
    let layout = Layout::new(host.account(), host.environment(), &settings)?;
    let is_theirs = matches!(settings.target, Target::System | Target::Embedded);
    Ok(is_theirs && known::is_any(host, &layout))
}

/// Says that sites are here which an undo of the server leaves without it: their files are not the installation's.
pub(super) fn tell_of_those_left_behind(installation: &Installation<'_>, ui: &Ui) {
    if installation.settings.target != Target::Embedded {
        // A server of packages stays for as long as it has databases of others.
        return;
    }
    let host = installation.host;
    let domains = known::domains(host, &installation.layout);
    if let Some(first) = domains.first() {
        ui.say(format!(
            "note: sites were deployed in this directory, and their files stay: {}",
            domains.join(", ")
        ));
        // A plain user's are never where root's are by default.
        let has_known_place = host.is_root() || unattended::surroundings(host).site_directory.is_some();
        let place = if has_known_place {
            ""
        } else {
            " --site-directory DIR"
        };
        ui.say(ui.completed(&format!(
            "hint: before this, for each whose database is here: \
             pgvector-setup site remove --target embedded{place} --domain {first}"
        )));
    }
}

/// `doctor` of one site, or of all and of the settings' own database beside them.
pub(super) async fn doctor(mut options: Options, wanted: &Doctor, host: &Host, ui: &Ui) -> Result<Exit> {
    let ui = &ui.speaking_to(Address::of_sites(&options, host));
    let own = if wanted.domain.is_none() && has_own(&options, host)? {
        Some(resolve::settings(options.clone())?)
    } else {
        None
    };
    (options.database, options.role, options.role_password_file) = (None, None, None);
    let given = Given::new(options, host)?;
    health::doctor(&given, own.as_ref(), wanted, ui).await
}

/// `verify` of one site.
pub(super) async fn verify(options: Options, domain: &str, host: &Host, ui: &Ui) -> Result<Exit> {
    let ui = &ui.speaking_to(Address::of_sites(&options, host));
    let given = Given::new(options, host)?;
    let known = options::Known {
        domain: domain.to_owned(),
    };
    health::verify(&given, &known, ui).await
}

/// Files that belong to root and to services' groups, units, `postgres`' socket: none of it is a plain user's.
fn refuse_without_root(host: &Host, server: &Settings) -> Result<()> {
    if host.is_root() || server.target != Target::System {
        return Ok(());
    }
    Err(Refusal::Blocked {
        fact: "sites of the operating system's server are root's to deploy".into(),
        hint: "the same command with sudo, or a server of your own: --target embedded --site-directory DIR"
            .into(),
    }
    .into())
}
