//! The names under which a history row keeps what its migration did beside its object.

/// The schema that was made for the extension.
pub(super) const MADE_SCHEMA: &str = "made_schema";
/// The application's role, where it was granted USAGE on the extension's schema.
pub(super) const USAGE_OF_OWNER: &str = "usage_granted_to_application";
/// The table's owner, likewise.
pub(super) const USAGE_OF_TABLE_OWNER: &str = "usage_granted_to_table_owner";
/// The index that serves the searches: made by us, or adopted under its own name.
pub(super) const INDEX_NAME: &str = "index";
