//! `embed status`: coverage, model and queue.

use crate::cli::{Address, Ui};
use crate::embedding::watch::{self, QueueStatus};
use crate::embedding::{Coverage, Model, coverage, model};
use crate::error::{Exit, Result};
use crate::pipeline::Installation;

pub(super) async fn run(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let table = &installation.settings.table;
    let mut session = installation.application().await?;
    let mut transaction = super::begin(&mut session.connection).await?;
    let coverage = coverage(&mut transaction, table).await?;
    let model = model::recorded(&mut transaction, table).await?;
    let queue = watch::status(&mut transaction, table).await?;
    super::end(transaction).await?;
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "coverage": coverage, "coverage_share": coverage.share(), "model": model, "queue": queue,
        }));
    } else {
        let text = text(coverage, model.as_ref(), queue.as_ref());
        ui.print(Address::of(installation.settings, installation.host).complete(&text));
    }
    Ok(Exit::Done)
}

fn text(coverage: Coverage, model: Option<&Model>, queue: Option<&QueueStatus>) -> String {
    let model = model.map_or_else(
        || "not recorded".to_owned(),
        |model| {
            format!(
                "{} since {} ({} dimensions)",
                model.name, model.recorded_at, model.dimensions
            )
        },
    );
    let mut lines = vec![
        format!("coverage   {}", super::share(coverage)),
        format!("model      {model}"),
    ];
    match queue {
        None => lines.push("queue      none; pgvector-setup embed watch makes one".to_owned()),
        Some(queue) => {
            let oldest = queue
                .oldest_seconds
                .map_or_else(String::new, |seconds| format!(", the oldest for {seconds:.0} s"));
            lines.push(format!(
                "queue      {} rows wait{oldest}; {} are parked",
                queue.waiting, queue.parked
            ));
            lines.extend(
                queue
                    .reasons
                    .iter()
                    .map(|row| format!("parked     {}: {}", row.key, row.reason)),
            );
        }
    }
    lines.join("\n")
}
