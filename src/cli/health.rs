//! `verify` and `doctor`.

use super::Ui;
use crate::error::{Exit, Result};
use crate::facts::apt::read_unchecked;
use crate::health::{self, DoctorOptions, Verification, VerifyOptions};
use crate::pipeline::Installation;
use crate::settings::Target;

pub(super) async fn verify(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let (mut connection, version) = installation.application().await?;
    let parallel_build = version.is_some_and(health::advisories::Version::parallel_build_is_safe);
    let options = VerifyOptions {
        parallel_build,
        ..VerifyOptions::default()
    };
    let verification = health::verify(&mut connection, &installation.settings.table, &options).await?;
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

pub(super) async fn doctor(installation: &Installation<'_>, recall: bool, ui: &Ui) -> Result<Exit> {
    let settings = installation.settings;
    let (mut connection, _) = installation.application().await?;
    let options = DoctorOptions {
        recall,
        flags: super::unattended::options(settings, installation.host),
        ..DoctorOptions::default()
    };
    let mut report = health::doctor(&mut connection, &settings.table, &options).await?;
    // The other databases of a server elsewhere are none of our business.
    let of_server = match settings.target {
        Target::Url => None,
        Target::Embedded | Target::System | Target::Docker => Some(installation.versions().await?),
    };
    if let Some((package, versions)) = &of_server {
        report.add_versions(package.clone(), versions, &fix("upgrade", &options.flags));
    }
    if settings.target == Target::System {
        report.add_unchecked_sources(&read_unchecked(installation.host));
    }
    if ui.is_json() {
        ui.json(&report);
    } else {
        let versions = of_server.map(|(package, versions)| {
            format!("{}\n", health::versions::table(package.as_deref(), &versions))
        });
        ui.print(format!(
            "{}{}",
            versions.unwrap_or_default(),
            health::report::doctor(&report)
        ));
    }
    Ok(if report.healthy {
        Exit::Done
    } else {
        Exit::Unhealthy
    })
}

/// A command of this program for the same installation.
fn fix(command: &str, flags: &str) -> String {
    format!("pgvector-setup {command} {flags}").trim_end().to_owned()
}

pub(super) fn verification_text(verification: &Verification) -> String {
    health::report::verify(verification)
}
