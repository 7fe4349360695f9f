//! A site's service: what systemd knows of its unit, what it reads, and whether it is well.

mod drop_in;
mod health;
mod show;
mod state;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use drop_in::{CREDENTIAL, drop_in_text, is_ours, named};
pub use health::{Health, HealthUrl, Wellness, well};
use show::Shown;
pub use state::{Condition, State};

use crate::error::Result;
use crate::host::{Command, Host, process_is_at_work};
use crate::settings::UnitName;

const DEADLINE: Duration = Duration::from_secs(30);

/// One service as it is now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServiceFacts {
    pub unit: UnitName,
    /// systemd has the unit, and could read it.
    pub is_there: bool,
    pub state: State,
    /// Who it runs as; empty for root.
    pub user: String,
    /// The group that may read what only this service should: `Group=`, else the primary group of `User=`, else `root`.
    pub group: String,
    /// Every `EnvironmentFile=` that systemd has loaded.
    pub environment_files: Vec<PathBuf>,
    /// Every `LoadCredential=` in the unit's files that names an absolute path.
    pub credentials: Vec<(String, PathBuf)>,
    /// What is in the drop-in of ours.
    pub drop_in: Option<String>,
    /// A file of the unit was changed since systemd read it.
    pub needs_daemon_reload: bool,
    /// It is ordered after the unit that this program runs in: systemd starts it once we have ended, and no sooner.
    pub starts_after_us: bool,
}

impl ServiceFacts {
    /// Whether a start of the service reads `path`: as a credential, or into its environment.
    pub fn reads(&self, path: &Path, credentials: bool) -> bool {
        if !credentials {
            return self.environment_files.iter().any(|file| file == path);
        }
        let is_meant = |(id, file): &(String, PathBuf)| id == CREDENTIAL && file == path;
        // These were read from the files, which systemd knows of only then.
        !self.needs_daemon_reload && self.credentials.iter().any(is_meant)
    }
}

/// Looks at all of these units, each with where the drop-in of ours for it would be, by one child. In their order; none where
/// systemd is not the init of this machine (sd_booted(3)).
///
/// # Errors
/// [`crate::host::HostError`] where systemd does not answer, or a file of a unit cannot be read.
pub async fn gather(host: &Host, units: &[(UnitName, PathBuf)]) -> Result<Vec<ServiceFacts>> {
    if units.is_empty() || !host.is_directory(Path::new("/run/systemd/system")) {
        return Ok(Vec::new());
    }
    let names: Vec<&UnitName> = units.iter().map(|(unit, _)| unit).collect();
    let shown = show(host, &names).await?;
    let facts = units.iter().zip(shown);
    facts
        .map(|((unit, drop_in), shown)| of_unit(host, unit, drop_in, &shown))
        .collect()
}

/// How one unit is now; `None` where there is none, or no systemd.
///
/// # Errors
/// As [`gather`].
pub async fn state(host: &Host, unit: &UnitName) -> Result<Option<State>> {
    let shown = show(host, &[unit]).await?;
    let mut shown = shown.into_iter().filter(Shown::is_there);
    Ok(shown.next().map(|shown| State::of(&shown)))
}

/// Whether one of its processes computes, waits for a processor or for a disk at this moment: what has just been started does,
/// and a server that waits for requests does not.
pub fn is_at_work(host: &Host, state: &State) -> bool {
    // The unified hierarchy (cgroups(7)); on an older one the main process stands for all.
    let processes = format!("/sys/fs/cgroup{}/cgroup.procs", state.control_group);
    let processes = host.read_text(Path::new(&processes)).ok().flatten();
    let main = || state.main_pid.to_string();
    let processes = processes
        .filter(|_| !state.control_group.is_empty())
        .unwrap_or_else(main);
    let mut pids = processes.lines().filter_map(|line| line.parse().ok());
    pids.any(process_is_at_work)
}

