//! A certificate and its key as files: whether a server could show them to clients, before any server is asked to. Pure.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error as TlsError, InconsistentKeys, RootCertStore};

/// What is known of a certificate that could be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CertificateFacts {
    /// Why it cannot be used.
    pub problem: Option<String>,
    /// What its clients have to know.
    pub notes: Vec<String>,
    /// The certificate itself, without those between it and its issuer.
    #[serde(skip)]
    pub certificate: Vec<u8>,
}

/// No name of a server (RFC 6761), so the answer to it lists the names that a certificate has.
const NOBODY: &str = "nobody.invalid";

/// Judges the PEM text of a certificate, of its key where that is at hand, and which of `addresses` it is for. `now` is the
/// time since 1970.
pub fn judge(
    certificate: &[u8],
    key: Option<&[u8]>,
    addresses: &[IpAddr],
    now: Duration,
) -> CertificateFacts {
    match judged(certificate, key, addresses, now) {
        Ok(facts) => facts,
        Err(problem) => CertificateFacts {
            problem: Some(problem),
            ..CertificateFacts::default()
        },
    }
}

fn judged(
    certificate: &[u8],
    key: Option<&[u8]>,
    addresses: &[IpAddr],
    now: Duration,
) -> Result<CertificateFacts, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate cannot be read: {error}"))?;
    let Some(own) = chain.first().cloned() else {
        return Err("there is no certificate in PEM in it".to_owned());
    };
    let mut notes = validity(&own, now)?;
    if let Some(key) = key {
        fits(&chain, key)?;
    }
    notes.extend(names(&own, addresses));
    Ok(CertificateFacts {
        problem: None,
        notes,
        certificate: own.to_vec(),
    })
}

/// Judged as if the certificate were its own issuer: its dates are looked at before its issuer is.
fn validity(own: &CertificateDer<'static>, now: Duration) -> Result<Vec<String>, String> {
    let unreadable = |error: TlsError| format!("the certificate cannot be read: {error}");
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).map_err(unreadable)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| format!("the certificate cannot be read: {error}"))?;
    let name = ServerName::try_from(NOBODY).map_err(|error| error.to_string())?;
    let now = UnixTime::since_unix_epoch(now);
    let by_itself = || {
        let note = "the certificate is signed by itself: its clients need it as their sslrootcert";
        Ok(vec![note.to_owned()])
    };
    match verifier.verify_server_cert(own, &[], &name, &[], now) {
        Err(TlsError::InvalidCertificate(problem)) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Err("the certificate has expired".to_owned())
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Err("the certificate is not valid yet".to_owned())
            }
            CertificateError::BadEncoding => Err("the certificate cannot be read".to_owned()),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                by_itself()
            }
            // rustls-webpki has no public word for it beside its own error's name.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => Err(
                "the certificate is an authority's (CA:TRUE), which clients do not take for a server's"
                    .to_owned(),
            ),
            _ => Ok(Vec::new()),
        },
        _ => by_itself(),
    }
}

fn fits(chain: &[CertificateDer<'static>], key: &[u8]) -> Result<(), String> {
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "there is no key in PEM without a passphrase in the key's file".to_owned())?;
    let key = ring::sign::any_supported_type(&key).map_err(|_| {
        "the key is none of ECDSA P-256 and P-384, Ed25519, and RSA of 2048 bits or more".to_owned()
    })?;
    match CertifiedKey::new(chain.to_vec(), key).keys_match() {
        Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err("the key does not fit the certificate".to_owned())
        }
        Err(TlsError::InconsistentKeys(_)) | Ok(()) => Ok(()),
        Err(error) => Err(format!("the certificate cannot be read: {error}")),
    }
}

/// Clients that check whom they speak to (`sslmode=verify-full`) have to name the server as its certificate does.
fn names(own: &CertificateDer<'_>, addresses: &[IpAddr]) -> Option<String> {
    let parsed = ParsedCertificate::try_from(own).ok()?;
    let is_for = |name: ServerName<'_>| rustls::client::verify_server_name(&parsed, &name);
    let missing: Vec<String> = addresses
        .iter()
        .filter(|address| is_for(ServerName::from(**address)).is_err())
        .map(ToString::to_string)
        .collect();
    let presented = match is_for(ServerName::try_from(NOBODY).ok()?) {
        Err(TlsError::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
            presented
        }
        _ => Vec::new(),
    };
    let presented: Vec<&str> = presented
        .iter()
        // rustls presents names as `DnsName("db.example")` and `IpAddress(192.0.2.7)`.
        .map(|name| name.split(['(', ')']).nth(1).unwrap_or(name).trim_matches('"'))
        .collect();
    if presented.is_empty() {
        return Some(
            "the certificate has no name in it (subjectAltName): no client can check whom it speaks to"
                .to_owned(),
        );
    }
    (!missing.is_empty()).then(|| {
        format!(
            "the certificate is for {}, not for {}: clients name the server so, or sslmode=verify-full refuses it",
            presented.join(", "),
            missing.join(", ")
        )
    })
}

#[cfg(test)]
mod tests;
