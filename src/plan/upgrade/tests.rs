//! `(facts) -> plan or refusal`: a server with pgvector 0.8.0 whose package manager offers 0.8.7, one state a row.

use std::collections::BTreeMap;

use super::*;
use crate::database::versions::{Library, VectorIndex};
use crate::facts::apt::{PackagePolicy, Simulation, parse_simulation};
use crate::plan::Package;
use crate::plan::sample::settings;
use crate::settings::Target;

/// Two databases of 0.8.0, one with an HNSW index of 50,000 rows of 1,536 dimensions; a newer package is a candidate.
fn facts() -> UpgradeFacts {
    let mut shop = installed("0.8.0");
    shop.indexes = vec![index("items_hnsw", "hnsw"), index("items_lists", "ivfflat")];
    UpgradeFacts {
        server: ServerVersions {
            server: 180_006,
            offered: Some("0.8.0".into()),
            databases: vec![
                database("docs", DatabaseState::Installed(Box::new(installed("0.8.0")))),
                database("postgres", DatabaseState::Without),
                database("shop", DatabaseState::Installed(Box::new(shop))),
            ],
            ..ServerVersions::default()
        },
        package: ExtensionPackage::Apt {
            policy: Box::new(PackagePolicy {
                name: "postgresql-18-pgvector".into(),
                installed: Some("0.8.0-1".into()),
                candidate: Some("0.8.7-1".into()),
                origin: "http://mirror.example/debian forky/main".into(),
                offers: Vec::new(),
            }),
            simulation: Some(upgrading(&["postgresql-18-pgvector"])),
            lists_age: Some(60),
            holder: None,
        },
        receipted: Receipted::default(),
        budget: Budget {
            memory: 1 << 30,
            processors: 4,
        },
    }
}

fn database(name: &str, state: DatabaseState) -> DatabaseVersions {
    DatabaseVersions {
        name: name.into(),
        is_template: false,
        state,
    }
}

fn installed(version: &str) -> Installed {
    Installed {
        version: version.into(),
        schema: "public".into(),
        owner: "postgres".into(),
        is_updatable: true,
        library: Library::From080,
        ..Installed::default()
    }
}

fn index(name: &str, method: &str) -> VectorIndex {
    VectorIndex {
        oid: 16_500,
        schema: "public".into(),
        table: "items".into(),
        name: name.into(),
        method: method.into(),
        valid: true,
        type_name: "vector".into(),
        dimensions: 1536,
        rows: 50_000,
        options: BTreeMap::new(),
    }
}

fn upgrading(packages: &[&str]) -> Simulation {
    Simulation {
        upgraded: packages.iter().map(|name| (*name).to_owned()).collect(),
        ..Simulation::default()
    }
}

fn in_shop(facts: &mut UpgradeFacts) -> &mut Installed {
    let shop = facts.server.databases.last_mut().unwrap();
    match &mut shop.state {
        DatabaseState::Installed(installed) => installed,
        _ => panic!("the shop has the extension"),
    }
}

/// As it is when the package is in place already.
fn package_is_newest(facts: &mut UpgradeFacts) {
    facts.server.offered = Some("0.8.7".into());
    if let ExtensionPackage::Apt {
        policy, simulation, ..
    } = &mut facts.package
    {
        policy.installed.clone_from(&policy.candidate);
        *simulation = None;
    }
}

/// As it is when the databases are at the newest version as well.
fn all_is_newest(facts: &mut UpgradeFacts) {
    package_is_newest(facts);
    for database in &mut facts.server.databases {
        if let DatabaseState::Installed(installed) = &mut database.state {
            installed.version = "0.8.7".into();
        }
    }
}

fn simulates(facts: &mut UpgradeFacts, new: Simulation) {
    if let ExtensionPackage::Apt { simulation, .. } = &mut facts.package {
        *simulation = Some(new);
    }
}

/// The plan in as few words as tell it apart, or the refusal; notes follow after `|`.
fn outline(facts: &UpgradeFacts) -> String {
    let upgrade = match upgrade_plan(facts, &settings(Target::System)) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let steps = upgrade.package.steps.iter().chain(&upgrade.databases.steps);
    let words = steps.map(|step| match step {
        Step::RefreshPackageIndex { .. } => "refresh".to_owned(),
        Step::UpgradePackage { package, from, .. } => format!("package {from}>{}", package.version),
        Step::UpgradeExtension {
            database, from, to, ..
        } => format!("{database} {from}>{to}"),
        Step::RebuildIndex { index, workers, .. } => format!("rebuild {index} by {workers}"),
        Step::DropIndexCopy { index, .. } => format!("drop {index}"),
        other => format!("{other:?}"),
    });
    let notes = upgrade.package.notes.iter().chain(&upgrade.databases.notes);
    let mut text = words.collect::<Vec<_>>().join(", ");
    for note in notes {
        text.push_str(&format!(" | {note}"));
    }
    text
}

