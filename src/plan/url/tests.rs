//! `(server, rights, settings) -> plan or refusal`, with what real servers and providers answer recorded as data.

use super::*;
use crate::database::facts::{DatabaseEntry, GivenPassword, InsideFacts, RoleFacts, ServerFacts};
use crate::database::migrate::{ExtensionFacts, TableFacts};
use crate::database::remote::provider::{Signs, recognise};
use crate::database::{Greeting, remote};
use crate::error::Explain as _;
use crate::plan::database::database_plan;
use crate::plan::sample::{self, name};
use crate::secret::Secret;
use crate::settings::{Given, Surroundings, Target, server_url};

fn settings(url: &str) -> Settings {
    let url = Secret::new(url);
    let given = Given {
        url: Some(&url),
        ..Given::default()
    };
    let url = server_url(&given, &Surroundings::default()).unwrap();
    let mut settings = sample::settings(Target::Url);
    (settings.role, settings.database) = (url.user.clone(), url.database.clone());
    settings.table.schema = url.user.clone();
    settings.server_url = Some(url);
    settings
}

fn remote_facts() -> RemoteFacts {
    RemoteFacts {
        address: "db.example:5432".into(),
        user: "app".into(),
        greeting: Greeting {
            tls: Some("TLSv1.3".into()),
            authentication: Authentication::Scram,
        },
        maintenance: "app".into(),
        pooling: Pooling::Direct,
        version: 170_005,
        is_in_recovery: false,
        is_read_only: false,
        primary: None,
        provider: Provider::SelfHosted,
        connections_left: None,
    }
}

type ServerChange = fn(&mut RemoteFacts);

/// What the server is, and the refusal or the notes that follow.
const SERVERS: &[(&str, ServerChange, &str)] = &[
    (
        "a good server",
        |_| {},
        "server: db.example:5432, self-hosted PostgreSQL, PostgreSQL 17.5, TLSv1.3",
    ),
    (
        "no proof is asked for",
        |facts| facts.greeting.authentication = Authentication::None,
        "server: db.example:5432, self-hosted PostgreSQL, PostgreSQL 17.5, TLSv1.3 | db.example:5432 lets app in without a password or any other proof",
    ),
    (
        "a socket",
        |facts| facts.greeting.tls = None,
        "server: db.example:5432, self-hosted PostgreSQL, PostgreSQL 17.5, no TLS",
    ),
    (
        "transaction pooling",
        |facts| facts.pooling = Pooling::Transaction,
        "E0404 db.example:5432 is a connection pooler that hands out server connections by the transaction; locks and settings of a session do not last there",
    ),
    (
        "statement pooling",
        |facts| facts.pooling = Pooling::Statement,
        "E0404 db.example:5432 is a connection pooler that hands out server connections by the statement; locks and settings of a session do not last there",
    ),
    (
        "PostgreSQL 12",
        |facts| facts.version = 120_022,
        "E0404 db.example:5432 is PostgreSQL 12; pgvector needs 13 or later",
    ),
    (
        "a standby",
        |facts| facts.is_in_recovery = true,
        "E0404 db.example:5432 is a standby and takes no writes",
    ),
    (
        "read-only",
        |facts| facts.is_read_only = true,
        "E0404 transactions of app at db.example:5432 are read-only",
    ),
    (
        "one session left",
        |facts| facts.connections_left = Some(1),
        "E0404 app may open 1 more sessions at db.example:5432, and 4 are needed",
    ),
    (
        "over its limit",
        |facts| facts.connections_left = Some(-2),
        "E0404 app may open 0 more sessions at db.example:5432, and 4 are needed",
    ),
];

#[test]
fn a_server_that_cannot_serve_is_refused_before_its_database_is_looked_at() {
    let settings = settings("postgresql://app@db.example/app");
    for (server, change, expected) in SERVERS {
        let mut facts = remote_facts();
        change(&mut facts);
        let found = match server_plan(&facts, &settings) {
            Ok(plan) => plan.notes.join(" | "),
            Err(refusal) => {
                assert!(refusal.hint().is_some_and(|hint| !hint.is_empty()), "{server}");
                format!("{} {refusal}", refusal.code())
            }
        };
        assert_eq!(found, *expected, "{server}");
    }
}

