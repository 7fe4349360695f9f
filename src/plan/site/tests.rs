//! `(facts, site) -> plan or refusal`: how far an earlier run came, one state a row.

use super::*;
use crate::database::login::{Block, LoginFacts};
use crate::facts::service::ServiceFacts;
use crate::facts::site::{EnvironmentFacts, LoginRole, SiteCatalog, SiteFiles, SiteRecords, SiteRights};
use crate::plan::database::tests as database;
use crate::plan::sample;

fn places() -> Places {
    Places {
        environment: "/etc/pgvector-setup/sites/gp.aunoo.ai.env".into(),
        previous: "/var/lib/pgvector-setup/sites/gp.aunoo.ai/previous".into(),
        prepared: "/var/lib/pgvector-setup/sites/gp.aunoo.ai/prepared".into(),
        record: "/var/lib/pgvector-setup/sites/gp.aunoo.ai/site.json".into(),
        previous_drop_in: "/var/lib/pgvector-setup/sites/gp.aunoo.ai/previous-drop-in".into(),
        drop_in: "/etc/systemd/system/gp.aunoo.ai.service.d/50-pgvector-setup.conf".into(),
    }
}

fn service(site: &SiteSettings) -> ServiceFacts {
    let text = crate::facts::service::drop_in_text(&places().environment, site.credentials);
    ServiceFacts {
        unit: site.unit(),
        is_there: true,
        state: Default::default(),
        user: "gp".into(),
        group: "gp".into(),
        environment_files: vec![places().environment],
        credentials: Vec::new(),
        drop_in: Some(text),
        needs_daemon_reload: false,
        starts_after_us: false,
    }
}

/// A server with the site as a deploy leaves it.
fn deployed(site: &SiteSettings) -> SiteFacts {
    let login = LoginRole {
        is_superuser: false,
        can_log_in: true,
    };
    let mut database = database::done(&site.database);
    database.credentials_exist = false;
    let table = database.inside.as_mut().unwrap().table.table.as_mut().unwrap();
    table.owner = site.database.role.to_string();
    SiteFacts {
        database,
        catalog: SiteCatalog {
            comment: Some("pgvector-setup site gp.aunoo.ai, contact admin@example.com".into()),
            runtime: Some(login),
            alternate: None,
        },
        rights: Some(SiteRights {
            is_complete: true,
            runtime_has_path: true,
            alternate_has_path: false,
        }),
        files: SiteFiles {
            record: Some(SiteRecord::of(site)),
            environment: Some(EnvironmentFacts {
                login: Some(site.name.clone()),
                is_current: true,
            }),
            has_drop_in: true,
            ..SiteFiles::default()
        },
        service: Some(service(site)),
        records: SiteRecords {
            made_database: true,
            made_roles: true,
            made_alternate: true,
            ..SiteRecords::default()
        },
        host: "127.0.0.1".into(),
        port: 5432,
    }
}

/// The server before the site's first deploy.
fn new(site: &SiteSettings) -> SiteFacts {
    let server = database::done(&site.database).server;
    let service = service(site);
    SiteFacts {
        database: crate::database::facts::DatabaseFacts {
            server,
            ..Default::default()
        },
        service: Some(ServiceFacts {
            environment_files: Vec::new(),
            drop_in: None,
            ..service
        }),
        host: "127.0.0.1".into(),
        port: 5432,
        ..SiteFacts::default()
    }
}

fn word(step: &Step) -> String {
    let value = serde_json::to_value(step).unwrap();
    let word = |key: &str| value.get(key).and_then(|word| word.as_str()).map(str::to_owned);
    match word("change") {
        Some(change) => match word("login") {
            Some(login) => format!("{change}({login})"),
            None => change,
        },
        None if value["step"] == "migrate" => format!("migrate {}", value["version"]),
        None => word("step").unwrap(),
    }
}

fn outline(plan: Result<Plan>) -> String {
    match plan {
        Ok(plan) => plan.steps.iter().map(word).collect::<Vec<_>>().join(", "),
        Err(error) => format!("refused: {error}"),
    }
}

const FIRST: &str = "write_record, create_owner, create_database, restrict_database, describe_database, create_schema, \
    prepare_password(gp), enable_login(gp), grant_use, migrate 1, migrate 2, migrate 3, migrate 4, prove(gp), \
    write_environment(gp), connect_unit, restart_service";

