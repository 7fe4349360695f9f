//! The option sets that are rendered, and what is rendered of them.

use pgvector_setup::render::{Rendering, kubernetes};
use pgvector_setup::settings::{
    ContainerSettings, DEFAULT_LOCK_TIMEOUT, Dimensions, Identifier, Index, InstanceName, KubernetesSettings,
    Label, Lists, Metric, PackageSettings, Quantity, Settings, Subdomain, Target, VectorTable,
};
use serde_json::Value;

/// The defaults of the command line.
pub fn defaults() -> (Settings, KubernetesSettings) {
    let settings = Settings {
        target: Target::Docker,
        instance: InstanceName::default(),
        directory: None,
        port: None,
        postgres_major: None,
        lock_timeout: DEFAULT_LOCK_TIMEOUT,
        packages: PackageSettings::default(),
        bundle: None,
        database: name("vectors"),
        role: name("vectors"),
        table: VectorTable {
            schema: name("vectors"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(1536).unwrap(),
            metric: Metric::Cosine,
            index: Index::DEFAULT_HNSW,
            extension_schema: name("public"),
        },
        network: Default::default(),
        server_url: None,
        role_password_file: None,
        embedder: Default::default(),
        containers: ContainerSettings::default(),
    };
    let kubernetes = KubernetesSettings {
        name: Label::parse("--name", "vectors", Label::LONGEST_CLUSTER).unwrap(),
        namespace: None,
        instances: 3,
        storage: Quantity::parse("--storage", "20Gi").unwrap(),
        storage_class: None,
        backup: None,
    };
    (settings, kubernetes)
}

pub fn name(name: &str) -> Identifier {
    Identifier::new(name).unwrap()
}

/// Every option is in one of these.
pub fn sets() -> Vec<(&'static str, Settings, KubernetesSettings)> {
    let (settings, kubernetes) = defaults();
    let with = |change: &dyn Fn(&mut Settings, &mut KubernetesSettings)| {
        let (mut settings, mut kubernetes) = (settings.clone(), kubernetes.clone());
        change(&mut settings, &mut kubernetes);
        (settings, kubernetes)
    };
    let everything = with(&|settings, kubernetes| {
        kubernetes.name = Label::parse("--name", "search-2", Label::LONGEST_CLUSTER).unwrap();
        kubernetes.namespace = Some(Label::parse("--namespace", "data", Label::LONGEST).unwrap());
        kubernetes.instances = 1;
        kubernetes.storage = Quantity::parse("--storage", "1Ti").unwrap();
        kubernetes.storage_class = Some(Subdomain::parse("--storage-class", "fast.ssd").unwrap());
        kubernetes.backup = Some(Subdomain::parse("--backup", "store").unwrap());
        settings.containers.memory = Some("512m".parse().unwrap());
        settings.containers.tool_image = "registry.example:5000/tools/pgvector-setup:1.0".parse().unwrap();
        settings.table.extension_schema = name("extensions");
        settings.table.index = Index::Ivfflat {
            lists: Lists::Count(7),
        };
    });
    let older = with(&|settings, _| {
        settings.postgres_major = Some(17);
        settings.database = name("it's \"x\": $(HOME) # y");
        settings.table.index = Index::None;
    });
    let own_image = with(&|settings, _| {
        settings.containers.image = Some("registry.example/postgresql:18.1-own".parse().unwrap());
        settings.containers.memory = Some("64g".parse().unwrap());
    });
    let sets = [
        ("default", (settings.clone(), kubernetes.clone())),
        ("everything", everything),
        ("postgres-17", older),
        ("own-image", own_image),
    ];
    sets.map(|(name, (settings, kubernetes))| (name, settings, kubernetes))
        .into()
}

pub fn rendered(settings: &Settings, kubernetes: &KubernetesSettings) -> Rendering {
    kubernetes::manifests(settings, kubernetes).unwrap()
}

/// Every document of all files.
pub fn documents(rendering: &Rendering) -> Vec<Value> {
    rendering.files.iter().map(|file| parsed(&file.content)).collect()
}

pub fn parsed(text: &str) -> Value {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
    serde_json::to_value(value).unwrap()
}

pub fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents
        .iter()
        .find(|document| document["kind"] == kind)
        .unwrap()
}