const WHOLE: &str = "package 0.8.0-1>0.8.7-1, docs 0.8.0>0.8.7, shop 0.8.0>0.8.7, rebuild items_hnsw by 2";
const DATABASES: &str = "docs 0.8.0>0.8.7, shop 0.8.0>0.8.7, rebuild items_hnsw by 2";

type Case = (&'static str, fn(&mut UpgradeFacts), &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("a newer package, two databases", |_| {}, WHOLE),
    ("the package is newest, the databases are not", package_is_newest, DATABASES),
    ("all is newest", all_is_newest, ""),
    ("no newer package", |facts| {
        all_is_newest(facts);
        facts.server.offered = Some("0.8.0".into());
        for database in &mut facts.server.databases {
            if let DatabaseState::Installed(installed) = &mut database.state { installed.version = "0.8.0".into(); }
        }
     }, " | pgvector 0.8.0 is the newest that can be had here; it is affected by CVE-2026-3172, pgvector#988"),
    ("package lists of yesterday", |facts| {
        all_is_newest(facts);
        if let ExtensionPackage::Apt { lists_age, .. } = &mut facts.package { *lists_age = Some(86_400); }
     }, "refresh | whether a newer package can be had is read from package lists that are asked for anew"),
    ("the newer package wants a newer server", |facts| simulates(facts, upgrading(&["postgresql-18", "postgresql-18-pgvector"])),
     "refused: the newer postgresql-18-pgvector comes with a newer postgresql-18, whose upgrade restarts the running server"),
    ("the newer package wants another library", |facts| simulates(facts, upgrading(&["libc6", "postgresql-18-pgvector"])),
     "refused: the newer postgresql-18-pgvector comes with other packages: libc6"),
    ("the newer package brings the server of another major", |facts| {
        let package = Package { name: "postgresql-19".into(), version: "19.0-1".into(), origin: String::new() };
        simulates(facts, Simulation { new: vec![package], ..upgrading(&["postgresql-18-pgvector"]) });
     }, "refused: the newer postgresql-18-pgvector comes with other packages: postgresql-19"),
    ("the newer package removes another", |facts| simulates(facts, Simulation { removed: vec!["mawk".into()], ..upgrading(&["postgresql-18-pgvector"]) }),
     "refused: apt would remove mawk to upgrade postgresql-18-pgvector"),
    ("an older version is pinned", |facts| {
        simulates(facts, Simulation { downgraded: vec!["postgresql-18-pgvector".into()], ..Simulation::default() });
        facts.server.databases.truncate(2);
     }, " | pgvector 0.8.0 is the newest that can be had here; it is affected by CVE-2026-3172, pgvector#988"),
    ("the package is on hold", |facts| simulates(facts, parse_simulation("", "E: Held packages were changed and -y was used without --allow-change-held-packages.")),
     "refused: apt cannot upgrade postgresql-18-pgvector: E: Held packages were changed and -y was used without --allow-change-held-packages."),
    ("a standby", |facts| facts.server.is_in_recovery = true,
     "refused: the server is a standby: its databases are upgraded on the primary"),
    ("the library is preloaded, its package newer", |facts| facts.server.preloaded_by = vec!["shared_preload_libraries".into()],
     "package 0.8.0-1>0.8.7-1 | vector is in shared_preload_libraries, so every session runs the library that the server loaded when it started: restart the server, then run pgvector-setup upgrade for the databases (0.8.7)"),
    ("the library is preloaded, the server restarted since", |facts| {
        package_is_newest(facts);
        facts.server.preloaded_by = vec!["shared_preload_libraries".into()];
     }, DATABASES),
    ("a function of the user's in the way", |facts| {
        package_is_newest(facts);
        in_shop(facts).version = "0.6.2".into();
        in_shop(facts).strangers = vec!["l2_normalize(vector)".into(), "subvector(text)".into()];
     }, "refused: pgvector 0.8.7 brings what is there already and not pgvector's: public.l2_normalize(vector) in database shop"),
    ("the same function where the version has it already", |facts| {
        package_is_newest(facts);
        in_shop(facts).strangers = vec!["l2_normalize(vector)".into()];
     }, DATABASES),
    ("a database without a way to the version", |facts| {
        package_is_newest(facts);
        in_shop(facts).is_updatable = false;
        in_shop(facts).indexes.clear();
     }, "docs 0.8.0>0.8.7 | database shop: the server's files have no way from version 0.8.0 to 0.8.7"),
    ("a database ahead of the files", |facts| {
        all_is_newest(facts);
        in_shop(facts).version = "0.9.0".into();
     }, " | database shop has version 0.9.0 of the extension, and the server's files are of 0.8.7: a version cannot go down; install 0.9.0 or later"),
    ("a closed database and one that could not be asked", |facts| {
        all_is_newest(facts);
        facts.server.databases.push(database("old", DatabaseState::Closed));
        facts.server.databases.push(database("odd", DatabaseState::Unreadable("no".into())));
     }, " | database old allows no connections, so its extension was not looked at | database odd could not be looked into: no"),
    ("a version between fixed only in part", |facts| {
        package_is_newest(facts);
        facts.server.offered = Some("0.8.2".into());
     }, "docs 0.8.0>0.8.2, shop 0.8.0>0.8.2 | pgvector 0.8.2 is the newest that can be had here; it is affected by pgvector#988"),
    ("a rebuild that the receipt owes", |facts| {
        all_is_newest(facts);
        let owed = Owed { oid: 16_500, lived_under: "0.8.0".into() };
        facts.receipted.owed = BTreeMap::from([("shop".to_owned(), vec![owed])]);
     }, "rebuild items_hnsw by 2"),
    ("a rebuild that the receipt owes, of an index that is another by now", |facts| {
        all_is_newest(facts);
        let owed = Owed { oid: 16_400, lived_under: "0.8.0".into() };
        facts.receipted.owed = BTreeMap::from([("shop".to_owned(), vec![owed])]);
     }, ""),
    ("a copy that a rebuild of ours left", |facts| {
        all_is_newest(facts);
        let copy = VectorIndex { valid: false, ..index("items_hnsw_ccold", "hnsw") };
        in_shop(facts).indexes.push(copy);
        facts.receipted.begun = BTreeMap::from([("shop".to_owned(), vec!["\"public\".\"items_hnsw\"".to_owned()])]);
     }, "drop items_hnsw_ccold"),
    ("a copy that somebody else's left", |facts| {
        all_is_newest(facts);
        let copy = VectorIndex { valid: false, ..index("items_hnsw_ccnew", "hnsw") };
        in_shop(facts).indexes.push(copy);
     }, " | database shop: an interrupted REINDEX of somebody else's left items_hnsw_ccnew: DROP INDEX CONCURRENTLY \"public\".\"items_hnsw_ccnew\";"),
    ("ivfflat of before 0.3.1", |facts| {
        package_is_newest(facts);
        in_shop(facts).version = "0.3.0".into();
        in_shop(facts).indexes.remove(0);
     }, "docs 0.8.0>0.8.7, shop 0.3.0>0.8.7, rebuild items_lists by 1"),
    ("no files and no users", |facts| {
        facts.server = ServerVersions::default();
        facts.package = ExtensionPackage::Bundle { version: "0.8.5".into() };
     }, " | the portable bundle that this version of pgvector-setup pins has pgvector 0.8.5 | neither the server nor a database has pgvector"),
    ("users without files", |facts| {
        facts.server.offered = None;
        facts.package = ExtensionPackage::Unknown;
     }, "refused: the server has no files of pgvector, and docs, shop use it"),
];

