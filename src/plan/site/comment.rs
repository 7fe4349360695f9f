//! Whose a database is, as a comment on it: seen by every administrator, in every dump.

use crate::database::sql::literal;
use crate::facts::site::SiteFacts;
use crate::plan::{Plan, Step};
use crate::settings::SiteSettings;

use super::SiteStep;

const START: &str = "pgvector-setup site ";
const CONTACT: &str = ", contact ";

/// What a comment of ours says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Comment {
    pub domain: String,
    pub contact: String,
}

impl Comment {
    /// `None` for a comment of somebody else's.
    pub fn parse(text: &str) -> Option<Self> {
        let (domain, contact) = text.strip_prefix(START)?.split_once(CONTACT)?;
        Some(Self {
            domain: domain.to_owned(),
            contact: contact.to_owned(),
        })
    }

    pub fn text(&self) -> String {
        format!("{START}{}{CONTACT}{}", self.domain, self.contact)
    }
}

pub(super) fn describe(facts: &SiteFacts, site: &SiteSettings, plan: &mut Plan) {
    let wanted = Comment {
        domain: site.domain.to_string(),
        contact: site.email.to_string(),
    }
    .text();
    if facts.catalog.comment.as_ref() == Some(&wanted) {
        return;
    }
    plan.steps.push(Step::Site(SiteStep::DescribeDatabase {
        database: site.name.clone(),
        sql: format!(
            "COMMENT ON DATABASE {} IS {}",
            site.name.quoted(),
            literal(&wanted)
        ),
    }));
}
