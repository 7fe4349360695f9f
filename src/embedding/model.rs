//! Which model made the vectors of a column. Vectors of two models in one column give neighbours that mean nothing, and no
//! search could tell.
//!
//! The record is a small table beside the column's migration history. The administrator makes it, the application's role reads
//! and writes it: every function here takes a session of that role.

use sqlx::{PgConnection, Row as _};

use super::EmbeddingError;
use super::subject::begin;
use crate::database::migrate::{has_companion, model_table, qualified_model_table};
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::VectorTable;

/// `insufficient_privilege`
const REFUSED: &str = "42501";

/// What is recorded of a column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Model {
    /// As the service knows it.
    pub name: String,
    pub dimensions: u16,
    /// As the server prints it in UTC, RFC 3339.
    pub recorded_at: String,
}

/// The model that is about to write or to search.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub model: &'a str,
    pub dimensions: u16,
    /// The model that vectors of an unknown one are declared to be of.
    pub adopted: Option<&'a str>,
}

/// The model of the column, or `None` where none is recorded, be it that nothing can be recorded yet.
///
/// # Errors
/// [`EmbeddingError::Database`], also where the session's role may not read the record.
pub async fn recorded(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<Model>, EmbeddingError> {
    if !is_recordable(connection, table).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT name, dimensions,
                pg_catalog.to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS recorded_at
           FROM {}",
        qualified_model_table(table)
    );
    let row = sqlx::query(composed(sql))
        .persistent(false)
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::statement("read which model is recorded"))?;
    Ok(row.map(|row| Model {
        name: row.get("name"),
        dimensions: row.get::<i32, _>("dimensions").try_into().unwrap_or_default(),
        recorded_at: row.get("recorded_at"),
    }))
}

/// To be called before vectors are written: only the recorded model may. Records the model where the column has no vector yet, or
/// its vectors are adopted as its own.
///
/// # Errors
/// [`EmbeddingError::OtherModel`], [`EmbeddingError::OtherDimensions`]; [`EmbeddingError::UnknownModel`] for vectors whose model is
/// not recorded; [`EmbeddingError::NoRecord`] where it cannot be.
pub async fn agree(
    connection: &mut PgConnection,
    table: &VectorTable,
    claim: Claim<'_>,
) -> Result<Model, EmbeddingError> {
    let column = described(table);
    if !is_recordable(connection, table).await? {
        return Err(EmbeddingError::NoRecord { column });
    }
    let known = check(connection, table, claim).await?;
    if known.as_ref().is_none_or(|model| model.name != claim.model) {
        record(connection, table, claim).await?;
    }
    // Another writer may have been first with another model.
    match recorded(connection, table).await? {
        Some(model) => {
            refuse_other_model(&column, &model.name, claim.model)?;
            Ok(model)
        }
        None => Err(EmbeddingError::NoRecord { column }),
    }
}

/// What [`agree`] refuses, without recording anything; gives back what is recorded.
///
/// # Errors
/// As [`agree`], but for [`EmbeddingError::NoRecord`].
pub async fn check(
    connection: &mut PgConnection,
    table: &VectorTable,
    claim: Claim<'_>,
) -> Result<Option<Model>, EmbeddingError> {
    let column = described(table);
    if let Some(adopted) = claim.adopted {
        refuse_other_model(&column, adopted, claim.model)?;
    }
    let known = recorded(connection, table).await?;
    refuse_other_vectors(connection, table, claim, known.as_ref()).await?;
    refuse_other_dimensions(connection, table, claim).await?;
    Ok(known)
}

/// To be called in the transaction that writes vectors: until it ends no other model is recorded.
///
/// # Errors
/// [`EmbeddingError::OtherModel`] where another one was recorded since [`agree`]; [`EmbeddingError::NoRecord`] where the record is gone.
pub(super) async fn hold(
    connection: &mut PgConnection,
    table: &VectorTable,
    model: &str,
) -> Result<(), EmbeddingError> {
    let column = described(table);
    let sql = format!("SELECT name FROM {} FOR SHARE", qualified_model_table(table));
    let recorded: Option<String> = sqlx::query_scalar(composed(sql))
        .persistent(false)
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::statement("hold the record of the model"))?;
    match recorded {
        Some(recorded) => refuse_other_model(&column, &recorded, model),
        None => Err(EmbeddingError::NoRecord { column }),
    }
}

/// To be called before a search by text: what a person should know where the vectors' model is not recorded, in one sentence.
///
/// # Errors
/// [`EmbeddingError::OtherModel`]: such a search would find nothing that means anything.
pub async fn agree_to_search(
    connection: &mut PgConnection,
    table: &VectorTable,
    model: &str,
) -> Result<Option<String>, EmbeddingError> {
    let column = described(table);
    match recorded(connection, table).await? {
        Some(known) => refuse_other_model(&column, &known.name, model).map(|()| None),
        None => Ok(Some(format!(
            "which model made the vectors in {column} is not recorded; a search by {model} means something only if it was that one"
        ))),
    }
}

