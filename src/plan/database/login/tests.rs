use super::*;
use crate::database::facts::RoleFacts;
use crate::database::login::Rule;
use crate::plan::sample;
use crate::settings::{NetworkSettings, Target};

fn rule(line: i32, address: &str, netmask: &str, method: &str) -> Rule {
    Rule {
        line,
        kind: "host".to_owned(),
        databases: vec!["all".to_owned()],
        users: vec!["all".to_owned()],
        address: Some(address.to_owned()),
        netmask: Some(netmask.to_owned()),
        method: method.to_owned(),
    }
}

/// What the setup commands of EL and Fedora leave, with this method over the network.
fn login(method: &str) -> LoginFacts {
    const WHOLE: &str = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    LoginFacts {
        file: "/var/lib/pgsql/17/data/pg_hba.conf".into(),
        owner: "postgres".to_owned(),
        rules: vec![
            rule(115, "127.0.0.1", "255.255.255.255", method),
            rule(117, "::1", WHOLE, method),
        ],
        ..LoginFacts::default()
    }
}

/// What is changed of a server without anything of ours, whose rules ask `ident`.
type Case = (&'static str, fn(&mut DatabaseFacts), &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("ident", |_| {}, "allow; the role vectors would meet ident from 127.0.0.1 (line 115), ident from ::1 (line 117): \
        two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf"),
    ("trust", |facts| facts.login = Some(login("trust")), "allow; the role vectors would meet trust from 127.0.0.1 \
        (line 115), trust from ::1 (line 117): two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf; rules of \
        the server let others in without a password (trust, line 115, 117); they are left as they are"),
    ("scram", |facts| facts.login = Some(login("scram-sha-256")), ""),
    ("scram, and a run was cut off before the server read it", |facts| {
        facts.login = Some(login("scram-sha-256"));
        facts.unfinished.login = true;
    }, "allow"),
    ("rules that nobody may ask for", |facts| facts.login = None, ""),
    ("a role of somebody else's", |facts| facts.role = Some(RoleFacts::default()), ""),
    ("a role of ours", |facts| {
        facts.role = Some(RoleFacts::default());
        facts.credentials_exist = true;
        facts.login.as_mut().unwrap().rules.pop();
    }, "allow; the role vectors would meet ident from 127.0.0.1 (line 115), no rule from ::1: \
        two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf"),
    ("rules that the server cannot read", |facts| {
        facts.login.as_mut().unwrap().errors = vec!["line 9: invalid authentication method \"x\"".to_owned()];
    }, "blocked: the server cannot read /var/lib/pgsql/17/data/pg_hba.conf: line 9: invalid authentication method \"x\""),
];

fn asked(allow: &[&str]) -> Settings {
    let texts: Vec<String> = allow.iter().map(|text| (*text).to_owned()).collect();
    let file = |name: &str| Some(name.into());
    let network = NetworkSettings::new(&["192.0.2.7".to_owned()], &texts, file("/c"), file("/k"));
    Settings {
        network: network.unwrap(),
        ..sample::settings(Target::System)
    }
}

/// The block for these networks, for a role that is ours, or somebody else's.
fn block(allow: &[&str], is_ours: bool) -> Block {
    let settings = asked(allow);
    Block::new(
        &settings.database,
        &settings.role,
        is_ours,
        &settings.network.allow,
    )
}

/// The file has this block, and the server has read it.
fn there(facts: &mut DatabaseFacts, block: Block) {
    let login = facts.login.as_mut().unwrap();
    for (number, text) in (1..).zip(&block.lines).filter(|(_, text)| !text.starts_with('#')) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [kind, _, _, address, method] = words.as_slice() else {
            continue;
        };
        let (address, prefix) = address.split_once('/').unwrap();
        let mask = match prefix {
            "24" => "255.255.255.0",
            "8" => "255.0.0.0",
            "32" => "255.255.255.255",
            _ => "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        };
        login.rules.insert(
            number as usize - 2,
            Rule {
                kind: (*kind).to_owned(),
                ..rule(number, address, mask, method)
            },
        );
    }
    login.own = vec![block.clone()];
    login.recorded = vec![block];
}

type NetworkCase = (
    &'static str,
    &'static [&'static str],
    fn(&mut DatabaseFacts),
    &'static str,
);

