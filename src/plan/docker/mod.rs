//! Target `docker`: write the compose project, start its server. The database steps then go through the published port.

mod files;
mod refusals;

pub(super) use files::shown;
pub use refusals::{engine as answering, project as refuse_foreign, refusal_of_password};

use super::project::may_write;
use super::{Plan, Refusal, Step};
use crate::facts::docker::{DockerFacts, SERVICE};

/// The steps that lead to a server that answers; none where one does already, from the files as they are to be.
///
/// # Errors
/// [`Refusal`] where no engine answers, and for everything else that a person has to decide: edited files, a volume that was
/// made with another password or of another major, a port that is taken.
pub fn server_plan(facts: &DockerFacts) -> Result<Plan, Refusal> {
    let engine = refusals::engine(facts)?;
    refusals::project(facts)?;
    let files = files::to_write(facts)?;
    refusals::volumes(facts)?;
    may_write(&facts.files, &facts.rendering, false)?;
    refusals::container(facts)?;
    let mut plan = Plan {
        steps: Vec::new(),
        notes: facts.rendering.notes.clone(),
    };
    if !facts.has_to_start() {
        return Ok(plan);
    }
    refusals::port(facts)?;
    let compose = refusals::compose(facts)?;
    directories(facts, &mut plan);
    let secrets = files::secrets(facts);
    if !files.is_empty() || !secrets.is_empty() {
        plan.steps.push(Step::WriteProject {
            directory: facts.project.directory.clone(),
            files,
            secrets,
        });
    }
    let program = engine.program.display().to_string();
    if !facts.image_is_here {
        let image = facts.image.to_string();
        plan.steps.push(Step::PullImage {
            argv: vec![program, "pull".into(), image.clone()],
            image,
        });
    }
    plan.steps.push(Step::StartProject {
        engine: engine.program.clone(),
        project: facts.project.name.clone(),
        directory: facts.project.directory.clone(),
        argv: compose.up(&facts.project.name, SERVICE),
        volumes: facts.volumes.clone(),
    });
    Ok(plan)
}

/// The secrets' own directory is what keeps other users of this machine from them.
fn directories(facts: &DockerFacts, plan: &mut Plan) {
    let secrets = facts.project.directory.join(crate::render::compose::SECRETS);
    for path in &facts.missing_directories {
        let mode = if *path == secrets || !facts.is_root {
            "0700"
        } else {
            "0755"
        };
        plan.steps.push(Step::CreateDirectory {
            path: path.clone(),
            mode: mode.into(),
            owner: None,
        });
    }
}

#[cfg(test)]
mod tests;
