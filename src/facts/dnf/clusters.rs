//! The servers of RPM packages: a systemd unit each, `postgresql-17` of PGDG or `postgresql` of the distribution.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::DnfFacts;
use crate::facts::clusters::{Cluster, ClusterStatus, Origin};
use crate::facts::privilege::Elevation;
use crate::host::{Command, Host, HostError, Privilege};

/// The home of postgres in both layouts.
pub const HOME: &str = "/var/lib/pgsql";

/// The unit of one installed server package, without `.service`; by it a cluster is named: `17/postgresql-17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub name: String,
    pub major: u16,
}

/// The units that the installed packages bring.
pub fn units(dnf: &DnfFacts) -> Vec<Unit> {
    let unit = |name: String, major| Unit { name, major };
    let of_package = |package: &super::Offered| match package.name.as_str() {
        "postgresql-server" => Some(unit("postgresql".to_owned(), major_of(&package.version)?)),
        name => {
            let major: u16 = name
                .strip_prefix("postgresql")?
                .strip_suffix("-server")?
                .parse()
                .ok()?;
            // Fedora names its other majors as PGDG does, and has one unit for them all.
            let own = format!("postgresql-{major}");
            let is_pgdg = dnf.unit_files.contains(&format!("{own}.service"));
            Some(unit(if is_pgdg { own } else { "postgresql".to_owned() }, major))
        }
    };
    dnf.installed.iter().filter_map(of_package).collect()
}

/// `16.9-1.fc42`: the distribution's server has its major in the version alone.
pub fn major_of(version: &str) -> Option<u16> {
    version.split('.').next()?.parse().ok()
}

/// Every unit whose data directory holds a cluster. As root, or by sudo: nobody else may look into it.
///
/// # Errors
/// [`HostError`] when a program that is there does not answer.
pub async fn gather(host: &Host, dnf: &DnfFacts, elevation: Elevation) -> Result<Vec<Cluster>, HostError> {
    let mut clusters = Vec::new();
    for unit in units(dnf) {
        let data = data_directory(host, &unit.name);
        let Some(version) = content(host, elevation, &data.join("PG_VERSION")).await? else {
            continue;
        };
        let pid_file = content(host, elevation, &data.join("postmaster.pid")).await?;
        let running = pid_file.as_deref().and_then(running);
        let (port, socket_directory) = running.clone().unwrap_or((5432, "/run/postgresql".into()));
        clusters.push(Cluster {
            major: major_of(version.trim()).unwrap_or(unit.major),
            name: unit.name,
            port,
            socket_directory,
            log: data.join("log"),
            data_directory: data,
            owner: "postgres".to_owned(),
            origin: Origin::Rpm,
            status: match running {
                Some(_) => ClusterStatus::Online,
                None => ClusterStatus::Down,
            },
            ..Cluster::default()
        });
    }
    Ok(clusters)
}

/// Data whose server's package is gone, as `17/postgresql`: the setup commands refuse it, and a server that is installed
/// again goes on with it. Looked for where the offered servers have theirs.
///
/// # Errors
/// [`HostError`] when sudo does not answer.
pub async fn remains(host: &Host, dnf: &DnfFacts, elevation: Elevation) -> Result<Vec<String>, HostError> {
    let mut found = Vec::new();
    if !host.exists(Path::new(HOME)) {
        return Ok(found);
    }
    let installed = units(dnf);
    let offered = dnf.offered.iter().filter_map(|package| {
        let major = package.name.strip_prefix("pgvector_");
        (package.name == "pgvector" || major.is_some())
            .then(|| major.map_or_else(|| "postgresql".to_owned(), |major| format!("postgresql-{major}")))
    });
    for unit in offered.filter(|name| installed.iter().all(|unit| unit.name != *name)) {
        let version = data_directory(host, &unit).join("PG_VERSION");
        let version = content(host, elevation, &version).await?;
        if let Some(major) = version.and_then(|text| major_of(text.trim())) {
            found.push(format!("{major}/{unit}"));
        }
    }
    Ok(found)
}

/// `Environment=PGDATA=` of the unit, an administrator's drop-in before the package's own file (systemd.unit(5)).
pub fn data_directory(host: &Host, unit: &str) -> PathBuf {
    let drop_ins = PathBuf::from(format!("/etc/systemd/system/{unit}.service.d"));
    let names = host
        .list(&drop_ins)
        .into_iter()
        .rev()
        .map(|name| drop_ins.join(name));
    let files = names.chain(
        ["/etc/systemd/system", "/usr/lib/systemd/system"]
            .map(|directory| Path::new(directory).join(format!("{unit}.service"))),
    );
    files
        .filter_map(|file| host.read_text(&file).ok().flatten())
        .find_map(|text| pgdata(&text))
        .unwrap_or_else(|| match unit.strip_prefix("postgresql-") {
            Some(major) => format!("{HOME}/{major}/data").into(),
            None => format!("{HOME}/data").into(),
        })
}

fn pgdata(unit: &str) -> Option<PathBuf> {
    let mut settings = unit
        .lines()
        .rev()
        .filter_map(|line| line.trim().strip_prefix("Environment="));
    let value = settings.find_map(|setting| setting.trim_matches('"').strip_prefix("PGDATA="))?;
    Some(PathBuf::from(value.trim_end_matches('/')))
}

/// Port and socket directory, lines 4 and 5, of a pid file whose server is ready (line 8).
fn running(pid_file: &str) -> Option<(u16, PathBuf)> {
    let lines: Vec<&str> = pid_file.lines().map(str::trim).collect();
    lines.get(7).filter(|status| **status == "ready")?;
    Some((lines.get(3)?.parse().ok()?, PathBuf::from(lines.get(4)?)))
}

async fn content(host: &Host, elevation: Elevation, path: &Path) -> Result<Option<String>, HostError> {
    match elevation {
        Elevation::Sudo => {
            let command = Command::new("/usr/bin/cat", "look into the server's data directory")
                .argument("--")
                .argument(path)
                .privilege(Privilege::Root)
                .deadline(Duration::from_secs(10))
                .accept([1]);
            let output = host.run(&command).await?;
            Ok((output.code == 0).then_some(output.stdout))
        }
        _ => Ok(host.read_text(path).ok().flatten()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_says_where_its_data_is() {
        let unit = "[Service]\nType=notify\nEnvironment=PGDATA=/var/lib/pgsql/17/data/\nExecStart=x\n";
        assert_eq!(pgdata(unit), Some("/var/lib/pgsql/17/data".into()));
        assert_eq!(pgdata("[Service]\n"), None);
    }

    #[test]
    fn a_pid_file_tells_port_and_socket_once_the_server_is_ready() {
        let file =
            "71\n/var/lib/pgsql/17/data\n1763800000\n5433\n/run/postgresql\nlocalhost\n 12 3\nready   \n";
        assert_eq!(running(file), Some((5433, "/run/postgresql".into())));
        assert_eq!(running(&file.replace("ready", "starting")), None);
        assert_eq!(running(""), None);
    }
}
