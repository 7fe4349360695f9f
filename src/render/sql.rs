//! Everything that `up` would do on a server that has nothing of ours, as one script for psql. Pure.

use std::path::{Path, PathBuf};

use super::{RenderedFile, seal};
use crate::database::facts::DatabaseFacts;
use crate::error::Result;
use crate::plan::database::database_plan;
use crate::plan::whole_sql;
use crate::settings::Settings;

/// What the file is called where nobody names it.
const FILE: &str = "setup.sql";

/// Role, database, extension, table and index in order, each with what it needs, and the history of the migrations. The role's
/// password is not in it.
///
/// # Errors
/// As [`database_plan`], for settings that no server could fulfil.
pub fn script(settings: &Settings) -> Result<RenderedFile> {
    // Whoever runs it, the application's role is another.
    let settings = Settings {
        server_url: None,
        ..settings.clone()
    };
    let nothing = DatabaseFacts::default();
    let plan = database_plan(&nothing, &settings, Path::new("credentials"))?;
    let body = format!("{}{}", head(&settings), whole_sql(&plan, &settings)?);
    Ok(RenderedFile {
        path: PathBuf::from(FILE),
        mode: 0o644,
        content: seal::sealed_sql(&body),
    })
}

fn head(settings: &Settings) -> String {
    let role = settings.role.quoted();
    format!(
        "-- Makes database {} with pgvector on a server that has nothing of it yet. A superuser runs all of it:\n\
         --\n\
         --   psql -X -U postgres -d postgres -f FILE\n\
         --\n\
         -- What a block needs stands above it; the extension's files have to be on the server. At the first error it stops.\n\
         -- The role has no password afterwards. In psql, which asks for one and sends it hashed: \\password {role}\n",
        settings.database.quoted(),
    )
}
