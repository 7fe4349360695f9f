//! What the login that a service is given may do, tried with the password in its file; and all else that it must not.

use sqlx::{Executor as _, PgConnection, Row as _};

use super::{SITES, code, connect};

const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// What is tried, as which statement. The server refuses each for want of a right.
#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("make a table in its schema", "CREATE TABLE bounds.other (n int)"),
    ("make a table in public", "CREATE TABLE public.other (n int)"),
    ("make a function in public", "CREATE FUNCTION public.other() RETURNS int LANGUAGE sql RETURN 1"),
    ("make a schema", "CREATE SCHEMA other"),
    ("make an extension, a trusted one at that", "CREATE EXTENSION plpgsql"),
    ("drop the extension", "DROP EXTENSION vector"),
    ("index its table", "CREATE INDEX ON articles (document)"),
    ("drop the index of its table", "DROP INDEX articles_embedding_idx"),
    ("change its table", "ALTER TABLE articles ADD COLUMN other int"),
    ("take its table over", "ALTER TABLE articles OWNER TO bounds"),
    ("drop its table", "DROP TABLE articles"),
    ("empty its table at once", "TRUNCATE articles"),
    ("put a trigger on its table", "CREATE TRIGGER other BEFORE INSERT ON articles EXECUTE FUNCTION tsvector_update_trigger(a, b, c)"),
    ("read the history of the migrations", "SELECT FROM pgvector_setup.history"),
    ("run a program", "COPY articles TO PROGRAM 'true'"),
    ("run a program for its rows", "COPY articles FROM PROGRAM 'true'"),
    ("write a file", "COPY articles TO '/tmp/articles'"),
    ("read a file into its table", "COPY articles (uri) FROM '/etc/passwd'"),
    ("read a file", "SELECT pg_read_file('/etc/passwd')"),
    ("read a file as bytes", "SELECT pg_read_binary_file('PG_VERSION')"),
    ("list a directory", "SELECT pg_ls_dir('.')"),
    ("read a file into a large object", "SELECT lo_import('/etc/passwd')"),
    ("write a large object to a file", "SELECT lo_export(1, '/tmp/object')"),
    ("become the owner", "SET ROLE bounds_migrator"),
    ("become the administrator", "SET ROLE postgres"),
    ("have begun as the administrator", "SET SESSION AUTHORIZATION postgres"),
    ("give itself superuser", "ALTER ROLE bounds SUPERUSER"),
    ("give itself createrole", "ALTER ROLE bounds CREATEROLE"),
    ("give itself createdb", "ALTER ROLE bounds CREATEDB"),
    ("give itself bypassrls", "ALTER ROLE bounds BYPASSRLS"),
    ("give itself replication", "ALTER ROLE bounds REPLICATION"),
    ("give itself more connections", "ALTER ROLE bounds CONNECTION LIMIT 100"),
    ("let its other login in", "ALTER ROLE bounds_alternate LOGIN PASSWORD 'x'"),
    ("give the owner a password", "ALTER ROLE bounds_migrator LOGIN PASSWORD 'x'"),
    ("make a role", "CREATE ROLE other"),
    ("grant itself the owner", "GRANT bounds_migrator TO bounds"),
    ("grant itself the files of the server", "GRANT pg_read_server_files TO bounds"),
    ("grant itself what everybody does", "GRANT pg_read_all_stats TO bounds"),
    ("grant itself what the owner will make", "ALTER DEFAULT PRIVILEGES FOR ROLE bounds_migrator GRANT ALL ON TABLES TO bounds"),
    ("change its database", "ALTER DATABASE bounds SET log_statement = 'none'"),
    ("drop its database", "DROP DATABASE bounds"),
    ("drop another site's database", "DROP DATABASE neighbour"),
    ("make a database", "CREATE DATABASE other"),
    ("change the server", "ALTER SYSTEM SET log_statement = 'none'"),
    ("hide from the log", "SET log_statement = 'none'"),
    ("go round triggers", "SET session_replication_role = 'replica'"),
    ("load a library of its own", "LOAD '/tmp/library'"),
    ("read verifiers", "SELECT rolpassword FROM pg_authid"),
    ("read verifiers by the view", "SELECT passwd FROM pg_shadow"),
    ("read the rules of logins", "SELECT FROM pg_hba_file_rules"),
    ("read what samples say of tables that are not its own", "SELECT FROM pg_statistic"),
    ("have the server read its files again", "SELECT pg_reload_conf()"),
    ("end the administrator's session", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'"),
];

