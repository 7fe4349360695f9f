use super::*;
use crate::database::login::Rule;
use crate::facts::clusters::Origin;
use crate::facts::network::{CertificateFacts, FileSetting, RunningSetting};
use crate::plan::sample;
use crate::settings::{NetworkSettings, Target};

const ADDRESS: &str = "192.0.2.7";
const MAIN: &str = "/etc/postgresql/17/main/postgresql.conf";
const OURS: &str = "/etc/postgresql/17/main/conf.d/pgvector-setup.conf";

fn asked(listen: &[&str], allow: &[&str]) -> Settings {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let file = |name: &str| (!listen.is_empty()).then(|| name.into());
    let network = NetworkSettings::new(
        &texts(listen),
        &texts(allow),
        file("/srv/db.crt"),
        file("/srv/db.key"),
    );
    Settings {
        network: network.unwrap(),
        ..sample::settings(Target::System)
    }
}

fn line(name: &str, value: &str, file: &str, line: i32) -> FileSetting {
    FileSetting {
        name: name.to_owned(),
        value: value.to_owned(),
        file: file.into(),
        line,
    }
}

fn running(values: &[(&str, &str)]) -> Vec<RunningSetting> {
    let setting = |(name, value): &(&str, &str)| RunningSetting {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        is_pending: false,
    };
    values.iter().map(setting).collect()
}

fn addresses(texts: &[&str]) -> Vec<std::net::IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Debian's cluster as its packages leave it, with `ssl-cert`.
fn fresh() -> ServerNetwork {
    ServerNetwork {
        cluster: "17/main".to_owned(),
        major: 17,
        name: "main".to_owned(),
        owner: "postgres".to_owned(),
        systemd: true,
        may_restart: true,
        port: 5432,
        log: "/var/log/postgresql/postgresql-17-main.log".into(),
        configuration: MAIN.into(),
        reads_directory: true,
        file: OURS.into(),
        running: running(&[
            ("listen_addresses", "localhost"),
            ("ssl", "on"),
            ("ssl_cert_file", "/etc/ssl/certs/ssl-cert-snakeoil.pem"),
            ("ssl_key_file", "/etc/ssl/private/ssl-cert-snakeoil.key"),
            ("ssl_min_protocol_version", "TLSv1.2"),
        ]),
        in_files: vec![line(
            "ssl_cert_file",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem",
            MAIN,
            108,
        )],
        listening: addresses(&["127.0.0.1", "::1"]),
        sessions: 3,
        ..ServerNetwork::default()
    }
}

/// The same after `--listen 192.0.2.7`.
fn open(server: &mut ServerNetwork) {
    let settings = asked(&[ADDRESS], &[]);
    let tls = settings.network.tls.unwrap();
    let content = configuration::content(&settings.network.listen, &tls);
    let values = configuration::settings(&settings.network.listen, &tls);
    server.running = running(&values.each_ref().map(|(name, value)| (*name, value.as_str())));
    server.in_files.extend(
        (2..)
            .zip(&values)
            .map(|(number, (name, value))| line(name, value, OURS, number)),
    );
    server.content = Some(content.clone());
    server.recorded = vec![content];
    server.listening = addresses(&["127.0.0.1", ADDRESS, "::1"]);
    server.shows_certificate = Some(true);
}

fn rule(address: &str, netmask: &str, method: &str) -> Rule {
    Rule {
        line: 99,
        kind: "host".to_owned(),
        databases: vec!["all".to_owned()],
        users: vec!["all".to_owned()],
        address: Some(address.to_owned()),
        netmask: Some(netmask.to_owned()),
        method: method.to_owned(),
    }
}

fn exposed_by(facts: &mut DatabaseFacts, method: &str) {
    facts.login = Some(LoginFacts {
        file: "/etc/postgresql/17/main/pg_hba.conf".into(),
        rules: vec![rule("0.0.0.0", "0.0.0.0", method)],
        ..LoginFacts::default()
    });
}

fn server(facts: &mut DatabaseFacts) -> &mut ServerNetwork {
    facts.network.as_mut().unwrap().server.as_mut().unwrap()
}

/// What is wanted, what is changed of a fresh server, and what comes of it.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    fn(&mut DatabaseFacts),
    &'static str,
);

