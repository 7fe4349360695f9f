//! Who runs the server, by the roles and settings that only they have.

use sqlx::{PgConnection, Row as _};

use crate::database::DatabaseError;
use crate::database::sql::{composed, literal};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    #[default]
    SelfHosted,
    Rds,
    Aurora,
    CloudSql,
    AlloyDb,
    Azure,
    Supabase,
    Neon,
    Timescale,
    DigitalOcean,
    Aiven,
}

impl Provider {
    pub fn name(self) -> &'static str {
        match self {
            Self::SelfHosted => "self-hosted PostgreSQL",
            Self::Rds => "Amazon RDS",
            Self::Aurora => "Amazon Aurora",
            Self::CloudSql => "Google Cloud SQL",
            Self::AlloyDb => "Google AlloyDB",
            Self::Azure => "Azure Database for PostgreSQL",
            Self::Supabase => "Supabase",
            Self::Neon => "Neon",
            Self::Timescale => "Timescale",
            Self::DigitalOcean => "DigitalOcean",
            Self::Aiven => "Aiven",
        }
    }

    /// The role whose members may create extensions there.
    pub fn administrators(self) -> Option<&'static str> {
        ROLES
            .iter()
            .find(|(_, provider)| *provider == self)
            .map(|(role, _)| *role)
            .or(match self {
                Self::Aurora => Some("rds_superuser"),
                _ => None,
            })
    }
}

/// The role that each provider puts in the place of a superuser. AlloyDB has Cloud SQL's too, so it goes first.
const ROLES: [(&str, Provider); 9] = [
    ("rds_superuser", Provider::Rds),
    ("alloydbsuperuser", Provider::AlloyDb),
    ("cloudsqlsuperuser", Provider::CloudSql),
    ("azure_pg_admin", Provider::Azure),
    ("supabase_admin", Provider::Supabase),
    ("neon_superuser", Provider::Neon),
    ("tsdbadmin", Provider::Timescale),
    ("doadmin", Provider::DigitalOcean),
    ("avnadmin", Provider::Aiven),
];

/// What tells a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// Those of [`ROLES`] that the server has.
    pub roles: Vec<String>,
    /// It has the function `aurora_version()`.
    pub has_aurora_version: bool,
}

pub fn recognise(signs: &Signs) -> Provider {
    let found = ROLES
        .iter()
        .find(|(role, _)| signs.roles.iter().any(|name| name == role));
    match found.map(|(_, provider)| *provider) {
        Some(Provider::Rds) if signs.has_aurora_version => Provider::Aurora,
        Some(provider) => provider,
        None => Provider::SelfHosted,
    }
}

pub(super) async fn signs(connection: &mut PgConnection) -> Result<Signs, DatabaseError> {
    let failed = || DatabaseError::statement("see who runs the server");
    let known: Vec<String> = ROLES.iter().map(|(role, _)| literal(role)).collect();
    let sql = format!(
        "SET LOCAL search_path = pg_catalog; \
         SELECT ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname::text IN ({})), \
                EXISTS (SELECT FROM pg_proc WHERE proname = 'aurora_version')",
        known.join(", ")
    );
    let row = sqlx::raw_sql(composed(sql)).fetch_one(connection).await;
    let row = row.map_err(failed())?;
    Ok(Signs {
        roles: row.try_get(0).map_err(failed())?,
        has_aurora_version: row.try_get(1).map_err(failed())?,
    })
}
