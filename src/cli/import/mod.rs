//! `import chroma`: a Chroma directory or server into tables here.

mod inspect;
mod options;
mod plan;
mod report;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Subcommand;
pub use options::Chroma;

use super::Ui;
use super::options::Options;
use super::ui::visible;
use crate::database::index::BuildProgress;
use crate::database::migrate::Limits;
use crate::error::{Error, Exit, Result};
use crate::host::{Host, HostError};
use crate::import::{self, ImportError, Importer, Inventory, Job, Listener, Loaded, SharedSource, Standing};
use crate::pipeline::Installation;
use crate::settings::SettingsError;

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Chroma's persistent directory (0.4 to 1.5), or a running server or cloud by its URL
    Chroma(Box<Chroma>),
}

/// What the user named, as against what settings have by default: tables of collections have other defaults.
#[derive(Debug, Default)]
pub(super) struct Named {
    key: Option<String>,
    metric: Option<crate::settings::Metric>,
}

impl Named {
    /// # Errors
    /// As the settings' own.
    pub(super) fn of(options: &Options, host: &Host) -> Result<Self> {
        let Options { key, metric, .. } = super::resolve::layered(options.clone(), host)?;
        Ok(Self { key, metric })
    }
}

pub(super) async fn run(
    installation: &Installation<'_>,
    command: Import,
    named: Named,
    ui: &Ui,
) -> Result<Exit> {
    let Import::Chroma(chroma) = command;
    let began = Instant::now();
    let (source, inventory) = open(installation.host, &chroma).await?;
    if chroma.inspect {
        inspect::show(&inventory, ui);
        return Ok(Exit::Done);
    }
    let (jobs, passed_over) = plan::jobs(installation, &chroma, named, &inventory)?;
    for passed_over in &passed_over {
        ui.say(format!(
            "passed over: {}: {}",
            passed_over.collection, passed_over.reason
        ));
    }
    if jobs.is_empty() {
        ui.say("there is nothing to import");
        report::show(&inventory, &[], &passed_over, began.elapsed(), ui);
        return Ok(Exit::Done);
    }
    let server = installation.running_server().await?;
    let importer = Importer {
        host: installation.host,
        endpoint: &server.endpoint,
        login: &server.administrator,
        database: installation.settings.database.as_str(),
        owner: &installation.settings.role,
        limits: Limits {
            budget: server.budget,
            ..Limits::default()
        },
        listener: &Told(ui),
    };
    let standings = importer.standings(&jobs).await.map_err(Error::from)?;
    plan::refuse_without_room(installation, &jobs, &standings)?;
    if !agrees(&chroma, &inventory, &jobs, &standings, ui).await? {
        ui.say("nothing was changed");
        return Ok(Exit::Refused);
    }
    // Makes the directory that reject files lie in. The lock is not kept: an import may take hours, and has one of its own.
    installation.open("import chroma")?;
    let mut imported = Vec::new();
    for job in &jobs {
        let one = importer.run(&source, job).await;
        super::bar::clear();
        let one = match one {
            Ok(one) => one,
            Err(error) if imported.is_empty() => return Err(error.into()),
            Err(error) => {
                let error = Box::new(error);
                return Err(ImportError::Later { imported, error }.into());
            }
        };
        if !ui.is_json() {
            ui.print(visible(&report::text(&one, job, installation)));
        }
        imported.push(one);
    }
    report::show(&inventory, &imported, &passed_over, began.elapsed(), ui);
    let is_proven = imported.iter().all(|one| one.proof.proven);
    Ok(if is_proven { Exit::Done } else { Exit::Mismatch })
}

/// Sources block, so they are opened and asked on a thread of their own.
async fn open(host: &Host, chroma: &Chroma) -> Result<(SharedSource, Inventory)> {
    let (host, word) = (host.clone(), chroma.from.clone());
    let options = chroma.server_options(&host)?;
    let opened = tokio::task::spawn_blocking(move || {
        let source = import::open(&host, &word, options)?;
        let source: SharedSource = Arc::new(Mutex::new(source));
        let inventory = source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .inventory()?;
        Ok::<_, ImportError>((source, inventory))
    });
    Ok(opened.await.map_err(|_| ImportError::Reader)??)
}

/// Shows what would be done, and asks where nothing was agreed to yet.
async fn agrees(
    chroma: &Chroma,
    inventory: &Inventory,
    jobs: &[Job],
    standings: &[Standing],
    ui: &Ui,
) -> Result<bool> {
    ui.say(plan::text(inventory, jobs, standings));
    let writes_nothing = standings.iter().all(|standing| *standing == Standing::Complete);
    if chroma.verify_only || chroma.consent.yes || writes_nothing {
        return Ok(true);
    }
    if !ui.can_ask() {
        return Err(SettingsError::Consent { flag: "--yes".into() }.into());
    }
    Ok(super::prompt::confirm("Go on?").await?)
}

struct Told<'a>(&'a Ui);

impl Listener for Told<'_> {
    fn begins(&self, what: &str) {
        self.0.begins_part("import", what);
    }

    fn loaded(&self, loaded: Loaded) {
        self.0.loads(loaded);
    }

    fn builds(&self, progress: &BuildProgress) {
        use crate::apply::Progress as _;
        self.0.builds(progress);
    }
}

/// An absolute path, because files are made relative to their opened directory.
fn absolute(path: &std::path::Path) -> Result<std::path::PathBuf> {
    Ok(std::path::absolute(path).map_err(|source| HostError::io("find", path, source))?)
}
