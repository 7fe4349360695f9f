//! `verify`: load, index, search, write and delete as the application does, and measure it.
//!
//! Everything happens in one transaction that is rolled back. A run that is killed leaves nothing either, because the
//! server rolls back for it; no later run has to clean up. (A temporary table, which needs the TEMPORARY privilege, is made only
//! where the role may make no other.)

mod copy;
mod measure;
mod scratch;
mod vectors;
mod verification;

use sqlx::{Connection as _, PgConnection, Row as _};

pub use verification::Verification;

use self::measure::Measurement;
use self::scratch::Scratch;
use super::HealthError;
use crate::database::{DatabaseError, sql};
use crate::settings::{Dimensions, Identifier, Index, VectorTable};

/// The least recall that counts as proof.
const RECALL_FLOOR: f64 = 0.95;

#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// The same seed gives the same vectors and queries.
    pub seed: u64,
    /// How many vectors; `None` for as many as keep the whole under about 400 ms on two cores.
    pub rows: Option<u32>,
    /// How many searches the recall is measured on.
    pub queries: u32,
    /// False keeps the index build in one process (pgvector 0.6.0 to 0.8.1, CVE-2026-3172).
    pub parallel_build: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            seed: 42,
            rows: None,
            queries: 20,
            parallel_build: false,
        }
    }
}

/// Proves by measurement that this role can keep and find vectors like the table's.
///
/// `connection` is a session of the application's role, outside a transaction. What the server refuses is a problem in
/// the result, not an error.
///
/// # Errors
/// [`HealthError::Database`] when the connection is lost.
pub async fn verify(
    connection: &mut PgConnection,
    table: &VectorTable,
    options: &VerifyOptions,
) -> Result<Verification, HealthError> {
    let rows = options.rows.unwrap_or_else(|| suited_rows(table.dimensions));
    let mut result = unproven(table, options, rows);
    match measure(connection, table, options, &mut result).await {
        Err(DatabaseError::Statement {
            purpose,
            source: sqlx::Error::Database(error),
        }) => result.problems.push(format!(
            "cannot {purpose} ({}): {}",
            error.code().unwrap_or_default(),
            error.message()
        )),
        outcome => outcome?,
    }
    judge(&mut result);
    Ok(result)
}

/// Fewer rows the longer each vector is: the time goes with the product.
pub fn suited_rows(dimensions: Dimensions) -> u32 {
    (600_000 / u32::from(dimensions.count())).clamp(128, 1_000)
}

fn unproven(table: &VectorTable, options: &VerifyOptions, rows: u32) -> Verification {
    Verification {
        schema: 1,
        passed: false,
        seed: options.seed,
        rows,
        dimensions: table.dimensions.count(),
        column_type: table.column_type(),
        metric: table.metric,
        index: table.effective_index(),
        index_used: None,
        recall_at_10: None,
        queries: options.queries,
        round_trip: false,
        search: false,
        similar: false,
        load_milliseconds: 0.0,
        build_milliseconds: 0.0,
        search_milliseconds: 0.0,
        exact_milliseconds: 0.0,
        evidence: Vec::new(),
        problems: Vec::new(),
    }
}

async fn measure(
    connection: &mut PgConnection,
    table: &VectorTable,
    options: &VerifyOptions,
    result: &mut Verification,
) -> Result<(), DatabaseError> {
    let mut transaction = connection
        .begin()
        .await
        .map_err(DatabaseError::statement("begin a transaction"))?;
    let name = prepare_session(&mut transaction, table, options).await?;
    let is_temporary = !may_create(&mut transaction, table).await?;
    let measured = Measurement {
        scratch: Scratch::new(table, name.clone(), result.rows, is_temporary),
        connection: &mut transaction,
        result,
    }
    .run()
    .await;
    transaction
        .rollback()
        .await
        .map_err(DatabaseError::statement("roll the scratch table back"))?;
    measured?;
    aftermath(connection, table, &name, result).await
}

/// Settings that end with the transaction; the result is a name that no other session uses.
async fn prepare_session(
    connection: &mut PgConnection,
    table: &VectorTable,
    options: &VerifyOptions,
) -> Result<Identifier, DatabaseError> {
    let purpose = "prepare the session";
    let mut settings = "SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = '60s'; \
                        SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = warning;"
        .to_owned();
    if !options.parallel_build {
        settings.push_str("SET LOCAL max_parallel_maintenance_workers = 0;");
    }
    if matches!(table.effective_index(), Index::Ivfflat { .. }) {
        // Before 0.8.5 training asks for room for 10,000 samples, however few rows there are.
        settings.push_str("SET LOCAL maintenance_work_mem = '256MB';");
    }
    settings.push_str("SELECT pg_catalog.replace(pg_catalog.gen_random_uuid()::pg_catalog.text, '-', '')");
    let row = sqlx::raw_sql(sql::composed(settings))
        .fetch_one(&mut *connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let token: String = row.try_get(0).map_err(DatabaseError::statement(purpose))?;
    let name = format!("{}{token}", Scratch::PREFIX);
    Identifier::new(name)
        .map_err(|error| DatabaseError::statement(purpose)(sqlx::Error::Protocol(error.to_string())))
}

/// Whether this role may make a table beside the application's. A site's runtime role may not, and has the TEMPORARY privilege.
async fn may_create(connection: &mut PgConnection, table: &VectorTable) -> Result<bool, DatabaseError> {
    const SQL: &str = "SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";
    let may: Option<bool> = sqlx::query_scalar(SQL)
        .persistent(false)
        .bind(table.schema.as_str())
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::statement("see what this role may make"))?;
    // Where there is no such schema, the attempt says so.
    Ok(may.unwrap_or(true))
}

/// Afterwards: nothing of ours may be left, and the role must be able to do to its own table what it did to the scratch one.
async fn aftermath(
    connection: &mut PgConnection,
    table: &VectorTable,
    name: &Identifier,
    result: &mut Verification,
) -> Result<(), DatabaseError> {
    let failed = || DatabaseError::statement("look for traces of the scratch table");
    let mut transaction = connection.begin().await.map_err(failed())?;
    let (left, usable): (i64, Option<bool>) = sqlx::query_as(include_str!("aftermath.sql"))
        .persistent(false)
        .bind(name.as_str())
        .bind(table.schema.as_str())
        .bind(table.table.as_str())
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed())?;
    transaction.rollback().await.map_err(failed())?;
    if left > 0 {
        result
            .problems
            .push(format!("the scratch table {name} is still there"));
    }
    match usable {
        Some(true) => {}
        Some(false) => result.problems.push(format!(
            "this role may not select, insert, update and delete in {}",
            table.qualified()
        )),
        None => result
            .problems
            .push(format!("there is no table {}", table.qualified())),
    }
    Ok(())
}

fn judge(result: &mut Verification) {
    if result.index_used == Some(false) {
        result
            .problems
            .push("the planner does not use the index for a search".to_owned());
    }
    if let Some(recall) = result.recall_at_10.filter(|recall| *recall < RECALL_FLOOR) {
        result
            .problems
            .push(format!("recall@10 is {recall:.3}, below {RECALL_FLOOR}"));
    }
    let is_measured = result.problems.is_empty();
    if is_measured && !result.search {
        result
            .problems
            .push("a row is not found by its own vector".to_owned());
    }
    if is_measured && !result.similar {
        result.problems.push("a row has no similar rows".to_owned());
    }
    result.passed = result.problems.is_empty();
}
