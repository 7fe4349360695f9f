//! The package step by dnf: the one package that owns pgvector's library, and nothing else of the server.

use super::package::{ASKED_ANEW, LISTS_MAXIMUM_AGE, waits_for};
use crate::facts::dnf::{Offered, Simulation};
use crate::health::advisories::Version;
use crate::plan::system::dnf::{is_server, refresh_again, upgrade};
use crate::plan::{Package, Plan, Refusal};

/// The package that owns pgvector's library, as rpm and dnf see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct DnfPackage {
    /// `pgvector_17` of PGDG's layout, `pgvector` of the distribution's.
    pub name: String,
    /// `0.8.0-1PGDG.rhel9`
    pub installed: String,
    /// The newest that the repositories offer, dnf's excludes applied.
    pub offered: Option<Offered>,
    /// A version that they would offer, but for dnf's excludes.
    pub excluded: Option<String>,
    /// What upgrading it would do; `None` where what is offered is what is installed.
    pub simulation: Option<Simulation>,
    /// Whether an enabled repository was never read.
    pub has_unread: bool,
    /// Seconds since the repositories were last read; `None` where they never were.
    pub metadata_age: Option<u64>,
    /// The program that holds dnf's lock.
    pub holder: Option<String>,
}

/// The steps that bring a newer package; none where there is none newer.
pub(super) fn plan(package: &DnfPackage) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    plan.notes.extend(package.holder.as_deref().map(waits_for));
    let is_old = match package.metadata_age {
        Some(age) => age > LISTS_MAXIMUM_AGE,
        None => package.has_unread,
    };
    if is_old {
        plan.steps.push(refresh_again());
        plan.notes.push(ASKED_ANEW.into());
    }
    plan.notes.extend(left_out(package));
    let (Some(offered), Some(simulation)) = (&package.offered, &package.simulation) else {
        return Ok(plan);
    };
    if does_nothing_else(simulation, &package.name)? {
        let along: Vec<&str> = others(simulation, &package.name).collect();
        if !along.is_empty() {
            plan.notes.push(format!(
                "{} comes along, a part of {}",
                along.join(", "),
                package.name
            ));
        }
        let new = Package {
            name: package.name.clone(),
            version: offered.version.clone(),
            origin: offered.repository.clone(),
        };
        plan.steps.push(upgrade(new, package.installed.clone()));
    }
    Ok(plan)
}

/// What somebody told dnf to leave out is left out, and said.
fn left_out(package: &DnfPackage) -> Option<String> {
    let excluded = package.excluded.as_ref()?;
    (version(excluded) > version(&package.installed)).then(|| {
        format!(
            "dnf is told to leave {} {excluded} out: grep -r exclude /etc/dnf/dnf.conf /etc/yum.repos.d",
            package.name
        )
    })
}

/// Of `0.8.7-1PGDG.rhel9`, what upstream calls it.
fn version(package: &str) -> Option<Version> {
    Version::parse(package.split('-').next()?)
}

/// Whether the package itself would get a newer version, and nothing else would change but what is built with it.
fn does_nothing_else(simulation: &Simulation, name: &str) -> Result<bool, Refusal> {
    let Simulation {
        new,
        upgraded,
        removed,
        downgraded,
        refused,
    } = simulation;
    let refuse = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
    let by_hand = format!("see what it would do: sudo dnf upgrade --best --assumeno {name}");
    if !refused.is_empty() {
        return refuse(format!("dnf cannot upgrade {name}: {refused}"), by_hand);
    }
    if !removed.is_empty() {
        return refuse(
            format!("dnf would remove {} to upgrade {name}", removed.join(", ")),
            by_hand,
        );
    }
    if !downgraded.is_empty() {
        return refuse(
            format!("dnf would install an older version of {}", downgraded.join(", ")),
            by_hand,
        );
    }
    let changed: Vec<&str> = others(simulation, name)
        .filter(|other| !is_part(other, name))
        .collect();
    if let Some(server) = changed.iter().find(|package| is_server(package)) {
        return refuse(
            format!(
                "the newer {name} comes with a newer {server}, whose upgrade restarts the running server"
            ),
            format!(
                "upgrade the server at a time of your choice, then run this again: sudo dnf upgrade {server}"
            ),
        );
    }
    let new = new.iter().map(|package| package.name.as_str());
    let more: Vec<&str> = new.chain(changed).collect();
    if !more.is_empty() {
        return refuse(
            format!("the newer {name} comes with other packages: {}", more.join(", ")),
            by_hand,
        );
    }
    Ok(upgraded.iter().any(|package| package == name))
}

fn others<'a>(simulation: &'a Simulation, name: &'a str) -> impl Iterator<Item = &'a str> {
    let upgraded = simulation.upgraded.iter().map(String::as_str);
    upgraded.filter(move |package| *package != name)
}

