//! Manifests for the operator CloudNativePG, and a job for the migrations.
//!
//! The operator's own webhook refuses what its schemas let through: a name over 50 characters or that begins with a digit, a tag
//! that does not begin with PostgreSQL's version, a reserved database. All of it is refused here already.

mod operand;

use std::path::PathBuf;

use minijinja::Value;

use super::flags::table_flags;
use super::memory::MemoryPlan;
use super::seal;
use super::yaml::{self, Reader};
use super::{RenderedFile, Rendering};
use crate::plan::Refusal;
use crate::settings::{KubernetesSettings, Label, Settings, Subdomain, percent_encoded};
use operand::Operand;

const CLUSTER: &str = include_str!("../../../templates/kubernetes/cluster.yaml");
const DATABASE: &str = include_str!("../../../templates/kubernetes/database.yaml");
const SCHEDULED_BACKUP: &str = include_str!("../../../templates/kubernetes/scheduled-backup.yaml");
const MIGRATE_JOB: &str = include_str!("../../../templates/kubernetes/migrate-job.yaml");

/// Seconds that the job waits for a server that is still being made.
const PATIENCE: u16 = 300;

/// One manifest a file, in the order in which they are applied; together they are one stream of documents.
///
/// # Errors
/// [`Refusal`] for what the operator has no way to do: a major without an image, an image whose tag names no version, a database
/// or role that is its own.
pub fn manifests(settings: &Settings, kubernetes: &KubernetesSettings) -> Result<Rendering, Refusal> {
    refuse_reserved(settings)?;
    let operand = Operand::chosen(settings)?;
    let values = values(settings, kubernetes, &operand);
    let mut templates = vec![
        ("cluster.yaml", CLUSTER),
        ("database.yaml", DATABASE),
        ("migrate-job.yaml", MIGRATE_JOB),
    ];
    if kubernetes.backup.is_some() {
        templates.insert(2, ("scheduled-backup.yaml", SCHEDULED_BACKUP));
    }
    let file = |(name, template)| {
        let body = yaml::fill(template, values.clone(), Reader::Plain)?;
        Ok(RenderedFile {
            path: PathBuf::from(name),
            mode: 0o644,
            content: seal::sealed(operand.major, &body),
        })
    };
    Ok(Rendering {
        // The operator itself brings data to another major.
        major: None,
        files: templates.into_iter().map(file).collect::<Result<_, Refusal>>()?,
        secrets: Vec::new(),
        notes: notes(settings, &operand),
    })
}

/// The names that the operator keeps for itself (rules of the CRD `databases`; `pkg/management/postgres` for the roles).
fn refuse_reserved(settings: &Settings) -> Result<(), Refusal> {
    let reserved = |what: &str, name: &str, names: &[&str], option: &str| {
        if !names.contains(&name) {
            return Ok(());
        }
        Err(Refusal::Blocked {
            fact: format!("CloudNativePG keeps the {what} {name} for itself"),
            hint: format!("pgvector-setup render kubernetes {option} vectors"),
        })
    };
    let databases = ["postgres", "template0", "template1"];
    reserved("database", settings.database.as_str(), &databases, "--database")?;
    let roles = ["postgres", "streaming_replica", "cnpg_pooler_pgbouncer"];
    reserved("role", settings.role.as_str(), &roles, "--role")
}

/// Everything that the templates name.
fn values(settings: &Settings, kubernetes: &KubernetesSettings, operand: &Operand) -> Value {
    let name = kubernetes.name.as_str();
    let namespace = kubernetes.namespace.as_ref().map(Label::as_str);
    let memory = MemoryPlan::of(
        settings.containers.memory.unwrap_or_default(),
        operand.parallel_build_is_safe(),
    );
    let mebibytes = |amount: u32| format!("{amount}Mi");
    minijinja::context! {
        name => name,
        namespace => namespace,
        // For the commands in comments.
        flags => namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default(),
        instances => kubernetes.instances,
        major => operand.major,
        operator => operand.operator.as_str(),
        image => operand.image.to_string(),
        extension => operand.extension.as_deref(),
        version => operand.version.as_deref(),
        database => settings.database.as_str(),
        role => settings.role.as_str(),
        extension_schema => settings.table.extension_schema.as_str(),
        storage => kubernetes.storage.as_str(),
        storage_class => kubernetes.storage_class.as_ref().map(Subdomain::as_str),
        memory => mebibytes(memory.limit),
        shm => mebibytes(memory.shm_size),
        parameters => parameters(&memory),
        backup => kubernetes.backup.as_ref().map(Subdomain::as_str),
        job => format!("{name}-migrate"),
        tool_image => settings.containers.tool_image.to_string(),
        arguments => arguments(settings, name),
        password_secret => format!("{name}-app"),
        authority_secret => format!("{name}-ca"),
    }
}

/// The server's settings in pairs of name and value.
fn parameters(memory: &MemoryPlan) -> Vec<Value> {
    let settings = memory.server_settings();
    let pairs = settings.iter().filter_map(|setting| setting.split_once('='));
    pairs
        .map(|(name, value)| minijinja::context! { name => name, value => value })
        .collect()
}

/// `migrate up` as the database's owner, over the service of the primary. No password: it is in a file.
fn arguments(settings: &Settings, name: &str) -> Vec<String> {
    let url = format!(
        "postgresql://{}@{name}-rw:5432/{}?sslmode=verify-full",
        percent_encoded(settings.role.as_str()),
        percent_encoded(settings.database.as_str())
    );
    let mut arguments: Vec<String> = ["migrate", "up", "--create"].map(str::to_owned).into();
    arguments.extend([
        format!("--wait={PATIENCE}"),
        format!("--url={url}"),
        "--password-file=/run/secrets/pgvector-setup/password/password".to_owned(),
        "--tls-root=/run/secrets/pgvector-setup/authority/ca.crt".to_owned(),
        "--directory=/var/lib/pgvector-setup".to_owned(),
    ]);
    arguments.extend(table_flags(&settings.table));
    arguments.iter().map(|argument| unexpanded(argument)).collect()
}

/// Kubernetes replaces `$(NAME)` in arguments, and takes `$$` for one dollar sign
/// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint).
fn unexpanded(argument: &str) -> String {
    argument.replace('$', "$$")
}

fn notes(settings: &Settings, operand: &Operand) -> Vec<String> {
    let mut notes = operand.notes.clone();
    let tool = &settings.containers.tool_image;
    // `localhost` would be each node itself.
    if tool.registry().is_none_or(|host| host == "localhost") {
        notes.push(format!(
            "the job runs {tool}, which the nodes must be able to pull: push it to your registry, and name it by --tool-image"
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
