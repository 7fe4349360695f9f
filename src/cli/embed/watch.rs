//! `embed watch`: the plan, the question, and what is done until it is stopped.

use clap::Args;

use super::{Text, agreed};
use crate::apply::{Server, interrupt};
use crate::cli::Ui;
use crate::cli::arguments::Consent;
use crate::database::connect;
use crate::database::migrate::{Watched, install_watch, queue_table, remove_watch};
use crate::embedding::model::{self, Claim};
use crate::embedding::watch::{self, Remark, WatchOptions, Worker};
use crate::embedding::{Embedder as _, EmbeddingError, OpenAi, OpenAiOptions, Subject};
use crate::error::{Exit, Explain as _, Result};
use crate::pipeline::Installation;

#[derive(Debug, Clone, Args)]
pub struct Watch {
    #[command(flatten)]
    pub text: Text,
    /// Make queue and triggers, and end
    #[arg(long, conflicts_with = "remove")]
    pub install_only: bool,
    /// Take queue and triggers away
    #[arg(long)]
    pub remove: bool,
    /// End when no row waits any more
    #[arg(long, conflicts_with_all = ["install_only", "remove"])]
    pub until_empty: bool,
    /// Texts of one request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub batch: u32,
    /// Most requests a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: Option<u32>,
    #[command(flatten)]
    pub consent: Consent,
}

pub(super) async fn run(installation: &Installation<'_>, arguments: Watch, ui: &Ui) -> Result<Exit> {
    if arguments.remove {
        return remove(installation, arguments.consent, ui).await;
    }
    let settings = installation.settings;
    let embedder = match arguments.install_only {
        true => None,
        false => Some(embedder(installation, &arguments)?),
    };
    let columns = arguments.text.columns()?;
    let server = installation.running_server().await?;
    let mut session = installation.application().await?;
    let subject = Subject::read(&mut session.connection, &settings.table, &columns).await?;
    let adopted = arguments.text.adopt_model.as_deref();
    if let Some(embedder) = &embedder {
        let claim = Claim {
            model: embedder.model(),
            dimensions: subject.dimensions,
            adopted,
        };
        model::check(&mut session.connection, &settings.table, claim).await?;
    }
    ui.say(plan_text(&subject, embedder.as_ref()));
    if !agreed(arguments.consent, ui).await? {
        return Ok(Exit::Refused);
    }
    super::prepare(installation, &mut session.connection).await?;
    drop(session);
    install(installation, &server, &subject).await?;
    let Some(embedder) = embedder else {
        report(
            ui,
            "the table is watched",
            &serde_json::json!({ "schema": 1, "watched": true }),
        );
        return Ok(Exit::Done);
    };
    let sessions = installation.sessions(2).await?;
    let options = WatchOptions {
        batch: arguments.batch,
        adopted,
        until_empty: arguments.until_empty,
        ..WatchOptions::default()
    };
    let worker = Worker {
        subject: &subject,
        embedder: &embedder,
        pool: &sessions.pool,
        options,
        remark: &|remark| ui.say(remark_text(&remark)),
    };
    let stop = async {
        interrupt::wait().await;
    };
    let watched = worker.run(stop).await?;
    report(
        ui,
        &format!(
            "{} rows got a vector, {} are parked",
            watched.embedded, watched.parked
        ),
        &serde_json::json!({ "schema": 1, "result": watched }),
    );
    Ok(interrupt::requested().unwrap_or(Exit::Done))
}

fn embedder(installation: &Installation<'_>, arguments: &Watch) -> Result<OpenAi> {
    let mut options = OpenAiOptions::configured(installation.host, &installation.settings.embedder)?;
    options.batch = arguments.batch as usize;
    options.requests_per_minute = arguments.requests_per_minute;
    Ok(OpenAi::new(installation.host, options).map_err(EmbeddingError::from)?)
}

async fn install(installation: &Installation<'_>, server: &Server, subject: &Subject) -> Result<()> {
    let settings = installation.settings;
    let database = settings.database.as_str();
    let mut administrator = connect(&server.endpoint, &server.administrator, database).await?;
    let watched = Watched {
        table: &subject.table,
        texts: &subject.texts,
        vector_type: &subject.vector_name,
    };
    Ok(install_watch(&mut administrator, watched, &settings.role).await?)
}

async fn remove(installation: &Installation<'_>, consent: Consent, ui: &Ui) -> Result<Exit> {
    let settings = installation.settings;
    let server = installation.running_server().await?;
    let mut session = installation.application().await?;
    let Some(status) = watch::status(&mut session.connection, &settings.table).await? else {
        report(
            ui,
            "nothing to remove",
            &serde_json::json!({ "schema": 1, "changed": false }),
        );
        return Ok(Exit::Done);
    };
    ui.say(format!(
        "remove the queue of {} and its triggers; {} rows wait and {} are parked",
        settings.table.qualified(),
        status.waiting,
        status.parked
    ));
    if !agreed(consent, ui).await? {
        return Ok(Exit::Refused);
    }
    let database = settings.database.as_str();
    let mut administrator = connect(&server.endpoint, &server.administrator, database).await?;
    remove_watch(&mut administrator, &settings.table).await?;
    report(
        ui,
        "the table is not watched any more",
        &serde_json::json!({ "schema": 1, "changed": true }),
    );
    Ok(Exit::Done)
}

fn report(ui: &Ui, text: &str, json: &serde_json::Value) {
    if ui.is_json() {
        ui.json(json);
    } else {
        ui.print(text);
    }
}

fn plan_text(subject: &Subject, embedder: Option<&OpenAi>) -> String {
    let texts: Vec<String> = subject.texts.iter().map(|text| text.quoted()).collect();
    let mut text = format!(
        "watch {} of {}: two triggers there, and the queue pgvector_setup.{}",
        texts.join(", "),
        subject.table.qualified(),
        queue_table(&subject.table).quoted()
    );
    if let Some(embedder) = embedder {
        text.push_str(&format!(
            "\nrows with text and without a vector in {}, and rows whose text changes, get one of model {}",
            subject.table.column.quoted(),
            embedder.model()
        ));
    }
    text
}

fn remark_text(remark: &Remark<'_>) -> String {
    match remark {
        Remark::Embedded(rows) => format!("{rows} rows got a vector"),
        Remark::Parked { key, reason } => format!("parked: {key}: {reason}"),
        Remark::Waits { error, pause } => {
            format!("waiting {} s: {error} [{}]", pause.as_secs(), error.code())
        }
    }
}