type Change = fn(&mut SiteFacts, &mut SiteSettings);

#[rustfmt::skip]
const DEPLOYS: &[(&str, Change, &str)] = &[
    ("nothing is missing", |_, _| {}, ""),
    ("another contact", |_, site| site.email = "other@example.com".parse().unwrap(), "write_record, describe_database"),
    ("no service", |facts, _| facts.service = None, ""),
    ("the service does not read the file", |facts, _| {
        let service = facts.service.as_mut().unwrap();
        service.drop_in = None;
        service.environment_files.clear();
    }, "connect_unit, restart_service"),
    ("its unit names the file itself", |facts, _| facts.service.as_mut().unwrap().drop_in = None, ""),
    ("a drop-in of an earlier version", |facts, _| facts.service.as_mut().unwrap().drop_in = Some("[Service]\n".into()),
        "connect_unit, restart_service"),
    ("the file is of another mode, group or port", |facts, _| facts.files.environment.as_mut().unwrap().is_current = false,
        "write_environment(gp), restart_service"),
    ("somebody removed the file", |facts, _| facts.files.environment = None,
        "prepare_password(gp_alternate), enable_login(gp_alternate), prove(gp_alternate), write_environment(gp_alternate), \
         restart_service, retire_login(gp)"),
    ("somebody changed the password in the file", |facts, _| {
        facts.files.environment = Some(EnvironmentFacts { login: None, is_current: false });
    }, "prepare_password(gp_alternate), enable_login(gp_alternate), prove(gp_alternate), write_environment(gp_alternate), \
         restart_service, retire_login(gp)"),
    ("the file is gone, and so is the first login", |facts, _| {
        facts.files.environment = None;
        facts.catalog.alternate = facts.catalog.runtime;
        facts.catalog.runtime = Some(LoginRole::default());
    }, "prepare_password(gp), enable_login(gp), prove(gp), write_environment(gp), restart_service, retire_login(gp_alternate)"),
    ("the second login would be somebody's role", |facts, _| {
        facts.files.environment = None;
        facts.catalog.alternate = Some(LoginRole::default());
        facts.records.made_alternate = false;
    }, "refused: there is a role gp_alternate already, which is not ours to change"),
    ("somebody's role has the name of a second login that is not needed", |facts, _| {
        facts.catalog.alternate = Some(LoginRole::default());
        facts.records.made_alternate = false;
    }, ""),
    ("the service is another site's", |facts, _| facts.files.unit_taken_by = Some("other.example.com".into()),
        "refused: the service gp.aunoo.ai.service is that of the site other.example.com"),
    ("it had another service", |facts, _| facts.files.former_units = vec![("old.service".parse().unwrap(), "/old".into())],
        "disconnect_unit"),
    ("the login was locked", |facts, _| facts.catalog.runtime.as_mut().unwrap().can_log_in = false,
        "enable_login(gp), prove(gp)"),
    ("a table was made by somebody else", |facts, _| facts.rights.as_mut().unwrap().is_complete = false,
        "grant_use, prove(gp)"),
    ("killed before the restart", |facts, _| facts.records.owes_restart = true, "restart_service"),
    ("killed in the restart", |facts, _| facts.files.has_previous = true, "restart_service"),
    ("killed before the proof", |facts, _| facts.database.unfinished.proof = true, "prove(gp)"),
    ("a migration is missing", |facts, _| {
        facts.database.inside.as_mut().unwrap().history.applied.pop();
        let table = facts.database.inside.as_mut().unwrap().table.table.as_mut().unwrap();
        table.indexes.clear();
    }, "migrate 4, prove(gp), restart_service"),
    ("a rotation was killed before the server knew", |facts, site| facts.files.prepared = Some(site.alternate()),
        "enable_login(gp_alternate), prove(gp_alternate), write_environment(gp_alternate), restart_service, retire_login(gp)"),
    ("a rotation was killed before the old login was retired", |facts, site| {
        facts.files.environment.as_mut().unwrap().login = Some(site.alternate());
        facts.catalog.alternate = facts.catalog.runtime;
        facts.rights.as_mut().unwrap().alternate_has_path = true;
    }, "retire_login(gp)"),
    ("removed, its database kept", |facts, _| {
        facts.catalog.runtime = None;
        facts.rights = Some(SiteRights::default());
        facts.files = SiteFiles::default();
        let service = facts.service.as_mut().unwrap();
        service.drop_in = None;
        service.environment_files.clear();
    }, "write_record, prepare_password(gp), enable_login(gp), grant_use, prove(gp), write_environment(gp), connect_unit, restart_service"),
    ("another site's database", |facts, _| facts.catalog.comment = Some("pgvector-setup site gp.example.com, contact a@b.c".into()),
        "refused: the database gp is that of the site gp.example.com"),
    ("somebody's database", |facts, _| {
        facts.catalog.comment = None;
        facts.records = SiteRecords::default();
    }, "refused: there is a database gp already, and it is not known to be that of gp.aunoo.ai"),
    ("killed before the note on the database", |facts, _| facts.catalog.comment = None, "describe_database"),
    ("a login that is a superuser", |facts, _| facts.catalog.runtime.as_mut().unwrap().is_superuser = true,
        "refused: the role gp is a superuser, and a site's must not be"),
];

