//! `postgresql://[user[:password]@][host][:port][/database][?name=value&…]`, read strictly (libpq, "Connection URIs").
//!
//! No message repeats a part of the text that could belong to a password.

use std::path::PathBuf;

use super::{Authentication, ServerHost};
use crate::secret::Secret;
use crate::settings::SettingsError;

/// What stands in a URL; `None` for what is left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlParts {
    pub host: Option<ServerHost>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub database: Option<String>,
    pub ssl_mode: Option<String>,
    pub root_certificate: Option<PathBuf>,
    pub authentication: Option<Vec<Authentication>>,
    /// `channel_binding=require`.
    pub requires_channel_binding: bool,
}

const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];

/// What another tool understands and this one does not need; every value means the same here.
const IGNORED: [&str; 3] = ["application_name", "connect_timeout", "gssencmode"];

pub(super) fn problem(problem: &str) -> SettingsError {
    SettingsError::Url {
        problem: problem.to_owned(),
    }
}

pub(super) fn several_hosts() -> SettingsError {
    problem("names several hosts; name the primary alone")
}

/// # Errors
/// [`SettingsError::Url`]
pub fn parse(text: &Secret) -> Result<UrlParts, SettingsError> {
    let text = text.expose().trim();
    let rest = SCHEMES
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .ok_or_else(|| problem("does not begin with postgresql://"))?;
    if text.chars().any(char::is_control) {
        return Err(problem("holds a control character or a line break"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    if authority.matches('@').count() > 1 || authority.contains('#') {
        return Err(unencoded());
    }
    if !authority.contains('@')
        && (path.contains('@') || path.contains('#') || after.starts_with('?') && query.contains('@'))
    {
        return Err(unencoded());
    }
    if after.contains('#') {
        return Err(problem("has a '#', which must be written %23"));
    }
    let (credentials, address) = match authority.split_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let mut parts = UrlParts::default();
    if let Some(credentials) = credentials {
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        parts.user = decoded(user, "user")?;
        parts.password = decoded(password.unwrap_or_default(), "password")?.map(Secret::new);
    }
    read_address(address, &mut parts)?;
    let database = path.strip_prefix('/').unwrap_or(path);
    if database.contains('/') {
        return Err(problem(
            "has a '/' in the database's name, which must be written %2F",
        ));
    }
    parts.database = decoded(database, "database")?;
    read_query(query, &mut parts)?;
    Ok(parts)
}

fn unencoded() -> SettingsError {
    problem("has a '@', '/', '?' or '#' in the user or password, which must be written %40, %2F, %3F, %23")
}

fn read_address(address: &str, parts: &mut UrlParts) -> Result<(), SettingsError> {
    if address.contains(',') {
        return Err(several_hosts());
    }
    let (host, after) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or_else(|| problem("has a '[' without ']'"))?;
            let parsed = host.parse::<std::net::Ipv6Addr>();
            parsed.map_err(|_| problem("has no IPv6 address between '[' and ']'"))?;
            (Some(ServerHost::Tcp(host.to_owned())), after)
        }
        None => {
            let end = address.find(':').unwrap_or(address.len());
            let (host, after) = address.split_at(end);
            (
                decoded(host, "host")?
                    .map(|host| checked_host(&host))
                    .transpose()?,
                after,
            )
        }
    };
    parts.host = host;
    parts.port = match after.strip_prefix(':') {
        Some("") => None,
        Some(text) => Some(port(text)?),
        None if after.is_empty() => None,
        None => return Err(problem("has something between the host and its port")),
    };
    Ok(())
}

/// A host name (RFC 1123, with the underscores that are met in practice), an IPv4 address, or a socket's directory.
fn checked_host(host: &str) -> Result<ServerHost, SettingsError> {
    if host.contains(',') {
        return Err(several_hosts());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_address = || host.parse::<std::net::Ipv6Addr>().is_ok();
    if host.starts_with('/') || (host.len() <= 253 && host.bytes().all(is_plain)) || is_address() {
        return Ok(host.into());
    }
    Err(problem("has a host that is neither a name nor an address"))
}

pub(super) fn port(text: &str) -> Result<u16, SettingsError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if is_number { text.parse().unwrap_or(0) } else { 0 };
    if port == 0 {
        return Err(problem("has a port that is no number from 1 to 65535"));
    }
    Ok(port)
}

fn read_query(query: &str, parts: &mut UrlParts) -> Result<(), SettingsError> {
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| problem("has a parameter without '='"))?;
        if seen.contains(&name) {
            return Err(problem(&format!("gives {} twice", named(name))));
        }
        seen.push(name);
        let value = decoded(value, "parameter")?.unwrap_or_default();
        read_parameter(name, value, parts)?;
    }
    Ok(())
}

