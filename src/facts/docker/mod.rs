//! Which container engine is here, whether it answers, and what it has of this project.

mod answer;
mod command;
mod compose;
mod container;
mod engine;
mod project;
mod settled;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use answer::{ADMINISTRATOR, is_ready, reachable};
pub use command::command;
pub use compose::Compose;
pub use container::{Container, Health, PROJECT, State};
pub use engine::{Engine, EngineState, Kind};
pub use project::Project;
pub use settled::{major_of, settled};

use crate::error::Result;
use crate::facts::project::{FileState, ProjectFacts};
use crate::facts::{self, Layout};
use crate::host::Host;
use crate::render::{self, Rendering};
use crate::settings::{Image, Settings};

/// The compose service that is the server.
pub const SERVICE: &str = "database";
/// First port that is proposed where the usual one is taken.
const FIRST_OTHER_PORT: u16 = 54_320;
const PORTS_TRIED: u16 = 100;

/// What is known before anything is started.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DockerFacts {
    pub project: Project,
    pub engine: EngineState,
    /// Looked for only while something has to be started.
    pub compose: Option<Compose>,
    /// Every container of the project.
    pub containers: Vec<Container>,
    /// Names of the project's volumes.
    pub volumes: Vec<String>,
    /// What the project's files are to be, with what runs already kept where nothing else is asked for.
    pub rendering: Rendering,
    /// How the files and secrets that are there stand to those.
    pub files: ProjectFacts,
    /// What is in each of [`Rendering::files`] by now.
    pub texts: Vec<Option<String>>,
    /// Directories of the project that are not there, from the top.
    pub missing_directories: Vec<PathBuf>,
    /// The server's image, and whether the engine has it; looked at only while something has to be started.
    pub image: Image,
    pub image_is_here: bool,
    /// Where the server is to be published.
    pub publish: (IpAddr, u16),
    /// Nobody listens there, or our own container does.
    pub port_is_ours: bool,
    /// Another port that nobody listens on.
    pub other_port: Option<u16>,
    /// The server answers on the port that our container publishes.
    pub answers: bool,
    /// The user's own file beside ours is read by compose too, and may change anything.
    pub is_overridden: bool,
    /// A run of ours wrote the files and was cut off before the server was started from them.
    pub start_is_owed: bool,
    /// Whether root runs this.
    pub is_root: bool,
}

impl DockerFacts {
    /// How one file or secret stands, by its path in the project.
    pub fn state_of(&self, path: &Path) -> FileState {
        let found = self.files.files.iter().find(|file| file.path == path);
        found.map_or(FileState::Missing, |file| file.state)
    }

    /// The server's container.
    pub fn server(&self) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| container.service == SERVICE)
    }

    /// The server's container, where it runs, publishes a port and answers there.
    pub fn ready_server(&self) -> Option<(&Container, IpAddr, u16)> {
        let container = self
            .server()
            .filter(|container| container.is_running() && self.answers)?;
        let (address, port) = container.published?;
        Some((container, reachable(address), port))
    }
}

/// `start_is_owed` is what the receipt knows: see [`DockerFacts::start_is_owed`]. `known` keeps the compose that was found:
/// docker-compose 1.29 takes half a second to say its version, and stays the same for a run.
///
/// # Errors
/// [`crate::plan::Refusal`] for an image that cannot be rendered, and what cannot be read.
pub async fn gather(
    host: &Host,
    settings: &Settings,
    start_is_owed: bool,
    known: &OnceLock<Compose>,
) -> Result<DockerFacts> {
    let layout = Layout::new(host.account(), host.environment(), settings)?;
    let project = Project::of(settings, &layout)?;
    let engine = engine::gather(host).await;
    let (containers, volumes) = match engine.engine() {
        Some(engine) => of_project(host, engine, &project).await?,
        None => Default::default(),
    };
    let settings = settled(settings, &project, &containers, &volumes);
    let rendering = render::compose::project(&settings)?;
    let image = render::image::ServerImage::of(&settings)?.image;
    let publish = (
        settings.containers.published_on(),
        settings.port.unwrap_or(render::compose::DEFAULT_PORT),
    );
    let mut facts = DockerFacts {
        texts: texts(host, &project, &rendering)?,
        files: facts::project::gather(host, &project.directory, &rendering)?,
        missing_directories: missing_directories(host, &project),
        is_overridden: is_overridden(host, &project.directory),
        project,
        engine,
        compose: None,
        containers,
        volumes,
        rendering,
        image,
        image_is_here: false,
        publish,
        port_is_ours: true,
        other_port: None,
        answers: false,
        start_is_owed,
        is_root: host.is_root(),
    };
    if let Some((address, port)) = facts
        .server()
        .filter(|server| server.is_running())
        .and_then(|server| server.published)
    {
        facts.answers = is_ready(address, port).await;
    }
    look_further(host, &mut facts, known).await;
    Ok(facts)
}

