//! The text of our own file among the server's settings.

use std::fmt::Write as _;
use std::path::Path;

use crate::facts::network::NAMES;
use crate::settings::{ListenAddress, TlsFiles};

const HEADING: &str = "# pgvector-setup: the addresses that this server listens on, and its certificate.\n";

/// Each setting with its value, as the server shows it.
pub(super) fn settings(listen: &[ListenAddress], tls: &TlsFiles) -> [(&'static str, String); 5] {
    let path = |path: &Path| path.display().to_string();
    let values = [
        listen_addresses(listen),
        "on".to_owned(),
        path(&tls.certificate),
        path(&tls.key),
        "TLSv1.2".to_owned(),
    ];
    let mut values = values.into_iter();
    NAMES.map(|name| (name, values.next().unwrap_or_default()))
}

pub(super) fn content(listen: &[ListenAddress], tls: &TlsFiles) -> String {
    let mut text = HEADING.to_owned();
    for (name, value) in settings(listen, tls) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name} = {}", quoted(&value));
    }
    text
}

/// With loopback. Beside all addresses of a kind, one of the same kind could not be bound a second time, and a server takes
/// that for no error.
pub(super) fn listen_addresses(listen: &[ListenAddress]) -> String {
    let has = |wanted: &str| listen.iter().any(|address| address.to_string() == wanted);
    let mut words: Vec<String> = listen.iter().map(ToString::to_string).collect();
    match (has("*"), has("0.0.0.0"), has("::")) {
        (true, ..) | (_, true, true) => {}
        (_, true, false) => words.insert(0, "::1".to_owned()),
        (_, false, true) => words.insert(0, "127.0.0.1".to_owned()),
        _ => words.insert(0, "localhost".to_owned()),
    }
    words.join(", ")
}

/// PostgreSQL, "Parameter Names and Values": a quote is doubled, and a backslash begins an escape.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(texts: &[&str]) -> Vec<ListenAddress> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn loopback_is_always_among_the_addresses_and_never_bound_twice() {
        for (given, expected) in [
            (&["192.0.2.7"][..], "localhost, 192.0.2.7"),
            (&["192.0.2.7", "2001:db8::7"], "localhost, 192.0.2.7, 2001:db8::7"),
            (&["*"], "*"),
            (&["0.0.0.0"], "::1, 0.0.0.0"),
            (&["::"], "127.0.0.1, ::"),
            (&["0.0.0.0", "::"], "0.0.0.0, ::"),
        ] {
            assert_eq!(listen_addresses(&listen(given)), expected);
        }
    }

    #[test]
    fn the_file_says_what_the_server_is_to_show() {
        let tls = TlsFiles {
            certificate: "/etc/ssl/it's\\.crt".into(),
            key: "/etc/ssl/private/db.key".into(),
        };
        assert_eq!(
            content(&listen(&["192.0.2.7"]), &tls),
            "# pgvector-setup: the addresses that this server listens on, and its certificate.\n\
             listen_addresses = 'localhost, 192.0.2.7'\n\
             ssl = 'on'\n\
             ssl_cert_file = '/etc/ssl/it''s\\\\.crt'\n\
             ssl_key_file = '/etc/ssl/private/db.key'\n\
             ssl_min_protocol_version = 'TLSv1.2'\n"
        );
    }
}
