//! `(facts, settings) -> plan or refusal`, over facts made of what the real brew was recorded to print (on Linux). For Macs the
//! prefix is another and formulae have bottles, as `tests/fixtures/brew/README.md` tells.

use super::*;
use crate::error::Explain as _;
use crate::facts::answer::{Answer, ServerAnswer};
use crate::facts::brew::{Formula, Platform, ServerKeg, parse_formulae, parse_services};
use crate::facts::manager::Manager;
use crate::facts::os::{Family, Libc, OperatingSystem, from_release};
use crate::facts::os_release;
use crate::facts::privilege::Elevation;
use crate::plan::Step;
use crate::plan::sample;
use crate::plan::system::{permitted, server_plan};
use crate::settings::Target;

const NOT_INSTALLED: &str = include_str!("../../../../tests/fixtures/brew/info-not-installed.txt");
const INSTALLED: &str = include_str!("../../../../tests/fixtures/brew/info-installed.txt");
const STOPPED: &str = include_str!("../../../../tests/fixtures/brew/services-list-none.txt");

/// What a command printed: the recording without its first line, which is the command, and its last, which is the status.
fn printed(recording: &str) -> String {
    let lines: Vec<&str> = recording.lines().collect();
    lines[1..lines.len() - 1].join("\n")
}

fn formulae(recording: &str) -> Vec<Formula> {
    let platform = Platform {
        is_macos: false,
        is_arm: false,
    };
    parse_formulae(&printed(recording), platform).unwrap()
}

/// A Debian with Linuxbrew of the plain user `linuxbrew`, who is logged in; nothing of PostgreSQL is there. The recorded
/// formulae have no bottles and do not say which majors they serve.
fn linuxbrew() -> SystemFacts {
    let prefix = std::path::Path::new("/home/linuxbrew/.linuxbrew");
    let release = os_release::parse(include_str!("../../../../tests/corpus/os-release/debian-13"));
    machine(from_release(release, Libc::Unknown), "linuxbrew", prefix)
}

/// The same on a Mac, whose formulae have bottles and say that they are built for 17 and 18, as those of homebrew/core.
fn mac(prefix: &str) -> SystemFacts {
    let os = OperatingSystem {
        family: Family::MacOs,
        id: "macos".to_owned(),
        pretty_name: "macOS 15.5".to_owned(),
        ..linuxbrew().os
    };
    let mut facts = machine(os, "ann", std::path::Path::new(prefix));
    let brew = brew(&mut facts);
    for formula in brew.servers.iter_mut().chain(&mut brew.extension) {
        formula.is_bottled = true;
    }
    core_majors(brew);
    facts
}

fn apple_silicon() -> SystemFacts {
    mac("/opt/homebrew")
}

fn intel() -> SystemFacts {
    mac("/usr/local")
}

fn machine(os: OperatingSystem, user: &str, prefix: &std::path::Path) -> SystemFacts {
    let [extension, server] = formulae(NOT_INSTALLED).try_into().unwrap();
    let brew = BrewFacts {
        program: prefix.join("bin/brew"),
        prefix: prefix.to_owned(),
        cellar: prefix.join("Cellar"),
        owner: user.to_owned(),
        is_ours: true,
        extension: Some(extension),
        servers: vec![server],
        ..BrewFacts::default()
    };
    SystemFacts {
        os,
        user: user.to_owned(),
        elevation: Elevation::None,
        manager: Some(Manager::Brew),
        apt: None,
        dnf: None,
        brew: Some(brew),
        clusters: Vec::new(),
        cluster_remains: Vec::new(),
        extension_files: Vec::new(),
        systemd: false,
        makes_main_cluster: true,
        pgdg_configured: false,
        docker: false,
        unfinished_installation: false,
        has_adopted: false,
        overlay: crate::facts::overlay::OverlayFacts::default(),
    }
}

fn brew(facts: &mut SystemFacts) -> &mut BrewFacts {
    facts.brew.as_mut().unwrap()
}

/// homebrew/core's pgvector is built against the two newest majors, and there are older servers.
fn core_majors(brew: &mut BrewFacts) {
    let of_major = |major: u16| Formula {
        name: server_formula(major),
        stable: format!("{major}.4"),
        ..brew.servers[0].clone()
    };
    brew.servers = [18, 17, 16].map(of_major).to_vec();
    let extension = brew.extension.as_mut().unwrap();
    extension.build_dependencies = ["postgresql@17", "postgresql@18"].map(str::to_owned).to_vec();
}

/// A server with its data, running or not.
fn server(facts: &mut SystemFacts, major: u16, port: u16, is_running: bool) {
    let keg = keg(facts, major, port, is_running);
    brew(facts).kegs.push(server_formula(major));
    brew(facts).server_kegs.push(keg);
    if is_running {
        brew(facts).taken_ports.push(port);
    }
}

