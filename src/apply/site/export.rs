//! A whole database to a file, before it is dropped.

use std::path::Path;
use std::time::Duration;

use super::CHANGED;
use crate::apply::Outcome;
use crate::apply::engine::Engine;
use crate::error::Result;
use crate::host::Command;

/// pg_dump takes as long as the data is large.
const DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// pg_dump writes beside the place; the file has its name once it is whole and durable. `argv` ends with what follows the server
/// and the file, which are known only now: the way of the administrator is made anew by each run.
pub(super) async fn export(engine: &Engine<'_>, file: &Path, argv: &[String]) -> Result<Outcome> {
    let host = engine.host;
    let server = super::super::database::server(engine);
    if let (Some(directory), Some(name)) = (file.parent(), file.file_name()) {
        host.clear_partials(directory, name.to_str());
    }
    let partial = host.partial_beside(file);
    let (way, port) = (server.endpoint.host(), server.endpoint.port().to_string());
    let crate::database::Login::Administrator { role } = &server.administrator else {
        return Ok(Outcome::AlreadyThere);
    };
    // An empty file of mode 0600 first: pg_dump would make one that others can read.
    host.write_file(&partial, b"", 0o600, None)?;
    let dump = Command::new(&argv[0], "export the database")
        .arguments([
            "--host",
            way.as_str(),
            "--port",
            port.as_str(),
            "--username",
            role.as_str(),
        ])
        .argument("--file")
        .argument(&partial)
        .arguments(&argv[1..])
        .deadline(DEADLINE);
    let dumped = host.run(&dump).await;
    if let Err(error) = dumped {
        host.remove_file(&partial)?;
        return Err(error.into());
    }
    host.sync_file_system(file.parent().unwrap_or(file))?;
    host.rename(&partial, file)?;
    Ok(CHANGED)
}
