//! Where servers listen: Unix sockets named `.s.PGSQL.PORT`.

use std::path::{Path, PathBuf};

use crate::host::{Host, is_relay};

const PREFIX: &str = ".s.PGSQL.";

/// The kernel's own list; every other system has the usual directories (`DEFAULT_PGSOCKET_DIR`, and Debian's).
const LISTENING: &str = "/proc/net/unix";
const DIRECTORIES: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// `__SO_ACCEPTCON` in the flags of `/proc/net/unix` (proc(5)): the socket listens.
const ACCEPTS: u32 = 0x1_0000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSocket {
    pub path: PathBuf,
    pub port: u16,
}

impl ServerSocket {
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let port = name.strip_prefix(PREFIX)?.parse().ok()?;
        let path = path.to_owned();
        Some(Self { path, port })
    }
}

/// Every socket of a server that has a path here, one for each place and port.
pub fn gather(host: &Host) -> Vec<ServerSocket> {
    let listed = host.read_text(Path::new(LISTENING)).ok().flatten();
    let mut found = listening(&listed.unwrap_or_default());
    for directory in DIRECTORIES.map(Path::new) {
        let names = host.list(directory).into_iter();
        found.extend(names.filter_map(|name| ServerSocket::at(&directory.join(name))));
    }
    found.retain(|socket| host.exists(&socket.path) && !is_relay(&socket.path));
    // /var/run is a link to /run.
    let place = |socket: &ServerSocket| (host.inode(&socket.path), socket.port);
    found.sort_by_key(place);
    found.dedup_by_key(|socket| place(socket));
    found.sort_by_key(|socket| socket.port);
    found
}

/// The listening sockets of servers in a `/proc/net/unix`; a path may hold spaces and comes last.
fn listening(text: &str) -> Vec<ServerSocket> {
    let rows = text.lines().filter(|line| line.contains(PREFIX));
    let sockets = rows.filter_map(|row| {
        let flags = row.split_whitespace().nth(3)?;
        let is_listening = u32::from_str_radix(flags, 16).ok()? & ACCEPTS != 0;
        let path = Path::new(&row[row.find('/')?..]);
        is_listening.then(|| ServerSocket::at(path)).flatten()
    });
    let mut found: Vec<ServerSocket> = Vec::new();
    for socket in sockets {
        if !found.contains(&socket) {
            found.push(socket);
        }
    }
    found
}

/// What a server writes beside its socket (`CreateLockFile` in utils/init/miscinit.c), for root and its own user.
#[derive(Debug, PartialEq, Eq)]
pub struct LockFile {
    pub pid: u32,
    pub data_directory: PathBuf,
}

pub fn lock_file(host: &Host, socket: &ServerSocket) -> Option<LockFile> {
    let path = socket.directory().join(format!("{PREFIX}{}.lock", socket.port));
    parse_lock_file(&host.read_text(&path).ok().flatten()?)
}

fn parse_lock_file(text: &str) -> Option<LockFile> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let data_directory = lines.next().filter(|line| line.starts_with('/'))?.into();
    Some(LockFile { pid, data_directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_of_servers_are_told_from_their_connections_and_from_others() {
        let found = listening(include_str!("../../../tests/fixtures/servers/proc-net-unix.txt"));
        let shown: Vec<String> = found
            .iter()
            .map(|socket| format!("{} {}", socket.port, socket.directory().display()))
            .collect();
        assert_eq!(
            shown,
            ["5432 /var/run/postgresql", "5433 /srv/with space", "5434 /tmp"]
        );
    }

    #[test]
    fn a_lock_file_names_process_and_data_directory() {
        let text = "12345\n/var/lib/postgresql/17/main\n1763800000\n5432\n/var/run/postgresql\n\n";
        let read = parse_lock_file(text).unwrap();
        assert_eq!(read.pid, 12345);
        assert_eq!(read.data_directory, Path::new("/var/lib/postgresql/17/main"));
        assert_eq!(parse_lock_file(""), None);
        assert_eq!(parse_lock_file("12\nrelative\n"), None);
    }
}
