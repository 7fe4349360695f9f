//! The portable bundle, fetched once by the product's own plan and kept under `target`, so that no test downloads it again.

#![allow(clippy::disallowed_methods, reason = "a test prepares its own ground")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pgvector_setup::facts::{bundle, embedded};
use pgvector_setup::host::{Command, Environment, Host};
use pgvector_setup::plan::{Step, embedded::server_plan};
use pgvector_setup::settings::{
    Dimensions, Identifier, Index, InstanceName, Metric, Settings, Target, VectorTable,
};

/// The wheel of this platform, to be handed to `--bundle`.
pub fn wheel() -> PathBuf {
    static WHEEL: OnceLock<PathBuf> = OnceLock::new();
    // On a thread of its own, because most callers are inside a runtime.
    let on_a_thread = || std::thread::spawn(fetched_once).join().expect("the fetch ends");
    WHEEL.get_or_init(on_a_thread).clone()
}

fn fetched_once() -> PathBuf {
    let wheel = bundle::wheel_for(std::env::consts::OS, std::env::consts::ARCH)
        .expect("the tests run where the portable bundle has a build");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-bundle");
    let file = kept.join(wheel.file);
    if !file.is_file() {
        // Beside its place and renamed: another test binary may be doing the same.
        let partial = kept.join(format!("partial-{}", std::process::id()));
        std::fs::create_dir_all(&partial).expect("a directory under target");
        let fetched = fetch(&partial).join(wheel.file);
        std::fs::rename(fetched, &file).expect("pip fetched the wheel that the plan names");
        std::fs::remove_dir_all(&partial).expect("the partial directory is ours");
    }
    file
}

/// Runs the one command of the plan that fetches; gives the directory that it fetches to.
fn fetch(root: &Path) -> PathBuf {
    let host = Host::new(environment());
    let settings = settings(root);
    let fetching = async {
        let mut facts = embedded::gather(&host, &settings)
            .await
            .expect("facts of this machine");
        // As on a bare machine, whatever this one has.
        facts.binaries.clear();
        let plan = server_plan(&facts, &settings).expect("a plan with the portable bundle");
        let argv = plan.steps.iter().find_map(|step| match step {
            Step::FetchBundle { argv, .. } => Some(argv),
            _ => None,
        });
        let argv = argv.expect("a bare machine fetches the bundle");
        let mut command = Command::new(&argv[0], "fetch the portable bundle for the tests")
            .arguments(&argv[1..])
            .deadline(std::time::Duration::from_secs(300));
        for (name, value) in &host.environment().download {
            command = command.environment(name, value);
        }
        host.run(&command).await.expect("pip fetches the bundle");
        let destination = argv.iter().skip_while(|word| *word != "--dest").nth(1);
        PathBuf::from(destination.expect("pip is told where to"))
    };
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(fetching)
}

/// The person's own mirror and proxies, as the binary hands them to pip.
fn environment() -> Environment {
    Environment {
        home: std::env::var_os("HOME").map(Into::into),
        search_path: std::env::var_os("PATH"),
        download: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with("PIP_") || name.to_lowercase().ends_with("_proxy"))
            .collect(),
        ..Environment::default()
    }
}

/// An embedded installation below `root`.
pub fn settings(root: &Path) -> Settings {
    let name = |text: &str| Identifier::new(text).expect("a plain name");
    Settings {
        target: Target::Embedded,
        instance: InstanceName::default(),
        directory: Some(root.to_owned()),
        port: None,
        postgres_major: None,
        lock_timeout: pgvector_setup::settings::DEFAULT_LOCK_TIMEOUT,
        packages: pgvector_setup::settings::PackageSettings::default(),
        bundle: None,
        database: name("vectors"),
        role: name("vectors"),
        table: VectorTable {
            schema: name("vectors"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(3).expect("3 dimensions"),
            metric: Metric::Cosine,
            index: Index::None,
            extension_schema: name("public"),
        },
        network: Default::default(),
        server_url: None,
        role_password_file: None,
        embedder: Default::default(),
        containers: pgvector_setup::settings::ContainerSettings::default(),
    }
}