/// `pgvector_17-llvmjit` is of `pgvector_17`: of the same version always.
fn is_part(package: &str, of: &str) -> bool {
    package.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::dnf::parse_simulation;
    use crate::plan::Step;

    const ALONE: &str = include_str!("../../../tests/fixtures/dnf/upgrade.txt");
    const WITH_SERVER: &str = include_str!("../../../tests/fixtures/dnf/upgrade-server.txt");
    const REFUSED: &str = include_str!("../../../tests/fixtures/dnf/upgrade-refused.txt");

    /// PGDG's pgvector 0.8.6 of a server of 17, with a newer one in a repository that was just read.
    fn package() -> DnfPackage {
        DnfPackage {
            name: "pgvector_17".into(),
            installed: "0.8.6-1PGDG.rhel9.6".into(),
            offered: Some(Offered {
                name: "pgvector_17".into(),
                version: "0.8.7-1PGDG.rhel9.6".into(),
                repository: "pgdg17".into(),
            }),
            simulation: Some(parse_simulation(ALONE, "Operation aborted.\n")),
            metadata_age: Some(60),
            ..DnfPackage::default()
        }
    }

    fn is_newest(package: &mut DnfPackage) {
        package.installed = "0.8.7-1PGDG.rhel9.6".into();
        package.simulation = None;
    }

    fn simulation(package: &mut DnfPackage) -> &mut Simulation {
        package.simulation.as_mut().unwrap()
    }

    /// The command lines, or the refusal; notes follow after `|`.
    fn outline(package: &DnfPackage) -> String {
        let plan = match plan(package) {
            Ok(plan) => plan,
            Err(refusal) => return format!("refused: {refusal}"),
        };
        let commands: Vec<String> = plan.steps.iter().map(|step| step.argv().join(" ")).collect();
        let mut text = commands.join(", ");
        for note in plan.notes {
            text.push_str(&format!(" | {note}"));
        }
        text
    }

    type Case = (&'static str, fn(&mut DnfPackage), &'static str);

    const UPGRADE: &str = "/usr/bin/dnf -y upgrade --best --setopt=install_weak_deps=False pgvector_17";

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        ("a newer package", |_| {}, UPGRADE),
        ("none newer", is_newest, ""),
        ("no repository has it any more", |package| {
            package.offered = None;
            package.simulation = None;
         }, ""),
        ("the distribution's layout", |package| {
            package.name = "pgvector".into();
            simulation(package).upgraded = vec!["pgvector".into()];
         }, "/usr/bin/dnf -y upgrade --best --setopt=install_weak_deps=False pgvector"),
        ("repositories read yesterday", |package| {
            is_newest(package);
            package.metadata_age = Some(86_400);
         }, "/usr/bin/dnf -y --refresh makecache | whether a newer package can be had is read from package lists that are asked for anew"),
        ("repositories never read", |package| {
            is_newest(package);
            (package.metadata_age, package.has_unread) = (None, true);
         }, "/usr/bin/dnf -y --refresh makecache | whether a newer package can be had is read from package lists that are asked for anew"),
        ("no repositories", |package| {
            is_newest(package);
            package.metadata_age = None;
         }, ""),
        ("somebody told dnf to leave it out", |package| {
            package.offered = None;
            package.simulation = None;
            package.excluded = Some("0.8.7-1PGDG.rhel9.6".into());
         }, " | dnf is told to leave pgvector_17 0.8.7-1PGDG.rhel9.6 out: grep -r exclude /etc/dnf/dnf.conf /etc/yum.repos.d"),
        ("what is left out is no newer one", |package| {
            is_newest(package);
            package.excluded = Some("0.8.7-1PGDG.rhel9.6".into());
         }, ""),
        ("another dnf runs", |package| {
            is_newest(package);
            package.holder = Some("dnf (process 7)".into());
         }, " | the package manager is in use: dnf (process 7); its end is waited for"),
        ("with a newer server", |package| package.simulation = Some(parse_simulation(WITH_SERVER, "")),
         "refused: the newer pgvector_17 comes with a newer postgresql17-server, whose upgrade restarts the running server"),
        ("it wants a server that is nowhere", |package| package.simulation = Some(parse_simulation("", REFUSED)),
         "refused: dnf cannot upgrade pgvector_17: Problem: cannot install the best update candidate for package \
          pgvector_17-0.8.6-1PGDG.rhel9.6.x86_64; - nothing provides postgresql17-server >= 17.9 needed by \
          pgvector_17-0.8.7-1PGDG.rhel9.6.x86_64 from newer"),
        ("with another package", |package| simulation(package).upgraded.push("libpq".into()),
         "refused: the newer pgvector_17 comes with other packages: libpq"),
        ("with a new package", |package| simulation(package).new.push(Package { name: "llvm".into(), version: "19-1".into(), origin: String::new() }),
         "refused: the newer pgvector_17 comes with other packages: llvm"),
        ("another package goes", |package| simulation(package).removed.push("pg_cron_17".into()),
         "refused: dnf would remove pg_cron_17 to upgrade pgvector_17"),
        ("an older version of another", |package| simulation(package).downgraded.push("libpq".into()),
         "refused: dnf would install an older version of libpq"),
        ("with a part of itself", |package| simulation(package).upgraded.push("pgvector_17-llvmjit".into()),
         "/usr/bin/dnf -y upgrade --best --setopt=install_weak_deps=False pgvector_17 | \
          pgvector_17-llvmjit comes along, a part of pgvector_17"),
        ("nothing to do after all", |package| package.simulation = Some(parse_simulation(
            "Dependencies resolved.\nNothing to do.\nComplete!\n",
            "Error: Cache-only enabled but no cache for 'newer'\nIgnoring repositories: newer\n")),
         ""),
    ];

    #[test]
    fn every_state_has_its_plan() {
        for (what, change, expected) in CASES {
            let mut package = package();
            change(&mut package);
            assert_eq!(outline(&package), *expected, "{what}");
        }
    }

    #[test]
    fn the_step_keeps_the_version_of_before() {
        let steps = plan(&package()).unwrap().steps;
        let [step @ Step::UpgradePackage { from, package, .. }] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert_eq!(
            (from.as_str(), package.version.as_str()),
            ("0.8.6-1PGDG.rhel9.6", "0.8.7-1PGDG.rhel9.6")
        );
        assert_eq!(step.privilege(), crate::host::Privilege::Root);
    }
}
