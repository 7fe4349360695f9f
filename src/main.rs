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
    Environment {
        home: path("HOME"),
        data_home: path("XDG_DATA_HOME"),
        search_path: std::env::var_os("PATH"),
        download: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(for_pip)
            .collect(),
    }
}

/// pip's own settings, proxies and certificate bundles: without them a user's mirror would not be reached.
fn for_pip((name, _): &(String, OsString)) -> bool {
    let lower = name.to_lowercase();
    name.starts_with("PIP_")
        || lower.ends_with("_proxy")
        || ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"].contains(&name.as_str())
}