/// The owner of a database that has the extension, and no rights beside.
fn owner() -> DatabaseFacts {
    DatabaseFacts {
        server: ServerFacts {
            version: 170_005,
            available_pgvector: Some("0.8.0".into()),
            ..ServerFacts::default()
        },
        role: Some(RoleFacts {
            is_superuser: false,
            can_log_in: true,
            oid: "16384".into(),
        }),
        database: Some(DatabaseEntry {
            owner: "app".into(),
            encoding: "UTF8".into(),
            allows_connections: true,
            oid: "16385".into(),
            role_may_connect: Some(true),
            has_default_rights: false,
        }),
        inside: Some(InsideFacts {
            table: TableFacts {
                extension: Some(ExtensionFacts {
                    version: "0.8.0".into(),
                    schema: "public".into(),
                }),
                ..TableFacts::default()
            },
            extension_schema_exists: true,
            ..InsideFacts::default()
        }),
        rights: Some(Rights {
            user: "app".into(),
            creates_schemas: Some(true),
            may_become_role: Some(true),
            administers_role: Some(false),
            has_utf8_locale: true,
            ..Rights::default()
        }),
        ..DatabaseFacts::default()
    }
}

fn rights(facts: &mut DatabaseFacts) -> &mut Rights {
    facts.rights.as_mut().unwrap()
}

/// The extension is not in the database yet.
fn without_extension(facts: &mut DatabaseFacts, provider: Provider) {
    let inside = facts.inside.as_mut().unwrap();
    inside.table.extension = None;
    inside.table.available_extension = Some("0.8.0".into());
    rights(facts).provider = provider;
}

/// The wanted role is another than the user, and not there.
fn other_role(facts: &mut DatabaseFacts, settings: &mut Settings) {
    settings.role = name("vectors");
    settings.table.schema = name("vectors");
    facts.role = None;
    facts.database.as_mut().unwrap().role_may_connect = None;
    rights(facts).may_become_role = None;
    rights(facts).administers_role = None;
}

/// The role is there, and `--role-password-file` has another password than it.
fn chosen_password(facts: &mut DatabaseFacts, settings: &mut Settings) {
    other_role(facts, settings);
    facts.role = owner().role;
    (rights(facts).may_become_role, rights(facts).administers_role) = (Some(true), Some(false));
    settings.role_password_file = Some("/run/secrets/application".into());
    facts.role_password = Some(GivenPassword {
        is_kept: false,
        lets_in: Some(false),
    });
}

#[test]
fn a_database_that_every_role_may_use_is_left_as_it_is_and_named() {
    let settings = settings("postgresql://app@db.example/app");
    let is_named = |facts: &DatabaseFacts| {
        let plan = database_plan(facts, &settings, std::path::Path::new("/c")).unwrap();
        let note = "every role may connect to the database \"app\", which is there already";
        plan.notes
            .iter()
            .any(|text| text.starts_with(note) && text.contains("REVOKE ALL ON DATABASE"))
    };
    let mut facts = owner();
    assert!(!is_named(&facts));
    facts.database.as_mut().unwrap().has_default_rights = true;
    assert!(is_named(&facts));
    // What the receipt says that we made is limited, not named.
    facts.unfinished.restriction = true;
    assert!(!is_named(&facts));
}

type Change = fn(&mut DatabaseFacts, &mut Settings);

const MIGRATIONS: &str = "prepare schema, migration 1, migration 2, migration 3, migration 4, prove";

