//! What stops a plan for Docker, each with commands that work.

use std::path::Path;

use super::files::changed;
use crate::facts::docker::{Compose, Container, DockerFacts, Engine, EngineState, State, major_of};
use crate::facts::project::FileState;
use crate::host::quote_word;
use crate::plan::Refusal;
use crate::render::{RenderedFile, compose as rendered};

/// How many differing lines of an edited file are told.
const LINES_TOLD: usize = 12;

fn unavailable(fact: String, alternatives: Vec<String>) -> Refusal {
    Refusal::Unavailable { fact, alternatives }
}

fn blocked(fact: String, hint: String) -> Refusal {
    Refusal::Blocked { fact, hint }
}

fn directory(facts: &DockerFacts) -> String {
    quote_word(&facts.project.directory.display().to_string())
}

fn only_files(facts: &DockerFacts) -> String {
    format!(
        "the files can be written all the same: pgvector-setup render compose {}",
        directory(facts)
    )
}

/// As a person types it.
fn name_of(program: &Path) -> String {
    program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

const EMBEDDED: &str = "without containers: pgvector-setup up --target embedded";

/// The engine that answers.
///
/// # Errors
/// [`Refusal::Unavailable`] with what is missing, and what works without it.
pub fn engine(facts: &DockerFacts) -> Result<&Engine, Refusal> {
    let (files, embedded) = (only_files(facts), EMBEDDED.to_owned());
    Err(match &facts.engine {
        EngineState::Answers(engine) => return Ok(engine),
        EngineState::Missing => unavailable(
            "there is neither docker nor podman on this machine".into(),
            vec![
                "install Docker Engine with compose (Debian: sudo apt-get install docker.io docker-compose)"
                    .into(),
                files,
                embedded,
            ],
        ),
        EngineState::Silent {
            program,
            endpoint,
            said,
        } => {
            let program = name_of(program);
            let at = if endpoint.is_empty() {
                String::new()
            } else {
                format!(" at {endpoint}")
            };
            let start = if endpoint.ends_with("/run/docker.sock") {
                "sudo systemctl start docker".to_owned()
            } else {
                format!(
                    "see which engine is meant: {program} context ls; DOCKER_HOST and DOCKER_CONTEXT go before it"
                )
            };
            unavailable(
                format!("the container engine{at} does not answer: {said}"),
                vec![start, files, embedded],
            )
        }
        EngineState::Forbidden { endpoint, .. } => unavailable(
            format!("this user may not use the container engine at {endpoint}"),
            vec![
                "sudo usermod -aG docker \"$USER\", then log in again (that group is as good as root)".into(),
                "dockerd-rootless-setuptool.sh install (an engine of your own, without root)".into(),
                files,
                embedded,
            ],
        ),
        EngineState::Elsewhere { program, endpoint } => unavailable(
            format!(
                "the container engine at {endpoint} is another machine's: the server's port would be published there, not here"
            ),
            vec![
                format!(
                    "this machine's own engine: unset DOCKER_HOST DOCKER_CONTEXT; {} context use default",
                    name_of(program)
                ),
                "on that machine: pgvector-setup up --target docker".into(),
                "a server that runs there already: pgvector-setup up --url-file FILE".into(),
            ],
        ),
    })
}

pub(super) fn compose(facts: &DockerFacts) -> Result<&Compose, Refusal> {
    facts.compose.as_ref().ok_or_else(|| {
        unavailable(
            "the container engine answers, but there is no compose for it".into(),
            vec![
                "install one: docker-compose-plugin (Docker's repository), docker-compose-v2 (Ubuntu), docker-compose (Debian), podman-compose".into(),
                only_files(facts),
                EMBEDDED.into(),
            ],
        )
    })
}

/// A project of the same name that is made from another directory is another's.
///
/// # Errors
/// [`Refusal::Blocked`] with that directory.
pub fn project(facts: &DockerFacts) -> Result<(), Refusal> {
    let is_foreign = |container: &&Container| container.directory != facts.project.directory;
    match facts.containers.iter().find(is_foreign) {
        None => Ok(()),
        Some(container) => Err(blocked(
            format!(
                "the engine has a compose project {} already, made in {}",
                facts.project.name,
                container.directory.display()
            ),
            "take another name: pgvector-setup up --instance OTHER, or a directory of another name: --project DIR".into(),
        )),
    }
}

pub(super) fn file(facts: &DockerFacts, file: &RenderedFile, text: &str, state: FileState) -> Refusal {
    let mut differences = changed(&file.content, text);
    // The seal itself always differs.
    differences.retain(|line| !line.contains("sha256:"));
    let more = differences.len().saturating_sub(LINES_TOLD);
    differences.truncate(LINES_TOLD);
    if more > 0 {
        differences.push(format!("and {more} lines more"));
    }
    let path = facts.project.directory.join(&file.path);
    let what = match state {
        FileState::Edited => format!("{}, which was edited,", path.display()),
        _ => format!("{}, which is not ours,", path.display()),
    };
    Refusal::Differs {
        what,
        differences,
        hint: format!(
            "changes of your own go into compose.override.yaml beside it\n\
             hint: replace it, keeping a backup: pgvector-setup render compose --force {}",
            directory(facts)
        ),
    }
}

/// A volume keeps the major and the passwords that it was made with.
pub(super) fn volumes(facts: &DockerFacts) -> Result<(), Refusal> {
    let wanted = facts.rendering.major.unwrap_or_default();
    let data: Vec<(&String, u16)> = facts
        .volumes
        .iter()
        .filter_map(|name| Some((name, major_of(&facts.project, name)?)))
        .collect();
    if let (false, Some((name, major))) = (data.iter().any(|(_, major)| *major == wanted), data.first()) {
        return Err(Refusal::Differs {
            what: format!("the volume {name}"),
            differences: vec![format!(
                "it holds the data of PostgreSQL {major}, and {wanted} is wanted"
            )],
            hint: format!(
                "go on with it: pgvector-setup up --pg {major}\n\
                 hint: beside it: pgvector-setup up --pg {wanted} --instance OTHER --port N, then move the data by pg_dump"
            ),
        });
    }
    let Some((name, _)) = data.iter().find(|(_, major)| *major == wanted) else {
        return Ok(());
    };
    let password = facts.project.administrator_password();
    if facts.state_of(&rendered::administrator_password()) == FileState::Missing {
        return Err(refusal_of_password(
            facts,
            name,
            &format!("{} is not there", password.display()),
        ));
    }
    Ok(())
}

/// The volume was initialised with a password that we do not have.
pub fn refusal_of_password(facts: &DockerFacts, volume: &str, because: &str) -> Refusal {
    let program = facts
        .engine
        .engine()
        .map_or("docker".into(), |engine| name_of(&engine.program));
    let password = facts.project.administrator_password();
    let password = quote_word(&password.display().to_string());
    let change = match facts.server().filter(|server| server.is_running()) {
        Some(server) => format!(
            "give it the one of the file: {program} exec -it --user postgres {} psql -c '\\password', and type what is in {password}",
            &server.id[..server.id.len().min(12)]
        ),
        None => {
            format!("restore {password} from where you have it: the password that the volume was made with")
        }
    };
    blocked(
        format!("the volume {volume} was initialised before, with another password: {because}"),
        format!(
            "{change}\n\
             hint: or lose its data: {program} volume rm {volume} (after {program} rm -f of its container), then pgvector-setup up"
        ),
    )
}

pub(super) fn container(facts: &DockerFacts) -> Result<(), Refusal> {
    let Some(server) = facts.server() else {
        return Ok(());
    };
    let program = facts.engine.engine().map(|engine| name_of(&engine.program));
    let program = program.unwrap_or_default();
    if server.state == State::Paused {
        return Err(blocked(
            format!(
                "the server's container {} is paused",
                &server.id[..server.id.len().min(12)]
            ),
            format!("{program} unpause {}", server.id),
        ));
    }
    if facts.is_overridden && server.is_running() && server.published.is_none() {
        return Err(blocked(
            "the server's container publishes no port, so this machine cannot reach it".into(),
            format!(
                "look at ports in {}",
                facts.project.directory.join("compose.override.yaml").display()
            ),
        ));
    }
    Ok(())
}

pub(super) fn port(facts: &DockerFacts) -> Result<(), Refusal> {
    if facts.port_is_ours {
        return Ok(());
    }
    let other = facts.other_port.unwrap_or(rendered::DEFAULT_PORT + 1);
    Err(blocked(
        format!("port {} on {} is taken", facts.publish.1, facts.publish.0),
        format!("pgvector-setup up --target docker --port {other}"),
    ))
}
