//! One instance of the product: how its commands are run, by whom, and how it is cleared away.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ground::Ground;

/// No command takes longer; then it hangs, and the case fails.
const DEADLINE: Duration = Duration::from_secs(180);

/// What timeout(1) exits with after it killed.
const KILLED: i32 = 128 + 9;

/// The unprivileged user of every Linux and Unix that the program runs as where the tests run as root.
const NOBODY: u32 = 65_534;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Plain = 0,
    Root = 1,
}

impl User {
    pub fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    pub fn name(self) -> &'static str {
        ["plain", "root"][self as usize]
    }

    /// Hands a directory to this user.
    pub fn own(self, path: &Path) {
        if self == Self::Plain && Self::is_root() {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
        }
    }

    fn become_it(self, command: &mut Command) {
        if self == Self::Plain && Self::is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
    }
}

/// What one command left behind.
#[derive(Debug)]
pub struct Reply {
    /// `None` when a signal ended it.
    pub exit: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Reply {
    pub fn succeeds(self) -> Self {
        assert_eq!(self.exit, Some(0), "{self}");
        self
    }

    pub fn was_killed(&self) -> bool {
        self.exit.is_none() || self.exit == Some(KILLED)
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "exit {:?} after {:.1?}\n{}{}",
            self.exit, self.took, self.stdout, self.stderr
        )
    }
}

pub struct Instance<'g> {
    pub ground: &'g Ground,
    /// What is given as `--directory`.
    pub root: PathBuf,
    pub name: String,
    pub user: User,
    pub port: u16,
}

impl<'g> Instance<'g> {
    pub fn new(ground: &'g Ground, root: PathBuf, name: &str, user: User) -> Self {
        // The name becomes part of a socket path, which has to be short.
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Self {
            ground,
            root,
            name,
            user,
            port: ground.port(),
        }
    }

    pub fn directory(&self) -> PathBuf {
        self.root.join("instances").join(&self.name)
    }

    pub fn up(&self) -> Reply {
        self.run(["up", "--yes"])
    }

    pub fn rollback(&self) -> Reply {
        self.run(["rollback", "--yes", "--destroy-data", &self.name])
    }

    pub fn run<const N: usize>(&self, words: [&str; N]) -> Reply {
        self.run_under(&[], &self.ground.program, &words)
    }

    /// Runs a program of ours with its flags, started by `wrapper` where that names another program.
    pub fn run_under(&self, wrapper: &[OsString], program: &Path, words: &[&str]) -> Reply {
        finish(self.command_under(wrapper, program, words))
    }

    pub fn command_under(&self, wrapper: &[OsString], program: &Path, words: &[&str]) -> Command {
        let mut argv = wrapper.to_vec();
        argv.push(program.into());
        argv.extend(words.iter().map(OsString::from));
        let flags = [
            "--instance",
            &self.name,
            "--port",
            &self.port.to_string(),
            "--dimensions",
            "3",
        ]
        .map(OsString::from);
        argv.extend(flags);
        argv.extend(["--directory".into(), self.root.clone().into_os_string()]);
        argv.extend(["--bundle".into(), self.ground.wheel.clone().into_os_string()]);
        let mut command = Command::new(&argv[0]);
        command
            .args(&argv[1..])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/");
        self.user.become_it(&mut command);
        command
    }

    /// Process ids of all that still has to do with this instance.
    pub fn processes(&self) -> Vec<u32> {
        let (directory, cluster_name) = (self.directory(), format!("pgvector-setup {}:", self.name));
        let directory = directory.to_string_lossy().into_owned();
        let is_ours = |pid: &u32| {
            let command_line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
            command_line.contains(&format!("{directory}/")) || command_line.contains(&cluster_name)
        };
        let entries = std::fs::read_dir("/proc").expect("Linux lists its processes");
        let pids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_ours).collect()
    }
}

/// Runs to the end and captures; a command that hangs fails the case.
pub fn finish(mut command: Command) -> Reply {
    let started = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = child.id();
    let (ended, told) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let output = child.wait_with_output();
        let _ = ended.send(());
        output
    });
    if told.recv_timeout(DEADLINE).is_err() {
        kill(pid);
        panic!("{command:?} hangs: it ran for {DEADLINE:?}");
    }
    let output = waiting
        .join()
        .expect("waiting does not panic")
        .expect("the output is captured");
    Reply {
        exit: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
    }
}

pub fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid.expect("a process id"), rustix::process::Signal::KILL);
}

impl Drop for Instance<'_> {
    /// A case that failed leaves nothing in the way of the others.
    fn drop(&mut self) {
        self.processes().into_iter().for_each(kill);
        let _ = std::fs::remove_dir_all(self.directory());
    }
}
