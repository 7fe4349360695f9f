//! Where the files of a site are. Pure.

use std::path::{Path, PathBuf};

use crate::facts::Layout;
use crate::settings::{SiteSettings, UnitName};

/// What services read is kept apart from our records, which they may not.
pub const ENVIRONMENT_DIRECTORY: &str = "/etc/pgvector-setup/sites";

/// Where the units of an administrator are, and what is added to them (systemd.unit(5), "Unit File Load Path").
const UNITS: &str = "/etc/systemd/system";

/// What was declared of a site, beside its receipt; a site that was removed has none.
pub const RECORD: &str = "site.json";

/// The files of one site.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Places {
    /// `DOMAIN.env`, or `DOMAIN.credential`: what the service reads.
    pub environment: PathBuf,
    /// The one before it, until the service is well on the new one. Empty where there was none.
    pub previous: PathBuf,
    /// The drop-in before, likewise.
    pub previous_drop_in: PathBuf,
    /// A password that was made and is not yet in `environment`.
    pub prepared: PathBuf,
    /// What was declared.
    pub record: PathBuf,
    /// What adds `environment` to the unit.
    pub drop_in: PathBuf,
}

impl Places {
    /// `directory` is where `DOMAIN.env` goes.
    pub fn new(layout: &Layout, directory: &Path, site: &SiteSettings) -> Self {
        let kind = if site.credentials { "credential" } else { "env" };
        Self {
            environment: directory.join(format!("{}.{kind}", site.domain)),
            previous: layout.instance.join("previous"),
            previous_drop_in: layout.instance.join("previous.drop-in"),
            prepared: layout.instance.join("prepared"),
            record: layout.instance.join(RECORD),
            drop_in: Self::drop_in_of(&site.unit()),
        }
    }

    /// What adds a file of ours to a unit.
    pub fn drop_in_of(unit: &UnitName) -> PathBuf {
        Path::new(UNITS)
            .join(format!("{unit}.d"))
            .join("50-pgvector-setup.conf")
    }

    /// The site whose file is at `path`, where that is another one's.
    pub fn other_site(site: &SiteSettings, path: &Path) -> Option<String> {
        let name = path.file_name()?.to_str()?;
        let domain = name
            .strip_suffix(".env")
            .or_else(|| name.strip_suffix(".credential"))?;
        (domain != site.domain.as_str()).then(|| domain.to_owned())
    }
}

impl Layout {
    /// The files of the sites' own records: `sites/DOMAIN` beside everything else.
    pub fn of_site(&self, site: &crate::settings::Domain) -> Self {
        let instance = self.root.join("sites").join(site.as_str());
        Self {
            receipt: instance.join("receipt.jsonl"),
            credentials: instance.join("prepared"),
            lock: instance.join("lock"),
            instance,
            ..self.clone()
        }
    }
}
