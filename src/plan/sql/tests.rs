use super::*;
use crate::database::facts::{DatabaseFacts, GivenPassword, RoleFacts};
use crate::plan::database::database_plan;
use crate::plan::sample;
use crate::settings::{Index, Target};

fn script(target: Target) -> String {
    let mut settings = sample::settings(target);
    settings.table.index = Index::None;
    let plan = database_plan(&DatabaseFacts::default(), &settings, std::path::Path::new("/c")).unwrap();
    plan_sql(&plan, &settings)
}

#[test]
fn a_plan_is_a_script_that_goes_from_database_to_database_and_holds_no_password() {
    insta::assert_snapshot!(script(Target::System), @r#"
-- Run it by psql as a superuser; then `pgvector-setup up` goes on.
\set ON_ERROR_STOP on
\encoding UTF8

-- create role "vectors" (needs CREATEROLE or a superuser)
CREATE ROLE "vectors" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- then its password, which psql asks for: \password "vectors"

-- create database "vectors" (needs CREATEDB or a superuser)
CREATE DATABASE "vectors" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';

\connect -reuse-previous=on "dbname='vectors'"
SET search_path = pg_catalog;

-- limit who may use database "vectors" (needs the owner of the database)
REVOKE ALL ON DATABASE "vectors" FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE "vectors" TO "vectors";

-- prepare schema "vectors" (needs CREATE on the database, and to be a member of the role)
CREATE SCHEMA "vectors" AUTHORIZATION "vectors";
ALTER ROLE "vectors" IN DATABASE "vectors" SET search_path = "vectors", "public";

-- migration 1: extension (needs a superuser, or the provider's administrator)
-- The extension's files must be on the server, and only a superuser may do this: `vector` is not trusted.
CREATE SCHEMA IF NOT EXISTS "public";
CREATE EXTENSION vector WITH SCHEMA "public";

-- migration 2: table (needs a member of the role)
SET ROLE "vectors";
CREATE TABLE "vectors"."articles" (
    "uri" text PRIMARY KEY,
    document text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
RESET ROLE;

-- migration 3: embedding column (needs a member of the role)
SET ROLE "vectors";
-- Nullable and without default: the lock is held for milliseconds and nothing is rewritten.
ALTER TABLE "vectors"."articles" ADD COLUMN "embedding" "public".vector(1536);
RESET ROLE;
"#);
}

#[test]
fn a_password_that_is_chosen_is_named_by_its_file() {
    let mut settings = sample::settings(Target::System);
    settings.role_password_file = Some("/run/secrets/application".into());
    for (role, expected) in [
        (
            None,
            "-- then its password, which psql asks for: \\password \"vectors\" (the one in \"/run/secrets/application\")",
        ),
        (
            Some(RoleFacts {
                can_log_in: true,
                ..RoleFacts::default()
            }),
            "-- psql asks for it: \\password \"vectors\" (the one in \"/run/secrets/application\")",
        ),
    ] {
        let facts = DatabaseFacts {
            role,
            role_password: Some(GivenPassword {
                is_kept: false,
                lets_in: Some(false),
            }),
            ..DatabaseFacts::default()
        };
        let plan = database_plan(&facts, &settings, std::path::Path::new("/c")).unwrap();
        let script = plan_sql(&plan, &settings);
        assert!(script.lines().any(|line| line == expected), "{script}");
    }
}

#[test]
fn a_plan_without_sql_is_a_script_that_says_so() {
    assert_eq!(
        plan_sql(&Plan::default(), &sample::settings(Target::System)),
        "-- nothing to do\n"
    );
}