/// `"column" of "schema"."table"`
pub fn described(table: &VectorTable) -> String {
    format!("{} of {}", table.column.quoted(), table.qualified())
}

fn refuse_other_model(column: &str, recorded: &str, given: &str) -> Result<(), EmbeddingError> {
    if recorded == given {
        return Ok(());
    }
    Err(EmbeddingError::OtherModel {
        column: column.to_owned(),
        recorded: recorded.to_owned(),
        given: given.to_owned(),
    })
}

/// Vectors that are there must be the model's, or be of an unknown one and adopted.
async fn refuse_other_vectors(
    connection: &mut PgConnection,
    table: &VectorTable,
    claim: Claim<'_>,
    known: Option<&Model>,
) -> Result<(), EmbeddingError> {
    let is_allowed = match known {
        Some(known) => known.name == claim.model,
        None => claim.adopted.is_some(),
    };
    if is_allowed || !has_vectors(connection, table).await? {
        return Ok(());
    }
    let column = described(table);
    Err(match known {
        Some(known) => EmbeddingError::OtherModel {
            column,
            recorded: known.name.clone(),
            given: claim.model.to_owned(),
        },
        None => EmbeddingError::UnknownModel { column },
    })
}

/// The column's own type decides, not what the settings say of it.
async fn refuse_other_dimensions(
    connection: &mut PgConnection,
    table: &VectorTable,
    claim: Claim<'_>,
) -> Result<(), EmbeddingError> {
    let declared: Option<i32> = sqlx::query_scalar(
        "SELECT a.atttypmod FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped",
    )
    .persistent(false)
    .bind(table.schema.as_str())
    .bind(table.table.as_str())
    .bind(table.column.as_str())
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("read the column's dimensions"))?;
    let declared = declared.and_then(|declared| u16::try_from(declared).ok());
    let expected = declared.unwrap_or(table.dimensions.count());
    if expected == claim.dimensions {
        return Ok(());
    }
    Err(EmbeddingError::OtherDimensions {
        column: described(table),
        model: claim.model.to_owned(),
        given: claim.dimensions.into(),
        expected,
    })
}

/// Records the model if there still are no vectors of another one: who writes such vectors holds what was recorded until then.
async fn record(
    connection: &mut PgConnection,
    table: &VectorTable,
    claim: Claim<'_>,
) -> Result<(), EmbeddingError> {
    let record = qualified_model_table(table);
    let mut transaction = begin(connection).await?;
    let lock = format!("SELECT FROM {record} FOR UPDATE");
    sqlx::query(composed(lock))
        .persistent(false)
        .execute(&mut *transaction)
        .await
        .map_err(|error| unrecorded(table, error))?;
    let known = recorded(&mut transaction, table).await?;
    refuse_other_vectors(&mut transaction, table, claim, known.as_ref()).await?;
    let sql = format!(
        "INSERT INTO {record} AS model (name, dimensions) VALUES ($1, $2)
         ON CONFLICT (is_only) DO UPDATE
            SET name = excluded.name, dimensions = excluded.dimensions, recorded_at = excluded.recorded_at
          WHERE model.name = $3"
    );
    sqlx::query(composed(sql))
        .persistent(false)
        .bind(claim.model)
        .bind(i32::from(claim.dimensions))
        .bind(known.map(|model| model.name))
        .execute(&mut *transaction)
        .await
        .map_err(|error| unrecorded(table, error))?;
    transaction
        .commit()
        .await
        .map_err(|error| unrecorded(table, error))
}

fn unrecorded(table: &VectorTable, error: sqlx::Error) -> EmbeddingError {
    if sqlstate(&error).as_deref() == Some(REFUSED) {
        return EmbeddingError::NoRecord {
            column: described(table),
        };
    }
    DatabaseError::statement("record the model")(error).into()
}

/// Whether there is a place for the record.
///
/// # Errors
/// [`EmbeddingError::Database`].
pub async fn is_recordable(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<bool, EmbeddingError> {
    Ok(has_companion(connection, &model_table(table)).await?)
}

async fn has_vectors(connection: &mut PgConnection, table: &VectorTable) -> Result<bool, EmbeddingError> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {} WHERE {} IS NOT NULL)",
        table.qualified(),
        table.column.quoted()
    );
    Ok(sqlx::query_scalar(composed(sql))
        .persistent(false)
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("look for vectors"))?)
}
