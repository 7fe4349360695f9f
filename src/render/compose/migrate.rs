//! The command line of the one-shot service that migrates: this program, in its own image.

use crate::render::flags::table_flags;
use crate::settings::Settings;

/// Where the service keeps its receipt and lock: a volume, so that a killed run continues.
pub const STATE: &str = "/var/lib/pgvector-setup";
/// The server, as the other services see it.
pub const SERVER: &str = "database";
/// The image's port; the one that is published is another matter.
pub const PORT: u16 = 5432;
/// Seconds that an empty volume may take to become a server that answers.
const WAIT: u16 = 120;

/// Every word by itself, no shell between. Values that a user chose stand behind `=`, so that one which begins with `-`
/// is no flag. All of them are given: the image's environment decides nothing.
pub fn arguments(settings: &Settings) -> Vec<String> {
    let mut words = vec![
        "migrate".to_owned(),
        "up".to_owned(),
        "--create".to_owned(),
        format!("--wait={WAIT}"),
        format!("--directory={STATE}"),
        format!("--url=postgresql://postgres@{SERVER}:{PORT}/postgres?sslmode=disable"),
        // The network of the project is between this service and the server alone.
        "--allow-plaintext".to_owned(),
        "--password-file=/run/secrets/postgres_password".to_owned(),
        "--role-password-file=/run/secrets/database_password".to_owned(),
        format!("--role={}", settings.role),
        format!("--database={}", settings.database),
    ];
    words.extend(table_flags(&settings.table));
    words
}
