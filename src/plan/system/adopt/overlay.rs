//! pgvector for one server of PostgreSQL 18 or later without root: the signed package unpacked beside the system, and two
//! settings that make the server look there as well. No restart, no compiler, nothing of the system changed.

use std::path::Path;

use super::refusals;
use crate::database::sql::literal;
use crate::facts::answer::{SearchPath, ServerAnswer};
use crate::facts::apt::PackagePolicy;
use crate::facts::clusters::Cluster;
use crate::facts::system::SystemFacts;
use crate::plan::system::candidates::defects;
use crate::plan::{Package, Parameter, Plan, Refusal, Step};

/// Where the server looks for control files, and for libraries (runtime-config-client of PostgreSQL 18).
pub const CONTROL_PATH: &str = "extension_control_path";
const LIBRARY_PATH: &str = "dynamic_library_path";

const APT_GET: &str = "/usr/bin/apt-get";

pub fn plan(
    facts: &SystemFacts,
    cluster: &Cluster,
    answer: &ServerAnswer,
    policy: &PackagePolicy,
    version: &str,
) -> Result<Plan, Refusal> {
    let major = cluster.major;
    let of_major = facts.overlay.directory.join(major.to_string());
    let directory = of_major.join(version);
    // Both settings are lists that a colon separates, and there is no way to write one inside.
    if directory.to_string_lossy().contains(':') {
        return Err(refusals::colon_in_path(&directory));
    }
    let mut plan = Plan::default();
    plan.notes.push(format!(
        "adopts the server that is there: {cluster}; only the database is added to it, or what is missing in it"
    ));
    plan.notes.push(verdict(policy, version, major));
    for path in [&facts.overlay.directory, &of_major] {
        if !facts.overlay.present.contains(path) {
            plan.steps.push(Step::CreateDirectory {
                path: path.clone(),
                mode: "0755".to_owned(),
                owner: None,
            });
        }
    }
    if !facts.overlay.present.contains(&directory) {
        plan.steps.push(unpack(policy, version, &directory));
    }
    plan.steps.push(settings(answer, &directory, major, version)?);
    Ok(plan)
}

fn verdict(policy: &PackagePolicy, version: &str, major: u16) -> String {
    let defects = defects(version);
    let affected = if defects.is_empty() {
        String::new()
    } else {
        format!("; affected by {}", defects.join(", "))
    };
    format!(
        "pgvector {version} for PostgreSQL {major} ({}): chosen, for this server alone{affected}",
        policy.origin
    )
}

fn unpack(policy: &PackagePolicy, version: &str, directory: &Path) -> Step {
    let argv = [APT_GET, "download", &format!("{}={version}", policy.name)];
    Step::UnpackExtension {
        package: Package {
            name: policy.name.clone(),
            version: version.to_owned(),
            origin: policy.origin.clone(),
        },
        directory: directory.to_owned(),
        argv: argv.map(str::to_owned).to_vec(),
    }
}

/// Debian's layout below the directory, added behind what the server searches now.
fn settings(answer: &ServerAnswer, directory: &Path, major: u16, version: &str) -> Result<Step, Refusal> {
    let places = [
        (CONTROL_PATH, format!("usr/share/postgresql/{major}")),
        (LIBRARY_PATH, format!("usr/lib/postgresql/{major}/lib")),
    ];
    let nothing = SearchPath::default();
    let mut parameters = Vec::new();
    for (name, below) in places {
        let path = answer.search_paths.iter().find(|path| path.name == name);
        let path = path.unwrap_or(&nothing);
        if path.source == "command line" {
            return Err(refusals::fixed_by_command_line(name));
        }
        let added = directory.join(below).display().to_string();
        // What a run that was cut off had added before is not added again.
        let mut all: Vec<&str> = path
            .value
            .split(':')
            .filter(|place| !place.is_empty() && *place != added)
            .collect();
        all.push(&added);
        parameters.push(Parameter {
            name: name.to_owned(),
            value: all.join(":"),
            previous: path.altered.clone(),
        });
    }
    let mut sql: Vec<String> = parameters.iter().map(alter).collect();
    sql.push("SELECT pg_catalog.pg_reload_conf()".to_owned());
    Ok(Step::SetParameters {
        system_identifier: answer.system_identifier.clone(),
        pgvector: version.to_owned(),
        parameters,
        sql,
    })
}

fn alter(parameter: &Parameter) -> String {
    format!(
        "ALTER SYSTEM SET {} = {}",
        parameter.name,
        literal(&parameter.value)
    )
}
