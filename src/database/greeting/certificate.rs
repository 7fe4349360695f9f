//! The TLS handshake, with the server's certificate judged as much as was asked for, and what is wrong with it told apart.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    Error as TlsError, RootCertStore, SignatureScheme, StreamOwned,
};

use super::{GreetingError, Stream};
use crate::database::DatabaseError;
use crate::settings::{ServerUrl, TlsMode};

/// The encrypted stream and the version of TLS, which is 1.2 at least: rustls speaks nothing older.
pub(super) fn handshake(
    stream: TcpStream,
    host: &str,
    server: &ServerUrl,
    roots: Option<&[u8]>,
) -> Result<(Box<dyn Stream>, String), DatabaseError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(server, roots, &provider)?;
    let session = shaken(stream, host, verifier)?;
    let version = match session.conn.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        _ => "TLSv1.3".to_owned(),
    };
    Ok((Box::new(session), version))
}

/// The encrypted stream and the certificate that the server proved to have the key to, whoever signed it and for whom.
pub(super) fn unjudged(stream: TcpStream, host: &str) -> Result<(Box<dyn Stream>, Vec<u8>), DatabaseError> {
    let verifier = Verifier {
        chain: None,
        is_name_checked: false,
        provider: Arc::new(ring::default_provider()),
    };
    let session = shaken(stream, host, verifier)?;
    let shown = session.conn.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.map(|certificate| certificate.to_vec()).unwrap_or_default();
    Ok((Box::new(session), certificate))
}

fn shaken(
    mut stream: TcpStream,
    host: &str,
    verifier: Verifier,
) -> Result<StreamOwned<ClientConnection, TcpStream>, GreetingError> {
    let unusable = |detail: String| GreetingError::Tls {
        host: host.to_owned(),
        detail,
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unusable(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let mut session =
        ClientConnection::new(Arc::new(config), name).map_err(|error| unusable(error.to_string()))?;
    while session.is_handshaking() {
        session
            .complete_io(&mut stream)
            .map_err(|error| judged(host, error))?;
    }
    Ok(StreamOwned::new(session, stream))
}

/// What went wrong, as its reader has to mend it.
fn judged(host: &str, error: io::Error) -> GreetingError {
    let host = host.to_owned();
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
        let detail = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
            _ => error.to_string(),
        };
        return GreetingError::Tls { host, detail };
    };
    match error {
        TlsError::InvalidCertificate(problem) => match problem {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => GreetingError::Expired { host },
            CertificateError::NotValidForName => GreetingError::WrongHost {
                host,
                names: String::new(),
            },
            CertificateError::NotValidForNameContext { presented, .. } => GreetingError::WrongHost {
                host,
                names: presented
                    .iter()
                    .map(|name| plain(name))
                    .collect::<Vec<_>>()
                    .join(", "),
            },
            CertificateError::UnknownIssuer => GreetingError::UnknownIssuer { host },
            // rustls-webpki has no public word for it beside its own error's name.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                GreetingError::AuthorityAsServer { host }
            }
            other => GreetingError::Tls {
                host,
                detail: other.to_string(),
            },
        },
        TlsError::PeerIncompatible(_) | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            GreetingError::OldTls { host }
        }
        other => GreetingError::Tls {
            host,
            detail: other.to_string(),
        },
    }
}

/// rustls presents a name as `DnsName("db.example")`.
fn plain(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

/// `None` looks at no certificate: only what the URL asks for by name comes so far.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    is_name_checked: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        server: &ServerUrl,
        roots: Option<&[u8]>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, GreetingError> {
        let chain = if server.tls < TlsMode::VerifyCa {
            None
        } else {
            let unusable = |detail: String| GreetingError::Roots {
                place: server
                    .root_certificate
                    .as_ref()
                    .map_or("the system's certificates".to_owned(), |path| {
                        path.display().to_string()
                    }),
                detail,
            };
            let store = Arc::new(trusted(roots).map_err(unusable)?);
            let builder = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(provider));
            Some(builder.build().map_err(|error| unusable(error.to_string()))?)
        };
        Ok(Self {
            chain,
            is_name_checked: server.tls == TlsMode::VerifyFull,
            provider: Arc::clone(provider),
        })
    }
}

fn trusted(roots: Option<&[u8]>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let certificates = match roots {
        Some(pem) => CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(store)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.is_name_checked => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
