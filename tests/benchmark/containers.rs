//! Target `docker` against the same by hand: `docker-compose up` of the same project, and the same SQL by psql.
//!
//! The two alternate, each on an empty volume. The image is a look-alike of the maintained one (`docker/postgres`), because
//! what a registry takes would be measured otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::measure::{PASSWORD, Sample, median, minimum};
use super::{BINARY, by_hand};

const PAIRS: usize = 5;
const PORT: &str = "54421";
const NAME: &str = "benchmark-containers";
/// How often a person's script asks whether the server answers.
const POLL: Duration = Duration::from_millis(100);

/// What both took, by turns; nothing where there is no engine or no image.
pub struct Containers {
    product: Vec<Sample>,
    hand: Vec<Sample>,
}

impl Containers {
    /// `programs` is a folder with psql.
    pub fn measure(programs: &Path) -> Option<Self> {
        let ground = Ground::new(image()?, programs.join("psql"));
        let (mut product, mut hand) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            hand.push(ground.by_hand());
            product.push(ground.product());
        }
        Some(Self { product, hand })
    }

    pub fn print_rows(&self) {
        super::row("docker-compose up, and psql", &self.hand, "");
        super::row("up --target docker", &self.product, "");
        println!(
            "{:<30} {:>9.2} x  {:>9.2} x     1.2 x",
            "up --target docker / by hand",
            minimum(&self.product) / minimum(&self.hand),
            median(&self.product) / median(&self.hand)
        );
    }
}

fn image() -> Option<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/postgres/build");
    let output = Command::new(program)
        .arg("17")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| text(&output.stdout))
}

/// A directory for the projects and the records, and the image of their server.
struct Ground {
    image: String,
    psql: PathBuf,
    directory: PathBuf,
}

impl Ground {
    fn new(image: String, psql: PathBuf) -> Self {
        let directory = PathBuf::from(format!("/tmp/pgvector-setup-containers-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a new directory");
        Self {
            image,
            psql,
            directory,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// One `up` on an empty volume. Taking it away again is not timed.
    fn product(&self) -> Sample {
        let started = Instant::now();
        self.run(&["up", "--yes", "--target", "docker"]);
        let seconds = started.elapsed().as_secs_f64();
        self.run(&["rollback", "--yes", "--target", "docker", "--destroy-data", NAME]);
        sample(seconds)
    }

    /// The files are written before the time runs.
    fn by_hand(&self) -> Sample {
        let project = self.path("by-hand");
        self.run(&["render", "compose", &project]);
        std::fs::write(self.path("roles.sql"), by_hand::ROLES).expect("a script");
        std::fs::write(self.path("schema.sql"), by_hand::schema("vectors", "vectors")).expect("a script");
        std::fs::write(self.path("proof.sql"), by_hand::proof("UNLOGGED")).expect("a script");
        let secret = std::fs::read_to_string(format!("{project}/secrets/postgres_password"));
        let secret = secret.expect("render wrote it");
        let compose = |words: &[&str]| {
            let file = format!("{project}/compose.yaml");
            let common = ["--project-name", NAME, "--file", &file, "--profile", "postgres"];
            succeed(Command::new("docker-compose").args(common).args(words));
        };
        let psql = |user: &str, password: &str, database: &str, script: &str| {
            let mut command = Command::new(&self.psql);
            command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", PORT]);
            command.args([
                "-U",
                user,
                "-d",
                database,
                "-o",
                "/dev/null",
                "-f",
                &self.path(script),
            ]);
            succeed(command.env("PGPASSWORD", password));
        };

        let started = Instant::now();
        compose(&["up", "--detach", "database"]);
        self.wait_for_answer(&secret);
        psql("postgres", &secret, "postgres", "roles.sql");
        psql("postgres", &secret, "vectors", "schema.sql");
        psql("vectors", PASSWORD, "vectors", "proof.sql");
        let seconds = started.elapsed().as_secs_f64();

        compose(&["down", "--volumes"]);
        std::fs::remove_dir_all(&project).expect("the project goes");
        sample(seconds)
    }

    /// As a script by hand does it: ask again until a query is answered.
    fn wait_for_answer(&self, password: &str) {
        loop {
            let mut command = Command::new(&self.psql);
            command.args([
                "-X",
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                PORT,
                "-U",
                "postgres",
                "-c",
                "SELECT 1",
            ]);
            let output = command.env("PGPASSWORD", password).stdin(Stdio::null()).output();
            if output.expect("psql starts").status.success() {
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    fn run(&self, words: &[&str]) {
        let mut command = Command::new(BINARY);
        command.args(words).args(["--instance", NAME, "--port", PORT]);
        command
            .args(["--image", &self.image, "--pg", "17", "--directory"])
            .arg(&self.directory);
        succeed(&mut command);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn sample(seconds: f64) -> Sample {
    Sample {
        seconds,
        peak_kilobytes: 0,
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
