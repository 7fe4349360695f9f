//! Which server the target `url` means: the flags, libpq's variables, and the files that both name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::arguments::Waiting;
use super::options::{Options, ReadForUrl};
use crate::error::Result;
use crate::host::Host;
use crate::secret::Secret;
use crate::settings::{
    Given, ServerHost, ServerUrl, Settings, SettingsError, Surroundings, Target, parse_url, server_url,
};

/// Bits that let others read a file.
const OTHERS: u32 = 0o077;

/// Reads what a URL may leave open.
///
/// # Errors
/// [`HostError::SecretFile`](crate::host::HostError) for a `--url-file` or a `--password-file` that gives no secret.
pub(super) fn read(options: &Options, host: &Host) -> Result<ReadForUrl> {
    let url = options.url_file.as_deref();
    let password = options.password_file.as_deref().filter(|_| is_meant(options));
    Ok(ReadForUrl {
        url: url.map(|path| host.read_url(path)).transpose()?,
        password: password.map(|path| host.read_password(path)).transpose()?,
        surroundings: surroundings(host)?,
    })
}

/// Whether the target is a server that is there already.
fn is_meant(options: &Options) -> bool {
    match options.target {
        Some(target) => target == Target::Url,
        None => options.url.is_some() || options.url_file.is_some(),
    }
}

fn surroundings(host: &Host) -> Result<Surroundings> {
    let variables = &host.environment().libpq;
    let secret = |name: &str| {
        let found = variables.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.clone())
    };
    let text = |name: &str| secret(name).map(|value| value.expose().to_owned());
    let in_home = |name: &str| host.account().home.as_ref().map(|home| home.join(name));
    let password_file = text("PGPASSFILE")
        .map(PathBuf::from)
        .or_else(|| in_home(".pgpass"));
    Ok(Surroundings {
        database_url: secret("DATABASE_URL"),
        host: text("PGHOST"),
        port: text("PGPORT"),
        user: text("PGUSER"),
        database: text("PGDATABASE"),
        password: secret("PGPASSWORD"),
        ssl_mode: text("PGSSLMODE"),
        ssl_root_certificate: text("PGSSLROOTCERT").map(PathBuf::from),
        password_file: password_file.and_then(|path| private(&path, host)),
        own_root_certificate: in_home(".postgresql/root.crt").filter(|path| host.exists(path)),
        login: host.account().name.clone(),
    })
}

/// As libpq does, a password file that others may read counts for nothing.
fn private(path: &Path, host: &Host) -> Option<Secret> {
    let (mode, _) = host.mode_and_owner(path)?;
    let text = host.read_text(path).ok().flatten()?;
    (mode & OTHERS == 0).then(|| Secret::new(text))
}

/// The server, where the target is `url`.
///
/// # Errors
/// [`SettingsError::Conflict`] for a URL beside another target; what [`server_url`] refuses.
pub(super) fn named(options: &Options) -> Result<Option<ServerUrl>, SettingsError> {
    if options.url.is_some() && options.url_file.is_some() {
        return Err(SettingsError::Conflict {
            first: "--url".into(),
            second: "--url-file".into(),
            reason: "both name the server",
        });
    }
    let url = options.url.as_ref().or(options.read.url.as_ref());
    if !is_meant(options) {
        return match (url, options.target) {
            (Some(_), Some(other)) => Err(SettingsError::Conflict {
                first: "--url".into(),
                second: format!("--target {other}"),
                reason: "the URL names a server that is there already",
            }),
            _ => Ok(None),
        };
    }
    let given = Given {
        url,
        file: options.url_file.as_ref(),
        password: options.read.password.as_ref().zip(options.password_file.as_ref()),
        root_certificate: options.tls_root.as_ref(),
        allows_plaintext: options.allow_plaintext.unwrap_or(false),
    };
    server_url(&given, &options.read.surroundings).map(Some)
}

/// How long to wait for the server, where it was asked for.
///
/// # Errors
/// [`SettingsError::Conflict`] for a target whose server is not waited for: it is there, or it is started.
pub(super) fn patience(waiting: Waiting, settings: &Settings) -> Result<Option<Duration>, SettingsError> {
    match waiting.wait {
        Some(_) if settings.target != Target::Url => Err(SettingsError::Conflict {
            first: format!("--target {}", settings.target),
            second: "--wait".into(),
            reason: "only a server that somebody else starts is waited for",
        }),
        seconds => Ok(seconds.map(|seconds| Duration::from_secs(seconds.into()))),
    }
}

/// Whether a password stands in the command line itself.
pub(super) fn shows_password(words: &[std::ffi::OsString]) -> bool {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let after = words
        .windows(2)
        .filter(|pair| pair[0] == "--url")
        .map(|pair| pair[1]);
    let joined = words.iter().filter_map(|word| word.strip_prefix("--url="));
    after
        .chain(joined)
        .any(|url| parse_url(&Secret::new(url)).is_ok_and(|parts| parts.password.is_some()))
}

/// Supabase keeps extensions in a schema of their own (its dashboard's default).
pub(super) fn extension_schema(url: Option<&ServerUrl>) -> &'static str {
    const SUPABASE: [&str; 2] = [".supabase.co", ".supabase.com"];
    match url.map(|url| &url.host) {
        Some(ServerHost::Tcp(host)) if SUPABASE.iter().any(|suffix| host.ends_with(suffix)) => "extensions",
        _ => "public",
    }
}
