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
        server_url: None,
        role_password_file: None,
        containers: crate::settings::ContainerSettings::default(),
    }
}

pub(crate) fn name(name: &str) -> Identifier {
    Identifier::new(name).unwrap()
}
