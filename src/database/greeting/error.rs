use crate::error::{Exit, Explain};
use crate::settings::Authentication;

/// Why nothing was sent to a server. No password was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GreetingError {
    #[error("the certificate of {host} has expired, or is not valid yet")]
    Expired { host: String },
    #[error(
        "the certificate of the server that answers is not for {host}{}",
        for_names(names)
    )]
    WrongHost { host: String, names: String },
    #[error(
        "the certificate of {host} is signed by nobody who is trusted here: by itself, or by an unknown issuer"
    )]
    UnknownIssuer { host: String },
    #[error("the certificate of {host} is signed by itself and is an authority's (CA:TRUE), not a server's")]
    AuthorityAsServer { host: String },
    #[error("{host} does not speak TLS")]
    NoTls { host: String },
    #[error("{host} speaks no TLS that is new enough: 1.2 is the oldest")]
    OldTls { host: String },
    #[error("no TLS with {host}: {detail}")]
    Tls { host: String, detail: String },
    #[error("the root certificates cannot be used: {place}: {detail}")]
    Roots { place: String, detail: String },
    #[error("{address} asks for {}{}", described(*method), if *is_exposed { " over a connection in the clear" } else { "" })]
    Authentication {
        address: String,
        method: Authentication,
        /// Everybody on the way could read it.
        is_exposed: bool,
    },
    #[error("{address} asks for the password of {user}, and none was given")]
    NoPassword { address: String, user: String },
}

fn for_names(names: &str) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(", but for {names}")
    }
}

fn described(method: Authentication) -> &'static str {
    match method {
        Authentication::None => "no proof of who connects",
        Authentication::Password => "the password itself, not for a proof of it",
        Authentication::Md5 => "an MD5 digest of the password, which is as good as the password",
        Authentication::Scram => "a proof of the password by SCRAM",
        Authentication::Other => "a proof that this program cannot give",
    }
}

impl Explain for GreetingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "E0610",
            Self::WrongHost { .. } => "E0611",
            Self::UnknownIssuer { .. } => "E0612",
            Self::NoTls { .. } => "E0613",
            Self::OldTls { .. } => "E0614",
            Self::Tls { .. } => "E0615",
            Self::Roots { .. } => "E0616",
            Self::Authentication { .. } => "E0617",
            Self::NoPassword { .. } => "E0618",
            Self::AuthorityAsServer { .. } => "E0619",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Refused
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Expired { .. } => "renew the server's certificate, or look at this machine's clock: date".to_owned(),
            Self::WrongHost { names, .. } if !names.is_empty() => {
                "name the server as its certificate does, or give it a certificate for this name".to_owned()
            }
            Self::WrongHost { .. } => "give the server a certificate for the name that the URL has".to_owned(),
            Self::UnknownIssuer { .. } => {
                "name the certificate of its issuer: --tls-root FILE (managed servers: the provider's download page has it)"
                    .to_owned()
            }
            Self::AuthorityAsServer { .. } => {
                "make it anew as a server's: openssl req -x509 … -addext basicConstraints=critical,CA:FALSE; then name it: --tls-root FILE"
                    .to_owned()
            }
            Self::NoTls { .. } => {
                "switch TLS on at the server: ssl = on; or reach it by a tunnel on this machine: ssh -L 5432:localhost:5432 HOST"
                    .to_owned()
            }
            Self::OldTls { .. } => "raise ssl_min_protocol_version on the server to TLSv1.2".to_owned(),
            Self::Tls { host, .. } => format!("openssl s_client -starttls postgres -connect {host}:5432"),
            Self::Roots { .. } => "give PEM certificates: --tls-root FILE".to_owned(),
            Self::Authentication {
                method: Authentication::Md5 | Authentication::Password,
                is_exposed: false,
                ..
            } => "on the server: password_encryption = 'scram-sha-256', set the password anew, scram-sha-256 in pg_hba.conf; or allow it in the URL: require_auth=scram-sha-256,md5,password"
                .to_owned(),
            Self::Authentication {
                method: Authentication::Md5 | Authentication::Password,
                ..
            } => "leave sslmode out of the URL, so that TLS is used".to_owned(),
            Self::Authentication { .. } => {
                "scram-sha-256 in the server's pg_hba.conf for this user, and in the URL's require_auth".to_owned()
            }
            Self::NoPassword { .. } => {
                "put it into ~/.pgpass (mode 0600), or the whole URL into a file of mode 0600: --url-file FILE".to_owned()
            }
        })
    }
}
