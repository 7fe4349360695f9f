//! `(facts, settings) -> plan or refusal`: what the server and the database hold already, one state a row.

use super::*;
use crate::apply::Unfinished;
use crate::database::facts::{DatabaseEntry, RoleFacts, ServerFacts};
use crate::database::index::{Definition, IndexFacts};
use crate::database::migrate::{ColumnFacts, ExistingTable, ExtensionFacts, History, TableFacts, TableKind};
use crate::error::Explain as _;
use crate::plan::plan_text;
use crate::plan::sample::{self, name};
use crate::settings::{Dimensions, Lists, Metric, Target, VectorTable};

const CREDENTIALS: &str = "/home/ann/.local/share/pgvector-setup/instances/default/credentials";

fn settings() -> Settings {
    sample::settings(Target::Embedded)
}

/// PostgreSQL 18 that has nothing of ours.
fn server() -> DatabaseFacts {
    DatabaseFacts {
        server: ServerFacts {
            version: 180_004,
            administrator_is_superuser: true,
            available_pgvector: Some("0.8.5".to_owned()),
            ..ServerFacts::default()
        },
        ..DatabaseFacts::default()
    }
}

/// What an `up` with these settings leaves.
pub(in crate::plan) fn done(settings: &Settings) -> DatabaseFacts {
    DatabaseFacts {
        role: Some(role_facts()),
        database: Some(database_entry()),
        inside: Some(InsideFacts {
            schema_owner: Some(settings.role.to_string()),
            role_may_create: true,
            extension_schema_exists: true,
            history: History::complete(&settings.table),
            table: table_facts(&settings.table),
        }),
        credentials_exist: true,
        ..server()
    }
}

fn role_facts() -> RoleFacts {
    RoleFacts {
        is_superuser: false,
        can_log_in: true,
        oid: "16384".to_owned(),
    }
}

fn database_entry() -> DatabaseEntry {
    DatabaseEntry {
        owner: "postgres".to_owned(),
        encoding: "UTF8".to_owned(),
        allows_connections: true,
        oid: "16385".to_owned(),
        role_may_connect: Some(true),
        has_default_rights: false,
    }
}

fn table_facts(table: &VectorTable) -> TableFacts {
    TableFacts {
        extension: Some(ExtensionFacts {
            version: "0.8.5".to_owned(),
            schema: table.extension_schema.to_string(),
        }),
        table: Some(ExistingTable {
            columns: vec![column("uri", "text", "pg_catalog"), embedding(table)],
            indexes: Definition::wanted(table)
                .into_iter()
                .map(|wanted| index(table, wanted))
                .collect(),
            ..bare_table()
        }),
        ..TableFacts::default()
    }
}

/// A table of ours with its key alone and no rows.
fn bare_table() -> ExistingTable {
    ExistingTable {
        kind: TableKind::Ordinary,
        owner: "vectors".to_owned(),
        columns: vec![column("uri", "text", "pg_catalog")],
        estimated_rows: -1.0,
        has_rows: false,
        embeddings: None,
        indexes: Vec::new(),
    }
}

fn column(name: &str, type_name: &str, type_schema: &str) -> ColumnFacts {
    ColumnFacts {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        type_schema: type_schema.to_owned(),
    }
}

fn embedding(table: &VectorTable) -> ColumnFacts {
    column(
        table.column.as_str(),
        &table.type_name(),
        table.extension_schema.as_str(),
    )
}

fn index(table: &VectorTable, definition: Definition) -> IndexFacts {
    IndexFacts {
        name: table.index_name().to_string(),
        valid: true,
        plain: true,
        definition,
        sql: String::new(),
    }
}

/// A database of somebody else with the 94 articles in it, adopted: `--database site --schema app`, the role its owner.
fn adopted(facts: &mut DatabaseFacts, settings: &mut Settings) {
    settings.database = name("site");
    settings.table.schema = name("app");
    facts.role = Some(role_facts());
    facts.database = Some(database_entry());
    facts.inside = Some(InsideFacts {
        schema_owner: Some("vectors".to_owned()),
        role_may_create: true,
        extension_schema_exists: true,
        history: History::default(),
        table: TableFacts {
            available_extension: Some("0.8.5".to_owned()),
            table: Some(ExistingTable {
                has_rows: true,
                estimated_rows: 94.0,
                ..bare_table()
            }),
            ..TableFacts::default()
        },
    });
}

/// With `--role-password-file`.
fn given(facts: &mut DatabaseFacts, settings: &mut Settings, is_kept: bool, lets_in: Option<bool>) {
    settings.role_password_file = Some("/run/secrets/application".into());
    facts.role_password = Some(GivenPassword { is_kept, lets_in });
}

