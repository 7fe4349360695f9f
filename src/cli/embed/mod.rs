//! `embed backfill`, `embed watch` and `embed status`: every row gets its vector.

mod backfill;
mod status;
mod watch;

use clap::{Args, Subcommand};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use super::arguments::Consent;
use super::{Ui, prompt};
use crate::database::migrate::prepare_model_record;
use crate::database::{DatabaseError, connect};
use crate::embedding::{Coverage, model};
use crate::error::{Exit, Result};
use crate::pipeline::Installation;
use crate::settings::{Identifier, SettingsError};

pub use backfill::Backfill;
pub use watch::Watch;

#[derive(Debug, Subcommand)]
pub enum Embed {
    /// Give every row without a vector one
    Backfill(Backfill),
    /// Keep new and changed rows embedded, until it is stopped; any number of these may run at once
    Watch(Watch),
    /// Say how many rows have a vector, of which model, and what waits
    Status,
}

/// What vectors are made of.
#[derive(Debug, Clone, Args)]
pub struct Text {
    /// Column with the text; several are joined by a blank line (can be repeated) [default: document]
    #[arg(long, value_name = "COLUMN")]
    pub text: Vec<String>,
    /// Say that the vectors which are there already, from an import for example, are of this model
    #[arg(long, value_name = "NAME")]
    pub adopt_model: Option<String>,
}

impl Text {
    fn columns(&self) -> Result<Vec<Identifier>, SettingsError> {
        self.text.iter().map(Identifier::new).collect()
    }
}

pub(super) async fn run(installation: &Installation<'_>, command: Embed, ui: &Ui) -> Result<Exit> {
    match command {
        Embed::Backfill(arguments) => backfill::run(installation, arguments, ui).await,
        Embed::Watch(arguments) => watch::run(installation, arguments, ui).await,
        Embed::Status => status::run(installation, ui).await,
    }
}

/// Makes the record of the model, where the column was migrated before there was one.
async fn prepare(installation: &Installation<'_>, connection: &mut PgConnection) -> Result<()> {
    let settings = installation.settings;
    let mut transaction = begin(connection).await?;
    let is_recordable = model::is_recordable(&mut transaction, &settings.table).await?;
    end(transaction).await?;
    if is_recordable {
        return Ok(());
    }
    let server = installation.running_server().await?;
    let database = settings.database.as_str();
    let mut administrator = connect(&server.endpoint, &server.administrator, database).await?;
    prepare_model_record(&mut administrator, &settings.table, &settings.role).await?;
    Ok(())
}

/// What is asked has a transaction around it: a pooler may give each message outside of one to another process of the server.
async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, DatabaseError> {
    connection
        .begin()
        .await
        .map_err(DatabaseError::statement("begin a transaction"))
}

async fn end(transaction: Transaction<'_, Postgres>) -> Result<(), DatabaseError> {
    transaction
        .rollback()
        .await
        .map_err(DatabaseError::statement("end a transaction"))
}

async fn agreed(consent: Consent, ui: &Ui) -> Result<bool> {
    if consent.yes {
        return Ok(true);
    }
    if !ui.can_ask() {
        return Err(SettingsError::Consent { flag: "--yes".into() }.into());
    }
    let agreed = prompt::confirm("Go on?").await?;
    if !agreed {
        ui.say("nothing was changed");
    }
    Ok(agreed)
}

/// `36 of 94 rows (38.3 %)`
fn share(coverage: Coverage) -> String {
    format!(
        "{} of {} rows ({:.1} %)",
        coverage.embedded,
        coverage.total,
        coverage.share()
    )
}