fn read_parameter(name: &str, value: String, parts: &mut UrlParts) -> Result<(), SettingsError> {
    let twice = |is_there: bool| match is_there {
        true => Err(problem(&format!("gives {name} twice"))),
        false => Ok(()),
    };
    match name {
        "host" => {
            twice(parts.host.is_some())?;
            parts.host = Some(checked_host(&value)?);
        }
        "port" => {
            twice(parts.port.is_some())?;
            parts.port = Some(port(&value)?);
        }
        "user" => {
            twice(parts.user.is_some())?;
            parts.user = Some(value);
        }
        "password" => {
            twice(parts.password.is_some())?;
            parts.password = Some(Secret::new(value));
        }
        "dbname" => {
            twice(parts.database.is_some())?;
            parts.database = Some(value);
        }
        "sslmode" => parts.ssl_mode = Some(value),
        "sslrootcert" => parts.root_certificate = Some(value.into()),
        "require_auth" => parts.authentication = Some(Authentication::list(&value)?),
        "channel_binding" => parts.requires_channel_binding = channel_binding(&value)?,
        "target_session_attrs" if ["any", "read-write", "primary"].contains(&value.as_str()) => {}
        "target_session_attrs" => return Err(problem("asks for a server that takes no writes")),
        _ if IGNORED.contains(&name) => {}
        _ => return Err(problem(&format!("has {}, which is not supported", named(name)))),
    }
    Ok(())
}

fn channel_binding(value: &str) -> Result<bool, SettingsError> {
    match value {
        "require" => Ok(true),
        "prefer" | "disable" => Ok(false),
        _ => Err(problem(
            "has a channel_binding other than require, prefer and disable",
        )),
    }
}

/// A parameter by its name, unless that could be a part of something else.
fn named(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain && name.len() <= 32 {
        format!("the parameter {name}")
    } else {
        "a parameter".to_owned()
    }
}

/// Percent-decoding (RFC 3986 2.1); `None` for nothing.
fn decoded(text: &str, what: &str) -> Result<Option<String>, SettingsError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(value) = value else {
            return Err(problem(&format!(
                "has a '%' in the {what} that is followed by no two hex digits"
            )));
        };
        bytes.push(value);
        rest = &rest[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| problem(&format!("has a {what} that is not UTF-8")))?;
    if text.chars().any(char::is_control) {
        return Err(problem(&format!("has a control character in the {what}")));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Percent-encoding: unreserved characters stay (RFC 3986 2.3).
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

impl UrlParts {
    /// The URL again, without the password.
    pub fn shown(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{}@", encoded(user)));
        let host = match &self.host {
            Some(ServerHost::Tcp(host)) if host.contains(':') => format!("[{host}]"),
            Some(ServerHost::Tcp(host)) => host.clone(),
            Some(ServerHost::Socket(directory)) => encoded(&directory.display().to_string()),
            None => String::new(),
        };
        let port = self.port.map(|port| format!(":{port}"));
        let database = self.database.as_ref().map(|name| format!("/{}", encoded(name)));
        let mut parameters = Vec::new();
        parameters.extend(
            self.ssl_mode
                .as_ref()
                .map(|mode| format!("sslmode={}", encoded(mode))),
        );
        let path = self
            .root_certificate
            .as_ref()
            .map(|path| path.display().to_string());
        parameters.extend(path.map(|path| format!("sslrootcert={}", encoded(&path).replace("%2F", "/"))));
        if let Some(allowed) = &self.authentication {
            let names: Vec<&str> = allowed.iter().map(|method| method.name()).collect();
            parameters.push(format!("require_auth={}", names.join(",")));
        }
        if self.requires_channel_binding {
            parameters.push("channel_binding=require".to_owned());
        }
        let query = if parameters.is_empty() {
            String::new()
        } else {
            let separator = if database.is_some() { "?" } else { "/?" };
            format!("{separator}{}", parameters.join("&"))
        };
        format!(
            "postgresql://{}{host}{}{}{query}",
            user.unwrap_or_default(),
            port.unwrap_or_default(),
            database.unwrap_or_default()
        )
    }
}