#[test]
fn a_deploy_does_what_is_missing_and_no_more() {
    for (state, change, expected) in DEPLOYS {
        let mut site = sample::site("gp.aunoo.ai");
        let mut facts = deployed(&site);
        change(&mut facts, &mut site);
        assert_eq!(
            outline(site_plan(&facts, &site, &places(), &Wish::Deploy)),
            *expected,
            "{state}"
        );
    }
}

#[test]
fn a_first_deploy_has_a_password_on_disk_before_the_server_and_the_service_last() {
    let site = sample::site("gp.aunoo.ai");
    let mut facts = new(&site);
    assert_eq!(outline(site_plan(&facts, &site, &places(), &Wish::Deploy)), FIRST);
    facts.catalog.runtime = Some(LoginRole::default());
    assert_eq!(
        outline(site_plan(&facts, &site, &places(), &Wish::Deploy)),
        "refused: there is no database gp, but a role of that name, which is not ours to change"
    );
    // Roles of a run that was cut off before there was a database.
    facts.records.made_roles = true;
    assert_eq!(outline(site_plan(&facts, &site, &places(), &Wish::Deploy)), FIRST);
}

#[test]
fn a_rotation_goes_to_the_other_login_and_back() {
    let site = sample::site("gp.aunoo.ai");
    let mut facts = deployed(&site);
    assert_eq!(
        outline(site_plan(&facts, &site, &places(), &Wish::Rotate)),
        "prepare_password(gp_alternate), enable_login(gp_alternate), prove(gp_alternate), write_environment(gp_alternate), \
         restart_service, retire_login(gp)"
    );
    facts.files.environment.as_mut().unwrap().login = Some(site.alternate());
    facts.catalog.alternate = facts.catalog.runtime;
    facts.catalog.runtime = Some(LoginRole::default());
    assert_eq!(
        outline(site_plan(&facts, &site, &places(), &Wish::Rotate)),
        "prepare_password(gp), enable_login(gp), prove(gp), write_environment(gp), restart_service, retire_login(gp_alternate)"
    );
}

#[test]
fn a_login_is_not_retired_before_a_service_was_seen_to_be_well_with_the_other() {
    let site = sample::site("gp.aunoo.ai");
    let goes_over = "prepare_password(gp_alternate), enable_login(gp_alternate), prove(gp_alternate), write_environment(gp_alternate)";
    for (is_there, restart) in [(false, ""), (true, ", restart_service")] {
        let mut facts = deployed(&site);
        facts.service = facts.service.filter(|_| is_there).map(|service| ServiceFacts {
            starts_after_us: true,
            ..service
        });
        let plan = site_plan(&facts, &site, &places(), &Wish::Rotate).unwrap();
        assert!(
            plan.notes
                .iter()
                .any(|note| note.contains("site deploy --domain gp.aunoo.ai retires gp")),
            "{:?}",
            plan.notes
        );
        assert_eq!(outline(Ok(plan)), format!("{goes_over}{restart}"));
        // As the next deploy finds it.
        facts.files.environment.as_mut().unwrap().login = Some(site.alternate());
        facts.catalog.alternate = facts.catalog.runtime;
        facts.rights.as_mut().unwrap().alternate_has_path = true;
        assert_eq!(
            outline(site_plan(&facts, &site, &places(), &Wish::Deploy)),
            "retire_login(gp)"
        );
    }
}

