//! `render systemd` and its options.

use std::path::Path;

use clap::Args;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::systemd::{SERVICE, SystemdUnits, TIMER, UnitPath, units};
use crate::settings::{Settings, SettingsError};

/// Where root's own units are (systemd.unit(5), "Unit File Load Path").
const UNITS: &str = "/etc/systemd/system";

/// What the units say of the machine that they are for. `--config` names the settings file that they read.
#[derive(Debug, Clone, Args)]
pub struct Systemd {
    #[command(flatten)]
    pub written: Written,
    /// Path of this program on that machine
    #[arg(long, value_name = "FILE", default_value = SystemdUnits::DEFAULT_BINARY, help_heading = "systemd")]
    pub binary: String,
    /// Directory of node_exporter's textfile collector
    #[arg(long, value_name = "DIR", default_value = SystemdUnits::DEFAULT_TEXTFILES, help_heading = "systemd")]
    pub textfiles: String,
    /// Minutes between two looks at the health
    #[arg(long, value_name = "MINUTES", default_value_t = SystemdUnits::DEFAULT_EVERY, help_heading = "systemd",
        value_parser = clap::value_parser!(u16).range(1..=i64::from(SystemdUnits::LONGEST_EVERY)))]
    pub every: u16,
    /// Measure recall on the real table at every look
    #[arg(long, help_heading = "systemd")]
    pub recall: bool,
}

pub(super) fn run(
    host: &Host,
    settings: &Settings,
    config: Option<&Path>,
    wanted: &Systemd,
    ui: &Ui,
) -> Result<Exit> {
    let rendering = units(settings, &wanted.units(config)?)?;
    files::output(host, &rendering, &wanted.written, ui, next)
}

/// What is to be typed, one line each.
fn next(directory: &Path) -> Vec<String> {
    let copy = (directory != Path::new(UNITS)).then(|| {
        let directory = quote_word(&directory.display().to_string());
        format!("sudo cp {directory}/pgvector-setup*.service {directory}/{TIMER} {UNITS}/")
    });
    let mut lines: Vec<String> = copy.into_iter().collect();
    lines.push("sudo systemctl daemon-reload".to_owned());
    lines.push(format!("sudo systemctl enable --now {SERVICE} {TIMER}"));
    lines
}

impl Systemd {
    /// # Errors
    /// [`SettingsError::Range`] for a path that cannot stand in a unit.
    fn units(&self, config: Option<&Path>) -> Result<SystemdUnits, SettingsError> {
        let config = config.map(|path| path.display().to_string());
        let config = config.as_deref().unwrap_or(SystemdUnits::DEFAULT_CONFIG);
        Ok(SystemdUnits {
            binary: UnitPath::parse("--binary", &self.binary)?,
            config: UnitPath::parse("--config", config)?,
            textfiles: UnitPath::parse("--textfiles", &self.textfiles)?,
            every: self.every,
            recall: self.recall,
        })
    }
}
