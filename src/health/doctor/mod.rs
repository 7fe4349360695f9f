//! `doctor`: look at a database without changing anything, then judge.
//!
//! Read-only by construction: the one transaction is `READ ONLY`, every statement has a time limit, and it is rolled back.

mod attempt;
pub mod catalog;
mod embedding;
mod own_scans;
mod probe;
mod recall;
mod search;

use sqlx::{Connection as _, PgConnection, Row as _};

#[cfg(test)]
pub use attempt::Failure;
pub use attempt::Observed;
pub use catalog::Catalog;
pub use embedding::{Embedding, Queue};
pub use own_scans::OwnScans;
pub use probe::{Coverage, Library, Plans, Sample};
pub use recall::{FLOOR as RECALL_FLOOR, Recall};

use self::probe::Search;
use super::checks::{self, Case};
use super::{HealthError, HealthReport, Measures};
use crate::database::{DatabaseError, sqlstate};
use crate::settings::VectorTable;
use crate::store::Trial;

#[derive(Debug, Clone)]
pub struct DoctorOptions {
    /// Measure recall on the real table, which takes seconds on a large one.
    pub recall: bool,
    /// How many searches recall is measured on, fewer where the table is large.
    pub queries: u32,
    /// Options that a suggested `pgvector-setup` command needs to mean this database, as they can be typed;
    /// empty for the default one.
    pub flags: String,
    /// Options that commands of sites need to mean the site whose database this is; none where it is no site's.
    pub site: Option<String>,
    /// The model that text is embedded by, where the settings name one.
    pub model: Option<String>,
}

impl Default for DoctorOptions {
    fn default() -> Self {
        Self {
            recall: false,
            queries: 50,
            flags: String::new(),
            site: None,
            model: None,
        }
    }
}

/// Everything that was seen. `None` where there was nothing to look at.
#[derive(Debug, Clone)]
pub struct Observations {
    pub catalog: Catalog,
    /// The session's search path, with the implicit schemas.
    pub search_path: Vec<String>,
    pub library: Option<Observed<Library>>,
    pub coverage: Option<Observed<Coverage>>,
    pub sample: Option<Observed<Sample>>,
    pub plans: Option<Observed<Plans>>,
    pub search: Option<Observed<Option<Trial>>>,
    pub recall: Option<Observed<Option<Recall>>>,
    pub embedding: Option<Observed<Embedding>>,
    pub own_scans: Option<Observed<OwnScans>>,
}

/// Looks at the database of `connection`, a session of the application's role or of an administrator, outside a
/// transaction. A missing extension, table or column is a finding, not an error.
///
/// # Errors
/// [`HealthError::Database`] when the connection is lost.
pub async fn doctor(
    connection: &mut PgConnection,
    table: &VectorTable,
    options: &DoctorOptions,
) -> Result<HealthReport, HealthError> {
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(DatabaseError::statement("begin a read-only transaction"))?;
    let observed = observe(&mut transaction, table, options).await;
    transaction
        .rollback()
        .await
        .map_err(DatabaseError::statement("end the read-only transaction"))?;
    match observed {
        Ok(seen) => Ok(report(&Case {
            seen: &seen,
            table,
            options,
        })),
        // Somebody holds a lock on the table, or the catalogs took too long: a state of the database, too.
        Err(DatabaseError::Statement { purpose, source })
            if matches!(sqlstate(&source).as_deref(), Some("55P03" | "57014")) =>
        {
            Ok(HealthReport::unavailable(format!("cannot {purpose}: {source}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn report(case: &Case<'_>) -> HealthReport {
    let findings = checks::all(case);
    let coverage = case
        .seen
        .coverage
        .as_ref()
        .and_then(|coverage| coverage.as_ref().ok());
    HealthReport {
        schema: HealthReport::SCHEMA,
        healthy: !findings.iter().any(|finding| finding.severity.is_unhealthy()),
        extension_installed: case.seen.catalog.extension.is_some(),
        articles_with_embeddings: coverage.map(|coverage| coverage.embedded),
        total_articles: coverage.map(|coverage| coverage.total),
        counts_exact: coverage.is_some_and(|coverage| coverage.exact),
        error: None,
        findings,
        package: None,
        databases: Vec::new(),
        measures: Some(Measures::of(case)),
    }
}

async fn observe(
    connection: &mut PgConnection,
    table: &VectorTable,
    options: &DoctorOptions,
) -> Result<Observations, DatabaseError> {
    let search_path = prepare_session(connection).await?;
    let catalog = catalog::read(connection, table).await?;
    let mut seen = Observations {
        catalog,
        search_path,
        library: None,
        coverage: None,
        sample: None,
        plans: None,
        search: None,
        recall: None,
        embedding: None,
        own_scans: None,
    };
    let catalog = &seen.catalog;
    if let Some(extension) = catalog.extension.as_ref() {
        seen.library = Some(probe::library(connection, &catalog.server, extension).await?);
    }
    let Some(facts) = catalog.table.as_ref().filter(|facts| facts.readable) else {
        return Ok(seen);
    };
    let Some(column) = &catalog.column else {
        return Ok(seen);
    };
    seen.coverage = Some(probe::coverage(connection, catalog, facts, table).await?);
    seen.embedding = Some(embedding::embedding(connection, table).await?);
    let (Some(extension), Some(Ok(_))) = (&catalog.extension, &seen.library) else {
        return Ok(seen);
    };
    let half = column.type_name == "halfvec";
    if !column.of_extension || !(half || column.type_name == "vector") || !facts.is_table() {
        return Ok(seen);
    }
    seen.sample = Some(probe::sample(connection, extension, half, facts, table).await?);
    let explained = Search {
        table,
        extension_schema: &extension.schema,
        type_name: &column.type_name,
        dimensions: column.dimensions.unwrap_or(table.dimensions.count()),
    };
    seen.plans = Some(probe::plans(connection, &catalog.server, &explained).await?);
    let index = checks::serving(catalog, table);
    if index.is_some() || facts.bytes <= probe::COUNTED_BYTES {
        seen.search = Some(search::search(connection, table).await?);
    }
    if let Some(index) = index.filter(|_| options.recall) {
        seen.recall = Some(recall::recall(connection, &explained, facts, index, options.queries).await?);
    }
    // The last: whatever scanned an index came before it.
    seen.own_scans = Some(own_scans::own_scans(connection, table).await?);
    Ok(seen)
}

/// Limits and a pinned search path for this transaction; the result is the session's own path.
async fn prepare_session(connection: &mut PgConnection) -> Result<Vec<String>, DatabaseError> {
    let purpose = "prepare the session";
    let rows = sqlx::raw_sql(
        "SELECT pg_catalog.to_json(pg_catalog.current_schemas(true))::pg_catalog.text; \
         SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '1s'; \
         SET LOCAL idle_in_transaction_session_timeout = '60s'",
    )
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement(purpose))?;
    let path: String = match rows.first() {
        Some(row) => row.try_get(0).map_err(DatabaseError::statement(purpose))?,
        None => String::new(),
    };
    Ok(serde_json::from_str(&path).unwrap_or_default())
}
