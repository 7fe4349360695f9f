//! The model that the vectors are recorded to be of, and the rows that wait for a vector.

use super::Case;
use crate::health::doctor::{Embedding, Queue};
use crate::health::{Finding, Severity};

/// A row that has waited longer is not being worked on.
const LONGEST_WAIT: f64 = 3600.0;

/// Nothing where nothing is recorded or watched.
pub fn check(case: &Case<'_>) -> Vec<Finding> {
    match &case.seen.embedding {
        None => Vec::new(),
        Some(Err(failure)) => vec![Finding::new(
            "model",
            Severity::Low,
            "the model's record cannot be read",
            failure.to_string(),
        )],
        Some(Ok(embedding)) => model(case, embedding)
            .into_iter()
            .chain(embedding.queue.as_ref().map(|seen| queue(case, seen)))
            .collect(),
    }
}

fn model(case: &Case<'_>, embedding: &Embedding) -> Option<Finding> {
    let model = embedding.model.as_ref()?;
    let held = case
        .seen
        .catalog
        .column
        .as_ref()
        .and_then(|column| column.dimensions);
    let evidence = format!("{}, {} dimensions", model.name, model.dimensions);
    if held.is_some_and(|held| held != model.dimensions) {
        return Some(Finding::new(
            "model",
            Severity::High,
            "the column has other dimensions than its model",
            format!("{evidence}; the column: {}", held.unwrap_or_default()),
        ));
    }
    Some(match &case.options.model {
        Some(named) if *named != model.name => Finding::new(
            "model",
            Severity::High,
            "the settings name another model than the vectors are of, so searches by text are refused",
            format!("{evidence}; the settings: {named}"),
        )
        .fix(case.command(&format!("embed status --embedder-model {}", model.name))),
        _ => Finding::new("model", Severity::Ok, "the vectors' model is recorded", evidence),
    })
}

fn queue(case: &Case<'_>, queue: &Queue) -> Finding {
    let oldest = queue.oldest_seconds.unwrap_or_default();
    let evidence = format!(
        "{} rows wait, the oldest for {oldest:.0} s; {} are parked",
        queue.waiting, queue.parked
    );
    if queue.parked > 0 {
        return Finding::new(
            "queue",
            Severity::Medium,
            "the service refuses the text of some rows, so no search finds them",
            evidence,
        )
        .fix(case.command("embed status"));
    }
    if oldest > LONGEST_WAIT {
        return Finding::new(
            "queue",
            Severity::Medium,
            "rows wait for a vector, and nobody works on them",
            evidence,
        )
        .fix(case.command("embed watch"));
    }
    Finding::new("queue", Severity::Ok, "the queue of rows is worked on", evidence)
}
