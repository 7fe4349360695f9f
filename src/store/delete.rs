//! Taking rows away, by their keys or by a condition; never all of them by leaving one out.

use sqlx::PgConnection;

use super::rows::condition;
use super::statement::{Argument, Statement};
use super::{Filter, Shape, StoreError};

/// Returns how many rows there were.
pub async fn by_key(
    connection: &mut PgConnection,
    shape: &Shape,
    keys: &[String],
) -> Result<u64, StoreError> {
    let mut statement = Statement::default();
    let keys = statement.bind(Argument::Texts(keys.to_vec()));
    statement.sql = format!(
        "DELETE FROM {} AS t WHERE t.{} OPERATOR(pg_catalog.=) ANY ({keys}::pg_catalog.text[]::{}[])",
        shape.qualified(),
        shape.key.name.quoted(),
        shape.key.qualified_type()
    );
    delete(connection, &statement).await
}

/// Returns how many rows there were.
pub async fn by_filter(
    connection: &mut PgConnection,
    shape: &Shape,
    filter: &Filter,
) -> Result<u64, StoreError> {
    let mut statement = Statement::default();
    let condition = condition(Some(filter), shape, &mut statement)?;
    statement.sql = format!("DELETE FROM {} AS t WHERE {condition}", shape.qualified());
    delete(connection, &statement).await
}

async fn delete(connection: &mut PgConnection, statement: &Statement) -> Result<u64, StoreError> {
    let purpose = "delete the rows";
    let mut transaction = sqlx::Connection::begin(connection)
        .await
        .map_err(StoreError::statement(purpose))?;
    let deleted = statement
        .execute(&mut transaction)
        .await
        .map_err(StoreError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(StoreError::statement(purpose))?;
    Ok(deleted)
}
