//! A site's own files: what was declared of it, and what its service reads.

pub mod environment;
mod places;
mod record;

pub use environment::Environment;
pub use places::{ENVIRONMENT_DIRECTORY, Places, RECORD};
pub use record::SiteRecord;
