//! A place of its own for each test: a home, a directory for data, a working directory. What is started there is destroyed
//! when the test ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::support::{account, bundle};
use crate::transcript::Transcript;

pub const BINARY: &str = env!("CARGO_BIN_EXE_pgvector-setup");

/// One running instance for all tests that only look, or that work in a database of their own.
pub static RUNNING: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::bare();
    place.succeeds(&["up", "--yes", "--quiet"]);
    place
});

pub struct Place {
    root: PathBuf,
    /// Waits for the end of its input, which comes when this is dropped or the process ends, and then cleans up.
    cleaner: Child,
}

impl Place {
    /// Nothing is here yet but the wheel to hand to `--bundle`.
    pub fn bare() -> Self {
        account::prepare();
        let root = tempfile::Builder::new()
            .prefix("pgvector-setup-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        // Root's servers run as another user, who has to pass through.
        set_mode(&root, 0o755);
        for directory in ["home", "work"] {
            std::fs::create_dir(root.join(directory)).unwrap();
        }
        let cleaner = clean_up_after(&root);
        Self { root, cleaner }
    }

    /// With the bundle unpacked already.
    pub fn with_bundle() -> Self {
        let place = Self::bare();
        std::fs::create_dir(place.data()).unwrap();
        set_mode(&place.data(), 0o755);
        let linked = Command::new("cp")
            .arg("-al")
            .arg(RUNNING.data().join("bundles"))
            .arg(place.data())
            .status();
        assert!(linked.unwrap().success());
        place
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the tests run as root.
    pub fn is_roots(&self) -> bool {
        self.owner() == 0
    }

    /// The id of the user that the tests run as.
    pub fn owner(&self) -> u32 {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(&self.root).unwrap().uid()
    }

    /// What `--directory` is set to.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn instance(&self) -> PathBuf {
        self.data().join("instances/default")
    }

    /// The working directory, where `pgvector-setup.toml` is looked for.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(words)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("HOME", self.root.join("home")),
            ("XDG_DATA_HOME", self.root.join("home/data")),
            ("COLUMNS", "100".into()),
            ("PGVECTOR_SETUP_DIRECTORY", self.data()),
            ("PGVECTOR_SETUP_BUNDLE", bundle::wheel()),
            ("PGVECTOR_SETUP_DIMENSIONS", "3".into()),
        ]
    }

    /// Runs the product and takes down what it said.
    pub fn run(&self, words: &[&str]) -> Transcript {
        Transcript::of(&mut self.command(words), words)
    }

    #[track_caller]
    pub fn succeeds(&self, words: &[&str]) {
        let transcript = self.run(words);
        assert_eq!(transcript.exit, 0, "{transcript}");
    }

    /// Brings up a database for one test; gives back the option that names it, and the turn to be held for as long as the test
    /// changes it: a run that does has the instance to itself.
    #[track_caller]
    pub fn database(&self, name: &str) -> (MutexGuard<'static, ()>, String) {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let option = format!("--database={name}");
        self.succeeds(&["up", "--yes", &option]);
        (turn, option)
    }

    /// One SQL statement as the administrator.
    pub fn sql(&self, database: &str, statement: &str) {
        let port = self.json(&["status"])["port"].as_u64().unwrap();
        let endpoint = pgvector_setup::database::Endpoint::Socket {
            directory: self.instance().join("run"),
            port: port.try_into().unwrap(),
        };
        let login = pgvector_setup::database::Login::Administrator {
            role: "postgres".into(),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut connection = pgvector_setup::database::connect(&endpoint, &login, database)
                .await
                .unwrap();
            let statement = pgvector_setup::database::sql::composed(statement);
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        });
    }

    /// What a command says with `--json`.
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        let output = self.command(words).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "{words:?} --json: {error}: {}",
                String::from_utf8_lossy(&output.stdout)
            )
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.cleaner.stdin.take());
        let _ = self.cleaner.wait();
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Servers are ended by their data directories, so that one is found even where the product would refuse to look.
fn clean_up_after(root: &Path) -> Child {
    let script = r#"cat > /dev/null
        for pid in "$1"/data/instances/*/data/postmaster.pid; do
            [ -f "$pid" ] && server=$(head -n 1 "$pid") && kill -QUIT "$server"
            while kill -0 "$server"; do sleep 0.1; done
        done 2> /dev/null
        umount "$1"/data 2> /dev/null
        rm -rf "$1""#;
    Command::new("/bin/sh")
        .args(["-c", script, "clean up"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
