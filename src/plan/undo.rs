//! Receipt x Facts -> what an undo does. Only what the receipt says we made, newest first; never data without consent.

mod database;
mod docker;
mod embedded;
mod kind;
mod system;
mod title;

pub use kind::Undo;

use super::{Refusal, Step};
use crate::apply::{Made, Outcome};
use crate::settings::{Settings, Target};

/// One entry of the receipt with what undoes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UndoStep {
    pub sequence: u32,
    pub undo: Undo,
}

/// What the undo has to know about the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// What holds data and would be lost: tables with rows in databases that we made, tables and columns that we added.
    pub held: Vec<String>,
    /// Other embedded instances, which use the same bundle and system user.
    pub other_instances: Vec<String>,
    /// Databases of the operating system's cluster that are not ours.
    pub other_databases: Vec<String>,
    /// Those of them that use the extension.
    pub extension_users: Vec<String>,
    /// The user's agreement to lose the data.
    pub destroy: bool,
}

/// What bears the name that has to be typed before data is destroyed.
pub fn data_name(made: &[Made], settings: &Settings) -> String {
    let made_database = made.iter().find_map(|entry| match &entry.step {
        Step::CreateDatabase { database, .. } => Some(database.to_string()),
        _ => None,
    });
    match settings.target {
        Target::Embedded | Target::Docker => settings.instance.to_string(),
        Target::System | Target::Url => made_database.unwrap_or_else(|| settings.database.to_string()),
    }
}

/// # Errors
/// [`Refusal::Blocked`] when a database that we made holds rows and no consent was given.
pub fn undo_plan(made: &[Made], data: &DataFacts, settings: &Settings) -> Result<Vec<UndoStep>, Refusal> {
    if !keeps_data_in_one_place(settings.target) && !data.destroy {
        refuse_to_lose(data, &data_name(made, settings), settings.target)?;
    }
    let all = All {
        made,
        target: settings.target,
        data,
    };
    let mut steps: Vec<UndoStep> = made
        .iter()
        .map(|entry| UndoStep {
            sequence: entry.sequence,
            undo: undo_of(entry, &all),
        })
        .collect();
    // However often it was started, it is stopped once.
    let stops = steps
        .iter_mut()
        .filter(|step| matches!(step.undo, Undo::StopCluster { .. }));
    for step in stops.skip(1) {
        step.undo = Undo::Nothing;
    }
    Ok(steps)
}

/// Whether the data of everything that we made is in one place, a cluster or a volume, which stays or goes as a whole.
fn keeps_data_in_one_place(target: Target) -> bool {
    matches!(target, Target::Embedded | Target::Docker)
}

fn refuse_to_lose(data: &DataFacts, name: &str, target: Target) -> Result<(), Refusal> {
    if data.held.is_empty() {
        return Ok(());
    }
    Err(Refusal::Blocked {
        fact: format!("what would be undone holds data: {}", data.held.join(", ")),
        hint: format!("to lose it: pgvector-setup rollback --target {target} --destroy-data {name}"),
    })
}

/// Everything that the undo of one entry depends on.
struct All<'a> {
    /// Newest first.
    made: &'a [Made],
    target: Target,
    data: &'a DataFacts,
}

impl All<'_> {
    fn keeps_data_in_one_place(&self) -> bool {
        keeps_data_in_one_place(self.target)
    }

    /// Whether that one place stays.
    fn keeps_data(&self) -> bool {
        self.keeps_data_in_one_place() && !self.data.destroy
    }

    /// Whether packages of ours are not removed, which then need their repository for updates.
    fn keeps_packages(&self) -> bool {
        self.made.iter().any(|entry| {
            matches!(entry.step, Step::InstallPackages { .. })
                && matches!(undo_of(entry, self), Undo::Keep { .. })
        })
    }

    fn others(&self) -> String {
        format!(
            "it holds other databases: {}",
            self.data.other_databases.join(", ")
        )
    }
}

/// By what a step changes; a new step has to be put somewhere here.
fn undo_of(entry: &Made, all: &All<'_>) -> Undo {
    match &entry.step {
        Step::Verify { .. }
        | Step::RebuildIndex { .. }
        | Step::DropIndexCopy { .. }
        | Step::RefreshPackageIndex { .. }
        // What a site has is taken back by `site remove`, which plans from what is there.
        | Step::Site(_)
        | Step::ConfigurePackages { .. }
        | Step::SettleJournal { .. }
        // They go with the installation that lists them.
        | Step::ReinstallPackages { .. } => Undo::Nothing,
        Step::CreateRole { .. }
        | Step::SetPassword { .. }
        | Step::GrantMembership { .. }
        | Step::CreateDatabase { .. }
        | Step::RestrictDatabase { .. }
        | Step::AllowLogin { .. }
        | Step::Listen { .. }
        | Step::CreateSchema { .. }
        | Step::Migrate { .. }
        | Step::UpgradeExtension { .. } => database::undo(entry, all),
        Step::CreateUser { .. }
        | Step::CreateDirectory { .. }
        | Step::FetchBundle { .. }
        | Step::UnpackBundle { .. }
        | Step::InitializeCluster { .. }
        | Step::StartCluster { .. }
        | Step::WriteCredentials { .. } => embedded::undo(entry, all),
        Step::AddRepository { .. }
        | Step::AddRpmRepository { .. }
        | Step::DisableModule { .. }
        | Step::InstallPackages { .. }
        | Step::UpgradePackage { .. }
        | Step::UnpackExtension { .. }
        | Step::SetParameters { .. }
        | Step::CreateSystemCluster { .. }
        | Step::StartService { .. } => system::undo(entry, all),
        Step::WriteProject { .. } | Step::PullImage { .. } | Step::StartProject { .. } => {
            docker::undo(entry, all)
        }
    }
}

/// What the catalog or a package manager called what a step made.
fn object(entry: &Made) -> Option<String> {
    match &entry.outcome {
        Some(Outcome::Changed { object }) => object.clone(),
        _ => None,
    }
}

/// What a step made, as a noun.
fn thing(step: &Step) -> String {
    match step {
        Step::CreateUser { name, .. } => format!("the system user {name}"),
        Step::FetchBundle { file, directory, .. } => directory.join(file).display().to_string(),
        Step::UnpackBundle { directory, .. } => directory.display().to_string(),
        Step::InstallPackages { packages, .. } => format!("{} packages", packages.len()),
        Step::UnpackExtension { directory, .. } => directory.display().to_string(),
        Step::SetParameters { parameters, .. } => {
            let names: Vec<&str> = parameters
                .iter()
                .map(|parameter| parameter.name.as_str())
                .collect();
            format!("the settings {}", names.join(" and "))
        }
        Step::AddRpmRepository { name, .. } => format!("the package repository {name}"),
        Step::DisableModule { module, .. } => format!("the module {module} switched off"),
        other => other.title(),
    }
}

#[cfg(test)]
mod tests;
