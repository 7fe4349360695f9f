//! `(facts, settings) -> steps or refusal`: a machine that has everything but the project, changed one thing a row.

use super::*;
use crate::error::Explain as _;
use crate::facts::docker::{Compose, Container, Engine, EngineState, Kind, Project, State};
use crate::facts::project::{FileFacts, FileState, ProjectFacts};
use crate::plan::sample::settings;
use crate::render::{compose, image::ServerImage};
use crate::settings::Target;

const PASSWORD: &str = "secrets/postgres_password";

/// Nothing of the project is there; engine, compose and image are.
fn fresh() -> DockerFacts {
    let mut settings = settings(Target::Docker);
    settings.postgres_major = Some(17);
    let rendering = compose::project(&settings).unwrap();
    let paths = rendering.files.iter().map(|file| &file.path);
    let paths = paths.chain(rendering.secrets.iter().map(|secret| &secret.path));
    DockerFacts {
        project: Project {
            directory: "/srv/p".into(),
            name: "p".into(),
        },
        engine: EngineState::Answers(Engine {
            kind: Kind::Docker,
            program: "/usr/bin/docker".into(),
            version: "20.10.24".into(),
            endpoint: "unix:///var/run/docker.sock".into(),
        }),
        compose: Some(Compose {
            words: vec!["/usr/bin/docker-compose".into()],
            version: "1.29.2".into(),
            knows_profiles: true,
        }),
        containers: Vec::new(),
        volumes: Vec::new(),
        files: ProjectFacts {
            directory: "/srv/p".into(),
            files: paths
                .map(|path| FileFacts {
                    path: path.clone(),
                    state: FileState::Missing,
                    difference: None,
                })
                .collect(),
            major: None,
        },
        texts: vec![None],
        image: ServerImage::of(&settings).unwrap().image,
        image_is_here: true,
        publish: ([127, 0, 0, 1].into(), 5432),
        port_is_ours: true,
        other_port: None,
        answers: false,
        is_overridden: false,
        start_is_owed: false,
        is_root: true,
        missing_directories: vec!["/srv/p".into(), "/srv/p/secrets".into()],
        rendering,
    }
}

/// The server runs from current files and answers.
fn running() -> DockerFacts {
    let mut facts = fresh();
    facts.missing_directories.clear();
    facts
        .files
        .files
        .iter_mut()
        .for_each(|file| file.state = FileState::Current);
    facts.texts = vec![Some(facts.rendering.files[0].content.clone())];
    facts.volumes = vec!["p_migrations".into(), "p_postgres-17".into()];
    facts.containers = vec![Container {
        id: "0123456789abcdef".into(),
        service: SERVICE.into(),
        directory: "/srv/p".into(),
        image: facts.image.to_string(),
        state: State::Running,
        published: Some(([127, 0, 0, 1].into(), 5432)),
        volumes: vec!["p_postgres-17".into()],
        ..Container::default()
    }];
    facts.answers = true;
    facts
}

fn set(facts: &mut DockerFacts, path: &str, state: FileState) {
    let file = facts
        .files
        .files
        .iter_mut()
        .find(|file| file.path.as_os_str() == path);
    file.unwrap().state = state;
}

fn outline(facts: &DockerFacts) -> String {
    match server_plan(facts) {
        Ok(plan) => {
            let titles: Vec<String> = plan.steps.iter().map(Step::title).collect();
            titles.join("\n")
        }
        Err(refusal) => format!("{} {refusal}", refusal.code()),
    }
}

const WRITE: &str = "write the compose project /srv/p";
const START: &str = "start the server of the compose project p";

#[test]
fn nothing_of_it_is_there_and_everything_is_planned() {
    assert_eq!(
        outline(&fresh()),
        format!(
            "create directory /srv/p (mode 0755)\ncreate directory /srv/p/secrets (mode 0700)\n{WRITE}\n{START}"
        )
    );
}

#[test]
fn what_runs_is_changed_only_where_something_differs() {
    type Change = fn(&mut DockerFacts);
    let cases: [(&str, Change, &str); 10] = [
        ("everything is current", |_| (), ""),
        (
            "it is stopped",
            |facts| facts.containers[0].state = State::Exited,
            START,
        ),
        ("it does not answer yet", |facts| facts.answers = false, START),
        (
            "a run was cut off after it wrote the files",
            |facts| facts.start_is_owed = true,
            START,
        ),
        ("the container is gone", |facts| facts.containers.clear(), START),
        (
            "another image runs",
            |facts| facts.containers[0].image = "a:1".into(),
            START,
        ),
        (
            "another image runs by the user's own file",
            |facts| (facts.containers[0].image, facts.is_overridden) = ("a:1".into(), true),
            "",
        ),
        (
            "our file is of other settings",
            |facts| {
                set(facts, "compose.yaml", FileState::Outdated);
                facts.texts = vec![Some("x\n".into())];
            },
            "write the compose project /srv/p\nstart the server of the compose project p",
        ),
        (
            "the URL has another password",
            |facts| set(facts, "secrets/database_url", FileState::Outdated),
            "write the compose project /srv/p\nstart the server of the compose project p",
        ),
        (
            "the image is not here",
            |facts| (facts.containers[0].state, facts.image_is_here) = (State::Exited, false),
            "pull the image pgvector/pgvector:0.8.7-pg17\nstart the server of the compose project p",
        ),
    ];
    for (what, change, expected) in cases {
        let mut facts = running();
        change(&mut facts);
        assert_eq!(outline(&facts), expected, "{what}");
    }
}

