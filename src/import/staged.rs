//! A batch beside rows that are there: into a temporary table first, and from there as the policies say.

use sqlx::{PgConnection, Row as _};

use super::ImportError;
use super::copying::copy_in;
use super::judgement::Parts;
use super::load::{Load, begin_as_administrator, reset_role, set_role};
use super::policy::{Action, Kind};
use super::reading::Batch;
use super::target::Target;
use crate::database::DatabaseError;
use crate::database::migrate::SETUP_SCHEMA;
use crate::database::sql::composed;

/// Where a batch waits; gone with its transaction.
pub const STAGED: &str = "pg_temp.pgvector_setup_rows";

/// Makes an empty table that the target's owner may read.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn create(
    connection: &mut PgConnection,
    target: &Target,
    name: &str,
    columns: &str,
) -> Result<(), ImportError> {
    let bare = name.trim_start_matches("pg_temp.");
    let sql = format!(
        "CREATE TEMPORARY TABLE {bare} ({columns}) ON COMMIT DROP; GRANT SELECT ON {name} TO {}",
        target.owner.quoted()
    );
    sqlx::raw_sql(composed(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("make a temporary table"))?;
    Ok(())
}

/// Writes what the policies let be written, and notes the rest; the transaction is left open. Gives back the rows written.
///
/// # Errors
/// [`ImportError::Existing`] where rows are there and that is to fail, or what the server says.
pub async fn write(
    connection: &mut PgConnection,
    load: &Load<'_>,
    batch: &Batch,
) -> Result<u64, ImportError> {
    begin_as_administrator(connection).await?;
    create(connection, load.target, STAGED, &load.target.staged_columns()).await?;
    let statement = format!("COPY {STAGED} FROM STDIN (FORMAT binary)");
    copy_in(connection, &statement, &batch.tuples)
        .await
        .map_err(DatabaseError::statement("stage rows"))?;
    set_role(connection, load.target).await?;
    let existing = load.policies.of(Kind::Existing);
    let left_out = left_out(connection, load.target, existing).await?;
    let taken = left_out.iter().filter(|(_, kind)| *kind == Kind::Existing);
    if existing == Action::Fail
        && let Some((id, _)) = taken.clone().next()
    {
        return Err(ImportError::Existing {
            table: load.target.table.qualified(),
            id: id.clone(),
            others: taken.count() - 1,
            parts: load.target.shape.parts,
        });
    }
    let written = sqlx::raw_sql(composed(statement_of(load.target, existing)))
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::statement("write rows"))?
        .rows_affected();
    reset_role(connection).await?;
    note(connection, load.import, &left_out).await?;
    Ok(written)
}

/// The staged ids that the table has no place for.
async fn left_out(
    connection: &mut PgConnection,
    target: &Target,
    existing: Action,
) -> Result<Vec<(String, Kind)>, ImportError> {
    let (table, same_row) = (target.table.qualified(), target.same_row());
    let sql = match (target.shape.parts, existing) {
        (Parts::Whole, Action::Replace) => return Ok(Vec::new()),
        (Parts::Whole, _) => {
            format!("SELECT s.key, false AS is_missing FROM {STAGED} s JOIN {table} t ON {same_row}")
        }
        (Parts::Embedding, Action::Replace) => format!(
            "SELECT s.key, true AS is_missing FROM {STAGED} s
              WHERE NOT EXISTS (SELECT FROM {table} t WHERE {same_row})"
        ),
        (Parts::Embedding, _) => format!(
            "SELECT s.key, t.{key} IS NULL AS is_missing FROM {STAGED} s LEFT JOIN {table} t ON {same_row}
              WHERE t.{key} IS NULL OR {}",
            has_another(target),
            key = target.table.key.quoted()
        ),
    };
    let rows = sqlx::query(composed(sql))
        .persistent(false)
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::statement("see which rows are there"))?;
    let kind = |is_missing| if is_missing { Kind::NoRow } else { Kind::Existing };
    Ok(rows
        .iter()
        .map(|row| (row.get("key"), kind(row.get("is_missing"))))
        .collect())
}

/// Row `t` has an embedding already, and not this one.
fn has_another(target: &Target) -> String {
    let column = format!("t.{}", target.table.column.quoted());
    format!(
        "({column} IS NOT NULL AND {} <> {})",
        target.bits(&column),
        target.bits("s.embedding")
    )
}

fn statement_of(target: &Target, existing: Action) -> String {
    let (table, column) = (target.table.qualified(), target.table.column.quoted());
    let (key, columns) = (target.table.key.quoted(), target.columns());
    match (target.shape.parts, existing) {
        (Parts::Whole, Action::Replace) => format!(
            "INSERT INTO {table} ({columns}) SELECT key, document, metadata, embedding FROM {STAGED}
             ON CONFLICT ({key}) DO UPDATE
                SET document = excluded.document, metadata = excluded.metadata, {column} = excluded.{column}"
        ),
        (Parts::Whole, _) => format!(
            "INSERT INTO {table} ({columns}) SELECT s.key, s.document, s.metadata, s.embedding FROM {STAGED} s
              WHERE NOT EXISTS (SELECT FROM {table} t WHERE {})",
            target.same_row()
        ),
        (Parts::Embedding, existing) => {
            let unless = match existing {
                Action::Replace => String::new(),
                Action::Skip | Action::Fail => format!(" AND NOT {}", has_another(target)),
            };
            format!(
                "UPDATE {table} t SET {column} = s.embedding FROM {STAGED} s WHERE {}{unless}",
                target.same_row()
            )
        }
    }
}

async fn note(
    connection: &mut PgConnection,
    import: i64,
    left_out: &[(String, Kind)],
) -> Result<(), ImportError> {
    if left_out.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = left_out.iter().map(|(key, _)| key.as_str()).collect();
    let kinds: Vec<&str> = left_out.iter().map(|(_, kind)| kind.name()).collect();
    let sql = format!(
        "INSERT INTO {SETUP_SCHEMA}.import_left_out (import, key, kind)
         SELECT $1, key, kind FROM ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])) AS left_out (key, kind)
         ON CONFLICT DO NOTHING"
    );
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(import)
        .bind(keys)
        .bind(kinds)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("note what was left out"))?;
    Ok(())
}
