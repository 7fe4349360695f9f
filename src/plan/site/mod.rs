//! A site's plan: facts about one database, its logins, its files and its service, against what was declared.
//!
//! The order is what makes it safe to be killed anywhere: a password is on disk before the server knows it, the server knows
//! it before a service reads it, and a login is retired only once the service was seen to be well with the other one.

mod collision;
mod comment;
mod logins;
mod remove;
mod service;
mod step;

use crate::error::Result;
use crate::facts::site::SiteFacts;
use crate::plan::{Plan, Step, database};
use crate::settings::SiteSettings;
use crate::site::{Places, SiteRecord};

pub use comment::Comment;
pub use remove::{Removal, removal_plan};
pub(crate) use service::{UNATTENDED, reader};
pub use step::SiteStep;

use logins::Logins;

/// Why a site is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What was declared is to be there.
    Deploy,
    /// That, and another password.
    Rotate,
    /// That, and the extension at the version that the server offers: by these steps.
    Upgrade(Vec<Step>),
}

/// The steps that are missing, and the proof when there are any.
///
/// # Errors
/// [`crate::plan::Refusal`] or a migration's refusal, before anything is changed.
pub fn site_plan(facts: &SiteFacts, site: &SiteSettings, places: &Places, wish: &Wish) -> Result<Plan> {
    collision::refuse(facts, site)?;
    database::refuse_unusable(&facts.database, &site.database)?;
    let logins = Logins::of(facts, site, wish);
    collision::refuse_taken(facts, site, &logins.wanted)?;
    let mut plan = Plan::default();
    record(facts, site, places, &mut plan);
    database::dimension_notes(&site.database, &mut plan);
    logins::owner(facts, site, &mut plan);
    database::database(&facts.database, &site.database, &mut plan);
    comment::describe(facts, site, &mut plan);
    let nothing = Default::default();
    let inside = facts.database.inside.as_ref().unwrap_or(&nothing);
    database::schema(inside, &facts.database, &site.database, &mut plan)?;
    logins.enable(facts, site, places, &mut plan);
    logins.let_in(facts, site, &mut plan)?;
    logins::grant(facts, site, &mut plan);
    database::migrations(inside, &site.database, &mut plan)?;
    if let Wish::Upgrade(steps) = wish {
        plan.steps.extend(steps.iter().cloned());
    }
    // What is noted and described alone needs no proof.
    let is_working = |step: &Step| {
        !matches!(
            step,
            Step::Site(SiteStep::WriteRecord { .. } | SiteStep::DescribeDatabase { .. })
        )
    };
    if plan.steps.iter().any(is_working) || facts.database.unfinished.proof {
        plan.steps.push(Step::Site(SiteStep::Prove {
            database: site.name.clone(),
            login: logins.wanted.clone(),
            dimensions: site.database.table.dimensions.count(),
            rows: crate::health::suited_rows(site.database.table.dimensions),
        }));
    }
    service::steps(facts, site, places, &logins.wanted, &mut plan);
    logins.retire(facts, site, &mut plan);
    for (unit, path) in facts.files.former_units.clone() {
        plan.steps
            .push(Step::Site(SiteStep::DisconnectUnit { unit, path }));
    }
    Ok(plan)
}

fn record(facts: &SiteFacts, site: &SiteSettings, places: &Places, plan: &mut Plan) {
    let record = SiteRecord::of(site);
    if facts.files.record.as_ref() != Some(&record) {
        plan.steps.push(Step::Site(SiteStep::WriteRecord {
            path: places.record.clone(),
            record: Box::new(record),
        }));
    }
}

#[cfg(test)]
mod tests;
