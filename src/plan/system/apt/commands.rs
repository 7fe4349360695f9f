//! The command lines of the steps, exactly as they run.

use crate::facts::manager::Manager;
use crate::facts::system::SystemFacts;
use crate::plan::{Package, Step};

const APT_GET: &str = "/usr/bin/apt-get";

/// `lock_timeout`: seconds that apt waits for dpkg's lock, and we for its holder.
pub fn refresh_index(lock_timeout: u16) -> Step {
    // Without Error-Mode=any a mirror that is down, or a wrong key, is a warning and exit 0. The date checks are on by
    // default, but container images turn them off in apt.conf.
    let argv = [
        APT_GET,
        "update",
        "-o",
        "APT::Update::Error-Mode=any",
        "-o",
        "Acquire::Check-Valid-Until=true",
        "-o",
        "Acquire::Check-Date=true",
        "-o",
        &lock_option(lock_timeout),
    ];
    Step::RefreshPackageIndex {
        manager: Manager::Apt,
        argv: owned(&argv),
    }
}

pub fn install(names: &[String], packages: Vec<Package>, clusters: Vec<String>, lock_timeout: u16) -> Step {
    let options = [
        APT_GET,
        "install",
        "-y",
        "--no-install-recommends",
        "--no-remove",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        &lock_option(lock_timeout),
    ];
    let mut argv = owned(&options);
    argv.extend(names.iter().cloned());
    Step::InstallPackages {
        manager: Manager::Apt,
        packages,
        argv,
        clusters,
    }
}

/// Brings a newer version of one package that is there. `from` is the version before.
pub fn upgrade_package(package: Package, from: String, lock_timeout: u16) -> Step {
    let mut argv = owned(&[
        APT_GET,
        "install",
        "-y",
        "--only-upgrade",
        "--no-install-recommends",
        "--no-remove",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        &lock_option(lock_timeout),
    ]);
    argv.push(package.name.clone());
    Step::UpgradePackage {
        manager: Manager::Apt,
        package,
        from,
        argv,
    }
}

/// Installs packages again that are there in part. `names` as apt-get takes them, with a version where one was chosen.
pub fn reinstall(names: &[String], packages: Vec<Package>, lock_timeout: u16) -> Step {
    // By name, because --fix-broken alone leaves a package that is unpacked and has to be reinstalled to dpkg, which fails.
    let mut argv = owned(&[
        APT_GET,
        "install",
        "-y",
        "--reinstall",
        "--no-install-recommends",
        "--no-remove",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        &lock_option(lock_timeout),
    ]);
    argv.extend(names.iter().cloned());
    Step::ReinstallPackages { packages, argv }
}

/// Has dpkg take its journal over, as it does whenever it may write. Without input it selects nothing, and unlike
/// `--configure -a` it does not stumble over packages that have to be reinstalled.
pub fn settle_journal() -> Step {
    Step::SettleJournal {
        argv: owned(&["/usr/bin/dpkg", "--set-selections"]),
    }
}

/// Lets dpkg finish the packages that it has unpacked.
pub fn configure_packages() -> Step {
    Step::ConfigurePackages {
        argv: owned(&[
            "/usr/bin/dpkg",
            "--force-confold",
            "--force-confdef",
            "--configure",
            "-a",
        ]),
    }
}

pub fn create_cluster(major: u16) -> Step {
    let major_text = major.to_string();
    let argv = [
        "/usr/bin/pg_createcluster",
        "--locale",
        "C.UTF-8",
        "--encoding",
        "UTF8",
        &major_text,
        "main",
        "--",
        "--data-checksums",
    ];
    Step::CreateSystemCluster {
        manager: Manager::Apt,
        major,
        name: "main".to_owned(),
        argv: owned(&argv),
    }
}

pub fn start_cluster(facts: &SystemFacts, major: u16, name: &str) -> Step {
    let argv = if facts.systemd {
        owned(&[
            "/usr/bin/systemctl",
            "start",
            &format!("postgresql@{major}-{name}.service"),
        ])
    } else {
        owned(&["/usr/bin/pg_ctlcluster", &major.to_string(), name, "start"])
    };
    Step::StartService {
        manager: Manager::Apt,
        cluster: format!("{major}/{name}"),
        argv,
    }
}

fn lock_option(seconds: u16) -> String {
    format!("DPkg::Lock::Timeout={seconds}")
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