fn inside(facts: &mut DatabaseFacts) -> &mut InsideFacts {
    facts.inside.as_mut().unwrap()
}

fn table(facts: &mut DatabaseFacts) -> &mut ExistingTable {
    inside(facts).table.table.as_mut().unwrap()
}

fn dimensions(settings: &mut Settings, count: u16) {
    settings.table.dimensions = Dimensions::new(count).unwrap();
}

/// The plan with its notes, or the refusal, in as few words as tell them apart.
fn outline(facts: &DatabaseFacts, settings: &Settings) -> String {
    let plan = match database_plan(facts, settings, Path::new(CREDENTIALS)) {
        Ok(plan) => plan,
        Err(error) => return format!("{} {error}", error.code()),
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::WriteCredentials { from: Some(file), .. } => format!("credentials of {}", file.display()),
        Step::WriteCredentials { .. } => "credentials".to_owned(),
        Step::SetPassword { .. } => step.title(),
        Step::CreateRole { .. } => "role".to_owned(),
        Step::CreateDatabase { .. } => "database".to_owned(),
        Step::RestrictDatabase { sql, .. } => format!("restrict by {}", sql.len()),
        Step::CreateSchema { sql, .. } => format!("schema by {}", sql.len()),
        Step::Migrate {
            version,
            sql,
            concurrent,
            ..
        } => {
            let adopts = sql.contains("is already there and is kept as it is");
            let words = match (adopts, concurrent) {
                (true, _) => " adopting",
                (false, true) => " concurrently",
                (false, false) => "",
            };
            format!("migration {version}{words}")
        }
        Step::Verify { dimensions, .. } => format!("proof of {dimensions}"),
        other => format!("{other:?}"),
    });
    let notes = plan.notes.iter().map(|note| format!("note: {note}"));
    steps.chain(notes).collect::<Vec<_>>().join(", ")
}

/// The state is changed to this before it is planned for; it begins as a server that has nothing of ours.
type Case = (&'static str, fn(&mut DatabaseFacts, &mut Settings), &'static str);

const WHOLE: &str = "credentials, role, database, restrict by 3, schema by 2, \
    migration 1, migration 2, migration 3, migration 4, proof of 1536";