fn keg(facts: &mut SystemFacts, major: u16, port: u16, is_running: bool) -> ServerKeg {
    let brew = brew(facts);
    ServerKeg {
        major,
        data_directory: brew.prefix.join("var").join(server_formula(major)),
        log: brew.log(&server_formula(major)),
        is_initialised: true,
        port,
        socket_directory: "/tmp".into(),
        is_running,
    }
}

/// The extension as it is recorded when it is installed, with files for these majors.
fn extension(facts: &mut SystemFacts, majors: &[u16]) {
    let brew = brew(facts);
    let installed = formulae(INSTALLED).remove(0);
    let known = brew.extension.as_mut().unwrap();
    (known.installed, known.is_linked) = (installed.installed, installed.is_linked);
    brew.kegs.push(EXTENSION.to_owned());
    brew.served_by_keg = majors.to_vec();
    brew.extension_files = majors.iter().map(|major| (*major, "0.8.5".to_owned())).collect();
}

/// The one server that runs says this of pgvector.
fn answering(pgvector: Option<&str>) -> String {
    let mut facts = apple_silicon();
    server(&mut facts, 18, 5432, true);
    extension(&mut facts, &[17, 18]);
    let settings = sample::settings(Target::System);
    facts.clusters = brew(&mut facts).clone().clusters("ann", &settings);
    facts.clusters[0].answer = Answer::Given(Box::new(ServerAnswer {
        share_directory: "/srv/share".into(),
        pgvector: pgvector.map(str::to_owned),
        ..ServerAnswer::default()
    }));
    match super::server_plan(&facts, &settings) {
        Ok(plan) => plan.notes[0].clone(),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_server_that_runs_has_the_last_word_on_what_it_sees() {
    assert_eq!(
        answering(Some("0.8.1")),
        "pgvector 0.8.1 for PostgreSQL 18 (on this machine): chosen, there is no other; \
         affected by CVE-2026-3172, pgvector#988"
    );
    assert_eq!(
        answering(None),
        "pgvector is installed in /opt/homebrew, and postgresql@18 on port 5432, online does not see it: it looks in \
         /srv/share"
    );
}

/// The plan as command lines, or the refusal with its first hint.
fn outline(mut facts: SystemFacts, settings: &Settings) -> String {
    let clusters = brew(&mut facts).clone().clusters(&facts.user, settings);
    facts.clusters = clusters;
    let plan = match server_plan(&facts, settings) {
        Ok(plan) => plan,
        Err(refusal) => {
            let hint = refusal.hint().unwrap_or_default();
            return format!(
                "refused: {refusal}; hint: {}",
                hint.lines().next().unwrap_or_default()
            );
        }
    };
    assert_eq!(
        permitted(&facts, settings, &plan),
        Ok(()),
        "a plain user may do it all"
    );
    let prefix = format!("{}/bin/", brew(&mut facts).prefix.display());
    let step = |step: &Step| {
        let words = step.argv().join(" ");
        let command = words.strip_prefix(&prefix).expect("brew is started by its path");
        match step {
            Step::InstallPackages {
                packages, clusters, ..
            } => {
                let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
                let made: String = clusters
                    .iter()
                    .map(|cluster| format!(" and {cluster}'s data"))
                    .collect();
                format!("{command} [{}{made}]", names.join(" "))
            }
            _ => command.to_owned(),
        }
    };
    plan.steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// The machine, what it is changed to before it is planned for, and the outline of the plan.
type Case = (
    &'static str,
    fn() -> SystemFacts,
    fn(&mut SystemFacts, &mut Settings),
    &'static str,
);

const CASES: &[Case] = &[
    (
        "Linuxbrew with nothing: formulae without bottles are compiled",
        linuxbrew,
        |_, _| {},
        "brew install --build-from-source postgresql@18 [postgresql@18 and postgresql@18's data], \
         brew install --build-from-source pgvector [pgvector], brew services start postgresql@18",
    ),
    (
        "Apple silicon with nothing",
        apple_silicon,
        |_, _| {},
        "brew install postgresql@18 [postgresql@18 and postgresql@18's data], brew install pgvector [pgvector], \
         brew services start postgresql@18",
    ),
    (
        "an Intel Mac with nothing, PostgreSQL 17 asked for",
        intel,
        |_, settings| settings.postgres_major = Some(17),
        "brew install postgresql@17 [postgresql@17 and postgresql@17's data], brew install pgvector [pgvector], \
         brew services start postgresql@17",
    ),
    (
        "what comes along is listed with what brings it",
        apple_silicon,
        |facts, _| {
            let brought = formulae(NOT_INSTALLED).remove(1);
            brew(facts).missing_dependencies = ["icu4c@77", "krb5"]
                .map(|name| Formula {
                    name: name.to_owned(),
                    ..brought.clone()
                })
                .to_vec();
        },
        "brew install postgresql@18 [postgresql@18 icu4c@77 krb5 and postgresql@18's data], \
         brew install pgvector [pgvector], brew services start postgresql@18",
    ),
    (
        "a server that only compiling pgvector needs leaves data that is ours as well",
        linuxbrew,
        |facts, _| {
            let needed = formulae(NOT_INSTALLED).remove(1);
            let name = "postgresql@17".to_owned();
            brew(facts).missing_dependencies = vec![Formula { name, ..needed }];
        },
        "brew install --build-from-source postgresql@18 \
         [postgresql@18 postgresql@17 and postgresql@17's data and postgresql@18's data], \
         brew install --build-from-source pgvector [pgvector], brew services start postgresql@18",
    ),
    (
        "a major that pgvector's formula does not serve, asked for",
        apple_silicon,
        |_, settings| settings.postgres_major = Some(16),
        "refused: Homebrew's pgvector serves PostgreSQL 17 and 18, not PostgreSQL 16; \
         hint: pgvector-setup up --target system --source brew --pg 18",
    ),
    (
        "a running server of a served major, without pgvector",
        intel,
        |facts, _| server(facts, 17, 5432, true),
        "brew install pgvector [pgvector]",
    ),
    (
        "a running server of a major that is not served",
        apple_silicon,
        |facts, _| server(facts, 16, 5432, true),
        "refused: Homebrew's pgvector serves PostgreSQL 17 and 18, not postgresql@16 on port 5432, online; \
         hint: /opt/homebrew/bin/brew install postgresql@18 && echo 'port = 5433' >> \
         /opt/homebrew/var/postgresql@18/postgresql.conf && pgvector-setup up --target system --source brew --pg 18",
    ),
    (
        "that server on another port, and --pg 18 beside it",
        apple_silicon,
        |facts, settings| {
            server(facts, 16, 5416, true);
            settings.postgres_major = Some(18);
        },
        "brew install postgresql@18 [postgresql@18 and postgresql@18's data], brew install pgvector [pgvector], \
         brew services start postgresql@18",
    ),
    (
        "that server on the port that postgresql@18 would take",
        apple_silicon,
        |facts, settings| {
            server(facts, 16, 5432, true);
            settings.postgres_major = Some(18);
        },
        "refused: postgresql@18 would listen on port 5432, on which postgresql@16 listens already; \
         hint: /opt/homebrew/bin/brew install postgresql@18 && echo 'port = 5433' >> \
         /opt/homebrew/var/postgresql@18/postgresql.conf && pgvector-setup up --target system --source brew --pg 18",
    ),
    (
        "somebody else's server on that port",
        linuxbrew,
        |facts, _| brew(facts).taken_ports.push(5432),
        "refused: postgresql@18 would listen on port 5432, on which something else listens already; \
         hint: see what it is: lsof -nP -iTCP:5432 -sTCP:LISTEN",
    ),
    (
        "a running server whose pgvector somebody compiled",
        apple_silicon,
        |facts, _| {
            server(facts, 16, 5432, true);
            brew(facts).extension_files = vec![(16, "0.8.5".to_owned())];
        },
        "",
    ),
    (
        "everything there and running",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5433, true);
            extension(facts, &[18]);
        },
        "",
    ),
    (
        "everything there and running, where no service could be started",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5432, true);
            extension(facts, &[18]);
            brew(facts).service_obstacle = Some("no session".to_owned());
        },
        "",
    ),
    (
        "everything there, and down",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5432, false);
            extension(facts, &[18]);
            brew(facts).services = parse_services(&printed(STOPPED)).unwrap();
        },
        "brew services start postgresql@18",
    ),
    (
        "two servers, the older one runs",
        apple_silicon,
        |facts, _| {
            server(facts, 18, 5432, false);
            server(facts, 17, 5432, true);
            extension(facts, &[17, 18]);
        },
        "",
    ),
    (
        "two servers that run",
        apple_silicon,
        |facts, _| {
            server(facts, 18, 5432, true);
            server(facts, 17, 5433, true);
            extension(facts, &[17, 18]);
        },
        "refused: 2 servers could be meant:\n  \
         - port 5432: PostgreSQL 18, online, of ann in /opt/homebrew/var/postgresql@18 (Homebrew)\n  \
         - port 5433: PostgreSQL 17, online, of ann in /opt/homebrew/var/postgresql@17 (Homebrew); \
         hint: name one by its port: pgvector-setup up --target system --port 5432",
    ),
    (
        "two servers that run, one named by its port",
        apple_silicon,
        |facts, settings| {
            server(facts, 18, 5432, true);
            server(facts, 17, 5433, true);
            settings.port = Some(5433);
        },
        "brew install pgvector [pgvector]",
    ),
    (
        "no session in which services run",
        linuxbrew,
        |facts, _| {
            facts.systemd = true;
            brew(facts).service_obstacle = Some("linuxbrew has no session of systemd here".to_owned());
        },
        "refused: brew services cannot start postgresql@18: linuxbrew has no session of systemd here; \
         hint: sudo loginctl enable-linger linuxbrew && pgvector-setup up --target system --source brew",
    ),
    (
        "a server without data: its formula's script failed",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5432, false);
            brew(facts).server_kegs[0].is_initialised = false;
        },
        "refused: postgresql@18 is installed, but /home/linuxbrew/.linuxbrew/var/postgresql@18 holds no PG_VERSION: \
         it was never initialised; hint: /home/linuxbrew/.linuxbrew/bin/brew postinstall postgresql@18",
    ),
    (
        "data of a server that was uninstalled: not ours to destroy",
        apple_silicon,
        |facts, _| {
            let remains = keg(facts, 18, 5432, false);
            brew(facts).remains = vec![remains];
        },
        "brew install postgresql@18 [postgresql@18], brew install pgvector [pgvector], \
         brew services start postgresql@18",
    ),
    (
        "pgvector is installed and not linked",
        apple_silicon,
        |facts, _| {
            server(facts, 18, 5432, true);
            extension(facts, &[17, 18]);
            brew(facts).extension_files.clear();
            brew(facts).extension.as_mut().unwrap().is_linked = false;
        },
        "refused: pgvector is installed, but not linked to where the server looks for it; \
         hint: /opt/homebrew/bin/brew link pgvector",
    ),
    (
        "pgvector is linked to where this program does not look: the server will say whether it does",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5432, false);
            extension(facts, &[18]);
            brew(facts).extension_files.clear();
        },
        "brew services start postgresql@18",
    ),
    (
        "an installed pgvector that serves another major than the server's",
        linuxbrew,
        |facts, _| {
            server(facts, 18, 5432, true);
            extension(facts, &[17]);
        },
        "refused: Homebrew's pgvector serves PostgreSQL 17, not postgresql@18 on port 5432, online; \
         hint: pgvector-setup up --target embedded",
    ),
    (
        "no formula of pgvector",
        linuxbrew,
        |facts, _| brew(facts).extension = None,
        "refused: Homebrew here knows no formula pgvector; hint: /home/linuxbrew/.linuxbrew/bin/brew update",
    ),
    (
        "as root",
        linuxbrew,
        |facts, _| {
            facts.elevation = Elevation::Root;
            "root".clone_into(&mut facts.user);
            brew(facts).is_ours = false;
        },
        "refused: Homebrew in /home/linuxbrew/.linuxbrew belongs to linuxbrew, and brew never runs as root: what it \
         installs would run with all rights; \
         hint: sudo -u linuxbrew -H pgvector-setup up --target system --source brew",
    ),
    (
        "a prefix of another user",
        apple_silicon,
        |facts, _| {
            "bob".clone_into(&mut facts.user);
            brew(facts).is_ours = false;
        },
        "refused: Homebrew in /opt/homebrew belongs to ann, and bob may not change it; \
         hint: sudo -u ann -H pgvector-setup up --target system --source brew",
    ),
];

#[test]
fn every_machine_has_its_plan_or_its_refusal() {
    for (machine, facts, change, expected) in CASES {
        let (mut facts, mut settings) = (facts(), sample::settings(Target::System));
        change(&mut facts, &mut settings);
        assert_eq!(outline(facts, &settings), *expected, "{machine}");
    }
}

#[test]
fn notes_tell_the_verdict_of_each_major_and_what_lets_in_without_a_password() {
    let settings = sample::settings(Target::System);
    let plan = server_plan(&apple_silicon(), &settings).unwrap();
    let notes = plan.notes.join("\n");
    for expected in [
        "pgvector 0.8.5 for PostgreSQL 18 (homebrew/core): chosen",
        "pgvector 0.8.5 for PostgreSQL 17 (homebrew/core): not chosen",
        "/opt/homebrew/var/postgresql@18; until its pg_hba.conf is changed it lets every user",
    ] {
        assert!(notes.contains(expected), "{expected} in {notes}");
    }
}

#[test]
fn clients_are_those_of_the_keg() {
    let mut facts = intel();
    let client = brew(&mut facts).client(17, "psql");
    assert_eq!(
        client,
        std::path::Path::new("/usr/local/opt/postgresql@17/bin/psql")
    );
}