/// What is needed only while something has to be started.
async fn look_further(host: &Host, facts: &mut DockerFacts, known: &OnceLock<Compose>) {
    let is_running = facts.server().is_some_and(Container::is_running);
    if is_running && facts.answers && !facts.has_to_start() {
        return;
    }
    let holds_port = |container: &Container| {
        container.is_running()
            && container
                .published
                .is_some_and(|(_, port)| port == facts.publish.1)
    };
    facts.port_is_ours = facts.server().is_some_and(holds_port) || host.port_is_free(facts.publish.1);
    if !facts.port_is_ours {
        facts.other_port =
            (FIRST_OTHER_PORT..FIRST_OTHER_PORT + PORTS_TRIED).find(|port| host.port_is_free(*port));
    }
    let Some(engine) = facts.engine.engine().cloned() else {
        return;
    };
    let image = facts.image.to_string();
    let (compose, image_is_here) = tokio::join!(
        compose_here(host, &engine, known),
        has_image(host, &engine, &image)
    );
    (facts.compose, facts.image_is_here) = (compose, image_is_here);
}

async fn compose_here(host: &Host, engine: &Engine, known: &OnceLock<Compose>) -> Option<Compose> {
    if let Some(compose) = known.get() {
        return Some(compose.clone());
    }
    let found = compose::gather(host, engine).await?;
    Some(known.get_or_init(|| found).clone())
}

impl DockerFacts {
    /// Whether compose has to be asked to bring the server up, though it may be up already.
    pub fn has_to_start(&self) -> bool {
        let Some(server) = self.server() else {
            return true;
        };
        let is_current = self.is_overridden || server.image == self.image.to_string();
        !server.is_running() || !self.answers || !is_current || !self.files.is_current() || self.start_is_owed
    }
}

async fn of_project(
    host: &Host,
    engine: &Engine,
    project: &Project,
) -> Result<(Vec<Container>, Vec<String>)> {
    let label = format!("label={PROJECT}={}", project.name);
    let containers = command(host, &engine.program, "list the project's containers")
        .arguments(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter"])
        .argument(&label);
    let volumes = command(host, &engine.program, "list the project's volumes")
        .arguments(["volume", "ls", "--quiet", "--filter"])
        .argument(&label);
    let (containers, volumes) = tokio::join!(host.run(&containers), host.run(&volumes));
    let (containers, volumes) = (containers?.stdout, volumes?.stdout);
    let mut volumes: Vec<String> = volumes.split_whitespace().map(str::to_owned).collect();
    volumes.sort();
    let ids: Vec<&str> = containers.split_whitespace().collect();
    Ok((inspect(host, &engine.program, &ids).await?, volumes))
}

/// What the engine says of these containers. One that went away meanwhile is left out.
///
/// # Errors
/// As [`Host::run`], and [`crate::facts::FactsError`].
pub async fn inspect(host: &Host, program: &Path, ids: &[&str]) -> Result<Vec<Container>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let inspect = command(host, program, "look at the project's containers")
        .arguments(["container", "inspect"])
        .arguments(ids.iter().copied())
        .accept([1, 125]);
    let output = host.run(&inspect).await?;
    let text = output.stdout.trim();
    let mut containers = container::read(if text.is_empty() { "[]" } else { text })?;
    containers.sort_by(|one, other| one.service.cmp(&other.service));
    Ok(containers)
}

async fn has_image(host: &Host, engine: &Engine, image: &str) -> bool {
    let inspect = command(host, &engine.program, "ask whether the image is here")
        .arguments(["image", "inspect", "--format", "{{.Id}}", image]);
    host.run(&inspect).await.is_ok()
}

fn texts(host: &Host, project: &Project, rendering: &Rendering) -> Result<Vec<Option<String>>> {
    let read = |file: &render::RenderedFile| host.read_text(&project.directory.join(&file.path));
    Ok(rendering.files.iter().map(read).collect::<Result<_, _>>()?)
}

fn missing_directories(host: &Host, project: &Project) -> Vec<PathBuf> {
    let secrets = project.directory.join(render::compose::SECRETS);
    let ancestors = secrets.ancestors().take_while(|path| !host.exists(path));
    let mut missing: Vec<PathBuf> = ancestors.map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// The names that compose looks for beside `compose.yaml` (compose-go, `DefaultOverrideFileNames`).
fn is_overridden(host: &Host, directory: &Path) -> bool {
    ["compose.override.yaml", "compose.override.yml"]
        .iter()
        .any(|name| host.exists(&directory.join(name)))
}
