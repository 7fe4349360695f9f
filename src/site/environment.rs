//! The file that a site's service reads: `NAME=value` lines for `EnvironmentFile=`, or the URL alone as a credential.

use crate::secret::Secret;
use crate::settings::{Identifier, SiteSettings, percent_encoded};

/// How the application reaches its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment<'a> {
    pub site: &'a SiteSettings,
    /// An address, or the directory of a socket.
    pub host: &'a str,
    pub port: u16,
    pub login: &'a Identifier,
}

impl Environment<'_> {
    /// The whole file.
    pub fn text(&self, password: &Secret) -> String {
        if self.site.credentials {
            return self.url(password.expose());
        }
        let lines = self.lines(password.expose()).into_iter();
        lines.map(|line| line + "\n").collect()
    }

    /// The file's lines as a plan shows them.
    pub fn shown(&self) -> Vec<String> {
        if self.site.credentials {
            return vec![self.url("***")];
        }
        self.lines("***")
    }

    fn lines(&self, password: &str) -> Vec<String> {
        let pair = |name: &str, value: &str| format!("{name}={}", quoted(value));
        vec![
            format!(
                "# {}, by pgvector-setup: every deploy writes it anew",
                self.site.domain
            ),
            format!("DATABASE_URL={}", self.url(password)),
            pair("PGHOST", self.host),
            format!("PGPORT={}", self.port),
            pair("PGDATABASE", self.site.name.as_str()),
            pair("PGUSER", self.login.as_str()),
            format!("PGPASSWORD={password}"),
        ]
    }

    /// Every name percent-encoded, so that it is one word for a shell, for systemd and for a URL's reader.
    fn url(&self, password: &str) -> String {
        let (login, database) = (
            percent_encoded(self.login.as_str()),
            percent_encoded(self.site.name.as_str()),
        );
        let port = self.port;
        if self.host.starts_with('/') {
            let host = percent_encoded(self.host);
            return format!("postgresql://{login}:{password}@/{database}?host={host}&port={port}");
        }
        format!("postgresql://{login}:{password}@{}:{port}/{database}", self.host)
    }
}

/// The password of a login in such a file. Passwords are our own making: of letters, digits, `-` and `_`.
pub fn password(text: &str, login: &Identifier) -> Option<Secret> {
    let start = format!("postgresql://{}:", percent_encoded(login.as_str()));
    let is_ours = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.lines().find_map(|line| {
        let url = line.strip_prefix("DATABASE_URL=").unwrap_or(line);
        let (password, _) = url.strip_prefix(start.as_str())?.split_once('@')?;
        (!password.is_empty() && password.chars().all(is_ours)).then(|| Secret::new(password))
    })
}

/// Every password in such a file, whosever it is.
pub fn passwords(text: &str) -> Vec<Secret> {
    let urls = text.split("postgresql://").skip(1);
    let passwords = urls.filter_map(|url| Some(url.split_once('@')?.0.split_once(':')?.1));
    passwords
        .filter(|password| !password.is_empty())
        .map(Secret::new)
        .collect()
}

/// Both systemd.exec(5), "EnvironmentFile=", and a POSIX shell take a word in single quotes as it stands; a name that has
/// one itself goes in double quotes, in which neither changes what is escaped here.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        if "\"\\$`".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn the_password_is_read_again_whatever_the_names_hold() {
        let mut site = sample::site("gp.aunoo.ai");
        for name in ["gp", "a b", "it's", "x@y:z/%", "名前", "$HOME`\"\\"] {
            site.name = sample::name(name);
            for credentials in [false, true] {
                site.credentials = credentials;
                let login = site.alternate();
                let environment = Environment {
                    site: &site,
                    host: "127.0.0.1",
                    port: 5432,
                    login: &login,
                };
                let text = environment.text(&Secret::new("aB3-_x"));
                assert_eq!(password(&text, &login).unwrap().expose(), "aB3-_x", "{text}");
                assert_eq!(password(&text, &sample::name("other")), None, "{text}");
                assert_eq!(passwords(&text), [Secret::new("aB3-_x")], "{text}");
                assert!(!environment.shown().join("\n").contains("aB3-_x"));
            }
        }
    }
}
