//! What the connecting user may do, asked before anything is tried.

use sqlx::{PgConnection, Row as _};

use super::Provider;
use crate::database::DatabaseError;
use crate::settings::Settings;

/// For a server that is not ours to administer.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rights {
    pub user: String,
    pub provider: Provider,
    pub is_superuser: bool,
    pub creates_databases: bool,
    pub creates_roles: bool,
    /// Belongs to the role that may create extensions at this provider.
    pub is_provider_administrator: bool,
    /// May become the application's role; `None` while that role is not there.
    pub may_become_role: Option<bool>,
    /// May let others become it; `None` while that role is not there.
    pub administers_role: Option<bool>,
    /// May create schemas in the wanted database; `None` while it is not there.
    pub creates_schemas: Option<bool>,
    /// The extension's control file lets the owner of a database create it (`trusted`).
    pub is_trusted_extension: bool,
    /// Which extensions the provider lets be created: `azure.extensions` (where empty is none),
    /// `rds.allowed_extensions`, `extwlist.extensions`; `None` where there is no list.
    pub allowed_extensions: Option<String>,
    /// The locale `C.UTF-8` is there.
    pub has_utf8_locale: bool,
}

impl Rights {
    /// Whether the provider's list of extensions has this one.
    pub fn is_listed(&self) -> bool {
        let Some(list) = &self.allowed_extensions else {
            return true;
        };
        list.split(',')
            .any(|name| ["vector", "*"].contains(&name.trim().to_lowercase().as_str()))
    }

    /// Whether `CREATE EXTENSION vector` can be expected to succeed.
    pub fn creates_extension(&self) -> bool {
        let by_owning = self.is_trusted_extension && self.creates_schemas != Some(false);
        // Neon and Supabase let the owner of a database do it; their own role is not always told.
        let by_provider = matches!(self.provider, Provider::Neon | Provider::Supabase)
            && self.creates_schemas != Some(false);
        self.is_superuser || by_owning || by_provider || self.is_provider_administrator
    }
}

/// `pg_has_role(…, 'SET')` came with PostgreSQL 16, where being a member is no longer enough.
const RIGHTS: &str = "SELECT current_user::text AS \"user\", u.rolsuper AS is_superuser, \
    u.rolsuper OR u.rolcreatedb AS creates_databases, u.rolsuper OR u.rolcreaterole AS creates_roles, \
    EXISTS (SELECT FROM pg_roles a WHERE a.rolname = $3 AND pg_has_role(u.oid, a.oid, 'MEMBER')) AS is_provider_administrator, \
    (SELECT pg_has_role(u.oid, r.oid, CASE WHEN current_setting('server_version_num')::int4 >= 160000 THEN 'SET' ELSE 'MEMBER' END) \
       FROM pg_roles r WHERE r.rolname = $1) AS may_become_role, \
    (SELECT CASE WHEN current_setting('server_version_num')::int4 >= 160000 THEN pg_has_role(u.oid, r.oid, 'MEMBER WITH ADMIN OPTION') \
                 ELSE u.rolsuper OR u.rolcreaterole OR pg_has_role(u.oid, r.oid, 'MEMBER WITH ADMIN OPTION') END \
       FROM pg_roles r WHERE r.rolname = $1) AS administers_role, \
    (SELECT has_database_privilege(u.oid, d.oid, 'CREATE') FROM pg_database d WHERE d.datname = $2) AS creates_schemas, \
    EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'vector' AND trusted) AS is_trusted_extension, \
    coalesce(current_setting('azure.extensions', true), nullif(current_setting('rds.allowed_extensions', true), ''), \
             nullif(current_setting('extwlist.extensions', true), '')) AS allowed_extensions, \
    EXISTS (SELECT FROM pg_collation WHERE collname IN ('C.UTF-8', 'C.utf8')) AS has_utf8_locale \
    FROM pg_roles u WHERE u.rolname = current_user";

/// Reads the rights in the session of the user.
pub async fn rights(
    connection: &mut PgConnection,
    settings: &Settings,
    provider: Provider,
) -> Result<Rights, DatabaseError> {
    let administrators = provider.administrators().unwrap_or_default();
    let failed = || DatabaseError::statement("ask what this user may do");
    let row = sqlx::query(RIGHTS)
        .bind(settings.role.as_str())
        .bind(settings.database.as_str())
        .bind(administrators)
        .fetch_one(connection)
        .await
        .map_err(failed())?;
    let read = || {
        Ok(Rights {
            user: row.try_get("user")?,
            provider,
            is_superuser: row.try_get("is_superuser")?,
            creates_databases: row.try_get("creates_databases")?,
            creates_roles: row.try_get("creates_roles")?,
            is_provider_administrator: row.try_get("is_provider_administrator")?,
            may_become_role: row.try_get("may_become_role")?,
            administers_role: row.try_get("administers_role")?,
            creates_schemas: row.try_get("creates_schemas")?,
            is_trusted_extension: row.try_get("is_trusted_extension")?,
            allowed_extensions: row.try_get("allowed_extensions")?,
            has_utf8_locale: row.try_get("has_utf8_locale")?,
        })
    };
    read().map_err(failed())
}
