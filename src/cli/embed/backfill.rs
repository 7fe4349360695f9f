//! `embed backfill`: what it would cost, the question, and what came of it.

use clap::Args;

use super::{Text, agreed, share};
use crate::apply::interrupt;
use crate::cli::Ui;
use crate::cli::arguments::Consent;
use crate::embedding::backfill::{self, BackfillOptions, BackfillPlan, Backfilled};
use crate::embedding::model::{self, Claim};
use crate::embedding::{Embedder as _, EmbeddingError, OpenAi, OpenAiOptions, Subject};
use crate::error::{Exit, Result};
use crate::pipeline::Installation;

/// Characters of a key that a report repeats.
const LONGEST_KEY: usize = 80;

#[derive(Debug, Clone, Args)]
pub struct Backfill {
    #[command(flatten)]
    pub text: Text,
    /// Most rows that get a vector now
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Texts of one request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub batch: u32,
    /// Most requests a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: Option<u32>,
    /// What a million tokens cost, for the estimate
    #[arg(long, value_name = "AMOUNT")]
    pub price: Option<f64>,
    #[command(flatten)]
    pub consent: Consent,
}

pub(super) async fn run(installation: &Installation<'_>, arguments: Backfill, ui: &Ui) -> Result<Exit> {
    let settings = installation.settings;
    let mut options = OpenAiOptions::configured(installation.host, &settings.embedder)?;
    options.batch = arguments.batch as usize;
    options.requests_per_minute = arguments.requests_per_minute;
    let embedder = OpenAi::new(installation.host, options).map_err(EmbeddingError::from)?;
    let columns = arguments.text.columns()?;
    let mut session = installation.application().await?;
    let mut transaction = super::begin(&mut session.connection).await?;
    let subject = Subject::read(&mut transaction, &settings.table, &columns).await?;
    let adopted = arguments.text.adopt_model.as_deref();
    let claim = Claim {
        model: embedder.model(),
        dimensions: subject.dimensions,
        adopted,
    };
    model::check(&mut transaction, &settings.table, claim).await?;
    let plan = backfill::plan(&mut transaction, &subject, arguments.limit).await?;
    super::end(transaction).await?;
    ui.say(plan_text(&plan, &subject, embedder.model(), arguments.price));
    if plan.rows == 0 {
        ui.say("nothing to do");
        if ui.is_json() {
            ui.json(&serde_json::json!({ "schema": 1, "changed": false, "plan": plan, "result": null }));
        }
        return Ok(Exit::Done);
    }
    if !agreed(arguments.consent, ui).await? {
        return Ok(Exit::Refused);
    }
    super::prepare(installation, &mut session.connection).await?;
    let second = installation.application().await?;
    let backfill = backfill::Backfill {
        subject: &subject,
        embedder: &embedder,
        options: BackfillOptions {
            limit: arguments.limit,
            batch: arguments.batch,
            adopted,
        },
        progress: &|progress| ui.fills(&progress),
        is_stopped: &|| interrupt::requested().is_some(),
    };
    let outcome = backfill.run(&mut session.connection, second.connection).await;
    ui.fills_no_more();
    let outcome = outcome?;
    if ui.is_json() {
        ui.json(&report(&plan, &outcome, arguments.price));
    } else {
        ui.print(outcome_text(&outcome, arguments.price));
    }
    let stopped = interrupt::requested().filter(|_| outcome.is_interrupted);
    Ok(stopped.unwrap_or_else(|| ending(&outcome)))
}

/// Rows that could have a vector and have none are still to be done.
fn ending(outcome: &Backfilled) -> Exit {
    match outcome.changed == 0 && outcome.refused.is_empty() {
        true => Exit::Done,
        false => Exit::Resumable,
    }
}

fn plan_text(plan: &BackfillPlan, subject: &Subject, model: &str, price: Option<f64>) -> String {
    let texts: Vec<String> = subject.texts.iter().map(|text| text.quoted()).collect();
    let cost = price.map_or_else(String::new, |price| {
        format!(", about {} in all", cost(plan.estimated_tokens, price))
    });
    format!(
        "vectors of model {model} in {}, made of {}\n{} have a vector\n{} rows get one; {} have no text\nabout {} tokens{cost} (estimated: four characters each)",
        subject.described(),
        texts.join(", "),
        share(plan.coverage),
        plan.rows,
        plan.missing.empty,
        plan.estimated_tokens,
    )
}

fn outcome_text(outcome: &Backfilled, price: Option<f64>) -> String {
    let mut lines = vec![format!("{} rows got a vector", outcome.embedded)];
    if outcome.empty > 0 {
        lines.push(format!("{} rows have no text", outcome.empty));
    }
    if outcome.changed > 0 {
        lines.push(format!(
            "{} rows were changed meanwhile; the same command again gives them one",
            outcome.changed
        ));
    }
    for row in &outcome.refused {
        let key: String = row.key.chars().take(LONGEST_KEY).collect();
        lines.push(format!("refused: {key}: {}", row.reason));
    }
    if !outcome.refused.is_empty() {
        lines.push(format!(
            "{} rows were refused; once they are changed, the same command again gives them one",
            outcome.refused.len()
        ));
    }
    if let Some(tokens) = outcome.tokens {
        let cost = price.map_or_else(String::new, |price| format!(", {}", cost(tokens, price)));
        lines.push(format!("{tokens} tokens{cost}"));
    }
    lines.push(format!(
        "coverage: {} -> {}",
        share(outcome.before),
        share(outcome.after)
    ));
    if outcome.is_interrupted {
        lines.push("stopped; the same command again goes on".to_owned());
    }
    lines.join("\n")
}

fn report(plan: &BackfillPlan, outcome: &Backfilled, price: Option<f64>) -> serde_json::Value {
    let cost = |tokens: u64| price.map(|price| tokens as f64 / 1e6 * price);
    serde_json::json!({
        "schema": 1, "changed": outcome.embedded > 0, "plan": plan, "result": outcome,
        "coverage_before": outcome.before.share(), "coverage_after": outcome.after.share(),
        "estimated_cost": cost(plan.estimated_tokens), "cost": outcome.tokens.and_then(cost),
    })
}

/// In whatever the price is in, which is not known here.
fn cost(tokens: u64, price: f64) -> String {
    format!("{:.4}", tokens as f64 / 1e6 * price)
}