/// What the application lives on, by bare names as its search path finds them.
const WORKS: &[&str] = &[
    "INSERT INTO articles (uri, document, embedding) VALUES ('a', 'one', '[1,2,3]'), ('b', 'two', '[3,2,1]')",
    "UPDATE articles SET document = 'three' WHERE uri = 'a'",
    "SELECT uri, embedding <=> '[1,2,3]' AS distance FROM articles ORDER BY distance LIMIT 1",
    "SELECT '[1,2,3]'::vector(3) <-> '[3,2,1]'",
    "DELETE FROM articles WHERE uri = 'b'",
    "CREATE TEMPORARY TABLE mine (n int)",
    // Of a migration that came after the deploy.
    "INSERT INTO later (note) VALUES ('numbered by a sequence')",
    "SELECT currval('later_number_seq')",
    "UPDATE later SET note = 'changed'",
    "DELETE FROM later",
];

/// Another database of the server, by the same login.
const ELSEWHERE: &[(&str, &str)] = &[
    ("another site's", "neighbour"),
    ("the template without rules", "template0"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_login_of_a_service_uses_what_is_there_and_is_refused_everything_else() {
    for domain in ["bounds.example.com", "neighbour.example.com"] {
        SITES.deploy(domain);
    }
    // Both logins exist, and the first is in use, as after every second rotation.
    for _ in 0..2 {
        SITES.succeeds(&[
            "site",
            "rotate-password",
            "--domain",
            "bounds.example.com",
            "--yes",
        ]);
    }
    let administrator =
        |statement: &'static str| tokio::task::spawn_blocking(|| SITES.sql("bounds", statement));
    administrator("DROP EXTENSION plpgsql").await.unwrap();
    let later = "SET ROLE bounds_migrator; CREATE TABLE bounds.later (number serial, note text)";
    administrator(later).await.unwrap();

    let url = SITES.url("bounds.example.com");
    let mut connection = connect(&url).await.unwrap();
    let mut others = connect(&SITES.url("neighbour.example.com")).await.unwrap();
    others
        .execute("SELECT 'a secret of the neighbour'")
        .await
        .unwrap();
    for (what, statement) in REFUSED {
        let refused = connection.execute(*statement).await.map(|_| ());
        let refused = refused.map_err(|error| code(&error));
        assert_eq!(
            refused,
            Err(INSUFFICIENT_PRIVILEGE.to_owned()),
            "to {what}: {statement}"
        );
    }
    for (what, database) in ELSEWHERE {
        let refused = connect(&url.clone().database(database)).await.map(|_| ());
        assert!(
            matches!(
                refused.as_ref().map_err(String::as_str),
                Err(INSUFFICIENT_PRIVILEGE | "55000")
            ),
            "a session in {what} database: {refused:?}"
        );
    }
    for statement in WORKS {
        let worked = connection.execute(*statement).await;
        worked.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    grants_to_itself_change_nothing(&mut connection).await;
    assert_eq!(
        queries_of_others(&mut connection).await,
        ["<insufficient privilege>"]
    );
}

/// Who has a right without the right to grant it is warned, and nothing comes of it.
async fn grants_to_itself_change_nothing(connection: &mut PgConnection) {
    for statement in [
        "GRANT CREATE ON SCHEMA bounds TO bounds",
        "GRANT CREATE ON DATABASE bounds TO bounds",
        "GRANT TRUNCATE ON articles TO bounds",
    ] {
        connection.execute(statement).await.unwrap();
    }
    let rights = "SELECT has_schema_privilege('bounds', 'CREATE') OR has_database_privilege('bounds', 'CREATE') \
        OR has_table_privilege('articles', 'TRUNCATE') AS has";
    let row = connection.fetch_one(rights).await.unwrap();
    assert!(!row.get::<bool, _>("has"));
}

/// What is shown of the sessions of other logins.
async fn queries_of_others(connection: &mut PgConnection) -> Vec<String> {
    let others =
        "SELECT DISTINCT query FROM pg_stat_activity WHERE usename <> current_user AND datname IS NOT NULL";
    let rows = connection.fetch_all(others).await.unwrap();
    rows.iter().map(|row| row.get("query")).collect()
}
