//! The settings that the planners' tests begin with: the defaults of the command line.

use crate::settings::{
    DEFAULT_LOCK_TIMEOUT, Dimensions, Identifier, Index, InstanceName, Metric, Settings, Target, VectorTable,
};

pub(crate) fn settings(target: Target) -> Settings {
    Settings {
        target,
        instance: InstanceName::default(),
        directory: None,
        port: None,
        postgres_major: None,
        bundle: None,
        database: name("vectors"),
        role: name("vectors"),
        lock_timeout: DEFAULT_LOCK_TIMEOUT,
        packages: crate::settings::PackageSettings::default(),
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
        containers: crate::settings::ContainerSettings::default(),
    }
}

/// A site of the operating system's server, as `site deploy --domain DOMAIN --email admin@example.com` has it.
pub(crate) fn site(domain: &str) -> crate::settings::SiteSettings {
    use crate::settings::SiteSettings;
    let domain = domain.parse().unwrap();
    let name = SiteSettings::named(&domain, None).unwrap();
    let mut database = settings(Target::System);
    database.database = name.clone();
    database.role = SiteSettings::owner(&name);
    database.table.schema = name.clone();
    SiteSettings {
        domain,
        email: "admin@example.com".parse().unwrap(),
        name,
        service: None,
        credentials: false,
        health_url: None,
        database,
    }
}

pub(crate) fn name(name: &str) -> Identifier {
    Identifier::new(name).unwrap()
}
