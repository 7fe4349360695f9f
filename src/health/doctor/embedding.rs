//! What embedding keeps beside the column: the model of its vectors, and what waits for one.

use serde::Deserialize;
use sqlx::PgConnection;

use super::attempt::{Observed, attempt};
use super::probe::decode;
use crate::database::DatabaseError;
use crate::database::migrate::{
    SETUP_SCHEMA, model_table, qualified_model_table, qualified_queue_table, queue_table,
};
use crate::database::sql::literal;
use crate::settings::VectorTable;

/// Nothing where nothing is recorded or watched, or this role may not see it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Embedding {
    pub model: Option<RecordedModel>,
    pub queue: Option<Queue>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RecordedModel {
    pub name: String,
    pub dimensions: u16,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Queue {
    pub waiting: u64,
    pub parked: u64,
    /// How long the oldest of those that wait has waited.
    pub oldest_seconds: Option<f64>,
}

pub async fn embedding(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Observed<Embedding>, DatabaseError> {
    let (model, queue) = (model_table(table), queue_table(table));
    let statement = format!(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = {} AND c.relname IN ({}, {}) AND c.relkind = 'r'
            AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')",
        literal(SETUP_SCHEMA),
        literal(model.as_str()),
        literal(queue.as_str())
    );
    let there = match attempt(connection, "look for model and queue", &statement).await? {
        Ok(there) => there,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut parts = Vec::new();
    if there.iter().any(|name| name == model.as_str()) {
        parts.push(format!(
            "'model', (SELECT json_build_object('name', name, 'dimensions', dimensions) FROM {})",
            qualified_model_table(table)
        ));
    }
    if there.iter().any(|name| name == queue.as_str()) {
        parts.push(format!(
            "'queue', (SELECT json_build_object('waiting', count(*) FILTER (WHERE NOT is_parked),
                'parked', count(*) FILTER (WHERE is_parked),
                'oldest_seconds', extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE NOT is_parked)))
               FROM {})",
            qualified_queue_table(table)
        ));
    }
    if parts.is_empty() {
        return Ok(Ok(Embedding::default()));
    }
    let statement = format!("SELECT json_build_object({})::text", parts.join(", "));
    let answers = attempt(connection, "read model and queue", &statement).await?;
    Ok(answers.and_then(|answers| decode(&answers)))
}