const RESTART: &str = "the cluster 17/main is restarted, because addresses to listen on are read at its start: 3 sessions will end";

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("nothing is asked for", &[], &[], |_| {}, ""),
    ("a fresh server", &[ADDRESS], &[], |_| {}, "restart; RESTART"),
    ("a server that is open already", &[ADDRESS], &[], |facts| open(server(facts)), ""),
    ("open, and a run was cut off before it saw that", &[ADDRESS], &[], |facts| {
        open(server(facts));
        server(facts).is_owed = true;
    }, "reload"),
    ("open, and the certificate was renewed", &[ADDRESS], &[], |facts| {
        open(server(facts));
        server(facts).shows_certificate = Some(false);
    }, "reload"),
    ("the file is there, and the server was not restarted", &[ADDRESS], &[], |facts| {
        open(server(facts));
        server(facts).running = fresh().running;
        server(facts).listening = fresh().listening;
    }, "restart; RESTART"),
    ("open, and it did not get the address at its start", &[ADDRESS], &[], |facts| {
        open(server(facts));
        server(facts).listening = fresh().listening;
    }, "restart; RESTART"),
    ("open, and another address is wanted", &["192.0.2.8"], &[], |facts| open(server(facts)), "restart; RESTART"),
    ("open, and all addresses are wanted", &["*"], &[], |facts| open(server(facts)), "restart; RESTART"),
    ("all addresses of IPv4, on their one socket", &["0.0.0.0"], &[], |facts| {
        open(server(facts));
        server(facts).listening = addresses(&["0.0.0.0", "::1"]);
    }, "restart; RESTART"),
    ("others changed what a restart brings", &[ADDRESS], &[], |facts| {
        server(facts).pending_of_others = vec!["shared_buffers".to_owned()];
    }, "restart; RESTART; the restart also brings what others changed and did not restart for: shared_buffers"),
    ("everybody", &[ADDRESS], &["0.0.0.0/0"], |_| {},
        "restart; RESTART; everybody who reaches the server may try passwords of vectors: that was named"),
    ("no server yet", &[ADDRESS], &["192.0.2.0/24"], |facts| facts.network.as_mut().unwrap().server = None,
        "; once the server is there, it is restarted to listen on 192.0.2.7 with TLS, and lets vectors in to vectors from \
         192.0.2.0/24 by TLS and its password"),
    ("a note of the certificate", &[ADDRESS], &[], |facts| {
        facts.network.as_mut().unwrap().certificate.as_mut().unwrap().notes = vec!["is for db.example".to_owned()];
    }, "restart; RESTART; is for db.example"),
    ("rules that let others in without TLS", &[ADDRESS], &[], |facts| exposed_by(facts, "scram-sha-256"),
        "restart; RESTART; rules of the server let others in from other machines without TLS (line 99); they are left as they are"),
    ("rules that let everybody in", &[ADDRESS], &[], |facts| exposed_by(facts, "trust"),
        "E0404: rules in /etc/postgresql/17/main/pg_hba.conf would let clients of 192.0.2.7 in without proof of who they are, \
         or by a password in the clear: line 99"),
    ("rules that let everybody in, of a server that is open already", &[ADDRESS], &[], |facts| {
        exposed_by(facts, "trust");
        open(server(facts));
    }, ""),
    ("an address of another machine", &[ADDRESS], &[], |facts| {
        facts.network.as_mut().unwrap().elsewhere = addresses(&[ADDRESS]);
    }, "E0404: 192.0.2.7 is no address of this machine"),
    ("a certificate that cannot be used", &[ADDRESS], &[], |facts| {
        facts.network.as_mut().unwrap().certificate.as_mut().unwrap().problem = Some("the certificate has expired".to_owned());
    }, "E0404: /srv/db.crt cannot be the server's: the certificate has expired"),
    ("their addresses, which would go", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("listen_addresses", "localhost, 192.0.2.9", MAIN, 60));
    }, "E0404: the cluster 17/main listens on \"localhost, 192.0.2.9\" as /etc/postgresql/17/main/postgresql.conf, line 60 \
        says, which is not ours to change"),
    ("their addresses, which stay", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("listen_addresses", "192.0.2.7, ::1", MAIN, 60));
    }, "restart; RESTART"),
    ("all of theirs", &["*"], &[], |facts| {
        server(facts).in_files.push(line("listen_addresses", "*", MAIN, 60));
    }, "restart; RESTART"),
    ("their certificate", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("ssl_cert_file", "/srv/theirs.crt", MAIN, 109));
    }, "E0404: the cluster 17/main has the certificate /srv/theirs.crt as /etc/postgresql/17/main/postgresql.conf, line 109 \
        says, which is not ours to change"),
    ("a setting by ALTER SYSTEM", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("ssl", "off", "/var/lib/postgresql/17/main/postgresql.auto.conf", 3));
    }, "E0404: ssl is set in /var/lib/postgresql/17/main/postgresql.auto.conf, line 3, which goes before a file of ours"),
    ("a file that is read after ours", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("ssl", "off", "/etc/postgresql/17/main/conf.d/zz.conf", 1));
    }, "E0404: ssl is set in /etc/postgresql/17/main/conf.d/zz.conf, line 1, which goes before a file of ours"),
    ("a file that is read before ours", &[ADDRESS], &[], |facts| {
        server(facts).in_files.push(line("ssl", "off", "/etc/postgresql/17/main/conf.d/aa.conf", 1));
    }, "restart; RESTART"),
    ("our file, changed by somebody", &[ADDRESS], &[], |facts| {
        open(server(facts));
        server(facts).content = Some("listen_addresses = '*'\n".to_owned());
    }, "E0403: /etc/postgresql/17/main/conf.d/pgvector-setup.conf is already there and differs:\n  \
        - it is not as an earlier run of ours left it"),
    ("settings that the server cannot read", &[ADDRESS], &[], |facts| {
        server(facts).errors = vec!["x.conf, line 1: syntax error".to_owned()];
    }, "E0404: the server cannot read its own settings, and would not start again: x.conf, line 1: syntax error"),
    ("no directory of settings", &[ADDRESS], &[], |facts| server(facts).reads_directory = false,
        "E0404: /etc/postgresql/17/main/postgresql.conf does not have the server read /etc/postgresql/17/main/conf.d"),
    ("a server of rpm", &[ADDRESS], &[], |facts| server(facts).origin = Origin::Rpm,
        "E0404: the cluster 17/main is none of postgresql-common's, and only those are opened by this program"),
    ("no way to restart it", &[ADDRESS], &[], |facts| server(facts).may_restart = false,
        "E0402: these steps need root, and this user has neither root nor password-less sudo:\n  - restart the cluster 17/main"),
    ("networks alone, and the server is on loopback", &[], &["192.0.2.0/24"], |_| {},
        "E0404: nobody from another machine could be let in: the cluster 17/main listens on loopback alone"),
    ("networks alone, and the server is open in the clear", &[], &["192.0.2.0/24"], |facts| {
        server(facts).listening = addresses(&["0.0.0.0"]);
        server(facts).running = running(&[("ssl", "off")]);
    }, "E0404: nobody from another machine could be let in: the cluster 17/main speaks no TLS"),
    ("networks alone, and the server is open by TLS", &[], &["192.0.2.0/24"], |facts| open(server(facts)), ""),
];

