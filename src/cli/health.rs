//! `verify` and `doctor`.

use std::path::Path;
use std::time::{Instant, SystemTime};

use sqlx::PgConnection;

use super::Ui;
use super::arguments::{Doctor, DoctorFormat};
use crate::error::{Exit, Result};
use crate::health::advisories::Version;
use crate::health::metrics::{self, Reading};
use crate::health::{self, DoctorOptions, HealthReport, Verification, VerifyOptions};
use crate::host::{FileMode, Host, HostError};
use crate::pipeline::{Examined, Installation};
use crate::settings::{SettingsError, VectorTable};

pub(super) async fn verify(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let mut session = installation.application().await?;
    let (version, table) = (session.version, &installation.settings.table);
    measure(&mut session.connection, version, table, ui).await
}

/// In a session of the application's; `version` is the extension's there.
pub(super) async fn measure(
    connection: &mut PgConnection,
    version: Option<Version>,
    table: &VectorTable,
    ui: &Ui,
) -> Result<Exit> {
    let options = VerifyOptions {
        parallel_build: version.is_some_and(Version::parallel_build_is_safe),
        ..VerifyOptions::default()
    };
    let verification = health::verify(connection, table, &options).await?;
    if ui.is_json() {
        ui.json(&verification);
    } else {
        ui.print(verification_text(&verification));
    }
    Ok(if verification.passed {
        Exit::Done
    } else {
        Exit::Unhealthy
    })
}

pub(super) async fn doctor(installation: &Installation<'_>, wanted: Doctor, ui: &Ui) -> Result<Exit> {
    refuse_output(&wanted)?;
    match wanted.format {
        DoctorFormat::Prometheus => metrics(installation, &wanted, ui).await,
        DoctorFormat::Text => report(&examine(installation, &wanted, ui).await?, ui),
    }
}

/// # Errors
/// [`SettingsError::Conflict`] for a file that is asked for text.
pub(super) fn refuse_output(wanted: &Doctor) -> Result<(), SettingsError> {
    match (wanted.format, &wanted.output) {
        (DoctorFormat::Text, Some(_)) => Err(SettingsError::Conflict {
            first: "--format text".into(),
            second: "--output".into(),
            reason: "a file is written of metrics alone: --format prometheus",
        }),
        _ => Ok(()),
    }
}

async fn examine(installation: &Installation<'_>, wanted: &Doctor, ui: &Ui) -> Result<Examined> {
    super::wait(installation, wanted.waiting, ui).await?;
    let settings = installation.settings;
    let options = DoctorOptions {
        recall: wanted.recall,
        flags: super::unattended::options(settings, installation.host),
        model: settings.embedder.model.clone(),
        ..DoctorOptions::default()
    };
    installation.examine(&options).await
}

fn report(examined: &Examined, ui: &Ui) -> Result<Exit> {
    let Examined { report, of_server } = examined;
    if ui.is_json() {
        ui.json(report);
    } else {
        let versions = of_server.as_ref().map(|(package, versions)| {
            format!("{}\n", health::versions::table(package.as_deref(), versions))
        });
        ui.print(format!(
            "{}{}",
            versions.unwrap_or_default(),
            health::report::doctor(report)
        ));
    }
    Ok(exit(report))
}

/// A server that cannot be asked is a measurement, too: it is written before the error is told.
async fn metrics(installation: &Installation<'_>, wanted: &Doctor, ui: &Ui) -> Result<Exit> {
    let started = Instant::now();
    let examined = examine(installation, wanted, ui).await;
    let unavailable = HealthReport::unavailable("");
    let text = metrics::text(&[Reading {
        site: None,
        settings: installation.settings,
        report: examined
            .as_ref()
            .map_or(&unavailable, |examined| &examined.report),
        duration: started.elapsed(),
        taken: SystemTime::now(),
    }]);
    put(installation.host, wanted, &text, ui)?;
    examined.map(|examined| exit(&examined.report))
}

/// Prints the metrics, or writes them where it was asked for.
pub(super) fn put(host: &Host, wanted: &Doctor, text: &str, ui: &Ui) -> Result<()> {
    match &wanted.output {
        Some(file) => write(host, file, text, ui),
        None => {
            ui.print(text);
            Ok(())
        }
    }
}

/// Readable for node_exporter, which is another user.
const METRICS_MODE: FileMode = 0o644;

fn write(host: &Host, file: &Path, text: &str, ui: &Ui) -> Result<()> {
    let file = std::path::absolute(file).map_err(|error| HostError::io("write", file, error))?;
    if file.extension().is_none_or(|extension| extension != "prom") {
        ui.say("note: node_exporter reads no files but those whose names end in .prom");
    }
    if let Some((directory, name)) = file.parent().zip(file.file_name()) {
        host.clear_partials(directory, name.to_str());
    }
    Ok(host.write_file(&file, text.as_bytes(), METRICS_MODE, None)?)
}

fn exit(report: &HealthReport) -> Exit {
    if report.healthy {
        Exit::Done
    } else {
        Exit::Unhealthy
    }
}

pub(super) fn verification_text(verification: &Verification) -> String {
    health::report::verify(verification)
}