/// One answer for each of `units`.
async fn show(host: &Host, units: &[&UnitName]) -> Result<Vec<Shown>> {
    // A template is no unit, and systemctl would stop at it.
    let asked = units.iter().filter(|unit| !unit.is_template());
    let asked: Vec<&str> = asked.map(|unit| unit.as_str()).collect();
    let Some(systemctl) = host.which("systemctl").filter(|_| !asked.is_empty()) else {
        return Ok(vec![Shown::default(); units.len()]);
    };
    let command = Command::new(systemctl, "ask systemd about services")
        .arguments(["show", "--no-pager", show::PROPERTIES, "--"])
        .arguments(asked)
        .deadline(DEADLINE);
    let answers = show::parse(&host.run(&command).await?.stdout);
    let of = |unit: &&UnitName| answers.iter().find(|shown| shown.is_named(unit.as_str()));
    Ok(units
        .iter()
        .map(|unit| of(unit).cloned().unwrap_or_default())
        .collect())
}

fn of_unit(host: &Host, unit: &UnitName, drop_in: &Path, shown: &Shown) -> Result<ServiceFacts> {
    let mut texts = Vec::new();
    for path in shown.unit_files() {
        texts.extend(host.read_text(&path)?);
    }
    Ok(ServiceFacts {
        unit: unit.clone(),
        is_there: shown.is_there(),
        state: State::of(shown),
        user: shown.user().to_owned(),
        group: group(host, shown),
        environment_files: shown.environment_files(),
        credentials: drop_in::credentials(texts.iter().map(String::as_str)),
        drop_in: host.read_text(drop_in)?,
        needs_daemon_reload: shown.yes("NeedDaemonReload"),
        starts_after_us: own_unit(host)?
            .is_some_and(|own| shown.text("After").split(' ').any(|unit| unit == own)),
    })
}

/// The service that this process belongs to, by its control group (cgroups(7), "/proc files"): as `apply` at boot.
fn own_unit(host: &Host) -> Result<Option<String>> {
    let text = host
        .read_text(Path::new("/proc/self/cgroup"))?
        .unwrap_or_default();
    let mut units = text.lines().filter_map(|line| line.rsplit('/').next());
    Ok(units.find(|unit| unit.ends_with(".service")).map(str::to_owned))
}

/// By name, as `/etc/group` has it. A dynamic user has its group only while it runs; systemd itself reads the file as root.
fn group(host: &Host, shown: &Shown) -> String {
    let root = || "root".to_owned();
    if shown.yes("DynamicUser") {
        return root();
    }
    let group = shown.text("Group");
    if !group.is_empty() {
        let by_id = group.parse().ok().and_then(|gid| host.group_with_id(gid));
        return by_id.unwrap_or_else(|| group.to_owned());
    }
    let user = shown.user();
    let account = match user.parse() {
        Ok(uid) => host.account_with_id(uid),
        Err(_) => host.account_named(user),
    };
    account
        .and_then(|account| host.group_with_id(account.gid))
        .unwrap_or_else(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(files: &[&str], credentials: &[(&str, &str)], needs_daemon_reload: bool) -> ServiceFacts {
        ServiceFacts {
            unit: "gp.example.com".parse().unwrap(),
            is_there: true,
            state: State::default(),
            user: String::new(),
            group: "root".into(),
            environment_files: files.iter().map(PathBuf::from).collect(),
            credentials: credentials
                .iter()
                .map(|(id, path)| ((*id).into(), path.into()))
                .collect(),
            drop_in: None,
            needs_daemon_reload,
            starts_after_us: false,
        }
    }

    #[test]
    fn a_service_reads_a_file_or_a_credential_of_one_name() {
        let path = Path::new("/etc/a.env");
        assert!(facts(&["/etc/b.env", "/etc/a.env"], &[], false).reads(path, false));
        // What is loaded is read, whatever the files say by now.
        assert!(facts(&["/etc/a.env"], &[], true).reads(path, false));
        assert!(!facts(&["/etc/a.env"], &[("other", "/etc/a.env")], false).reads(path, true));
        let credential = [("database-url", "/etc/a.env")];
        assert!(facts(&[], &credential, false).reads(path, true));
        assert!(!facts(&[], &credential, true).reads(path, true));
        assert!(!facts(&[], &credential, false).reads(path, false));
    }

    #[tokio::test]
    async fn a_machine_without_systemd_has_no_services() {
        let host = Host::new(crate::host::Environment::default());
        if host.is_directory(Path::new("/run/systemd/system")) {
            return;
        }
        let unit = ("gp.example.com".parse().unwrap(), PathBuf::from("/nowhere"));
        assert_eq!(gather(&host, &[unit]).await.unwrap(), []);
    }
}
