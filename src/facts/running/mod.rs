//! Servers that run on this machine, whoever started them: found by their sockets, not by their packages.

mod merge;
mod sockets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::answer;
use super::clusters::{self, Cluster, ClusterStatus, Origin};
use super::meant::{MeantCluster, meant};
use super::privilege::Elevation;
use crate::error::Result;
use crate::host::{
    Command, Host, Listener, command_line_of, executable_of, is_in_other_file_systems, listener,
    working_directory_of,
};
use crate::settings::Settings;

pub use merge::merge;
use sockets::ServerSocket;

/// The first user id of a person: `UID_MIN` of login.defs(5), and what macOS begins with. Below are services.
const FIRST_PERSON: u32 = if cfg!(target_os = "macos") { 501 } else { 1000 };

/// The clusters that `listed` has and the servers that run and are wanted, as one list; the one that is meant is asked about itself.
pub async fn complete(
    host: &Host,
    settings: &Settings,
    elevation: Elevation,
    listed: Vec<Cluster>,
    is_wanted: impl Fn(&Cluster) -> bool,
) -> Vec<Cluster> {
    let mut running = gather(host).await;
    running.retain(is_wanted);
    let mut all = merge(listed, running);
    if let MeantCluster::One(meant) = meant(&all, settings)
        && let Some(cluster) = all.iter_mut().find(|cluster| **cluster == meant)
    {
        cluster.answer = answer::ask(host, &meant, elevation).await;
        // The server's own word goes before what a path looked like.
        if let Some(answer) = cluster.answer.given() {
            cluster.major = u16::try_from(answer.version / 10_000).unwrap_or(cluster.major);
        }
    }
    all
}

/// The clusters that are installed and the servers that run, without a word from any of them.
///
/// # Errors
/// As [`clusters::gather`].
pub async fn all(host: &Host) -> Result<Vec<Cluster>> {
    Ok(merge(clusters::gather(host).await?, gather(host).await))
}

/// Every server that listens on a socket that we can reach, without our own embedded ones and those of containers.
/// A plain user learns less of others' servers; what may not be known is left empty.
pub async fn gather(host: &Host) -> Vec<Cluster> {
    let mut found = Vec::new();
    for socket in sockets::gather(host) {
        let pid = match listener(&socket.path).await {
            Listener::Nobody => continue,
            Listener::Hidden => None,
            Listener::Process(pid) => Some(pid),
        };
        if pid.is_some_and(|pid| is_in_other_file_systems(pid) == Some(true)) {
            continue;
        }
        if let Some(cluster) = describe(host, &socket, pid).await
            && !is_embedded(&cluster.data_directory)
        {
            found.push(cluster);
        }
    }
    found
}

/// What can be seen of one server without a word from it. `None` where its process is hidden and nothing else tells of
/// it: that is a container's.
async fn describe(host: &Host, socket: &ServerSocket, pid: Option<u32>) -> Option<Cluster> {
    let uid = host.owner_of(&socket.path).ok()?;
    let owner = host
        .account_with_id(uid)
        .map_or_else(|| uid.to_string(), |account| account.name);
    let lock = sockets::lock_file(host, socket);
    let pid = pid.or(lock.as_ref().map(|lock| lock.pid))?;
    let words = command_line_of(pid);
    let data_directory = lock
        .map(|lock| lock.data_directory)
        .or_else(|| working_directory_of(pid))
        .or_else(|| data_argument(&words))
        .unwrap_or_default();
    let program = executable_of(pid).or_else(|| words.first().map(PathBuf::from));
    let binaries = program
        .filter(|program| program.is_absolute())
        .and_then(|program| program.parent().map(Path::to_owned));
    Some(Cluster {
        major: major(host, &data_directory, binaries.as_deref()).await,
        name: data_directory
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        port: socket.port,
        socket_directory: socket.directory().to_owned(),
        owner,
        is_anothers: uid >= FIRST_PERSON && uid != host.account().uid,
        status: ClusterStatus::Online,
        origin: origin(binaries.as_deref(), &data_directory),
        data_directory,
        binaries,
        ..Cluster::default()
    })
}

/// `-D DIR`, `-DDIR` or `--pgdata=DIR` (postgres(1)), where it is absolute.
fn data_argument(words: &[String]) -> Option<PathBuf> {
    let after = words
        .iter()
        .position(|word| word == "-D")
        .and_then(|index| words.get(index + 1));
    let joined = || {
        words.iter().skip(1).find_map(|word| {
            word.strip_prefix("--data-directory=")
                .or_else(|| word.strip_prefix("--data_directory="))
                .or_else(|| word.strip_prefix("-D"))
        })
    };
    let directory = PathBuf::from(after.map(String::as_str).or_else(joined)?);
    directory.is_absolute().then_some(directory)
}

