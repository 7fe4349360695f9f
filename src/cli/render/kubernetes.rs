//! `render kubernetes` and its options.

use std::path::Path;

use clap::Args;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::kubernetes;
use crate::settings::{KubernetesSettings, Label, Quantity, Settings, SettingsError, Subdomain};

pub(super) fn run(host: &Host, settings: &Settings, wanted: &Kubernetes, ui: &Ui) -> Result<Exit> {
    let chosen = wanted.settings()?;
    let rendering = kubernetes::manifests(settings, &chosen)?;
    files::output(host, &rendering, &wanted.written, ui, |directory| {
        next(&chosen, directory)
    })
}

/// The order matters: a job that runs before the database is there is refused, and tried again later and later.
fn next(chosen: &KubernetesSettings, directory: &Path) -> Vec<String> {
    let namespace = chosen.namespace.as_ref();
    let kubectl = namespace.map_or("kubectl".to_owned(), |name| format!("kubectl -n {name}"));
    let name = &chosen.name;
    vec![
        format!("cd {}", quote_word(&directory.display().to_string())),
        format!("{kubectl} apply -f cluster.yaml -f database.yaml"),
        format!(
            "{kubectl} wait --for=jsonpath='{{.status.applied}}'=true --timeout=15m database.postgresql.cnpg.io/{name}"
        ),
        format!("{kubectl} apply -f migrate-job.yaml"),
    ]
}

/// What the manifests say of Kubernetes itself.
#[derive(Debug, Clone, Args)]
pub struct Kubernetes {
    #[command(flatten)]
    pub written: Written,
    /// Name of the cluster; everything else is named after it
    #[arg(long, value_name = "NAME", default_value = KubernetesSettings::DEFAULT_NAME, help_heading = "Kubernetes")]
    pub name: String,
    /// Namespace of every object [default: kubectl's own]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    pub namespace: Option<String>,
    /// Servers: a primary and its standbys
    #[arg(long, value_name = "N", default_value_t = KubernetesSettings::DEFAULT_INSTANCES, help_heading = "Kubernetes")]
    pub instances: u16,
    /// Size of each server's volume
    #[arg(long, value_name = "SIZE", default_value = KubernetesSettings::DEFAULT_STORAGE, help_heading = "Kubernetes")]
    pub storage: String,
    /// Storage class of the volumes [default: the default class]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    pub storage_class: Option<String>,
    /// Back up daily to this ObjectStore of the Barman Cloud plugin
    #[arg(long, value_name = "OBJECTSTORE", help_heading = "Kubernetes")]
    pub backup: Option<String>,
}

impl Kubernetes {
    /// # Errors
    /// [`SettingsError::Range`] for the first value that Kubernetes would not take.
    fn settings(&self) -> Result<KubernetesSettings, SettingsError> {
        let object = |option, name: &Option<String>| {
            let parsed = name.as_deref().map(|name| Subdomain::parse(option, name));
            parsed.transpose()
        };
        let most = KubernetesSettings::MOST_INSTANCES;
        if !(1..=most).contains(&self.instances) {
            return Err(SettingsError::Range {
                option: "--instances",
                range: format!("from 1 to {most}"),
                given: self.instances.to_string(),
            });
        }
        let namespace = self.namespace.as_deref();
        Ok(KubernetesSettings {
            name: Label::parse("--name", &self.name, Label::LONGEST_CLUSTER)?,
            namespace: namespace
                .map(|name| Label::parse("--namespace", name, Label::LONGEST))
                .transpose()?,
            instances: self.instances,
            storage: Quantity::parse("--storage", &self.storage)?,
            storage_class: object("--storage-class", &self.storage_class)?,
            backup: object("--backup", &self.backup)?,
        })
    }
}
