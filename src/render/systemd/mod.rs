//! Units for systemd: the database is provisioned at boot, and its health is measured every few minutes.

mod path;

use std::path::PathBuf;

use minijinja::Value;

use super::quadlet::quoted;
use super::{RenderedFile, Rendering, seal, template};
use crate::plan::Refusal;
use crate::settings::{Settings, Target};

pub use path::UnitPath;

/// What is to be enabled for the provisioning.
pub const SERVICE: &str = "pgvector-setup.service";
const DOCTOR: &str = "pgvector-setup-doctor.service";
/// What is to be enabled for the doctor.
pub const TIMER: &str = "pgvector-setup-doctor.timer";

/// The file in the directory of the textfile collector.
const METRICS: &str = "pgvector-setup.prom";

/// What the units say of the machine that they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemdUnits {
    pub binary: UnitPath,
    /// The settings file that both services read.
    pub config: UnitPath,
    /// Where node_exporter's textfile collector looks.
    pub textfiles: UnitPath,
    /// Minutes between two looks at the health.
    pub every: u16,
    /// Measure recall at every look.
    pub recall: bool,
}

impl SystemdUnits {
    pub const DEFAULT_BINARY: &str = "/usr/local/bin/pgvector-setup";
    pub const DEFAULT_CONFIG: &str = "/etc/pgvector-setup/pgvector-setup.toml";
    /// Of Debian's package `prometheus-node-exporter`.
    pub const DEFAULT_TEXTFILES: &str = "/var/lib/prometheus/node-exporter";
    pub const DEFAULT_EVERY: u16 = 5;
    /// A day: an older measurement says nothing.
    pub const LONGEST_EVERY: u16 = 24 * 60;
}

/// The service that provisions, and the doctor's service with its timer.
///
/// # Errors
/// [`Refusal`] for a template that cannot be filled: a defect of this program.
pub fn units(settings: &Settings, units: &SystemdUnits) -> Result<Rendering, Refusal> {
    let values = values(settings, units);
    let templates = [
        (
            SERVICE,
            include_str!("../../../templates/systemd/pgvector-setup.service"),
        ),
        (
            DOCTOR,
            include_str!("../../../templates/systemd/pgvector-setup-doctor.service"),
        ),
        (
            TIMER,
            include_str!("../../../templates/systemd/pgvector-setup-doctor.timer"),
        ),
    ];
    let file = |(name, template): (&str, &str)| {
        let body = template::fill(template, values.clone(), quoted)?;
        Ok(RenderedFile {
            path: PathBuf::from(name),
            mode: 0o644,
            content: seal::sealed_for_all(&body),
        })
    };
    Ok(Rendering {
        files: templates.into_iter().map(file).collect::<Result<_, Refusal>>()?,
        notes: vec![format!(
            "the doctor's limits are for target {}; where {} is to name another, give it here, too",
            settings.target, units.config
        )],
        ..Rendering::default()
    })
}

fn values(settings: &Settings, units: &SystemdUnits) -> Value {
    minijinja::context! {
        binary => units.binary.as_str(),
        config => units.config.as_str(),
        directory => units.textfiles.as_str(),
        metrics => format!("{}/{METRICS}", units.textfiles),
        every => units.every,
        // A tenth of the time between two looks.
        delay => u32::from(units.every) * 6,
        recall => units.recall,
        // Sites are on servers of this machine, and may come after these units.
        sites => matches!(settings.target, Target::Embedded | Target::System),
        is_elsewhere => is_elsewhere(settings),
        capabilities => capabilities(settings.target),
        target => settings.target.to_string(),
        is_owner => settings.target == Target::System,
    }
}

/// Whether the server may be on another machine.
fn is_elsewhere(settings: &Settings) -> bool {
    match settings.target {
        Target::Url => true,
        Target::Docker => !settings.containers.published_on().is_loopback(),
        Target::Embedded | Target::System => false,
    }
}

/// What the doctor needs of root's powers. Which process is which server it then learns from the servers alone.
fn capabilities(target: Target) -> &'static str {
    match target {
        // To be the server's owner for a connection.
        Target::System => "CAP_SETUID",
        // Its socket and its files are for its own user alone.
        Target::Embedded => "CAP_DAC_OVERRIDE",
        Target::Docker | Target::Url => "",
    }
}

#[cfg(test)]
mod tests;