const WHOLE_WITH_CHOSEN_PASSWORD: &str = "credentials of /run/secrets/application, role, database, restrict by 3, \
    schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536";

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("no server yet", |facts, _| *facts = DatabaseFacts::default(), WHOLE),
    ("a server with nothing of ours", |_, _| {}, WHOLE),
    ("everything there", |facts, settings| *facts = done(settings), ""),
    ("everything there but the credentials", |facts, settings| { *facts = done(settings); facts.credentials_exist = false; },
        "note: the role vectors is there already: its password is left as it is"),
    ("only the credentials of a run that was cut off", |facts, _| facts.credentials_exist = true,
        "role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("the role, with its credentials", |facts, _| { facts.role = Some(role_facts()); facts.credentials_exist = true; },
        "database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("the role, without credentials", |facts, _| facts.role = Some(role_facts()),
        "database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536, \
         note: the role vectors is there already: its password is left as it is"),
    ("a chosen password, nothing there", |facts, settings| given(facts, settings, false, None), WHOLE_WITH_CHOSEN_PASSWORD),
    ("a chosen password, kept by a run that was cut off", |facts, settings| given(facts, settings, true, None),
        "role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("a chosen password that lets the role in", |facts, settings| { *facts = done(settings); given(facts, settings, true, Some(true)); },
        ""),
    ("a chosen password that lets the role in, records lost", |facts, settings| { *facts = done(settings); facts.credentials_exist = false; given(facts, settings, false, Some(true)); },
        "credentials of /run/secrets/application, proof of 1536"),
    ("another chosen password", |facts, settings| { *facts = done(settings); given(facts, settings, false, Some(false)); },
        "credentials of /run/secrets/application, give role \"vectors\" the password of /run/secrets/application, proof of 1536"),
    ("another chosen password, kept by a run that was cut off", |facts, settings| { *facts = done(settings); given(facts, settings, true, Some(false)); },
        "give role \"vectors\" the password of /run/secrets/application, proof of 1536"),
    ("a chosen password, and rules that ask for none", |facts, settings| { *facts = done(settings); given(facts, settings, true, None); },
        ""),
    ("a chosen password for a superuser", |facts, settings| { facts.role = Some(RoleFacts { is_superuser: true, ..role_facts() }); given(facts, settings, false, Some(false)); },
        "E0404 the role vectors is a superuser, and an application must not be"),
    ("the role is a superuser", |facts, _| facts.role = Some(RoleFacts { is_superuser: true, ..role_facts() }),
        "E0404 the role vectors is a superuser, and an application must not be"),
    ("the role may not log in", |facts, _| facts.role = Some(RoleFacts { can_log_in: false, ..role_facts() }),
        "E0404 the role vectors may not log in"),
    ("a server that has no pgvector to load", |facts, _| facts.server.available_pgvector = None,
        "E0404 this server has no pgvector to load"),
    ("a server whose pgvector is loaded and whose files are gone", |facts, settings| { *facts = done(settings); facts.server.available_pgvector = None; },
        ""),
    ("a standby", |facts, _| facts.server.is_in_recovery = true,
        "E0404 this server is a standby and takes no writes"),
    ("a read-only server", |facts, _| facts.server.is_read_only = true,
        "E0404 this server is set to read-only transactions"),
    ("PostgreSQL 12", |facts, _| facts.server.version = 120_022,
        "E0404 this server is PostgreSQL 12; pgvector needs 13 or later"),
    ("PostgreSQL 13", |facts, _| facts.server.version = 130_000, WHOLE),
    ("the database is encoded otherwise", |facts, _| facts.database = Some(DatabaseEntry { encoding: "SQL_ASCII".to_owned(), ..database_entry() }),
        "E0404 the database vectors is encoded in SQL_ASCII, and UTF8 is needed"),
    ("the database allows no connections", |facts, _| facts.database = Some(DatabaseEntry { allows_connections: false, ..database_entry() }),
        "E0404 the database vectors allows no connections"),
    ("the database, empty, and no role", |facts, _| {
        facts.database = Some(DatabaseEntry { role_may_connect: None, ..database_entry() });
        facts.inside = Some(InsideFacts { extension_schema_exists: true, ..InsideFacts::default() });
     },
        "credentials, role, restrict by 1, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("the database, and a role that may not connect to it", |facts, settings| {
        *facts = done(settings);
        facts.database = Some(DatabaseEntry { role_may_connect: Some(false), ..database_entry() });
     },
        "restrict by 1, proof of 1536"),
    ("made, and cut off before it was restricted", |facts, settings| {
        *facts = done(settings);
        facts.unfinished = Unfinished { restriction: true, schema: false, login: false, proof: true };
     },
        "restrict by 3, proof of 1536"),
    ("made, and cut off before the role was let into its schema public", |facts, settings| {
        settings.table.schema = name("public");
        *facts = done(settings);
        inside(facts).schema_owner = Some("pg_database_owner".to_owned());
        inside(facts).role_may_create = false;
        inside(facts).table = TableFacts::default();
        inside(facts).history = History::default();
        facts.unfinished.schema = true;
     },
        "schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("cut off before the proof", |facts, settings| { *facts = done(settings); facts.unfinished.proof = true; },
        "proof of 1536"),
    ("a schema of another owner", |facts, settings| {
        adopted(facts, settings);
        inside(facts).schema_owner = Some("ann".to_owned());
        inside(facts).role_may_create = false;
        inside(facts).table = TableFacts::default();
     },
        "E0403 the schema app is already there and differs:\n  - it belongs to ann, and vectors may not create tables in it"),
    ("a schema of another owner, in which the role may create", |facts, settings| {
        adopted(facts, settings);
        inside(facts).schema_owner = Some("ann".to_owned());
        inside(facts).table = TableFacts::default();
     },
        "migration 1, migration 2, migration 3, migration 4, proof of 1536, \
         note: the role vectors is there already: its password is left as it is"),
    ("the schema public of a new database", |_, settings| settings.table.schema = name("public"), WHOLE),
    ("the extension in a schema of its own", |_, settings| settings.table.extension_schema = name("extensions"),
        "credentials, role, database, restrict by 3, schema by 4, \
         migration 1, migration 2, migration 3, migration 4, proof of 1536"),
    ("the extension in the table's schema", |_, settings| settings.table.extension_schema = name("vectors"), WHOLE),
    ("the 94 articles", adopted,
        "migration 1, migration 2 adopting, migration 3, migration 4 concurrently, proof of 1536, \
         note: the role vectors is there already: its password is left as it is"),
    ("the 94 articles, their embedding and its index", |facts, settings| {
        adopted(facts, settings);
        facts.credentials_exist = true;
        inside(facts).table = table_facts(&settings.table);
     },
        "migration 1 adopting, migration 2 adopting, migration 3 adopting, migration 4 adopting, proof of 1536"),
    ("a table of another owner", |facts, settings| { adopted(facts, settings); table(facts).owner = "ann".to_owned(); },
        "E0403 the table app.articles is already there and differs:\n  - it belongs to ann, not to vectors"),
    ("a view of the table's name", |facts, settings| { adopted(facts, settings); table(facts).kind = TableKind::Other("view".to_owned()); },
        "E0707 \"app\".\"articles\" is already there and differs:\n  - kind: view -> table"),
    ("a table without the key", |facts, settings| { adopted(facts, settings); settings.table.key = name("id"); },
        "E0707 \"app\".\"articles\" is already there and differs:\n  - key column: \"id\" is none of uri"),
    ("a column of other dimensions", |facts, settings| {
        adopted(facts, settings);
        table(facts).columns.push(column("embedding", "vector(768)", "public"));
     },
        "E0707 column \"embedding\" of \"app\".\"articles\" is already there and differs:\n  - type: vector(768) -> vector(1536)"),
    ("a column of another type", |facts, settings| {
        adopted(facts, settings);
        table(facts).columns.push(column("embedding", "text", "pg_catalog"));
     },
        "E0707 column \"embedding\" of \"app\".\"articles\" is already there and differs:\n  - type: text -> vector(1536)"),
    ("other dimensions than were applied", |facts, settings| { *facts = done(settings); dimensions(settings, 768); },
        "E0702 migration V3 (embedding_column) was applied in another form:\n  - dimensions: 1536 -> 768\n  - type: vector(1536) -> vector(768)"),
    ("the extension in another schema", |facts, settings| { *facts = done(settings); inside(facts).history = History::default(); inside(facts).table.extension.as_mut().unwrap().schema = "ext".to_owned(); },
        "E0706 extension vector is in schema ext, not in public"),
    ("a pgvector that is too old for halfvec", |facts, settings| { adopted(facts, settings); inside(facts).table.available_extension = Some("0.6.2".to_owned()); dimensions(settings, 3072); },
        "E0706 pgvector 0.6.2 is too old for halfvec, which came with 0.7.0"),
    ("the applied table is gone", |facts, settings| { *facts = done(settings); inside(facts).table.table = None; },
        "E0708 migration V2 is recorded as applied, but table \"vectors\".\"articles\" is not there"),
    ("the index is gone", |facts, settings| { *facts = done(settings); table(facts).indexes.clear(); },
        "E0708 migration V4 is recorded as applied, but a valid index on \"embedding\" of \"vectors\".\"articles\" is not there"),
    ("an INVALID index of a build that was cut off", |facts, settings| {
        *facts = done(settings);
        inside(facts).history.applied.pop();
        table(facts).indexes[0].valid = false;
        table(facts).has_rows = true;
     },
        "migration 4 concurrently, proof of 1536"),
    ("cut off after the table", |facts, settings| {
        *facts = done(settings);
        inside(facts).history.applied.truncate(2);
        inside(facts).table.table = Some(bare_table());
     },
        "migration 3, migration 4, proof of 1536"),
    ("ivfflat, nothing there", |_, settings| settings.table.index = Index::Ivfflat { lists: Lists::Auto },
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, proof of 1536, \
         note: the index waits: ivfflat trains its lists on the rows: 0 rows have an embedding, 1000 are needed"),
    ("ivfflat, on an empty table", |facts, settings| {
        settings.table.index = Index::Ivfflat { lists: Lists::Auto };
        *facts = done(settings);
        inside(facts).history.applied.pop();
        table(facts).indexes.clear();
        table(facts).embeddings = Some(0);
     },
        "note: the index waits: ivfflat trains its lists on the rows: 0 rows have an embedding, 1000 are needed"),
    ("ivfflat, on 2,000 rows", |facts, settings| {
        settings.table.index = Index::Ivfflat { lists: Lists::Auto };
        *facts = done(settings);
        inside(facts).history.applied.pop();
        table(facts).indexes.clear();
        table(facts).has_rows = true;
        table(facts).embeddings = Some(2_000);
     },
        "migration 4 concurrently, proof of 1536"),
    ("3,072 dimensions", |_, settings| dimensions(settings, 3072),
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 3072, \
         note: 3072 dimensions are stored as halfvec (16-bit floats): pgvector indexes vector only up to 2000"),
    ("4,000 dimensions", |_, settings| dimensions(settings, 4000),
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, migration 4, proof of 4000, \
         note: 4000 dimensions are stored as halfvec (16-bit floats): pgvector indexes vector only up to 2000"),
    ("4,096 dimensions", |_, settings| dimensions(settings, 4096),
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, proof of 4096, \
         note: 4096 dimensions cannot be indexed (pgvector's limit is 4000): stored without index, searches are exact"),
    ("no index", |_, settings| settings.table.index = Index::None,
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, proof of 1536, \
         note: no index, as asked: every search reads every row and is exact"),
    ("no index, 3,072 dimensions", |_, settings| { settings.table.index = Index::None; dimensions(settings, 3072); },
        "credentials, role, database, restrict by 3, schema by 2, migration 1, migration 2, migration 3, proof of 3072, \
         note: no index, as asked: every search reads every row and is exact"),
];

#[test]
fn every_state_has_its_plan_or_its_refusal() {
    for (state, change, expected) in CASES {
        let (mut facts, mut settings) = (server(), settings());
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{state}");
    }
}

#[test]
fn every_refusal_says_what_to_do_next() {
    for (state, change, _) in CASES {
        let (mut facts, mut settings) = (server(), settings());
        change(&mut facts, &mut settings);
        if let Err(error) = database_plan(&facts, &settings, Path::new(CREDENTIALS)) {
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{state}");
        }
    }
}

#[test]
fn no_plan_has_a_secret_in_it() {
    let plan = database_plan(&server(), &settings(), Path::new(CREDENTIALS)).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(text.contains("PASSWORD 'SCRAM-SHA-256$…'"), "{text}");
}

#[test]
fn a_new_database_is_shown_statement_by_statement() {
    let plan = database_plan(&server(), &settings(), Path::new(CREDENTIALS)).unwrap();
    insta::assert_snapshot!(plan_text(&plan, 10), @r##"
    10. make a password for vectors and keep it in /home/ann/.local/share/pgvector-setup/instances/default/credentials (mode 0600)
    11. create role "vectors"
          CREATE ROLE "vectors" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'
    12. create database "vectors"
          CREATE DATABASE "vectors" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'
    13. limit who may use database "vectors"
          REVOKE ALL ON DATABASE "vectors" FROM PUBLIC
          REVOKE CREATE ON SCHEMA public FROM PUBLIC
          GRANT CONNECT, TEMPORARY ON DATABASE "vectors" TO "vectors"
    14. prepare schema "vectors"
          CREATE SCHEMA "vectors" AUTHORIZATION "vectors"
          ALTER ROLE "vectors" IN DATABASE "vectors" SET search_path = "vectors", "public"
    15. migration 1: extension
          CREATE SCHEMA IF NOT EXISTS "public";
          CREATE EXTENSION vector WITH SCHEMA "public";
    16. migration 2: table
          CREATE TABLE "vectors"."articles" (
              "uri" text PRIMARY KEY,
              document text,
              metadata jsonb NOT NULL DEFAULT '{}',
              created_at timestamptz NOT NULL DEFAULT now()
          );
    17. migration 3: embedding column
          ALTER TABLE "vectors"."articles" ADD COLUMN "embedding" "public".vector(1536);
    18. migration 4: embedding index
          CREATE INDEX "articles_embedding_idx" ON "vectors"."articles"
              USING hnsw ("embedding" "public".vector_cosine_ops) WITH (ef_construction = 64, m = 16);
    19. prove it: 390 vectors of 1536 dimensions, index used, recall, write and delete
    "##);
}

#[test]
fn an_adopted_table_is_shown_with_what_is_added_to_it() {
    let (mut facts, mut settings) = (server(), settings());
    adopted(&mut facts, &mut settings);
    settings.table.table = name("the \"Articles\"");
    settings.table.metric = Metric::L2;
    dimensions(&mut settings, 3072);
    let plan = database_plan(&facts, &settings, Path::new(CREDENTIALS)).unwrap();
    insta::assert_snapshot!(plan_text(&plan, 1), @r##"
    note: 3072 dimensions are stored as halfvec (16-bit floats): pgvector indexes vector only up to 2000
    note: the role vectors is there already: its password is left as it is
      1. migration 1: extension
           CREATE SCHEMA IF NOT EXISTS "public";
           CREATE EXTENSION vector WITH SCHEMA "public";
      2. migration 2: table
           table "app"."the ""Articles""" is already there and is kept as it is
      3. migration 3: embedding column
           ALTER TABLE "app"."the ""Articles""" ADD COLUMN "embedding" "public".halfvec(3072);
      4. migration 4: embedding index
           CREATE INDEX CONCURRENTLY "the ""Articles""_embedding_idx" ON "app"."the ""Articles"""
               USING hnsw ("embedding" "public".halfvec_l2_ops) WITH (ef_construction = 64, m = 16);
      5. prove it: 195 vectors of 3072 dimensions, index used, recall, write and delete
    "##);
}