#[rustfmt::skip]
const NETWORK_CASES: &[NetworkCase] = &[
    ("no network", &[], |_| {}, ""),
    ("no network, where there was one", &[], |facts| there(facts, block(&["10.0.0.0/8"], true)),
        "- hostssl 10.0.0.0/8 scram-sha-256, - hostnossl 10.0.0.0/8 reject"),
    ("a network", &["10.0.0.0/8"], |_| {}, "+ host 127.0.0.1/32 scram-sha-256, + host ::1/128 scram-sha-256, \
        + hostssl 10.0.0.0/8 scram-sha-256, + hostnossl 10.0.0.0/8 reject"),
    ("the same network", &["10.0.0.0/8"], |facts| there(facts, block(&["10.0.0.0/8"], true)), ""),
    ("the same network, and a run was cut off", &["10.0.0.0/8"], |facts| {
        there(facts, block(&["10.0.0.0/8"], true));
        facts.unfinished.login = true;
    }, "the same"),
    ("the same network, and somebody's rule goes first", &["10.0.0.0/8"], |facts| {
        there(facts, block(&["10.0.0.0/8"], true));
        let theirs = rule(1, "10.0.0.0", "255.0.0.0", "trust");
        facts.login.as_mut().unwrap().rules.insert(0, theirs);
    }, "E0404"),
    ("another network", &["192.0.2.0/24"], |facts| there(facts, block(&["10.0.0.0/8"], true)),
        "- hostssl 10.0.0.0/8 scram-sha-256, - hostnossl 10.0.0.0/8 reject, \
         + hostssl 192.0.2.0/24 scram-sha-256, + hostnossl 192.0.2.0/24 reject"),
    ("loopback before", &["192.0.2.0/24"], |facts| there(facts, block(&[], true)),
        "+ hostssl 192.0.2.0/24 scram-sha-256, + hostnossl 192.0.2.0/24 reject"),
    ("a role of somebody else's", &["192.0.2.0/24"], |facts| {
        facts.role = Some(RoleFacts::default());
        facts.credentials_exist = false;
    }, "+ hostssl 192.0.2.0/24 scram-sha-256, + hostnossl 192.0.2.0/24 reject"),
    ("a role of somebody else's, let in already", &["192.0.2.0/24"], |facts| {
        facts.role = Some(RoleFacts::default());
        facts.credentials_exist = false;
        there(facts, block(&["192.0.2.0/24"], false));
    }, ""),
    ("lines that somebody changed", &["192.0.2.0/24"], |facts| {
        there(facts, block(&["10.0.0.0/8"], true));
        facts.login.as_mut().unwrap().recorded.clear();
    }, "E0403"),
];

#[test]
fn the_role_is_let_in_from_the_networks_that_were_named_and_from_no_other() {
    for (state, allow, change, expected) in NETWORK_CASES {
        let mut facts = DatabaseFacts {
            login: Some(login("scram-sha-256")),
            role: Some(RoleFacts::default()),
            credentials_exist: true,
            ..DatabaseFacts::default()
        };
        change(&mut facts);
        let mut plan = Plan::default();
        let outline = match steps(&facts, &asked(allow), &mut plan) {
            Err(refusal) => crate::error::Explain::code(&refusal).to_owned(),
            Ok(()) => match plan.steps.pop() {
                None => String::new(),
                Some(Step::AllowLogin { previous, lines, .. }) => {
                    let rules = crate::plan::network::difference(&previous, &lines);
                    let rules = rules.iter().filter(|line| !line.contains('#'));
                    let rules: Vec<String> = rules
                        .map(|line| line.replace("\"vectors\" \"vectors\" ", ""))
                        .collect();
                    match facts.login.as_ref().unwrap().own.first() {
                        Some(own) if own.lines == lines => "the same".to_owned(),
                        _ => rules.join(", "),
                    }
                }
                Some(step) => step.title(),
            },
        };
        assert_eq!(outline, *expected, "{state}");
    }
}

#[test]
fn without_a_word_of_networks_those_of_before_stay() {
    let mut facts = DatabaseFacts {
        login: Some(login("scram-sha-256")),
        ..DatabaseFacts::default()
    };
    there(&mut facts, block(&["10.0.0.0/8"], true));
    facts.unfinished.login = true;
    let mut plan = Plan::default();
    steps(&facts, &sample::settings(Target::System), &mut plan).unwrap();
    let Some(Step::AllowLogin { lines, .. }) = plan.steps.pop() else {
        panic!("what was cut off is done");
    };
    assert_eq!(lines, block(&["10.0.0.0/8"], true).lines);
}

#[test]
fn the_role_is_let_in_where_it_would_not_be() {
    for (state, change, expected) in CASES {
        let mut facts = DatabaseFacts {
            login: Some(login("ident")),
            ..DatabaseFacts::default()
        };
        change(&mut facts);
        let mut plan = Plan::default();
        let outline = match steps(&facts, &sample::settings(Target::System), &mut plan) {
            Ok(()) => {
                let allows = plan.steps.iter().map(|_| "allow".to_owned());
                allows
                    .chain(plan.notes.iter().cloned())
                    .collect::<Vec<_>>()
                    .join("; ")
            }
            Err(refusal) => format!("blocked: {refusal}"),
        };
        assert_eq!(outline, *expected, "{state}");
    }
}