/// What the user may do where, and the steps or the refusal with what is lacking.
#[rustfmt::skip]
const PERMISSIONS: &[(&str, Change, &str)] = &[
    ("the owner, the extension there", |_, _| {}, MIGRATIONS),
    ("the owner, no extension", |facts, _| without_extension(facts, Provider::SelfHosted),
     "E0405 as a superuser, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\""),
    ("a superuser for another role, nothing there", |facts, settings| {
        without_extension(facts, Provider::SelfHosted);
        other_role(facts, settings);
        (facts.database, facts.inside) = (None, None);
        let rights = rights(facts);
        (rights.is_superuser, rights.creates_roles, rights.creates_databases, rights.creates_schemas) = (true, true, true, None);
     }, "write password, create role, create database, limit database, prepare schema, migration 1, migration 2, migration 3, migration 4, prove"),
    ("a superuser for itself", |facts, _| facts.role.as_mut().unwrap().is_superuser = true, "E0404 pgvector-setup up --role vectors (makes a role for the application)"),
    ("one who makes roles", |facts, settings| { other_role(facts, settings); rights(facts).creates_roles = true; },
     "write password, create role, act as role, limit database, prepare schema, migration 1, migration 2, migration 3, migration 4, prove"),
    ("one who does not make roles", |facts, settings| other_role(facts, settings),
     "E0405 CREATE ROLE \"vectors\" LOGIN; then its password: \\password \"vectors\"; or leave out --role / GRANT \"vectors\" TO \"app\""),
    ("a role that is there and not ours to become", |facts, settings| {
        other_role(facts, settings);
        (facts.role, facts.database) = (owner().role, owner().database);
        (rights(facts).may_become_role, rights(facts).administers_role) = (Some(false), Some(false));
     }, "E0405 GRANT \"vectors\" TO \"app\""),
    ("another password for a role, one who administers it", |facts, settings| {
        chosen_password(facts, settings);
        (rights(facts).creates_roles, rights(facts).administers_role) = (true, Some(true));
     }, "write password, give role \"vectors\" the password of /run/secrets/application, limit database, prepare schema, migration 1, migration 2, migration 3, migration 4, prove"),
    ("another password for a role, one who only belongs to it", |facts, settings| chosen_password(facts, settings),
     "E0405 \\password \"vectors\" in psql as its administrator; or leave out --role-password-file"),
    ("no right to make the database", |facts, settings| {
        settings.database = name("new");
        (facts.database, facts.inside, rights(facts).creates_schemas) = (None, None, None);
        rights(facts).is_provider_administrator = true;
     }, "E0405 CREATE DATABASE \"new\" OWNER \"app\""),
    ("no right to make schemas", |facts, _| rights(facts).creates_schemas = Some(false), "E0405 GRANT CREATE ON DATABASE \"app\" TO \"app\""),
    ("RDS, its administrator", |facts, _| { without_extension(facts, Provider::Rds); rights(facts).is_provider_administrator = true; }, MIGRATIONS),
    ("RDS, somebody else", |facts, _| without_extension(facts, Provider::Rds),
     "E0405 as the master user, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\" / or, as the master user: GRANT rds_superuser TO \"app\""),
    ("RDS, with a list that has it", |facts, _| {
        without_extension(facts, Provider::Rds);
        rights(facts).is_provider_administrator = true;
        rights(facts).allowed_extensions = Some("postgis, Vector".into());
     }, MIGRATIONS),
    ("RDS, with a list that lacks it", |facts, _| {
        without_extension(facts, Provider::Rds);
        rights(facts).allowed_extensions = Some("postgis".into());
     }, "E0406 aws rds modify-db-parameter-group --db-parameter-group-name GROUP --parameters \"ParameterName=rds.allowed_extensions,ParameterValue='postgis,vector',ApplyMethod=immediate\""),
    ("RDS, too old to have it", |facts, _| {
        without_extension(facts, Provider::Rds);
        (facts.server.available_pgvector, facts.server.version) = (None, 150_001);
     }, "E0406 aws rds modify-db-instance --db-instance-identifier NAME --engine-version VERSION (pgvector came with 13.10, 14.7 and 15.2)"),
    ("Aurora, too old to have it", |facts, _| { without_extension(facts, Provider::Aurora); facts.server.available_pgvector = None; },
     "E0406 aws rds modify-db-cluster --db-cluster-identifier NAME --engine-version VERSION (pgvector came with 13.11, 14.8 and 15.3)"),
    ("Cloud SQL, its administrator", |facts, _| { without_extension(facts, Provider::CloudSql); rights(facts).is_provider_administrator = true; }, MIGRATIONS),
    ("Cloud SQL, somebody else", |facts, _| without_extension(facts, Provider::CloudSql),
     "E0405 as the user postgres, or any that gcloud made, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\" / or: GRANT cloudsqlsuperuser TO \"app\""),
    ("AlloyDB, somebody else", |facts, _| without_extension(facts, Provider::AlloyDb),
     "E0405 as the user postgres, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\" / or: gcloud alloydb users set-superuser app --superuser=true --cluster=CLUSTER --region=REGION"),
    ("AlloyDB, whose version has a suffix", |facts, _| {
        without_extension(facts, Provider::AlloyDb);
        rights(facts).is_provider_administrator = true;
        facts.inside.as_mut().unwrap().table.available_extension = Some("0.8.0.google-3".into());
     }, MIGRATIONS),
    ("Azure, an empty list", |facts, _| {
        without_extension(facts, Provider::Azure);
        (rights(facts).is_provider_administrator, rights(facts).allowed_extensions) = (true, Some(String::new()));
     }, "E0406 az postgres flexible-server parameter set --resource-group GROUP --server-name NAME --name azure.extensions --value VECTOR"),
    ("Azure, a list that lacks it", |facts, _| {
        without_extension(facts, Provider::Azure);
        (rights(facts).is_provider_administrator, rights(facts).allowed_extensions) = (true, Some("PG_TRGM, POSTGIS".into()));
     }, "E0406 az postgres flexible-server parameter set --resource-group GROUP --server-name NAME --name azure.extensions --value PG_TRGM,POSTGIS,VECTOR"),
    ("Azure, listed, its administrator", |facts, _| {
        without_extension(facts, Provider::Azure);
        (rights(facts).is_provider_administrator, rights(facts).allowed_extensions) = (true, Some("VECTOR".into()));
     }, MIGRATIONS),
    ("Azure, listed, somebody else", |facts, _| {
        without_extension(facts, Provider::Azure);
        rights(facts).allowed_extensions = Some("vector".into());
     }, "E0405 as the server's administrator, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\" / or, as the administrator: GRANT azure_pg_admin TO \"app\""),
    ("Azure, not listed, but there", |facts, _| {
        rights(facts).provider = Provider::Azure;
        rights(facts).allowed_extensions = Some(String::new());
     }, MIGRATIONS),
    ("Supabase, the owner", |facts, _| without_extension(facts, Provider::Supabase), MIGRATIONS),
    ("Supabase, somebody else", |facts, _| { without_extension(facts, Provider::Supabase); rights(facts).creates_schemas = Some(false); },
     "E0405 GRANT CREATE ON DATABASE \"app\" TO \"app\" / as the user postgres, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\" / or: Dashboard, Database, Extensions, vector, on"),
    ("Neon, the owner", |facts, _| without_extension(facts, Provider::Neon), MIGRATIONS),
    ("Aiven, its administrator", |facts, _| { without_extension(facts, Provider::Aiven); rights(facts).is_provider_administrator = true; }, MIGRATIONS),
    ("Aiven, somebody else", |facts, _| without_extension(facts, Provider::Aiven),
     "E0405 as a member of avnadmin, in the database app: CREATE EXTENSION vector WITH SCHEMA \"public\""),
    ("a control file that was made trusted", |facts, _| { without_extension(facts, Provider::SelfHosted); rights(facts).is_trusted_extension = true; }, MIGRATIONS),
    ("spilo, a list that lacks it", |facts, _| { without_extension(facts, Provider::SelfHosted); rights(facts).allowed_extensions = Some("hstore".into()); },
     "E0406 in the server's configuration: extwlist.extensions = 'hstore,vector'"),
    ("no package, self-hosted", |facts, _| { without_extension(facts, Provider::SelfHosted); facts.server.available_pgvector = None; },
     "E0406 on the server, Debian or Ubuntu: sudo apt-get install postgresql-17-pgvector / on the server, with PGDG's dnf repository: sudo dnf install pgvector_17 / in a container: the image pgvector/pgvector, of the same PostgreSQL"),
];

