//! The next step at each provider: for a user who may not create the extension (42501), and for a server that does not
//! offer it (0A000). Two different things, with two different people to ask.

use super::has_administrators;
use crate::database::remote::{Provider, Rights};
use crate::plan::Refusal;
use crate::settings::Settings;

/// What somebody who may has to do, so that the extension is there.
pub(super) fn extension_steps(rights: &Rights, settings: &Settings) -> Vec<String> {
    let schema = settings.table.extension_schema.quoted();
    let sql = format!("CREATE EXTENSION vector WITH SCHEMA {schema}");
    let database = settings.database.as_str();
    let by = |who: &str| format!("as {who}, in the database {database}: {sql}");
    let user = super::quoted(&rights.user);
    match rights.provider {
        Provider::SelfHosted => vec![by("a superuser")],
        Provider::Rds | Provider::Aurora => vec![
            by("the master user"),
            format!("or, as the master user: GRANT rds_superuser TO {user}"),
        ],
        Provider::CloudSql => vec![
            by("the user postgres, or any that gcloud made"),
            format!("or: GRANT cloudsqlsuperuser TO {user}"),
        ],
        Provider::AlloyDb => vec![
            by("the user postgres"),
            format!(
                "or: gcloud alloydb users set-superuser {} --superuser=true --cluster=CLUSTER --region=REGION",
                rights.user
            ),
        ],
        Provider::Azure => vec![
            by("the server's administrator"),
            format!("or, as the administrator: GRANT azure_pg_admin TO {user}"),
        ],
        Provider::Supabase => vec![
            by("the user postgres"),
            "or: Dashboard, Database, Extensions, vector, on".to_owned(),
        ],
        Provider::Neon => vec![by("the database's owner, who is in neon_superuser")],
        other => vec![by(&format!(
            "a member of {}",
            other.administrators().unwrap_or("the administrators' role")
        ))],
    }
}

/// A list that the provider keeps does not have the extension.
pub(super) fn not_listed(rights: &Rights) -> Refusal {
    let list = rights.allowed_extensions.as_deref().unwrap_or_default().trim();
    let with = |name: &str| {
        if list.is_empty() {
            name.to_owned()
        } else {
            format!("{list},{name}")
        }
    };
    let (parameter, step) = match rights.provider {
        Provider::Azure => (
            "azure.extensions",
            format!(
                "az postgres flexible-server parameter set --resource-group GROUP --server-name NAME --name azure.extensions --value {}",
                with("VECTOR").replace(' ', "")
            ),
        ),
        Provider::Rds | Provider::Aurora => (
            "rds.allowed_extensions",
            format!(
                "aws rds modify-db-parameter-group --db-parameter-group-name GROUP --parameters \"ParameterName=rds.allowed_extensions,ParameterValue='{}',ApplyMethod=immediate\"",
                with("vector")
            ),
        ),
        _ => (
            "extwlist.extensions",
            format!(
                "in the server's configuration: extwlist.extensions = '{}'",
                with("vector")
            ),
        ),
    };
    Refusal::NotOffered {
        fact: format!(
            "{} does not let anybody create the extension vector: it is not in {parameter} ({})",
            rights.provider.name(),
            if list.is_empty() { "which is empty" } else { list }
        ),
        steps: vec![step, "then the same command again".to_owned()],
    }
}

/// The server has no files of the extension.
pub fn not_packaged(rights: &Rights, version: i32) -> Refusal {
    let major = version / 10_000;
    let steps = match rights.provider {
        Provider::SelfHosted => vec![
            format!("on the server, Debian or Ubuntu: sudo apt-get install postgresql-{major}-pgvector"),
            format!("on the server, with PGDG's dnf repository: sudo dnf install pgvector_{major}"),
            "in a container: the image pgvector/pgvector, of the same PostgreSQL".to_owned(),
        ],
        // AWS, "Extension versions for Amazon RDS for PostgreSQL": with 15.2, 14.7, 13.10 and later.
        Provider::Rds => vec![
            "aws rds modify-db-instance --db-instance-identifier NAME --engine-version VERSION (pgvector came with 13.10, 14.7 and 15.2)"
                .to_owned(),
        ],
        Provider::Aurora => vec![
            "aws rds modify-db-cluster --db-cluster-identifier NAME --engine-version VERSION (pgvector came with 13.11, 14.8 and 15.3)"
                .to_owned(),
        ],
        Provider::CloudSql => vec![
            "gcloud sql instances patch INSTANCE --maintenance-version=VERSION (pgvector comes with the maintenance version)"
                .to_owned(),
        ],
        other if has_administrators(other) => vec![format!(
            "upgrade the server at {}: its newer versions come with pgvector",
            other.name()
        )],
        _ => Vec::new(),
    };
    Refusal::NotOffered {
        fact: format!(
            "this server (PostgreSQL {major}, {}) has no pgvector to load",
            rights.provider.name()
        ),
        steps,
    }
}
