use ureq::http::HeaderMap;
use ureq::http::header::LOCATION;

use super::{HttpAddress, HttpLimits};
use crate::error::{Exit, Explain};

/// Why there is no answer of a server. No variant holds a secret, a query or a body. Codes E0220 to E0229.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{server} cannot be reached: {detail}")]
    Unreachable { server: String, detail: String },
    #[error("no TLS with {server}: {detail}")]
    Tls { server: String, detail: String },
    #[error("{server} did not answer within {seconds} s")]
    Deadline { server: String, seconds: u64 },
    #[error("the answer of {server} is larger than {limit} bytes")]
    TooLarge { server: String, limit: u64 },
    #[error("{server} answers with a redirect{}, which is not followed", .place.as_ref().map(|place| format!(" to {place}")).unwrap_or_default())]
    Redirect { server: String, place: Option<String> },
    #[error("{server} does not answer as an HTTP server: {detail}")]
    NotHttp { server: String, detail: String },
    #[error("the URL {problem}")]
    Address { problem: &'static str },
    #[error("the proxy in {variable} cannot be used: it is no http:// or https:// URL")]
    Proxy { variable: String },
    #[error("the token or key has a character that HTTP cannot send")]
    Unsendable,
    #[error("a token or key would go to {server} in the clear")]
    Exposed { server: String },
}

impl HttpError {
    /// Whether the same request may be answered another time.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Deadline { .. })
    }

    pub(super) fn from_ureq(address: &HttpAddress, limits: HttpLimits, error: ureq::Error) -> Self {
        let server = address.server();
        let unreachable = |server: String, detail: &str| Self::Unreachable {
            server,
            detail: detail.to_owned(),
        };
        let not_http = |server: String, detail: &str| Self::NotHttp {
            server,
            detail: detail.to_owned(),
        };
        match error {
            ureq::Error::Timeout(_) => Self::Deadline {
                server,
                seconds: limits.deadline.as_secs(),
            },
            ureq::Error::BodyExceedsLimit(limit) => Self::TooLarge { server, limit },
            ureq::Error::Rustls(error) => Self::Tls {
                server,
                detail: error.to_string(),
            },
            ureq::Error::Tls(detail) => Self::Tls {
                server,
                detail: detail.to_owned(),
            },
            ureq::Error::Io(error) => from_io(server, limits, &error),
            ureq::Error::HostNotFound => unreachable(server, "its name is not known"),
            ureq::Error::ConnectionFailed => unreachable(server, "no connection was made"),
            ureq::Error::ConnectProxyFailed(_) => unreachable(server, "the proxy does not connect to it"),
            ureq::Error::LargeResponseHeader(..) => not_http(server, "its header is too large"),
            ureq::Error::Decompress(..) => not_http(server, "what it packed cannot be unpacked"),
            ureq::Error::Protocol(_) => not_http(server, "what it sent is no HTTP"),
            // What is left would repeat the URL or a header.
            _ => not_http(server, "the exchange failed"),
        }
    }

    /// Names where the redirect leads, without its query.
    pub(super) fn redirect(address: &HttpAddress, headers: &HeaderMap) -> Self {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let uri = location.and_then(|text| text.parse::<ureq::http::Uri>().ok());
        let place = uri.map(|uri| match (uri.scheme_str(), uri.host(), uri.port_u16()) {
            (Some(scheme), Some(host), Some(port)) => format!("{scheme}://{host}:{port}{}", uri.path()),
            (Some(scheme), Some(host), None) => format!("{scheme}://{host}{}", uri.path()),
            _ => uri.path().to_owned(),
        });
        Self::Redirect {
            server: address.server(),
            place,
        }
    }
}

fn from_io(server: String, limits: HttpLimits, error: &std::io::Error) -> HttpError {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(error) = tls {
        let detail = error.to_string();
        return HttpError::Tls { server, detail };
    }
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => HttpError::Deadline {
            server,
            seconds: limits.deadline.as_secs(),
        },
        std::io::ErrorKind::UnexpectedEof => HttpError::Unreachable {
            server,
            detail: "it closed the connection".to_owned(),
        },
        _ => HttpError::Unreachable {
            server,
            detail: error.to_string(),
        },
    }
}

impl Explain for HttpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "E0220",
            Self::Tls { .. } => "E0221",
            Self::Deadline { .. } => "E0222",
            Self::TooLarge { .. } => "E0223",
            Self::Redirect { .. } => "E0224",
            Self::NotHttp { .. } => "E0225",
            Self::Address { .. } => "E0226",
            Self::Proxy { .. } => "E0227",
            Self::Unsendable => "E0228",
            Self::Exposed { .. } => "E0229",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } => Exit::Resumable,
            Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::NotHttp { .. }
            | Self::Exposed { .. } => Exit::Refused,
            Self::Address { .. } | Self::Proxy { .. } | Self::Unsendable => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { server, .. } | Self::Deadline { server, .. } | Self::NotHttp { server, .. } => {
                format!("curl -v {server}, then the same command again")
            }
            Self::Tls { server, .. } => format!(
                "curl -v {server}; a root certificate of your own is named in the environment: SSL_CERT_FILE=FILE"
            ),
            Self::TooLarge { server, .. } => format!("look whether {server} is the server that is meant"),
            Self::Redirect { place, .. } => match place {
                Some(place) => format!("name the place itself, if it is to be trusted: {place}"),
                None => "name the place that the server means".to_owned(),
            },
            Self::Address { .. } => "http://localhost:8000, or https://HOST/PATH".to_owned(),
            Self::Proxy { variable } => format!("{variable}=http://HOST:PORT, or no_proxy=HOST"),
            Self::Unsendable => "write it anew, one line of visible ASCII: (umask 077; cat > FILE)".to_owned(),
            Self::Exposed { .. } => {
                "use https://, or a tunnel on this machine: ssh -L 8000:localhost:8000 HOST, then http://localhost:8000"
                    .to_owned()
            }
        })
    }
}
