use std::fmt;

use super::HttpError;

/// `http://` or `https://`, a host, and what stands before every path. No user, password, query or fragment, so that it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAddress {
    is_encrypted: bool,
    /// A name or an IP address, this without brackets.
    host: String,
    port: u16,
    /// Empty, or begins with a slash and ends with none.
    prefix: String,
}

impl HttpAddress {
    /// # Errors
    /// [`HttpError::Address`], which repeats no part of `text`: it may hold a secret in the wrong place.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let (is_encrypted, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(problem("does not begin with http:// or https://"));
        };
        if rest.contains('@') {
            return Err(problem(
                "has a user or a password in it; a token comes from a file",
            ));
        }
        if rest.contains(['?', '#']) {
            return Err(problem("has a '?' or '#' in it; only a path may follow the host"));
        }
        let uri: ureq::http::Uri = text.parse().map_err(|_| problem("is not a URL"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| problem("names no host"))?;
        let default = if is_encrypted { 443 } else { 80 };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port = match authority
            .strip_prefix(host)
            .and_then(|rest| rest.strip_prefix(':'))
        {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None => Some(default),
        };
        Ok(Self {
            is_encrypted,
            host: host.trim_matches(['[', ']']).to_lowercase(),
            port: port.ok_or_else(|| problem("has a port that is none"))?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is this machine; a name only if it is `localhost`, which no name server is asked for (RFC 6761).
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether nobody on the way can read what is sent.
    pub fn keeps_secrets(&self) -> bool {
        self.is_encrypted || self.is_loopback()
    }

    /// `https://api.example:8443`, without the prefix.
    pub fn server(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        let is_usual = self.port == if self.is_encrypted { 443 } else { 80 };
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if is_usual {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{}", self.port)
        }
    }

    pub(super) fn below(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for HttpAddress {
    /// The server with the prefix.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.server(), self.prefix)
    }
}

fn problem(problem: &'static str) -> HttpError {
    HttpError::Address { problem }
}
