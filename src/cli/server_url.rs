//! Which server the target `url` means: the flags, libpq's variables, and the files that both name.

use std::path::{Path, PathBuf};

use super::arguments::{Options, ReadForUrl};
use crate::error::Result;
use crate::host::Host;
use crate::secret::Secret;
use crate::settings::{
    Given, ServerHost, ServerUrl, SettingsError, Surroundings, Target, parse_url, server_url,
};

/// Bits that let others read a file.
const OTHERS: u32 = 0o077;

/// Reads what a URL may leave open.
///
/// # Errors
/// [`SettingsError::File`] for a `--url-file` that is not there or that others may read.
pub(super) fn read(options: &Options, host: &Host) -> Result<ReadForUrl> {
    let url = options
        .url_file
        .as_deref()
        .map(|path| url_of(path, host))
        .transpose()?;
    Ok(ReadForUrl {
        url,
        surroundings: surroundings(host)?,
    })
}

fn url_of(path: &Path, host: &Host) -> Result<Secret> {
    let problem = |problem: &str| SettingsError::File {
        path: path.display().to_string(),
        problem: problem.to_owned(),
    };
    let text = host
        .read_text(path)?
        .ok_or_else(|| problem("there is no such file"))?;
    if host
        .mode_and_owner(path)
        .is_some_and(|(mode, _)| mode & OTHERS != 0)
    {
        return Err(problem("others may read it; chmod 600 keeps the password to its owner").into());
    }
    Ok(Secret::new(text.trim()))
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
    match options.target {
        Some(Target::Url) => {}
        None if url.is_some() => {}
        Some(other) if url.is_some() => {
            return Err(SettingsError::Conflict {
                first: "--url".into(),
                second: format!("--target {other}"),
                reason: "the URL names a server that is there already",
            });
        }
        _ => return Ok(None),
    }
    let given = Given {
        url,
        file: options.url_file.as_ref(),
        root_certificate: options.tls_root.as_ref(),
        allows_plaintext: options.allow_plaintext.unwrap_or(false),
    };
    server_url(&given, &options.read.surroundings).map(Some)
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
