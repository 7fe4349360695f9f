//! Reads the process's surroundings, runs, exits.

use std::ffi::OsString;
use std::process::ExitCode;

use pgvector_setup::cli;
use pgvector_setup::host::Environment;

fn main() -> ExitCode {
    log_if_asked();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::run(std::env::args_os(), environment()));
            // A blocking prompt or child must not hold the exit up.
            runtime.shutdown_background();
            exit.into()
        }
        Err(_) => pgvector_setup::Exit::Bug.into(),
    }
}

/// `PGVECTOR_SETUP_LOG=1` shows every child process with its purpose on standard error.
#[allow(clippy::disallowed_methods, reason = "the environment is read in this file")]
fn log_if_asked() {
    if std::env::var_os("PGVECTOR_SETUP_LOG").is_some_and(|value| !value.is_empty()) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr);
        subscriber.with_ansi(false).without_time().init();
    }
}

/// The one place where the environment is read.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the place that the lint points to"
)]
fn environment() -> Environment {
    let path = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(Into::into)
    };
    let secret = |name: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        value.map(pgvector_setup::secret::Secret::new)
    };
    Environment {
        home: path("HOME"),
        data_home: path("XDG_DATA_HOME"),
        search_path: std::env::var_os("PATH"),
        download: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(for_pip)
            .collect(),
        homebrew: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(for_brew)
            .collect(),
        containers: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(for_containers)
            .collect(),
        libpq: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| (name == "DATABASE_URL" || name.starts_with("PG")) && !value.is_empty())
            .map(|(name, value)| (name, value.into()))
            .collect(),
        proxies: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| name.to_lowercase().ends_with("_proxy") && !value.is_empty())
            .map(|(name, value)| (name, value.into()))
            .collect(),
        journal_stream: std::env::var("JOURNAL_STREAM").ok(),
        embedder_key: secret("PGVECTOR_SETUP_EMBEDDER_KEY"),
        chroma_token: secret("PGVECTOR_SETUP_CHROMA_TOKEN"),
    }
}

/// brew's own settings (brew(1), ENVIRONMENT) with the place of their files, proxies, and the way to the user's services.
/// Not what changes the form of its answers or has it ask.
fn for_brew((name, value): &(String, OsString)) -> bool {
    const SURROUNDINGS: [&str; 5] = [
        "DBUS_SESSION_BUS_ADDRESS",
        "SSH_TTY",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
    ];
    const FORM: [&str; 6] = [
        "HOMEBREW_ASK",
        "HOMEBREW_BREW_FILE",
        "HOMEBREW_COLOR",
        "HOMEBREW_DEBUG",
        "HOMEBREW_PATH",
        "HOMEBREW_VERBOSE",
    ];
    let is_setting = name.starts_with("HOMEBREW_") && !FORM.contains(&name.as_str());
    let is_proxy = name.to_lowercase().ends_with("_proxy");
    !value.is_empty() && (is_setting || is_proxy || SURROUNDINGS.contains(&name.as_str()))
}

/// Which engine is meant and how it is reached (docker(1), podman(1)), proxies for what it pulls, and the places of the user's own
/// settings, images and sockets. Not `COMPOSE_*`, which would put other files and profiles in the place of ours.
fn for_containers((name, value): &(String, OsString)) -> bool {
    const SURROUNDINGS: [&str; 6] = [
        "CONTAINER_HOST",
        "CONTAINER_CONNECTION",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
    ];
    const DOCKER: [&str; 6] = [
        "DOCKER_API_VERSION",
        "DOCKER_CERT_PATH",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
        "DOCKER_TLS_VERIFY",
    ];
    let is_proxy = name.to_lowercase().ends_with("_proxy");
    let is_named = SURROUNDINGS.contains(&name.as_str()) || DOCKER.contains(&name.as_str());
    !value.is_empty() && (is_named || is_proxy)
}

/// pip's own settings, proxies and certificate bundles: without them a user's mirror would not be reached.
fn for_pip((name, _): &(String, OsString)) -> bool {
    let lower = name.to_lowercase();
    name.starts_with("PIP_")
        || lower.ends_with("_proxy")
        || ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"].contains(&name.as_str())
}
