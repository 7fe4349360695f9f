//! Taking back what Homebrew installed for us: exactly the formulae that were absent before, and never data without consent.

use std::path::Path;
use std::time::Instant;

use super::{INSTALL_DEADLINE, POLL, Place, READY_DEADLINE, SERVICE_DEADLINE, Waits, place, run};
use crate::error::Result;
use crate::facts::brew::{Formula, Platform, command, kegs, major_of, parse_formulae};
use crate::facts::cluster;
use crate::host::Host;
use crate::plan::Package;

/// Stops the service of a formula and waits until its server is gone; one that is gone already is no error.
pub async fn stop_service(host: &Host, formula: &str) -> Result<()> {
    let place = place(host).await?;
    stop(host, &place, formula).await
}

async fn stop(host: &Host, place: &Place, formula: &str) -> Result<()> {
    if !kegs(host, &place.cellar).iter().any(|keg| keg == formula) {
        return Ok(());
    }
    let argv = [&place.program.display().to_string(), "services", "stop", formula].map(ToString::to_string);
    run(host, &argv, "stop the service", SERVICE_DEADLINE).await?;
    let began = Instant::now();
    let data = place.data(formula);
    while cluster::running_postmaster(host, &data)?.is_some() && began.elapsed() < READY_DEADLINE {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Uninstalls formulae of ours but those that others need by now; with consent also the data directories of `clusters`.
/// Formulae that are gone already are skipped.
///
/// Returns what stays and why, or `None` when all is gone.
///
/// # Errors
/// [`super::BrewError`] where brew refuses.
pub async fn remove_packages(
    host: &Host,
    packages: &[Package],
    clusters: &[String],
    with_data: bool,
    waits: Waits<'_>,
) -> Result<Option<String>> {
    let place = place(host).await?;
    let there = kegs(host, &place.cellar);
    let names = packages.iter().map(|package| package.name.clone());
    let ours: Vec<String> = names.filter(|name| there.contains(name)).collect();
    let mut kept = Vec::new();
    if !ours.is_empty() {
        let installed = installed(host, &place).await?;
        let Parted { removable, needed } = part(&ours, &installed);
        kept.extend(needed.iter().map(|(name, by)| format!("{name}: {by} needs it")));
        for server in removable.iter().filter(|name| major_of(name).is_some()) {
            if cluster::running_postmaster(host, &place.data(server))?.is_some() {
                stop(host, &place, server).await?;
            }
        }
        uninstall(host, &place, &removable, waits).await?;
    }
    for cluster in clusters {
        kept.extend(remove_data(host, &place, cluster, with_data)?);
    }
    Ok((!kept.is_empty()).then(|| kept.join("; ")))
}

async fn uninstall(host: &Host, place: &Place, names: &[String], waits: Waits<'_>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    waits("brew uninstalls what it installed");
    let mut argv = vec![place.program.display().to_string(), "uninstall".to_owned()];
    argv.extend(names.iter().cloned());
    run(host, &argv, "uninstall by Homebrew", INSTALL_DEADLINE).await?;
    Ok(())
}

/// The data directory that a formula of ours made, and its service's log.
fn remove_data(host: &Host, place: &Place, formula: &str, with_data: bool) -> Result<Option<String>> {
    let data = place.data(formula);
    if !host.exists(&data) {
        return Ok(None);
    }
    if !with_data {
        return Ok(Some(format!(
            "the data in {}: data is only removed with consent",
            data.display()
        )));
    }
    if cluster::running_postmaster(host, &data)?.is_some() {
        return Ok(Some(format!(
            "the data in {}: a server runs on it",
            data.display()
        )));
    }
    host.remove_directory(&data)?;
    host.remove_file(
        &place
            .prefix
            .join("var/log")
            .join(Path::new(&format!("{formula}.log"))),
    )?;
    Ok(None)
}

async fn installed(host: &Host, place: &Place) -> Result<Vec<Formula>> {
    let ask = command(host, &place.program, "ask brew what the installed formulae need");
    let output = host
        .run(&ask.arguments(["info", "--json=v2", "--installed"]))
        .await?;
    Ok(parse_formulae(&output.stdout, Platform::here())?)
}

#[derive(Debug, PartialEq, Eq)]
struct Parted {
    removable: Vec<String>,
    /// With the formula that needs it.
    needed: Vec<(String, String)>,
}

/// What may go of what is ours: not what an installed formula needs that stays, which what it needs stays with as well.
fn part(ours: &[String], installed: &[Formula]) -> Parted {
    let mut removable = ours.to_vec();
    let mut needed = Vec::new();
    loop {
        let stays = |formula: &&Formula| !removable.contains(&formula.name);
        let next = removable.iter().find_map(|name| {
            let by = installed
                .iter()
                .filter(stays)
                .find(|formula| formula.needs.contains(name))?;
            Some((name.clone(), by.name.clone()))
        });
        let Some((name, by)) = next else {
            return Parted { removable, needed };
        };
        removable.retain(|other| *other != name);
        needed.push((name, by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(name: &str, needs: &[&str]) -> Formula {
        Formula {
            name: name.to_owned(),
            needs: needs.iter().map(ToString::to_string).collect(),
            ..Formula::default()
        }
    }

    #[test]
    fn what_others_need_stays_with_what_that_needs() {
        let installed = [
            formula("postgresql@18", &["icu4c@77", "krb5"]),
            formula("pgvector", &[]),
            formula("icu4c@77", &[]),
            formula("krb5", &["openssl@3"]),
            formula("openssl@3", &[]),
            formula("curl", &["krb5"]),
        ];
        let ours = ["postgresql@18", "icu4c@77", "krb5", "openssl@3"].map(str::to_owned);
        let parted = part(&ours, &installed);
        assert_eq!(parted.removable, ["postgresql@18", "icu4c@77"]);
        let pair = |name: &str, by: &str| (name.to_owned(), by.to_owned());
        assert_eq!(parted.needed, [pair("krb5", "curl"), pair("openssl@3", "krb5")]);
    }

    #[test]
    fn everything_of_ours_goes_where_nobody_else_needs_it() {
        let installed = [formula("postgresql@18", &["icu4c@77"]), formula("icu4c@77", &[])];
        let ours = ["postgresql@18", "icu4c@77"].map(str::to_owned);
        assert_eq!(part(&ours, &installed).removable, ours);
        assert_eq!(part(&[], &installed).needed, []);
    }
}
