//! Running children: absolute path, cleared environment, no stdin, own process group, a deadline.

use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Instant;

use super::{Command, Host, HostError, Output, Privilege};

/// The only search path a child ever sees.
pub(super) const SAFE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Host {
    /// Runs a child to its end and captures its output.
    ///
    /// # Errors
    /// [`HostError::Failed`] for an exit code that the command does not accept, [`HostError::Deadline`] when it was
    /// killed for taking too long, [`HostError::Spawn`] when it could not start.
    pub async fn run(&self, command: &Command) -> Result<Output, HostError> {
        let expression = self.expression(command).stdout_capture().stderr_capture();
        let command = command.clone();
        tracing::debug!(command = %command.shown(), purpose = %command.purpose, "run");
        let (shown, started) = (command.shown(), Instant::now());
        // duct blocks until the child ends, so it stays off the async threads.
        let result = tokio::task::spawn_blocking(move || wait(&command, &expression))
            .await
            .expect("a blocking task does not panic");
        // The form that tests/benchmark/package_manager.rs reads.
        tracing::debug!("{} ms: {shown}", started.elapsed().as_millis());
        result
    }

    /// Becomes another program on the same terminal (psql). Returns only when that fails.
    pub fn replace_by(&self, command: &Command) -> HostError {
        let mut child = std::process::Command::new(&command.program);
        child
            .args(&command.arguments)
            .envs(command.environment.iter().map(|(name, value)| (name, value)));
        let source = child.exec();
        HostError::Spawn {
            command: command.shown(),
            purpose: command.purpose.clone(),
            source,
        }
    }

    /// The absolute path of a program from the fixed search path, or `None`.
    pub fn which(&self, program: &str) -> Option<std::path::PathBuf> {
        which::which_in(program, Some(SAFE_PATH), "/").ok()
    }

    /// Like [`Host::which`], and for a plain user then from the user's own search path: what the user trusts for itself.
    pub fn which_as_user(&self, program: &str) -> Option<std::path::PathBuf> {
        let own = || {
            if self.is_root() {
                None
            } else {
                which::which_in(program, self.environment.search_path.as_ref(), "/").ok()
            }
        };
        self.which(program).or_else(own)
    }

    /// The child without its outputs' ways.
    pub(super) fn expression(&self, command: &Command) -> duct::Expression {
        let elevated = command.privilege == Privilege::Root && !self.is_root();
        let mut words = vec![command.program.clone().into_os_string()];
        if elevated {
            // sudo resets the environment, so what the command needs is handed to env(1) as arguments.
            words = vec!["-n".into(), "--".into(), "/usr/bin/env".into()];
            words.extend(command.environment.iter().map(|(name, value)| {
                let mut pair = std::ffi::OsString::from(format!("{name}="));
                pair.push(value);
                pair
            }));
            words.push(command.program.clone().into_os_string());
        }
        words.extend(command.arguments.iter().cloned());
        let program = if elevated {
            "/usr/bin/sudo".into()
        } else {
            words.remove(0)
        };
        let account = command
            .account
            .clone()
            .filter(|account| self.is_root() && account.uid != 0);
        let home = account.as_ref().unwrap_or(&self.account).home.clone();
        let mut environment: Vec<(std::ffi::OsString, std::ffi::OsString)> = vec![
            ("PATH".into(), SAFE_PATH.into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
            ("HOME".into(), home.unwrap_or_else(|| "/".into()).into_os_string()),
        ];
        environment.extend(
            command
                .environment
                .iter()
                .map(|(name, value)| (name.into(), value.clone())),
        );
        duct::cmd(program, words)
            .full_env(environment)
            .dir(command.directory.clone().unwrap_or_else(|| "/".into()))
            .stdin_null()
            .unchecked()
            .before_spawn(move |child| {
                child.process_group(0);
                if let Some(account) = &account {
                    // Setting uid as root also clears the supplementary groups (std::os::unix::process::CommandExt::uid).
                    child.gid(account.gid).uid(account.uid);
                }
                Ok(())
            })
    }
}

fn wait(command: &Command, expression: &duct::Expression) -> Result<Output, HostError> {
    let spawn = |source| HostError::Spawn {
        command: command.shown(),
        purpose: command.purpose.clone(),
        source,
    };
    let handle = expression.start().map_err(spawn)?;
    let Some(output) = handle
        .wait_deadline(Instant::now() + command.deadline)
        .map_err(spawn)?
    else {
        for pid in handle.pids() {
            super::process::kill_group(pid);
        }
        let _ = handle.kill();
        return Err(HostError::Deadline {
            command: command.shown(),
            purpose: command.purpose.clone(),
            seconds: command.deadline.as_secs(),
        });
    };
    let code = output
        .status
        .code()
        .unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let output = Output {
        code,
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    if code == 0 || command.accepted.contains(&code) {
        return Ok(output);
    }
    Err(HostError::Failed {
        command: command.shown(),
        purpose: command.purpose.clone(),
        output,
    })
}