#[test]
fn what_a_person_has_to_decide_is_refused() {
    type Change = fn(&mut DockerFacts);
    let silent = |facts: &mut DockerFacts| {
        facts.engine = EngineState::Silent {
            program: "/usr/bin/docker".into(),
            endpoint: "unix:///tmp/none.sock".into(),
            said: "Cannot connect".into(),
        };
    };
    let cases: [(Change, &str, &str); 12] = [
        (
            |facts| facts.engine = EngineState::Missing,
            "E0401 there is neither docker nor podman",
            "pgvector-setup render compose /srv/p",
        ),
        (
            silent,
            "E0401 the container engine at unix:///tmp/none.sock does not answer: Cannot connect",
            "context ls",
        ),
        (
            |facts| {
                facts.engine = EngineState::Forbidden {
                    program: "/usr/bin/docker".into(),
                    endpoint: "unix:///var/run/docker.sock".into(),
                }
            },
            "E0401 this user may not use the container engine",
            "usermod -aG docker",
        ),
        (
            |facts| {
                facts.engine = EngineState::Elsewhere {
                    program: "/usr/bin/docker".into(),
                    endpoint: "ssh://a".into(),
                }
            },
            "E0401 the container engine at ssh://a is another machine's",
            "context use default",
        ),
        (
            |facts| (facts.compose, facts.answers) = (None, false),
            "E0401 the container engine answers, but there is no compose",
            "render compose",
        ),
        (
            |facts| {
                set(facts, "compose.yaml", FileState::Edited);
                facts.texts = vec![Some(format!("{}# mine\n", facts.rendering.files[0].content))];
            },
            "E0403 /srv/p/compose.yaml, which was edited, is already there and differs:\n  - + # mine",
            "render compose --force /srv/p",
        ),
        (
            |facts| facts.containers[0].directory = "/else".into(),
            "E0404 the engine has a compose project p already, made in /else",
            "--instance OTHER",
        ),
        (
            |facts| facts.volumes = vec!["p_postgres-16".into()],
            "E0403 the volume p_postgres-16 is already there and differs:\n  - it holds the data of PostgreSQL 16",
            "--pg 16",
        ),
        (
            |facts| set(facts, PASSWORD, FileState::Missing),
            "E0404 the volume p_postgres-17 was initialised before, with another password",
            "exec -it --user postgres 0123456789ab psql",
        ),
        (
            |facts| facts.files.major = Some(16),
            "E0404 /srv/p is of PostgreSQL 16",
            "--pg 16",
        ),
        (
            |facts| facts.containers[0].state = State::Paused,
            "E0404 the server's container 0123456789ab is paused",
            "unpause",
        ),
        (
            |facts| {
                facts.containers.clear();
                (facts.port_is_ours, facts.other_port) = (false, Some(54_321));
            },
            "E0404 port 5432 on 127.0.0.1 is taken",
            "--port 54321",
        ),
    ];
    for (change, fact, hint) in cases {
        let mut facts = running();
        change(&mut facts);
        let refusal = server_plan(&facts).expect_err(fact);
        let said = format!("{} {refusal}", refusal.code());
        assert!(said.starts_with(fact), "{said}");
        assert!(
            refusal.hint().unwrap().contains(hint),
            "{fact}: {:?}",
            refusal.hint()
        );
    }
}

#[test]
fn a_step_shows_what_is_written_and_never_a_secret() {
    let plan = server_plan(&fresh()).unwrap();
    let shown: Vec<String> = plan.steps.iter().flat_map(Step::details).collect();
    assert!(shown.contains(&"+   database:".to_owned()), "{shown:#?}");
    let secret = format!(
        "make {PASSWORD} (mode 0444 in a directory of mode 0700): the password of the superuser postgres"
    );
    assert!(shown.contains(&secret), "{shown:#?}");
    assert_eq!(
        shown.last().unwrap(),
        "(in /srv/p) /usr/bin/docker-compose -p p --profile postgres up -d database"
    );
}
