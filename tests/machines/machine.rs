//! One fresh machine: a container that is removed when the value is dropped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::engine::{Engine, LABEL, docker};
pub use super::transcript::Reply;
use super::transcript::Transcript;

/// No command on a machine takes longer; then it is ended and the case fails.
const DEADLINE: Duration = Duration::from_secs(300);

/// Gives the container the unified control group hierarchy that systemd 258 and later insist on, and mounts that a service sees
/// when systemd makes them for it in another namespace, as those with its credentials; then systemd.
const START_SYSTEMD: &str =
    "mount --make-rshared / && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init";

/// `user` may do nothing; `admin` has sudo without a password.
const ACCOUNTS: &str = "useradd --create-home --shell /bin/sh user
useradd --create-home --shell /bin/sh admin
umask 0337; echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Image {
    pub suite: &'static str,
    pub systemd: bool,
}

impl Image {
    pub const SERVERS: &str = "servers";
    pub const SITES: &str = "sites";

    pub fn flavour(&self) -> &'static str {
        if self.systemd { "systemd" } else { "plain" }
    }
}

pub struct Machine {
    container: String,
    pub transcript: Transcript,
}

impl Machine {
    pub fn start(engine: &Engine, name: &str, image: Image) -> Self {
        let label = format!("{LABEL}={}", std::process::id());
        let binary = format!(
            "{}:/usr/local/bin/pgvector-setup:ro",
            env!("CARGO_BIN_EXE_pgvector-setup")
        );
        let tag = engine.image_tag(image);
        let mut run = vec!["run", "--detach", "--label", &label, "--network", engine.network];
        run.extend(["--shm-size", "1g", "--volume", &binary]);
        let shared: Vec<String> = package_index_files();
        run.extend(shared.iter().flat_map(|volume| ["--volume", volume.as_str()]));
        if image.systemd {
            run.extend(["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"]);
            run.extend([
                "--security-opt",
                "apparmor=unconfined",
                "--cgroupns",
                "private",
                "--tmpfs",
                "/run",
            ]);
            run.extend([&tag, "sh", "-c", START_SYSTEMD]);
        } else {
            run.extend(["--init", &tag, "sleep", "infinity"]);
        }
        let container = docker(run).expect("the engine starts a container");
        let machine = Self {
            container,
            transcript: Transcript::new("machines", name),
        };
        machine
            .transcript
            .note(&format!("{name}: {tag}, network {}", engine.network));
        if image.systemd {
            machine.await_systemd();
        }
        machine.root(ACCOUNTS);
        machine
    }

    /// Runs a shell script as root and expects it to succeed; gives its standard output without the last line end.
    pub fn root(&self, script: &str) -> String {
        let reply = self.run("root", script);
        assert_eq!(reply.exit, 0, "failed on the machine: {script}\n{}", reply.stderr);
        reply.stdout.trim_end().to_owned()
    }

    /// A command of `user` on a terminal of the machine, one that cannot redraw.
    pub fn on_terminal(&self, user: &str, words: &[&str]) -> Command {
        self.transcript
            .note(&format!("on a terminal, {user}$ {}", words.join(" ")));
        let options = ["--interactive", "--tty", "--env", "TERM=dumb"];
        let mut command = Command::new("docker");
        command.args(self.exec_arguments(user, &options)).args(words);
        command
    }

    /// Runs a shell script as `user` in its home directory.
    pub fn run(&self, user: &str, script: &str) -> Reply {
        let reply = self.execute(user, script);
        self.transcript.exchange(user, script, &reply);
        reply
    }

    /// As [`Self::root`], for listings too long for the transcript.
    pub fn quietly(&self, script: &str) -> String {
        let reply = self.execute("root", script);
        assert_eq!(reply.exit, 0, "failed on the machine: {script}\n{}", reply.stderr);
        reply.stdout
    }

    /// Starts a command that goes on while the machine does other things.
    pub fn background(&self, user: &str, script: &str) {
        self.transcript
            .note(&format!("in the background, {user}$ {script}"));
        let detached = self.exec_arguments(user, &["--detach"]);
        docker(detached.iter().map(String::as_str).chain(["sh", "-c", script]))
            .expect("docker starts a command");
    }

    fn execute(&self, user: &str, script: &str) -> Reply {
        let seconds = DEADLINE.as_secs().to_string();
        let started = Instant::now();
        let output = Command::new("docker")
            .args(self.exec_arguments(user, &[]))
            .args(["timeout", "--kill-after=5", &seconds, "sh", "-c", script])
            .stdin(Stdio::null())
            .output()
            .expect("docker starts");
        Reply {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        }
    }

    fn exec_arguments(&self, user: &str, options: &[&str]) -> Vec<String> {
        let home = if user == "root" {
            "/root".to_owned()
        } else {
            format!("/home/{user}")
        };
        let environment = format!("HOME={home}");
        let before = ["exec"].iter().chain(options);
        let after = [
            "--user",
            user,
            "--workdir",
            &home,
            "--env",
            &environment,
            &self.container,
        ];
        before.copied().chain(after).map(str::to_owned).collect()
    }

    /// Asks until the script succeeds. Panics after two minutes.
    pub fn until(&self, what: &str, script: &str) {
        let started = Instant::now();
        let command = ["exec", &self.container, "sh", "-c", script];
        while docker(command).is_none() {
            assert!(
                started.elapsed() < Duration::from_secs(120),
                "still not true after two minutes: {what}"
            );
        }
        self.transcript
            .note(&format!("{what} ({:.1?})", started.elapsed()));
    }

    /// Takes the network away, as on a machine in a closed room.
    pub fn unplug(&self) {
        self.transcript.note("the network is unplugged");
        docker(["network", "disconnect", "bridge", &self.container])
            .expect("the container was on the bridge");
    }

    pub fn plug_in(&self) {
        docker(["network", "connect", "bridge", &self.container]).expect("the container goes on the bridge");
        self.transcript.note("the network is plugged in");
    }

    /// Everything ends at once, and what is on disk comes up again: a power failure, as far as a container has one.
    pub fn lose_power(&self) {
        self.transcript.note("the power fails, and comes back");
        docker(["kill", &self.container]).expect("the container runs");
        docker(["start", &self.container]).expect("the container starts");
        self.until("the system bus answers", "test -S /run/dbus/system_bus_socket");
    }

    /// Puts a file of the machine that tests into a directory of this one.
    pub fn copy_in(&self, file: &Path, directory: &str) {
        self.transcript
            .note(&format!("{} is copied to {directory}", file.display()));
        docker([
            "cp",
            &file.display().to_string(),
            &format!("{}:{directory}", self.container),
        ])
        .expect("docker copies a file");
    }

    fn await_systemd(&self) {
        self.until("the system bus answers", "test -S /run/dbus/system_bus_socket");
        self.root("systemctl is-system-running --wait");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        docker(["rm", "--force", "--volumes", &self.container]);
    }
}

/// What pip on this machine needs to reach its package index, as read-only volumes for the machines.
fn package_index_files() -> Vec<String> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let configuration = [
        home.join(".config/pip/pip.conf"),
        home.join(".pip/pip.conf"),
        "/etc/pip.conf".into(),
    ];
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt");
    let configuration = configuration.iter().find(|file| file.exists());
    let configuration = configuration.map(|file| format!("{}:/etc/pip.conf:ro", file.display()));
    let certificates = certificates
        .exists()
        .then(|| format!("{0}:{0}:ro", certificates.display()));
    configuration.into_iter().chain(certificates).collect()
}