#[test]
fn every_permission_has_its_plan_or_the_next_step_of_its_provider() {
    for (state, change, expected) in PERMISSIONS {
        let (mut facts, mut settings) = (owner(), settings("postgresql://app@db.example/app"));
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{state}");
    }
}

fn outline(facts: &DatabaseFacts, settings: &Settings) -> String {
    let plan = database_plan(facts, settings, std::path::Path::new("/c"));
    let plan = plan.and_then(|plan| Ok(permitted(facts, settings, &plan).map(|()| plan)?));
    match plan {
        Ok(plan) => plan.steps.iter().map(word).collect::<Vec<_>>().join(", "),
        Err(error) => {
            let hint = error.hint().unwrap_or_default().replace("\nhint: ", " / ");
            let hint = hint
                .split(" / pgvector-setup plan --sql")
                .next()
                .unwrap_or_default()
                .to_owned();
            let hint = hint
                .split(" / then the same command")
                .next()
                .unwrap_or_default()
                .to_owned();
            format!("{} {hint}", error.code())
        }
    }
}

fn word(step: &Step) -> String {
    match step {
        Step::WriteCredentials { .. } => "write password".into(),
        Step::CreateRole { .. } => "create role".into(),
        Step::GrantMembership { .. } => "act as role".into(),
        Step::CreateDatabase { .. } => "create database".into(),
        Step::RestrictDatabase { .. } => "limit database".into(),
        Step::CreateSchema { .. } => "prepare schema".into(),
        Step::Migrate { version, .. } => format!("migration {version}"),
        Step::Verify { .. } => "prove".into(),
        other => other.title(),
    }
}

