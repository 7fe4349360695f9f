//! How much a connection has to prove before anything is sent over it. Pure.

use std::path::PathBuf;

use super::parse::{UrlParts, problem};
use super::{Given, ServerHost, Surroundings};
use crate::settings::SettingsError;

/// Weakest first. libpq's `allow` and `prefer` are one here: TLS where the server has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    Plain,
    /// TLS if the server offers it; its certificate is not looked at.
    Opportunistic,
    /// TLS or nothing; the certificate is not looked at.
    Encrypted,
    /// The certificate must be signed by a root that is trusted, whatever its name.
    VerifyCa,
    /// The certificate must be signed by a root that is trusted, and be the host's.
    VerifyFull,
}

impl TlsMode {
    /// As libpq calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "disable",
            Self::Opportunistic => "prefer",
            Self::Encrypted => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    fn parse(name: &str) -> Result<Self, SettingsError> {
        Ok(match name {
            "disable" => Self::Plain,
            "allow" | "prefer" => Self::Opportunistic,
            "require" => Self::Encrypted,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(problem(
                    "has an sslmode other than verify-full, verify-ca, require, prefer, allow and disable",
                ));
            }
        })
    }
}

/// How a server asks a client to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Not at all.
    None,
    /// The password itself.
    Password,
    Md5,
    Scram,
    /// GSSAPI, SSPI or what came after this program.
    Other,
}

impl Authentication {
    /// As `require_auth` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Scram => "scram-sha-256",
            Self::Other => "other",
        }
    }

    /// The value of `require_auth` (libpq, "Parameter Key Words").
    pub(super) fn list(text: &str) -> Result<Vec<Self>, SettingsError> {
        let known = [Self::None, Self::Password, Self::Md5, Self::Scram];
        let one = |name: &str| known.into_iter().find(|method| method.name() == name);
        text.split(',')
            .map(|name| one(name.trim()))
            .collect::<Option<Vec<Self>>>()
            .ok_or_else(|| problem("has a require_auth other than scram-sha-256, md5, password and none"))
    }
}

/// What was decided, and what of it should be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transport {
    pub tls: TlsMode,
    pub root_certificate: Option<PathBuf>,
    pub notes: Vec<String>,
}

/// `verify-full` for hosts that are not this machine; less only by name, and in the clear only by a flag of its own.
pub(super) fn transport(
    host: &ServerHost,
    parts: &UrlParts,
    given: &Given<'_>,
    surroundings: &Surroundings,
) -> Result<Transport, SettingsError> {
    let asked = parts.ssl_mode.as_ref().or(surroundings.ssl_mode.as_ref());
    let asked = asked.map(|name| TlsMode::parse(name)).transpose()?;
    let chosen_root = given
        .root_certificate
        .or(parts.root_certificate.as_ref())
        .or(surroundings.ssl_root_certificate.as_ref());
    if matches!(host, ServerHost::Socket(_)) {
        // libpq ignores TLS on Unix sockets, and so do servers.
        return Ok(Transport {
            tls: TlsMode::Plain,
            root_certificate: None,
            notes: Vec::new(),
        });
    }
    let is_local = host.is_local();
    let mut notes = Vec::new();
    let mut tls = asked.unwrap_or(if is_local {
        TlsMode::Opportunistic
    } else {
        TlsMode::VerifyFull
    });
    // As libpq has it: who names a root wants it looked at.
    if tls == TlsMode::Encrypted && chosen_root.is_some() {
        tls = TlsMode::VerifyCa;
    }
    if parts.requires_channel_binding && tls < TlsMode::VerifyFull {
        if tls == TlsMode::Plain {
            return Err(problem("asks for channel_binding=require without TLS"));
        }
        // What it would prove, that nobody stands in between, a verified certificate proves too.
        tls = TlsMode::VerifyFull;
        notes.push(
            "channel_binding=require is met by verifying the certificate: sslmode=verify-full".to_owned(),
        );
    }
    if tls < TlsMode::Encrypted && !is_local {
        if !given.allows_plaintext {
            return Err(SettingsError::Plaintext {
                mode: tls.name(),
                host: host.text(),
            });
        }
        notes.push(format!(
            "sslmode={}: what is sent to {} may be read and changed on its way, as --allow-plaintext agrees to",
            tls.name(),
            host.text()
        ));
    }
    match tls {
        TlsMode::Encrypted if !is_local => notes.push(format!(
            "sslmode=require: nobody checks that {} is who answers; sslmode=verify-full does",
            host.text()
        )),
        TlsMode::VerifyCa if !is_local => notes.push(format!(
            "sslmode=verify-ca: any server with a certificate of the same issuer may answer for {}",
            host.text()
        )),
        _ => {}
    }
    let is_verified = tls >= TlsMode::VerifyCa;
    let root = chosen_root.or(surroundings.own_root_certificate.as_ref());
    let root = root.filter(|path| is_verified && path.as_os_str() != "system");
    Ok(Transport {
        tls,
        root_certificate: root.cloned(),
        notes,
    })
}
