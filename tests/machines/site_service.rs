//! A real small service behind a socket of systemd's (`site/`), and the load that tells whether a restart loses a request.

use std::path::Path;

use super::case::Case;
use super::machine::{Machine, Reply};

/// What one site is on a machine: its domain, and its port on loopback.
#[derive(Clone, Copy)]
pub struct Site {
    pub domain: &'static str,
    pub port: u16,
}

impl Site {
    /// Makes its user, its unit and its socket. The service has no database until something says where it is.
    pub fn prepare(&self, machine: &Machine) {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/site");
        if machine.run("root", "test -d /opt/site").exit != 0 {
            machine.copy_in(&files, "/opt/site");
        }
        machine.root(&format!("/opt/site/prepare {} {}", self.domain, self.port));
    }

    pub fn get(&self, machine: &Machine, path: &str) -> Reply {
        let script = format!(
            "python3 -c 'import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1]).read().decode())' http://127.0.0.1:{}{path}",
            self.port
        );
        machine.run("root", &script)
    }
}

/// Requests at a fixed rate until [`Load::end`].
pub struct Load<'a> {
    machine: &'a Machine,
    port: u16,
}

impl<'a> Load<'a> {
    /// `rate` in requests a second.
    pub fn start(machine: &'a Machine, site: Site, rate: u16) -> Self {
        let port = site.port;
        machine.background(
            "root",
            &format!(
                "echo $$ > /run/load-{port}.pid; exec python3 /opt/site/load.py http://127.0.0.1:{port} {rate} > /run/load-{port}"
            ),
        );
        machine.until("the load has begun", &format!("test -s /run/load-{port}"));
        Self { machine, port }
    }

    /// How many requests there were, and how many of them failed.
    pub fn end(self) -> (u32, u32) {
        let (machine, port) = (self.machine, self.port);
        machine.root(&format!("kill -TERM $(cat /run/load-{port}.pid)"));
        machine.until(
            "the load has ended",
            &format!("! test -e /proc/$(cat /run/load-{port}.pid)"),
        );
        let report = machine.root(&format!("cat /run/load-{port}; rm /run/load-{port}.pid"));
        let mut words = report.split_whitespace().skip_while(|word| *word != "requests");
        match [words.next(), words.next(), words.next(), words.next()] {
            [Some("requests"), Some(requests), Some("failed"), Some(failed)] => (
                requests.parse().expect("a number of requests"),
                failed.parse().expect("a number of failures"),
            ),
            _ => panic!("the load says: {report}"),
        }
    }
}

const SITE: Site = Site {
    domain: "gp.example.com",
    port: 8000,
};

const DATABASE: &str = r#"cd / && runuser -u postgres -- psql -Xqv ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE gp LOGIN PASSWORD 'secret';
CREATE DATABASE gp OWNER gp;
\connect gp
CREATE EXTENSION vector;
SET ROLE gp;
CREATE TABLE articles (uri text PRIMARY KEY, document text, created_at timestamptz DEFAULT now(), embedding vector(64));
SQL
mkdir /etc/systemd/system/gp.example.com.service.d
umask 077
echo DATABASE_URL=postgresql://gp:secret@127.0.0.1/gp > /etc/gp.env
printf '[Service]\nEnvironmentFile=/etc/gp.env\n' > /etc/systemd/system/gp.example.com.service.d/by-hand.conf
systemctl daemon-reload"#;

/// What later cases build on: restarts lose nothing, and the load would tell.
pub fn loses_no_request(machine: &Machine, _: &Case) {
    SITE.prepare(machine);
    machine.root(DATABASE);
    machine.root("systemctl restart gp.example.com");
    assert_eq!(SITE.get(machine, "/health").stdout, r#"{"one": 1}"#);
    let load = Load::start(machine, SITE, 50);
    for _ in 0..5 {
        // systemd starts nothing more often than five times in ten seconds (systemd.unit(5), "StartLimitBurst=").
        machine.root("systemctl reset-failed gp.example.com; systemctl restart gp.example.com");
    }
    let (requests, failed) = load.end();
    assert!(requests > 0);
    assert_eq!(failed, 0, "of {requests}");
    let items = SITE.get(machine, "/items").stdout;
    assert!(
        items.contains(r#""login": "gp""#) && items.contains(r#""uri": "load-"#),
        "{items}"
    );

    machine.root("systemctl stop gp.example.com.socket gp.example.com.service");
    let (requests, failed) = Load::start(machine, SITE, 50).end();
    assert!(requests > 0);
    assert_eq!(failed, requests);
}
