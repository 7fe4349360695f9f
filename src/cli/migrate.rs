//! `migrate status | up | down | sql`.

use super::Ui;
use super::arguments::{Consent, Migrate};
use crate::database::connect;
use crate::database::migrate::{self, Applied, Descent, Export, MigrationState, MigrationStatus};
use crate::error::{Exit, Result};
use crate::pipeline::Installation;
use crate::settings::Identifier;

pub(super) async fn run(installation: &Installation<'_>, command: Migrate, ui: &Ui) -> Result<Exit> {
    let (settings, table) = (installation.settings, &installation.settings.table);
    if let Migrate::Sql = command {
        ui.print(migrate::sql(table)?);
        return Ok(Exit::Done);
    }
    if let Migrate::Up { create, waiting, .. } = &command {
        super::wait(installation, *waiting, ui).await?;
        if *create {
            return super::up::up(installation, Consent { yes: true }, ui).await;
        }
    }
    let server = installation.running_server().await?;
    let database = settings.database.as_str().to_owned();
    let mut connection = connect(&server.endpoint, &server.administrator, &database).await?;
    match command {
        Migrate::Sql => Ok(Exit::Done),
        Migrate::Status => {
            let history = migrate::read_history(&mut connection, table).await?;
            let facts = migrate::table_facts(&mut connection, table).await?;
            show(&migrate::pending(table, &history, &facts)?, ui);
            Ok(Exit::Done)
        }
        Migrate::Up { to, .. } => {
            let (_lock, _receipt) = installation.open("migrate up")?;
            let before = migrate::read_history(&mut connection, table).await?;
            let progress = |build| crate::apply::Progress::builds(ui, &build);
            let migrator = crate::apply::database::migrator(settings, &server, &progress);
            let migrated = migrator.up(&mut connection, to).await;
            // Each migration is a commit of its own: what came before one that failed stays.
            let after = migrate::read_history(&mut connection, table).await;
            let changed = after.is_ok_and(|after| after != before);
            if changed {
                ui.changes();
            }
            show_brought_up(&migrated?, changed, ui);
            Ok(Exit::Done)
        }
        Migrate::Down { to, destroy, export } => {
            let (_lock, _receipt) = installation.open("migrate down")?;
            let consent: Vec<Identifier> = destroy
                .into_iter()
                .map(Identifier::new)
                .collect::<Result<_, _>>()?;
            let export = export.as_deref().map(|path| Export {
                host: installation.host,
                path,
            });
            let descent = Descent {
                consent: &consent,
                export,
            };
            let migrator = crate::apply::database::migrator(settings, &server, &|_| {});
            show_taken_back(&migrator.down(&mut connection, to, &descent).await?, ui);
            Ok(Exit::Done)
        }
    }
}

fn show_taken_back(taken_back: &[Applied], ui: &Ui) {
    if ui.is_json() {
        let changed = !taken_back.is_empty();
        ui.json(&serde_json::json!({ "schema": 1, "changed": changed, "taken_back": taken_back }));
        return;
    }
    if taken_back.is_empty() {
        ui.say("nothing to take back");
        return;
    }
    let line = |applied: &Applied| {
        let what = if applied.made { "taken back" } else { "forgotten" };
        format!("{:>3}  {:<18} {what}", applied.version, applied.name)
    };
    let lines: Vec<String> = taken_back.iter().map(line).collect();
    ui.print(lines.join("\n"));
}

fn show_brought_up(statuses: &[MigrationStatus], changed: bool, ui: &Ui) {
    if ui.is_json() {
        ui.json(&serde_json::json!({ "schema": 1, "changed": changed, "migrations": statuses }));
    } else {
        show(statuses, ui);
    }
}

fn show(statuses: &[MigrationStatus], ui: &Ui) {
    if ui.is_json() {
        ui.json(&serde_json::json!({ "schema": 1, "migrations": statuses }));
        return;
    }
    let line = |status: &MigrationStatus| {
        let state = match &status.state {
            MigrationState::Applied => "applied".to_owned(),
            MigrationState::Adopted => "adopted".to_owned(),
            MigrationState::Pending { .. } => "pending".to_owned(),
            MigrationState::Skipped { reason } => format!("skipped: {reason}"),
            MigrationState::Deferred { reason } => format!("deferred: {reason}"),
        };
        format!(
            "{:>3}  {:<18} {:<22} {state}",
            status.version,
            status.name,
            status.applied_on.as_deref().unwrap_or("-")
        )
    };
    let lines: Vec<String> = statuses.iter().map(line).collect();
    ui.print(lines.join("\n"));
}