#[test]
fn every_state_has_its_plan() {
    for (what, change, expected) in CASES {
        let mut facts = facts();
        change(&mut facts);
        assert_eq!(outline(&facts), *expected, "{what}");
    }
}

#[test]
fn the_package_step_names_one_package_and_keeps_its_version_of_before() {
    let upgrade = upgrade_plan(&facts(), &settings(Target::System)).unwrap();
    let step = &upgrade.package.steps[0];
    assert_eq!(
        step.title(),
        "upgrade postgresql-18-pgvector from 0.8.0-1 to 0.8.7-1"
    );
    assert_eq!(
        step.details(),
        [
            "(root) /usr/bin/apt-get install -y --only-upgrade --no-install-recommends --no-remove \
             -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef -o DPkg::Lock::Timeout=300 \
             postgresql-18-pgvector",
            "+ postgresql-18-pgvector 0.8.7-1 (http://mirror.example/debian forky/main)"
        ]
    );
}

#[test]
fn a_rebuild_shows_its_reason_its_settings_and_its_statement() {
    let upgrade = upgrade_plan(&facts(), &settings(Target::System)).unwrap();
    assert_eq!(
        upgrade.databases.steps[2].details(),
        [
            "it lived under 0.8.0: VACUUM can damage an HNSW index before 0.8.4 (pgvector#988, #993)",
            "SET maintenance_work_mem = 371425; SET max_parallel_maintenance_workers = 2",
            "REINDEX INDEX CONCURRENTLY \"public\".\"items_hnsw\""
        ]
    );
}
