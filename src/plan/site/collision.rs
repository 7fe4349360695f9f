//! Names that are somebody else's already.

use crate::facts::site::SiteFacts;
use crate::plan::Refusal;
use crate::settings::{Identifier, SiteSettings};

use super::Comment;

/// # Errors
/// [`Refusal::Blocked`] where the service is another site's; where this plan would take a role for the second login that is not of our
/// making.
pub(super) fn refuse_taken(
    facts: &SiteFacts,
    site: &SiteSettings,
    wanted: &Identifier,
) -> Result<(), Refusal> {
    if let Some(other) = &facts.files.unit_taken_by {
        return Err(Refusal::Blocked {
            fact: format!("the service {} is that of the site {other}", site.unit()),
            hint: format!(
                "pgvector-setup site deploy --domain {} --service OTHER",
                site.domain
            ),
        });
    }
    let environment = facts.files.environment.as_ref();
    let is_in_use = environment.is_some_and(|file| file.login.as_ref() == Some(wanted));
    if *wanted != site.name
        && facts.catalog.alternate.is_some()
        && !facts.records.made_alternate
        && !is_in_use
    {
        return Err(Refusal::Blocked {
            fact: format!("there is a role {wanted} already, which is not ours to change"),
            hint: format!("where nothing needs it: DROP ROLE {};", wanted.quoted()),
        });
    }
    Ok(())
}

/// # Errors
/// [`Refusal::Blocked`] where the database or a role of this name is another site's, or nobody knows whose.
pub(super) fn refuse(facts: &SiteFacts, site: &SiteSettings) -> Result<(), Refusal> {
    let blocked = |fact: String| {
        Err(Refusal::Blocked {
            fact,
            hint: format!("pgvector-setup site deploy --domain {} --name OTHER", site.domain),
        })
    };
    let name = &site.name;
    let other_role = [
        (name, facts.catalog.runtime),
        (&site.alternate(), facts.catalog.alternate),
    ]
    .into_iter()
    .find_map(|(name, role)| role.filter(|role| role.is_superuser).map(|_| name.clone()));
    if let Some(role) = other_role {
        return blocked(format!(
            "the role {role} is a superuser, and a site's must not be"
        ));
    }
    if facts.database.database.is_none() {
        let is_there = facts.catalog.runtime.is_some() || facts.database.role.is_some();
        if is_there && !facts.records.made_roles {
            return blocked(format!(
                "there is no database {name}, but a role of that name, which is not ours to change"
            ));
        }
        return Ok(());
    }
    match facts.catalog.comment.as_deref().and_then(Comment::parse) {
        Some(comment) if comment.domain == site.domain.as_str() => Ok(()),
        Some(comment) => blocked(format!(
            "the database {name} is that of the site {}",
            comment.domain
        )),
        None if facts.records.made_database => Ok(()),
        None => blocked(format!(
            "there is a database {name} already, and it is not known to be that of {}",
            site.domain
        )),
    }
}
