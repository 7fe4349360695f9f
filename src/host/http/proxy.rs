//! Which proxy the user's environment names for a server, by curl's rules (curl(1), ENVIRONMENT).

use ureq::{Proxy, ProxyProtocol};

use super::{HttpAddress, HttpError};
use crate::secret::Secret;

/// `None` is a direct connection, as always to this machine: what goes there in the clear must not leave it.
pub(super) fn for_address(
    environment: &[(String, Secret)],
    address: &HttpAddress,
) -> Result<Option<Proxy>, HttpError> {
    if address.is_loopback() || is_exempt(environment, address.host()) {
        return Ok(None);
    }
    // Not HTTP_PROXY, which a web server sets from a request's header.
    let names: [&str; 4] = if address.is_encrypted() {
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        ["http_proxy", "http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, url)) = first(environment, &names) else {
        return Ok(None);
    };
    let unusable = || HttpError::Proxy {
        variable: name.to_owned(),
    };
    let proxy = Proxy::new(url.expose()).map_err(|_| unusable())?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        _ => Err(unusable()),
    }
}

/// Whether `no_proxy` names the host, a domain that it is in, or everything.
fn is_exempt(environment: &[(String, Secret)], host: &str) -> bool {
    let Some((_, list)) = first(environment, &["no_proxy", "NO_PROXY"]) else {
        return false;
    };
    list.expose().split(',').any(|entry| {
        let entry = entry.trim().trim_start_matches('.').to_lowercase();
        let is_within = |parent: &str| host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
        entry == "*" || !entry.is_empty() && (host == entry || is_within(&entry))
    })
}

fn first<'e>(environment: &'e [(String, Secret)], names: &[&str]) -> Option<(&'e str, &'e Secret)> {
    names.iter().find_map(|name| {
        let found = environment.iter().find(|(variable, _)| variable == name);
        found.map(|(variable, value)| (variable.as_str(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables<'v> = [(&'v str, &'v str)];

    fn chosen(environment: &Variables<'_>, address: &str) -> Result<Option<String>, HttpError> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
            .collect();
        let proxy = for_address(&environment, &HttpAddress::parse(address).unwrap())?;
        Ok(proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port())))
    }

    #[test]
    fn the_proxy_is_the_one_that_the_environment_names_for_the_scheme() {
        let both = [
            ("http_proxy", "http://plain:1"),
            ("https_proxy", "http://u:p@tls:2"),
        ];
        let all = [
            ("ALL_PROXY", "http://all:3"),
            ("HTTP_PROXY", "http://from-a-request:4"),
        ];
        let table: [(&Variables<'_>, &str, Option<&str>); 7] = [
            (&[], "https://api.example/v1", None),
            (&both, "https://api.example/v1", Some("tls:2")),
            (&both, "http://api.example/v1", Some("plain:1")),
            (&all, "http://api.example/v1", Some("all:3")),
            (&both, "http://localhost:8000", None),
            (&both, "http://127.0.0.2:8000", None),
            (&both, "http://[::1]:8000", None),
        ];
        for (environment, address, expected) in table {
            let chosen = chosen(environment, address).unwrap();
            assert_eq!(chosen.as_deref(), expected, "{environment:?} {address}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_and_domains() {
        let table = [
            ("api.example", true),
            ("example", true),
            (".example", true),
            ("other, API.example", true),
            ("*", true),
            ("pi.example", false),
            ("", false),
        ];
        for (list, is_direct) in table {
            let environment = [("https_proxy", "http://proxy:1"), ("no_proxy", list)];
            let chosen = chosen(&environment, "https://api.example").unwrap();
            assert_eq!(chosen.is_none(), is_direct, "{list}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_names_the_variable_alone() {
        for url in ["socks5://u:canary@host:1", "http://u:canary @host"] {
            let refused = chosen(&[("https_proxy", url)], "https://api.example").unwrap_err();
            let shown = format!("{refused} {refused:?}");
            assert!(
                shown.contains("https_proxy") && !shown.contains("canary"),
                "{shown}"
            );
        }
    }
}