#[test]
fn every_server_is_opened_as_far_as_it_has_to_be_or_refused() {
    for (state, listen, allow, change, expected) in CASES {
        let settings = asked(listen, allow);
        let mut facts = DatabaseFacts {
            network: settings.network.is_asked().then(|| NetworkFacts {
                certificate: settings.network.tls.is_some().then(CertificateFacts::default),
                elsewhere: Vec::new(),
                server: Some(fresh()),
            }),
            ..DatabaseFacts::default()
        };
        change(&mut facts);
        let mut plan = Plan::default();
        let outline = match steps(&facts, &settings, false, &mut plan) {
            Ok(()) => outline(&plan),
            Err(refusal) => format!("{}: {refusal}", crate::error::Explain::code(&refusal)),
        };
        assert_eq!(outline, expected.replace("RESTART", RESTART), "{state}");
    }
}

fn outline(plan: &Plan) -> String {
    let steps: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| match step {
            Step::Listen { interrupts: true, .. } => "restart",
            Step::Listen { .. } => "reload",
            _ => "another step",
        })
        .collect();
    let mut words = vec![steps.join(", ")];
    words.extend(plan.notes.iter().cloned());
    if words == [""] {
        String::new()
    } else {
        words.join("; ")
    }
}

#[test]
fn the_plan_shows_what_is_written_and_run() {
    let facts = |change: fn(&mut ServerNetwork)| {
        let mut server = fresh();
        change(&mut server);
        DatabaseFacts {
            network: Some(NetworkFacts {
                server: Some(server),
                ..NetworkFacts::default()
            }),
            ..DatabaseFacts::default()
        }
    };
    let shown = |listen: &[&str], change| {
        let mut plan = Plan::default();
        steps(&facts(change), &asked(listen, &[]), false, &mut plan).unwrap();
        let step = plan.steps.pop().unwrap();
        format!("{}\n{}", step.title(), step.details().join("\n"))
    };
    assert_eq!(
        shown(&[ADDRESS], |_| {}),
        "have the cluster 17/main listen on 192.0.2.7 with TLS, and restart it: every session of the server ends\n\
         (as postgres) write /etc/postgresql/17/main/conf.d/pgvector-setup.conf (mode 0644)\n\
         + # pgvector-setup: the addresses that this server listens on, and its certificate.\n\
         + listen_addresses = 'localhost, 192.0.2.7'\n\
         + ssl = 'on'\n\
         + ssl_cert_file = '/srv/db.crt'\n\
         + ssl_key_file = '/srv/db.key'\n\
         + ssl_min_protocol_version = 'TLSv1.2'\n\
         SELECT name, error FROM pg_file_settings, then SELECT pg_reload_conf()\n\
         (root) /usr/bin/systemctl restart postgresql@17-main.service"
    );
    assert_eq!(
        shown(&["192.0.2.8"], |server| {
            open(server);
            server.systemd = false;
        }),
        "have the cluster 17/main listen on 192.0.2.8 with TLS, and restart it: every session of the server ends\n\
         (as postgres) write /etc/postgresql/17/main/conf.d/pgvector-setup.conf (mode 0644)\n\
         - listen_addresses = 'localhost, 192.0.2.7'\n\
         + listen_addresses = 'localhost, 192.0.2.8'\n\
         SELECT name, error FROM pg_file_settings, then SELECT pg_reload_conf()\n\
         (root) /usr/bin/pg_ctlcluster 17 main restart -m fast"
    );
    assert_eq!(
        shown(&[ADDRESS], |server| {
            open(server);
            server.shows_certificate = Some(false);
        }),
        "have the cluster 17/main read the certificate /srv/db.crt again\n\
         SELECT name, error FROM pg_file_settings, then SELECT pg_reload_conf()"
    );
}
