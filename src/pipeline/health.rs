//! What `doctor` knows of one installation: its own database, and what is around it on the server and the machine.

use super::Installation;
use crate::database::versions::ServerVersions;
use crate::error::Result;
use crate::facts::apt::read_unchecked;
use crate::health::{self, DoctorOptions, HealthReport};
use crate::settings::Target;

/// A report with the versions that it was joined from.
#[derive(Debug)]
pub struct Examined {
    pub report: HealthReport,
    /// The package's version, and what every database of the server has; `None` where the others are none of our business.
    pub of_server: Option<(Option<String>, ServerVersions)>,
}

impl Installation<'_> {
    /// Looks at the database as the application's role, then around it. Changes nothing.
    ///
    /// # Errors
    /// [`crate::plan::Refusal`] where no server runs, and what the probes and the server say.
    pub async fn examine(&self, options: &DoctorOptions) -> Result<Examined> {
        let settings = self.settings;
        let mut session = self.application().await?;
        let mut report = health::doctor(&mut session.connection, &settings.table, options).await?;
        let of_server = match settings.target {
            Target::Url => None,
            Target::Embedded | Target::System | Target::Docker => Some(self.versions().await?),
        };
        if let Some((package, versions)) = &of_server {
            let upgrade = format!("pgvector-setup upgrade {}", options.flags);
            report.add_versions(package.clone(), versions, upgrade.trim_end());
        }
        if settings.target == Target::System {
            report.add_unchecked_sources(&read_unchecked(self.host));
        }
        Ok(Examined { report, of_server })
    }
}
