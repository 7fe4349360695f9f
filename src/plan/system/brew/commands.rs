//! The command lines of the steps, exactly as they run; what their environment adds is in `facts::brew::command`.

use std::path::Path;

use crate::facts::brew::{BrewFacts, Formula};
use crate::facts::manager::Manager;
use crate::plan::{Package, Step};

/// Installs one formula; `brings` are what comes along because it is needed, `clusters` the servers that its own script
/// makes.
pub fn install(brew: &BrewFacts, formula: &str, brings: &[Formula], clusters: Vec<String>) -> Step {
    let mut argv = vec![program(brew), "install".to_owned()];
    // Without a bottle brew refuses to install unless it is told to compile.
    if described(brew, formula).is_some_and(|formula| !formula.is_bottled) {
        argv.push("--build-from-source".to_owned());
    }
    argv.push(formula.to_owned());
    let packages = described(brew, formula).into_iter().chain(brings).map(package);
    Step::InstallPackages {
        manager: Manager::Brew,
        packages: packages.collect(),
        argv,
        clusters,
    }
}

/// Brings a newer version of one formula that is there. `from` is the version of the keg that is linked.
pub fn upgrade(brew: &Path, formula: &Formula, from: String) -> Step {
    let mut argv = vec![brew.display().to_string(), "upgrade".to_owned()];
    if !formula.is_bottled {
        argv.push("--build-from-source".to_owned());
    }
    argv.push(formula.name.clone());
    Step::UpgradePackage {
        manager: Manager::Brew,
        package: package(formula),
        from,
        argv,
    }
}

pub fn start(brew: &BrewFacts, formula: &str) -> Step {
    Step::StartService {
        manager: Manager::Brew,
        cluster: formula.to_owned(),
        argv: [&program(brew), "services", "start", formula]
            .map(ToString::to_string)
            .to_vec(),
    }
}

/// What the reader should know before agreeing to an installation.
pub fn notes(brew: &BrewFacts, formula: &str) -> Option<String> {
    described(brew, formula).and_then(compiles)
}

/// That a formula without a bottle is compiled.
pub fn compiles(formula: &Formula) -> Option<String> {
    let Formula {
        name,
        stable,
        is_bottled,
        ..
    } = formula;
    (!is_bottled).then(|| {
        format!("brew has no bottle of {name} {stable} for this machine: it is compiled, which takes a compiler and minutes")
    })
}

fn program(brew: &BrewFacts) -> String {
    brew.program.display().to_string()
}

fn described<'a>(brew: &'a BrewFacts, formula: &str) -> Option<&'a Formula> {
    let known = brew.servers.iter().chain(&brew.extension);
    known.into_iter().find(|known| known.name == formula)
}

fn package(formula: &Formula) -> Package {
    Package {
        name: formula.name.clone(),
        version: formula.stable.clone(),
        origin: formula.tap.clone(),
    }
}
