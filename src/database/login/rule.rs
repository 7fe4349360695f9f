//! One rule of `pg_hba.conf` as `pg_hba_file_rules` shows it, and which rule a connection meets.

use std::net::IpAddr;

use crate::settings::Identifier;

/// A row of `pg_hba_file_rules` without an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rule {
    pub line: i32,
    /// `local`, `host`, `hostssl`, `hostnossl`, `hostgssenc` or `hostnogssenc`.
    pub kind: String,
    pub databases: Vec<String>,
    pub users: Vec<String>,
    /// An address, a host name, `all`, `samehost` or `samenet`; `None` for `local`.
    pub address: Option<String>,
    pub netmask: Option<String>,
    pub method: String,
}

/// What becomes of a connection of the role to its database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A password is asked for and never sent: `scram-sha-256`, or `md5`, which is SCRAM where the verifier is one.
    Password,
    /// Another method, with its line: `ident`, `trust`, `reject`, ….
    Other { method: String, line: i32 },
    /// No rule fits, so the server refuses.
    NoRule,
}

/// What a rule gives to clients of other machines once the server listens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// They come in without proof of who they are, or by a password that anybody on the way can read.
    Unproven,
    /// They come in by a proof, and anybody on the way can read what follows.
    InTheClear,
}

impl Rule {
    pub fn exposure(&self) -> Option<Exposure> {
        if self.kind == "local" || !self.reaches_beyond_loopback() {
            return None;
        }
        let is_encrypted = ["hostssl", "hostgssenc"].contains(&self.kind.as_str());
        match self.method.as_str() {
            "reject" => None,
            "trust" | "ident" => Some(Exposure::Unproven),
            _ if is_encrypted => None,
            "scram-sha-256" | "md5" | "cert" | "gss" | "sspi" => Some(Exposure::InTheClear),
            // password, and what asks for the password itself to hand it on: ldap, pam, bsd, radius.
            _ => Some(Exposure::Unproven),
        }
    }

    fn reaches_beyond_loopback(&self) -> bool {
        let Some(address) = self.address.as_deref() else {
            return false;
        };
        // An address of this machine is this machine's.
        if address == "samehost" {
            return false;
        }
        let mask = self
            .netmask
            .as_deref()
            .and_then(|mask| mask.parse::<IpAddr>().ok());
        match (address.parse::<IpAddr>(), mask) {
            (Ok(address), None) => !address.is_loopback(),
            (Ok(IpAddr::V4(address)), Some(IpAddr::V4(mask))) => {
                !address.is_loopback() || mask.to_bits().leading_ones() < 8
            }
            (Ok(IpAddr::V6(address)), Some(IpAddr::V6(mask))) => {
                !address.is_loopback() || mask.to_bits().leading_ones() < 128
            }
            // `all`, `samenet`, a name of a host.
            _ => true,
        }
    }
}

/// How surely a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// It holds a pattern, a host name or a group, which only the server can compare.
    Unclear,
    Yes,
}

/// The first rule that fits decides. One that may fit counts where its method is none of ours.
pub(super) fn meets(
    rules: &[Rule],
    database: &Identifier,
    role: &Identifier,
    from: IpAddr,
    by_tls: bool,
) -> Verdict {
    for rule in rules {
        let is_password = ["scram-sha-256", "md5"].contains(&rule.method.as_str());
        match (fit(rule, database, role, from, by_tls), is_password) {
            (Fit::No, _) | (Fit::Unclear, true) => {}
            (Fit::Yes, true) => return Verdict::Password,
            (Fit::Yes | Fit::Unclear, false) => {
                return Verdict::Other {
                    method: rule.method.clone(),
                    line: rule.line,
                };
            }
        }
    }
    Verdict::NoRule
}

