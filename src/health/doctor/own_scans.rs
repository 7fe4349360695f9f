//! How often this very transaction has scanned each index: a search that is only a trial counts as one in the statistics,
//! and an index that nobody else uses would look used.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::attempt::{Observed, attempt};
use super::probe::decode;
use crate::database::DatabaseError;
use crate::database::sql::literal;
use crate::settings::VectorTable;

/// Scans by the name of the index.
pub type OwnScans = BTreeMap<String, u64>;

/// # Errors
/// The outer error is a lost connection, the inner one the server's refusal.
pub async fn own_scans(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Observed<OwnScans>, DatabaseError> {
    let statement = format!(
        "SELECT coalesce(json_object_agg(ic.relname, pg_stat_get_xact_numscans(ic.oid)), '{{}}')::text
         FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
             JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = {} AND c.relname = {}",
        literal(table.schema.as_str()),
        literal(table.table.as_str())
    );
    let answers = attempt(connection, "count this run's own scans", &statement).await?;
    Ok(answers.and_then(|answers| decode(&answers)))
}
