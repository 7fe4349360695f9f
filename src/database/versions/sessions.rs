//! Sessions that began before the library's file was last replaced: those that had loaded it still run the old one.

use std::path::Path;

use sqlx::{PgConnection, Row as _};

use super::LIBRARY_CHANGED;
use crate::database::DatabaseError;
use crate::database::sql::composed;
use crate::host::Host;

/// Somebody's session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Session {
    pub pid: i32,
    pub role: String,
    pub application: String,
    pub database: String,
    /// When it began, in the server's words.
    pub since: String,
}

impl std::fmt::Display for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let application = match self.application.as_str() {
            "" => "an unnamed application",
            name => name,
        };
        let Self {
            pid,
            role,
            database,
            since,
            ..
        } = self;
        write!(
            formatter,
            "server process {pid}: {application}, role {role}, database {database}, since {since}"
        )
    }
}

/// The sessions in `databases` that began before the library was replaced. Where the server runs on `host`, those that
/// never loaded it are left out, if their memory maps may be read.
///
/// # Errors
/// [`DatabaseError::Statement`] when the server's activity cannot be read.
pub async fn on_an_older_library(
    connection: &mut PgConnection,
    host: Option<&Host>,
    databases: &[String],
) -> Result<Vec<Session>, DatabaseError> {
    let sql = format!(
        "SELECT a.pid, coalesce(a.usename, '')::text AS role, coalesce(a.application_name, '') AS application, \
                coalesce(a.datname, '')::text AS database, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since \
           FROM pg_stat_activity a, (SELECT max(changed) AS changed FROM ({LIBRARY_CHANGED}) AS found) AS file \
          WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.backend_start < file.changed \
            AND a.datname = ANY ($1) \
          ORDER BY a.pid"
    );
    let rows = sqlx::query(composed(sql))
        .bind(databases)
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::statement("read who is connected"))?;
    let sessions = rows.iter().map(|row| Session {
        pid: row.get("pid"),
        role: row.get("role"),
        application: row.get("application"),
        database: row.get("database"),
        since: row.get("since"),
    });
    Ok(sessions
        .filter(|session| host.is_none_or(|host| may_have_loaded(host, session.pid)))
        .collect())
}

/// Whether `/proc/PID/maps` (proc(5)) shows the library; where it cannot be read, it may be.
fn may_have_loaded(host: &Host, pid: i32) -> bool {
    let maps = Path::new("/proc").join(pid.to_string()).join("maps");
    match host.read_text(&maps) {
        Ok(Some(maps)) if !maps.is_empty() => maps_library(&maps),
        _ => true,
    }
}

/// A replaced file is shown as `/usr/lib/postgresql/18/lib/vector.so (deleted)`, one that dpkg put away first under
/// another name beside it.
fn maps_library(maps: &str) -> bool {
    maps.lines().any(|line| line.contains("/vector.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_library_is_seen_whether_it_is_still_there_or_replaced() {
        let line = |file: &str| format!("7f0e6d2d3000-7f0e6d2d8000 r--p 00000000 08:01 1321 {file}\n");
        for (file, loaded) in [
            ("/usr/lib/postgresql/18/lib/vector.so", true),
            ("/usr/lib/postgresql/18/lib/vector.so (deleted)", true),
            ("/usr/lib/postgresql/18/lib/plpgsql.so", false),
            ("", false),
        ] {
            assert_eq!(maps_library(&line(file)), loaded, "{file}");
        }
    }
}