#[test]
fn providers_are_told_by_the_roles_that_only_they_have() {
    let table: [(&[&str], bool, Provider); 12] = [
        (&[], false, Provider::SelfHosted),
        (&["rds_superuser"], false, Provider::Rds),
        (&["rds_superuser"], true, Provider::Aurora),
        (&["cloudsqlsuperuser"], false, Provider::CloudSql),
        (
            &["alloydbsuperuser", "cloudsqlsuperuser"],
            false,
            Provider::AlloyDb,
        ),
        (&["azure_pg_admin"], false, Provider::Azure),
        (&["supabase_admin"], false, Provider::Supabase),
        (&["neon_superuser"], false, Provider::Neon),
        (&["tsdbadmin"], false, Provider::Timescale),
        (&["doadmin"], false, Provider::DigitalOcean),
        (&["avnadmin"], false, Provider::Aiven),
        (&["somebody"], true, Provider::SelfHosted),
    ];
    for (roles, has_aurora_version, expected) in table {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let signs = Signs {
            roles,
            has_aurora_version,
        };
        assert_eq!(recognise(&signs), expected, "{signs:?}");
    }
}

#[test]
fn the_grant_says_what_since_postgresql_16_is_no_default() {
    for (version, expected) in [
        (150_008, "GRANT \"vectors\" TO \"app\""),
        (
            160_000,
            "GRANT \"vectors\" TO \"app\" WITH INHERIT TRUE, SET TRUE",
        ),
    ] {
        let (mut facts, mut settings) = (owner(), settings("postgresql://app@db.example/app"));
        other_role(&mut facts, &mut settings);
        facts.server.version = version;
        let mut plan = Plan::default();
        membership(&facts, &settings, &mut plan);
        assert_eq!(plan.steps[0].details(), [expected]);
    }
}

#[test]
fn the_database_to_be_dropped_is_not_the_one_that_is_connected_to() {
    assert_eq!(remote::beside("app", &name("app")), "postgres");
    assert_eq!(remote::beside("app", &name("other")), "app");
}