fn fit(rule: &Rule, database: &Identifier, role: &Identifier, from: IpAddr, by_tls: bool) -> Fit {
    let kind = if by_tls { "hostssl" } else { "hostnossl" };
    if !["host", kind, "hostnogssenc"].contains(&rule.kind.as_str()) {
        return Fit::No;
    }
    let of_database = rule.databases.iter().map(|name| match name.as_str() {
        "all" => Fit::Yes,
        "replication" => Fit::No,
        "sameuser" if database == role => Fit::Yes,
        "sameuser" => Fit::No,
        "samerole" | "samegroup" if database == role => Fit::Yes,
        "samerole" | "samegroup" => Fit::Unclear,
        name if name == database.as_str() => Fit::Yes,
        name if name.starts_with('/') => Fit::Unclear,
        _ => Fit::No,
    });
    let of_user = rule.users.iter().map(|name| match name.as_str() {
        "all" => Fit::Yes,
        name if name == role.as_str() => Fit::Yes,
        name if name.starts_with(['+', '/']) => Fit::Unclear,
        _ => Fit::No,
    });
    let database = of_database.max().unwrap_or(Fit::No);
    let user = of_user.max().unwrap_or(Fit::No);
    database.min(user).min(fit_address(rule, from))
}

fn fit_address(rule: &Rule, from: IpAddr) -> Fit {
    let Some(address) = rule.address.as_deref() else {
        return Fit::No;
    };
    match address {
        // Every address of this machine is of this host and of its networks.
        "all" | "samehost" | "samenet" => return Fit::Yes,
        _ => {}
    }
    let Ok(network) = address.parse::<IpAddr>() else {
        return Fit::Unclear;
    };
    let mask = rule.netmask.as_deref().map(str::parse::<IpAddr>);
    let is_within = match (network, mask, from) {
        (IpAddr::V4(network), Some(Ok(IpAddr::V4(mask))), IpAddr::V4(from)) => {
            network.to_bits() & mask.to_bits() == from.to_bits() & mask.to_bits()
        }
        (IpAddr::V6(network), Some(Ok(IpAddr::V6(mask))), IpAddr::V6(from)) => {
            network.to_bits() & mask.to_bits() == from.to_bits() & mask.to_bits()
        }
        (network, None, from) => network == from,
        _ => false,
    };
    if is_within { Fit::Yes } else { Fit::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn rule(line: i32, text: &str) -> Rule {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [kind, databases, users, address, netmask, method] = words.as_slice() else {
            panic!("{text}");
        };
        let list = |names: &str| names.split(',').map(str::to_owned).collect();
        let some = |word: &str| (word != "-").then(|| word.to_owned());
        Rule {
            line,
            kind: (*kind).to_owned(),
            databases: list(databases),
            users: list(users),
            address: some(address),
            netmask: some(netmask),
            method: (*method).to_owned(),
        }
    }

    fn verdict(rules: &[&str], from: &str) -> String {
        verdict_by(rules, from, false)
    }

    fn verdict_by(rules: &[&str], from: &str, by_tls: bool) -> String {
        let rules: Vec<Rule> = (1..).zip(rules).map(|(line, text)| rule(line, text)).collect();
        match meets(&rules, &name("shop"), &name("app"), from.parse().unwrap(), by_tls) {
            Verdict::Password => "password".to_owned(),
            Verdict::Other { method, line } => format!("{method} by line {line}"),
            Verdict::NoRule => "no rule".to_owned(),
        }
    }

    #[test]
    fn tls_meets_other_rules_than_a_connection_in_the_clear() {
        const OURS: &[&str] = &[
            "host shop app 127.0.0.1 255.255.255.255 scram-sha-256",
            "hostssl shop app 10.0.0.0 255.0.0.0 scram-sha-256",
            "hostnossl shop app 10.0.0.0 255.0.0.0 reject",
            "host all all 0.0.0.0 0.0.0.0 md5",
        ];
        for (from, by_tls, expected) in [
            ("10.1.2.3", true, "password"),
            ("10.1.2.3", false, "reject by line 3"),
            ("11.1.2.3", false, "password"),
            ("127.0.0.1", false, "password"),
            ("2001:db8::1", true, "no rule"),
        ] {
            assert_eq!(verdict_by(OURS, from, by_tls), expected, "{from} {by_tls}");
        }
    }

    #[test]
    fn what_a_rule_would_give_away_to_the_network_is_told_apart() {
        for (text, expected) in [
            ("host all all 10.0.0.0 255.0.0.0 trust", Some(Exposure::Unproven)),
            ("host all all all - ident", Some(Exposure::Unproven)),
            ("hostssl all all samenet - trust", Some(Exposure::Unproven)),
            ("host all all client.example - password", Some(Exposure::Unproven)),
            ("hostssl all all 10.0.0.0 255.0.0.0 password", None),
            (
                "host all all 0.0.0.0 0.0.0.0 scram-sha-256",
                Some(Exposure::InTheClear),
            ),
            (
                "hostnossl all all 10.0.0.0 255.0.0.0 md5",
                Some(Exposure::InTheClear),
            ),
            ("hostssl all all 10.0.0.0 255.0.0.0 scram-sha-256", None),
            ("host all all 10.0.0.0 255.0.0.0 reject", None),
            ("host all all 127.0.0.1 255.255.255.255 trust", None),
            ("host all all 127.0.0.0 255.0.0.0 trust", None),
            ("host all all 126.0.0.0 254.0.0.0 trust", Some(Exposure::Unproven)),
            (
                "host all all ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff trust",
                None,
            ),
            ("host all all :: :: trust", Some(Exposure::Unproven)),
            ("host all all samehost - trust", None),
            ("local all all - - trust", None),
        ] {
            assert_eq!(rule(1, text).exposure(), expected, "{text}");
        }
    }

    const LOCAL: &str = "local all all - - peer";
    const IDENT: &str = "host all all 127.0.0.1 255.255.255.255 ident";
    const FULL_MASK: &str = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

    #[test]
    fn the_first_rule_that_fits_decides() {
        let v6 = format!("host all all ::1 {FULL_MASK} ident");
        for (rules, from, expected) in [
            (vec![LOCAL, IDENT], "127.0.0.1", "ident by line 2"),
            (vec![LOCAL, IDENT], "::1", "no rule"),
            (vec![LOCAL, &v6], "::1", "ident by line 2"),
            (vec![LOCAL, &v6], "127.0.0.1", "no rule"),
            (
                vec!["host shop app 127.0.0.1 255.255.255.255 scram-sha-256", IDENT],
                "127.0.0.1",
                "password",
            ),
            (vec!["host all all 0.0.0.0 0.0.0.0 md5"], "127.0.0.1", "password"),
            (
                vec!["host all all 10.0.0.0 255.0.0.0 trust", IDENT],
                "127.0.0.1",
                "ident by line 2",
            ),
            (
                vec!["host all all 127.0.0.0 255.0.0.0 trust"],
                "127.0.0.1",
                "trust by line 1",
            ),
            (vec!["host all all all - reject"], "::1", "reject by line 1"),
            (vec!["host all all samehost - scram-sha-256"], "::1", "password"),
            (vec!["host all all localhost - trust"], "::1", "trust by line 1"),
            (vec!["host all all localhost - scram-sha-256"], "::1", "no rule"),
            (
                vec!["hostssl all all all - scram-sha-256"],
                "127.0.0.1",
                "no rule",
            ),
            (
                vec!["hostnossl all all all - scram-sha-256"],
                "127.0.0.1",
                "password",
            ),
            (vec!["hostgssenc all all all - gss"], "127.0.0.1", "no rule"),
            (vec!["host other,shop app all - md5"], "127.0.0.1", "password"),
            (vec!["host other all all - trust"], "127.0.0.1", "no rule"),
            (
                vec!["host all +staff all - trust"],
                "127.0.0.1",
                "trust by line 1",
            ),
            (
                vec!["host all +staff all - md5", IDENT],
                "127.0.0.1",
                "ident by line 2",
            ),
            (vec!["host /^sh all all - trust"], "127.0.0.1", "trust by line 1"),
            (vec!["host replication all all - trust"], "127.0.0.1", "no rule"),
            (vec!["host sameuser all all - trust"], "127.0.0.1", "no rule"),
            (
                vec!["host samerole all all - trust"],
                "127.0.0.1",
                "trust by line 1",
            ),
            (
                vec!["host all all all - password"],
                "127.0.0.1",
                "password by line 1",
            ),
            (vec![], "127.0.0.1", "no rule"),
        ] {
            assert_eq!(verdict(&rules, from), expected, "{rules:?} from {from}");
        }
    }
}
