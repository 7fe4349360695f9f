//! What all cases share: the programs, the bundle, and a directory in which one instance is up already.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::instance::{Instance, User};
use super::{bundle, end_state, hook};

pub struct Ground {
    /// Everything of this run is in here.
    pub directory: PathBuf,
    pub program: PathBuf,
    /// The same program with the hook that ends it at a step boundary.
    pub program_with_hook: PathBuf,
    pub wheel: PathBuf,
    next_port: AtomicU16,
    next_name: AtomicU16,
    /// What an undisturbed run leaves, by user.
    undisturbed: [OnceLock<String>; 2],
}

impl Ground {
    /// Builds the program with the hook, fetches the bundle, and brings one instance up so that the unpacked bundle is
    /// there for the others.
    pub fn prepare() -> Self {
        let directory = std::env::temp_dir().join(format!("pgvector-setup-faults-{}", std::process::id()));
        make_directory(&directory, User::Root);
        let copied = |from: &Path, name: &str| {
            let to = directory.join(name);
            std::fs::copy(from, &to).expect("the temporary directory takes a file");
            to
        };
        // Copies, because an unprivileged user may not reach the build's own directory.
        let wheel = bundle::wheel();
        let wheel_name = wheel
            .file_name()
            .expect("the wheel is a file")
            .to_string_lossy()
            .into_owned();
        let ground = Self {
            program_with_hook: copied(&hook::build(), "pgvector-setup-with-hook"),
            program: copied(Path::new(env!("CARGO_BIN_EXE_pgvector-setup")), "pgvector-setup"),
            wheel: copied(&wheel, &wheel_name),
            next_port: AtomicU16::new(first_port()),
            next_name: AtomicU16::new(1),
            undisturbed: [OnceLock::new(), OnceLock::new()],
            directory,
        };
        let keeper = ground.instance("keeper", User::Plain);
        keeper.up().succeeds();
        // Its server has no more to do; its unpacked bundle has.
        keeper.run(["stop"]).succeeds();
        std::mem::forget(keeper);
        ground
    }

    /// An instance beside the others, whose bundle is unpacked already.
    pub fn instance(&self, name: &str, user: User) -> Instance<'_> {
        let root = self.directory.join(user.name());
        if !root.exists() {
            make_directory(&root, user);
        }
        Instance::new(self, root, name, user)
    }

    /// An instance alone in a new directory: everything is yet to be done.
    pub fn bare_instance(&self, name: &str, user: User) -> Instance<'_> {
        let root = self.directory.join(name);
        make_directory(&root, user);
        Instance::new(self, root, name, user)
    }

    /// What stands where an undisturbed run was.
    pub fn undisturbed(&self, user: User) -> &str {
        self.undisturbed[user as usize].get_or_init(|| {
            let instance = self.instance("undisturbed", user);
            instance.up().succeeds();
            let state = end_state::of(&instance);
            instance.rollback().succeeds();
            state
        })
    }

    /// A port that nobody else in this run is given, and that is free now.
    pub fn port(&self) -> u16 {
        loop {
            let port = self.next_port.fetch_add(1, Ordering::Relaxed);
            if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    }

    /// A short name for an instance that nobody else in this run has.
    pub fn new_name(&self) -> String {
        format!("k{}", self.next_name.fetch_add(1, Ordering::Relaxed))
    }

    pub fn clear(&self) {
        std::fs::remove_dir_all(&self.directory).expect("the servers in it are down");
    }
}

fn make_directory(path: &Path, user: User) {
    std::fs::create_dir(path).expect("a new directory");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    user.own(path);
}

/// Below the ports that the kernel gives to clients, and another for each run, so that two at once seldom meet.
fn first_port() -> u16 {
    let spread = std::process::id() % 10_000;
    20_000 + u16::try_from(spread).expect("below 10,000")
}
