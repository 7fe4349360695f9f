//! Roles and schemas: which role a statement runs as, what it may do, what was made for it.

use sqlx::PgConnection;

use super::MigrateError;
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::Identifier;

/// The role to change to for the owner's objects; `None` where the session is that role already.
pub(super) async fn other_role<'a>(
    connection: &mut PgConnection,
    owner: &'a Identifier,
) -> Result<Option<&'a Identifier>, MigrateError> {
    let current: String = sqlx::query_scalar("SELECT current_user::pg_catalog.text")
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("see which role this session is"))?;
    Ok((current != owner.as_str()).then_some(owner))
}

/// Whether a role has a privilege on a schema; `None` where the schema or the role is not there.
pub(super) async fn has_schema_privilege(
    connection: &mut PgConnection,
    role: &Identifier,
    schema: &Identifier,
    privilege: &str,
) -> Result<Option<bool>, MigrateError> {
    Ok(sqlx::query_scalar(
        "SELECT pg_catalog.has_schema_privilege(r.oid, n.oid, $3)
           FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n
          WHERE r.rolname = $1 AND n.nspname = $2",
    )
    .bind(role.as_str())
    .bind(schema.as_str())
    .bind(privilege)
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see what a role may do in a schema"))?)
}

pub(super) async fn schema_exists(
    connection: &mut PgConnection,
    schema: &Identifier,
) -> Result<bool, MigrateError> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)")
            .bind(schema.as_str())
            .fetch_one(connection)
            .await
            .map_err(DatabaseError::statement("look for the extension's schema"))?,
    )
}

/// Drops a schema that we made, unless somebody put something into it.
pub(super) async fn drop_schema_if_empty(
    connection: &mut PgConnection,
    schema: &Identifier,
) -> Result<(), MigrateError> {
    let sql = format!("DROP SCHEMA IF EXISTS {}", schema.quoted());
    match sqlx::raw_sql(composed(sql)).execute(connection).await {
        Err(error) if sqlstate(&error).as_deref() != Some("2BP01") => {
            Err(DatabaseError::statement("drop the extension's schema")(error).into())
        }
        _ => Ok(()),
    }
}