/// Homebrew's kegs and the RPMs' services are known by where their files are; Debian's are known by pg_lsclusters.
fn origin(binaries: Option<&Path>, data: &Path) -> Origin {
    let text = binaries.map(Path::to_string_lossy).unwrap_or_default();
    if text.contains("/Cellar/postgresql") || text.contains("/opt/postgresql@") {
        Origin::Brew
    } else if (text == "/usr/bin" || text.starts_with("/usr/pgsql-")) && data.starts_with("/var/lib/pgsql") {
        Origin::Rpm
    } else {
        Origin::Other
    }
}

/// Whether a data directory is one that target `embedded` made: it is named as such, and adopted by nobody.
fn is_embedded(data: &Path) -> bool {
    let mut parts = data.iter().rev();
    let (name, _, parent) = (parts.next(), parts.next(), parts.next());
    name.is_some_and(|name| name == "data") && parent.is_some_and(|parent| parent == "instances")
}

/// By the cluster's own file, the path of its programs, or what the program says: 0 where none of them tells.
async fn major(host: &Host, data: &Path, binaries: Option<&Path>) -> u16 {
    let file = host.read_text(&data.join("PG_VERSION")).ok().flatten();
    if let Some(major) = file.and_then(|text| text.trim().parse().ok()) {
        return major;
    }
    let Some(binaries) = binaries else { return 0 };
    if let Some(major) = major_of_path(binaries) {
        return major;
    }
    let program = binaries.join("postgres");
    // A stranger's program is never run: it could be anything.
    let is_trusted = host
        .owner_of(&program)
        .is_ok_and(|owner| [0, host.account().uid].contains(&owner));
    if !is_trusted {
        return 0;
    }
    let command = Command::new(program, "ask a server's program for its version")
        .argument("--version")
        .account(host.account_named("nobody"))
        .deadline(Duration::from_secs(5));
    let output = host.run(&command).await.map(|output| output.stdout);
    output.ok().and_then(|text| major_of_version(&text)).unwrap_or(0)
}

/// `/usr/lib/postgresql/17/bin`, `/usr/pgsql-17/bin`, `…/postgresql@17/17.6/bin`.
fn major_of_path(binaries: &Path) -> Option<u16> {
    let text = binaries.to_str()?;
    let markers = ["/lib/postgresql/", "/pgsql-", "/postgresql@"];
    markers.iter().find_map(|marker| {
        let rest = text.split(marker).nth(1)?;
        let end = rest
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

/// `postgres (PostgreSQL) 18.6 (Debian 18.6-1)`.
fn major_of_version(text: &str) -> Option<u16> {
    let version = text.split("(PostgreSQL) ").nth(1)?;
    let end = version
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_versions_tell_the_major() {
        for (path, major) in [
            ("/usr/lib/postgresql/17/bin", Some(17)),
            ("/opt/pg/lib/postgresql/18/bin", Some(18)),
            ("/usr/pgsql-16/bin", Some(16)),
            ("/opt/homebrew/Cellar/postgresql@17/17.6/bin", Some(17)),
            ("/usr/local/pgsql/bin", None),
            ("/usr/bin", None),
        ] {
            assert_eq!(major_of_path(Path::new(path)), major, "{path}");
        }
        assert_eq!(major_of_version("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(
            major_of_version("postgres (PostgreSQL) 18.6 (Debian 18.6-1)\n"),
            Some(18)
        );
        assert_eq!(major_of_version("hello"), None);
    }

    #[test]
    fn arguments_and_places_tell_whose_it_is() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, directory) in [
            (
                "/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql/17/main -c x=y",
                Some("/var/lib/postgresql/17/main"),
            ),
            ("postgres -D/srv/data", Some("/srv/data")),
            ("postgres -D data", None),
            ("postgres", None),
        ] {
            assert_eq!(
                data_argument(&words(line)).as_deref(),
                directory.map(Path::new),
                "{line}"
            );
        }
        for (binaries, data, expected) in [
            ("/usr/pgsql-17/bin", "/var/lib/pgsql/17/data", Origin::Rpm),
            ("/usr/bin", "/var/lib/pgsql/data", Origin::Rpm),
            ("/usr/pgsql-17/bin", "/home/ann/data", Origin::Other),
            (
                "/home/linuxbrew/.linuxbrew/Cellar/postgresql@18/18.6/bin",
                "/x",
                Origin::Brew,
            ),
            ("/opt/pg/bin", "/srv/data", Origin::Other),
        ] {
            assert_eq!(
                origin(Some(Path::new(binaries)), Path::new(data)),
                expected,
                "{binaries}"
            );
        }
        assert!(is_embedded(Path::new(
            "/home/ann/.local/share/pgvector-setup/instances/default/data"
        )));
        assert!(!is_embedded(Path::new("/var/lib/postgresql/17/main")));
    }
}
