//! The command lines of the steps, exactly as they run.

use crate::facts::dnf::{DNF, DnfFacts};
use crate::facts::manager::Manager;
use crate::plan::{Package, Step};

/// What initdb is given besides the packages' own `--auth=ident`, which lets no role with a password in. The setup commands
/// of both layouts read it from the environment (postgresql-setup(1)).
const INITDB_OPTIONS: &str = "PGSETUP_INITDB_OPTIONS=--auth-host=scram-sha-256 --auth-local=peer --encoding=UTF8 \
    --locale=C.UTF-8 --data-checksums";

pub fn refresh() -> Step {
    Step::RefreshPackageIndex {
        manager: Manager::Dnf,
        argv: owned(&[DNF, "-y", "makecache"]),
    }
}

/// Asks the repositories again, also where dnf holds what it read for new enough.
pub fn refresh_again() -> Step {
    Step::RefreshPackageIndex {
        manager: Manager::Dnf,
        argv: owned(&[DNF, "-y", "--refresh", "makecache"]),
    }
}

/// Brings a newer version of one package that is there: the newest, or none. `from` is the version before.
pub fn upgrade(package: Package, from: String) -> Step {
    let mut argv = owned(&[DNF, "-y", "upgrade", "--best", "--setopt=install_weak_deps=False"]);
    argv.push(package.name.clone());
    Step::UpgradePackage {
        manager: Manager::Dnf,
        package,
        from,
        argv,
    }
}

pub fn install(names: &[String], packages: Vec<Package>) -> Step {
    let mut argv = owned(&[DNF, "-y", "install", "--setopt=install_weak_deps=False"]);
    argv.extend(names.iter().cloned());
    Step::InstallPackages {
        manager: Manager::Dnf,
        packages,
        argv,
        clusters: Vec::new(),
    }
}

/// RPM packages make no cluster and start nothing; each layout has its own command for it.
pub fn initialize(major: u16, unit: &str) -> Step {
    let setup = match unit {
        "postgresql" => owned(&["/usr/bin/postgresql-setup", "--initdb"]),
        _ => vec![
            format!("/usr/pgsql-{major}/bin/postgresql-{major}-setup"),
            "initdb".to_owned(),
        ],
    };
    let mut argv = owned(&["/usr/bin/env", INITDB_OPTIONS]);
    argv.extend(setup);
    Step::CreateSystemCluster {
        manager: Manager::Dnf,
        major,
        name: unit.to_owned(),
        argv,
    }
}

/// One that does not start with the machine is told to: RPM packages leave that to the administrator.
pub fn start(dnf: &DnfFacts, major: u16, unit: &str) -> Step {
    let service = format!("{unit}.service");
    let verb: &[&str] = match dnf.enabled_units.contains(&service) {
        true => &["start"],
        false => &["enable", "--now"],
    };
    let mut argv = owned(&["/usr/bin/systemctl"]);
    argv.extend(owned(verb));
    argv.push(service);
    Step::StartService {
        manager: Manager::Dnf,
        cluster: format!("{major}/{unit}"),
        argv,
    }
}

pub fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
