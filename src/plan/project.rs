//! Whether rendered files may be written where they are wanted. Pure.

use super::Refusal;
use crate::facts::project::ProjectFacts;
use crate::render::Rendering;

/// `overwrite` is the consent to replace what others have written; a backup of each is kept. It does not reach the data:
/// another major over a project that is there is refused either way.
///
/// # Errors
/// [`Refusal::Blocked`] for another major, [`Refusal::Differs`] for files that somebody else has written.
pub fn may_write(facts: &ProjectFacts, rendering: &Rendering, overwrite: bool) -> Result<(), Refusal> {
    if let (Some(there), Some(wanted)) = (facts.major, rendering.major)
        && there != wanted
    {
        return Err(other_major(facts, there, wanted));
    }
    let differing: Vec<String> = facts
        .files
        .iter()
        .filter(|file| file.state.is_somebody_elses())
        .map(|file| format!("{}: {}", file.path.display(), file.state.word()))
        .collect();
    if differing.is_empty() || overwrite {
        return Ok(());
    }
    Err(Refusal::Differs {
        what: facts.directory.display().to_string(),
        differences: differing,
        hint: "the same command with --force replaces them and keeps a backup of each; in a compose project your own \
               changes belong into compose.override.yaml"
            .into(),
    })
}

fn other_major(facts: &ProjectFacts, there: u16, wanted: u16) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "{} is of PostgreSQL {there}, and PostgreSQL {wanted} cannot read its data",
            facts.directory.display()
        ),
        hint: format!(
            "--pg {there} keeps it; for {wanted}, render to another directory, copy the data with pg_dumpall and psql, \
             and take the old project down when the new one is proven"
        ),
    }
}