#[test]
fn a_rotation_lets_the_other_login_in_from_the_networks_of_the_first() {
    let site = sample::site("gp.aunoo.ai");
    let network = "192.0.2.0/24".parse().unwrap();
    let mut facts = deployed(&site);
    facts.database.login = Some(LoginFacts {
        own: vec![Block::new(&site.name, &site.name, true, &[network])],
        ..LoginFacts::default()
    });
    let allowed = |facts: &SiteFacts, wish: &Wish| -> Vec<Vec<String>> {
        let plan = site_plan(facts, &site, &places(), wish).unwrap();
        let lines = plan.steps.into_iter().filter_map(|step| match step {
            Step::AllowLogin { lines, .. } => Some(lines),
            _ => None,
        });
        lines.collect()
    };
    assert_eq!(
        allowed(&facts, &Wish::Rotate),
        [Block::new(&site.name, &site.alternate(), true, &[network]).lines]
    );
}

#[test]
fn no_plan_shows_a_password() {
    let site = sample::site("gp.aunoo.ai");
    let plan = site_plan(&new(&site), &site, &places(), &Wish::Deploy).unwrap();
    let text = crate::plan::plan_text(&plan, 1);
    assert!(
        text.contains("PGPASSWORD=***") && text.contains("PASSWORD 'SCRAM-SHA-256$…'"),
        "{text}"
    );
}

#[rustfmt::skip]
const REMOVALS: &[(&str, Removal, Change, &str)] = &[
    ("the data stays", Removal { export: None, destroy: false }, |_, _| {},
        "disconnect_unit, drop_role, remove_files"),
    ("the data goes", Removal { export: None, destroy: true }, |_, _| {},
        "disconnect_unit, drop_database, drop_role, drop_role, remove_files"),
    ("killed after the database was dropped", Removal { export: None, destroy: true }, |facts, _| {
        facts.database.database = None;
        facts.catalog.comment = None;
        facts.files.has_drop_in = false;
    }, "drop_role, drop_role, remove_files"),
    ("removed already", Removal { export: None, destroy: false }, |facts, _| {
        facts.catalog.runtime = None;
        facts.files = SiteFiles::default();
        facts.files.has_drop_in = false;
    }, ""),
    ("removed already, now the kept data too", Removal { export: None, destroy: true }, |facts, _| {
        facts.catalog.runtime = None;
        facts.files = SiteFiles::default();
        facts.files.has_drop_in = false;
    }, "drop_database, drop_role"),
    ("all is gone, and somebody has roles of these names", Removal { export: None, destroy: true }, |facts, _| {
        facts.database.database = None;
        facts.catalog.comment = None;
        facts.records = SiteRecords::default();
        facts.files = SiteFiles::default();
        facts.files.has_drop_in = false;
    }, ""),
    ("its unit is gone, and another that it had", Removal { export: None, destroy: false }, |facts, _| {
        facts.service = None;
        facts.files.former_units = vec![("old.service".parse().unwrap(), "/old".into())];
    }, "disconnect_unit, disconnect_unit, drop_role, remove_files"),
    ("its service is another site's now", Removal { export: None, destroy: false }, |facts, _| {
        facts.files.unit_taken_by = Some("other.example.com".into());
    }, "drop_role, remove_files"),
    ("somebody's role has the name of its second login", Removal { export: None, destroy: false }, |facts, _| {
        facts.catalog.alternate = Some(LoginRole::default());
        facts.records.made_alternate = false;
    }, "disconnect_unit, drop_role, remove_files"),
    ("another site's database", Removal { export: None, destroy: true }, |facts, _| {
        facts.catalog.comment = Some("pgvector-setup site gp.example.com, contact a@b.c".into());
    }, "refused: the database gp is not that of gp.aunoo.ai"),
];

#[test]
fn a_removal_takes_what_is_there_and_the_data_only_with_consent() {
    for (state, removal, change, expected) in REMOVALS {
        let mut site = sample::site("gp.aunoo.ai");
        let mut facts = deployed(&site);
        change(&mut facts, &mut site);
        let plan = removal_plan(&facts, &site, &places(), removal);
        assert_eq!(outline(plan.map_err(Into::into)), *expected, "{state}");
    }
}
