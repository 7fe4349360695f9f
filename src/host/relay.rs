//! A way to a server's Unix socket as another user, for peer authentication: the server sees the user who connected.
//!
//! We listen on a socket of our own in a private directory. For each connection to it, one is made to the server by a
//! thread that has taken the other user's id (as root), or by a child of `sudo` that does so; bytes then go both ways.
//! No rule of the server is changed, and nobody else can enter the directory.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::files::TEMPORARY;
use super::{Account, Host, HostError};

/// The hidden subcommand that [`serve`]s: `pgvector-setup relay --as postgres /var/run/postgresql/.s.PGSQL.5432`.
pub const SUBCOMMAND: &str = "relay";

/// Short, because a socket's whole path may have 107 bytes at most (unix(7)).
const PARENT: &str = TEMPORARY;
const PREFIX: &str = "pgvector-setup-relay-";

/// Whether a socket is a relay's, ours or that of another run, and no server's.
pub fn is_relay(socket: &Path) -> bool {
    let directory = socket.parent().and_then(Path::file_name);
    directory.is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

/// An open way; closed, with every connection through it, when dropped.
#[derive(Debug)]
pub struct Relay {
    host: Host,
    directory: PathBuf,
    socket: PathBuf,
    listening: JoinHandle<()>,
}

impl Host {
    /// Opens a way to `server` (a server's socket) as `account`. `name` is the file name of our own socket.
    ///
    /// # Errors
    /// [`HostError::Io`] when the private directory or the socket in it cannot be made.
    pub fn open_relay(&self, server: &Path, account: &Account, name: &str) -> Result<Relay, HostError> {
        let mut random = [0_u8; 6];
        getrandom::fill(&mut random).map_err(|error| {
            HostError::io(
                "choose a name in",
                Path::new(PARENT),
                std::io::Error::other(error),
            )
        })?;
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.remove_abandoned();
        let directory = Path::new(PARENT).join(format!("{PREFIX}{}-{random}", std::process::id()));
        if !self.create_directory(&directory, 0o700, None)? {
            return Err(HostError::io(
                "create",
                &directory,
                std::io::ErrorKind::AlreadyExists.into(),
            ));
        }
        let socket = directory.join(name);
        let listener = match UnixListener::bind(&socket) {
            Ok(listener) => listener,
            Err(source) => {
                self.remove_empty_directory(&directory);
                return Err(HostError::io("listen on", &socket, source));
            }
        };
        let listening = tokio::spawn(listen(self.clone(), listener, server.to_owned(), account.clone()));
        Ok(Relay {
            host: self.clone(),
            directory,
            socket,
            listening,
        })
    }

    /// Removes directories that a killed run of ours left behind.
    fn remove_abandoned(&self) {
        for name in self.list(Path::new(PARENT)) {
            let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            let Some(pid) = pid.and_then(|pid| pid.parse().ok()) else {
                continue;
            };
            let directory = Path::new(PARENT).join(&name);
            let is_ours = self
                .owner_of(&directory)
                .is_ok_and(|owner| owner == self.account().uid);
            if is_ours && !super::process_is_alive(pid) {
                let _ = self.remove_directory(&directory);
            }
        }
    }
}

impl Relay {
    /// The directory that holds our socket.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        let _ = self.host.remove_file(&self.socket);
        self.host.remove_empty_directory(&self.directory);
    }
}

/// Hands every connection on. One that cannot be made is closed, which its client notices.
async fn listen(host: Host, listener: UnixListener, server: PathBuf, account: Account) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(hand_on(host.clone(), client, server.clone(), account.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn hand_on(host: Host, client: UnixStream, server: PathBuf, account: Account) {
    let handed = if host.is_root() {
        hand_on_as_root(client, &server, &account).await
    } else {
        hand_on_by_sudo(client, &server, &account).await
    };
    if let Err(error) = handed {
        tracing::warn!(server = %server.display(), %error, "a connection was not handed on");
    }
}

async fn hand_on_as_root(mut client: UnixStream, server: &Path, account: &Account) -> std::io::Result<()> {
    let (server, uid) = (server.to_owned(), account.uid);
    let stream = tokio::task::spawn_blocking(move || connect_as(server, uid))
        .await
        .map_err(std::io::Error::other)??;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    tokio::io::copy_bidirectional(&mut client, &mut stream)
        .await
        .map(|_| ())
}

/// The kernel keeps the ids of the thread that connects (unix(7), SO_PEERCRED). On Linux ids belong to a thread, so a
/// thread of its own takes the other id, connects and ends; no other thread is touched.
#[cfg(target_os = "linux")]
fn connect_as(server: PathBuf, uid: u32) -> std::io::Result<BlockingStream> {
    let connecting = std::thread::spawn(move || {
        let uid = rustix::thread::Uid::from_raw(uid);
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        BlockingStream::connect(server)
    });
    connecting
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("the connecting thread ended early")))
}

#[cfg(not(target_os = "linux"))]
fn connect_as(_server: PathBuf, _uid: u32) -> std::io::Result<BlockingStream> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The child has the client's connection as its stdin and stdout, so that nothing passes through this process.
async fn hand_on_by_sudo(client: UnixStream, server: &Path, account: &Account) -> std::io::Result<()> {
    let client = client.into_std()?;
    client.set_nonblocking(false)?;
    let program = std::env::current_exe()?;
    let words: Vec<std::ffi::OsString> = vec![
        "-n".into(),
        "--".into(),
        program.into(),
        SUBCOMMAND.into(),
        "--as".into(),
        account.name.clone().into(),
        server.into(),
    ];
    let child = duct::cmd("/usr/bin/sudo", words)
        .full_env([("PATH", super::run::SAFE_PATH), ("LC_ALL", "C.UTF-8")])
        .dir("/")
        .stdin_file(OwnedFd::from(client.try_clone()?))
        .stdout_file(OwnedFd::from(client))
        .stderr_capture()
        .unchecked()
        .start()?;
    let output = tokio::task::spawn_blocking(move || child.wait().cloned())
        .await
        .map_err(std::io::Error::other)??;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(std::io::Error::other(said))
}

/// The child's side: becomes `account` for good when it is root, connects to `server`, and copies stdin to it and from
/// it to stdout until the server is done.
///
/// # Errors
/// [`HostError::Io`] when the id cannot be taken or the server cannot be reached.
pub fn serve(server: &Path, account: &Account) -> Result<(), HostError> {
    let failed = |source| HostError::io("connect to", server, source);
    #[cfg(target_os = "linux")]
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = (
            rustix::thread::Uid::from_raw(account.uid),
            rustix::thread::Gid::from_raw(account.gid),
        );
        // Groups first: without root they could no longer be given up. Threads that are made from here on inherit all.
        rustix::thread::set_thread_groups(&[])
            .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
            .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
            .map_err(|errno| failed(errno.into()))?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = account;
    let mut stream = BlockingStream::connect(server).map_err(failed)?;
    // Files over the descriptors themselves: the standard handles would buffer until a line ends.
    let mut input = std::fs::File::from(rustix::stdio::stdin().try_clone_to_owned().map_err(failed)?);
    let mut output = std::fs::File::from(rustix::stdio::stdout().try_clone_to_owned().map_err(failed)?);
    let mut towards_server = stream.try_clone().map_err(failed)?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut input, &mut towards_server);
        let _ = towards_server.shutdown(std::net::Shutdown::Write);
    });
    std::io::copy(&mut stream, &mut output)
        .map(|_| ())
        .map_err(failed)
}
