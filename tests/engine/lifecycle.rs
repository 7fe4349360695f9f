//! From nothing to healthy, up again, down and up with the data kept.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cases::Case;
use super::project::Project;

/// What the migrations leave, in one line.
const END_STATE: &str = "
SELECT format_type(atttypid, atttypmod),
       (SELECT string_agg(amname || ' ' || indisvalid || ' ' || indisready, ',') FROM pg_index
          JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
         WHERE indrelid = attrelid AND amname <> 'btree'),
       (SELECT count(*) FROM pg_extension WHERE extname = 'vector'),
       (SELECT rolcanlogin AND NOT rolsuper AND NOT rolcreatedb AND NOT rolcreaterole FROM pg_roles WHERE rolname = 'vectors'),
       (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pgvector\\_setup\\_verify%')
  FROM pg_attribute WHERE attrelid = 'vectors.articles'::regclass AND attname = 'embedding'";

/// The table has its vector column and one good index, and nothing of the proof is left.
pub fn prove(project: &Project) {
    assert_eq!(project.value(END_STATE), "vector(1536)|hnsw true true|1|t|0");
}

pub fn lifecycle(project: &Project, case: &Case) {
    let has_application = case.profile != "postgres";
    let application = ["--app-image", project.application.as_str()];
    let flags = [case.flags, if has_application { &application[..] } else { &[] }].concat();
    project.rendered(&flags);
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations: {said}");
    assert!(said.contains("passed"), "the proof is part of them: {said}");
    prove(project);
    if has_application {
        project.until_said("app", "the application sees 0 articles");
        assert!(
            moment(project, "app", "{{.State.StartedAt}}")
                >= moment(project, "migrate", "{{.State.FinishedAt}}"),
            "the application starts when the migrations have ended"
        );
    }
    healthy(project);
    private(project);
    again(project, case);
    data_is_kept(project, case, has_application);
}

fn healthy(project: &Project) {
    let doctor = project.through_the_port(&["doctor"]);
    assert_eq!(doctor.exit, 0, "doctor: {}{}", doctor.stdout, doctor.stderr);
    let verify = project.through_the_port(&["verify"]);
    assert_eq!(verify.exit, 0, "verify: {}{}", verify.stdout, verify.stderr);
}

/// On the loopback alone, and no password where `docker inspect` shows it.
fn private(project: &Project) {
    let published = project.inspect("database", "{{json .NetworkSettings.Ports}}");
    assert!(
        published.contains("127.0.0.1") && !published.contains("0.0.0.0") && !published.contains("::"),
        "published on the loopback: {published}"
    );
    for service in ["database", "migrate"] {
        let shown = project.inspect(service, "{{json .}}");
        for secret in ["postgres_password", "database_password"] {
            let file = project.directory().join("secrets").join(secret);
            let secret = std::fs::read_to_string(file).expect("the secret is there");
            assert!(!shown.contains(secret.trim()), "{service} shows a password");
        }
    }
}

fn again(project: &Project, case: &Case) {
    let database = project.inspect("database", "{{.Id}} {{.State.StartedAt}}");
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations again: {said}");
    assert!(said.contains("nothing to do"), "nothing is changed again: {said}");
    assert_eq!(
        project.inspect("database", "{{.Id}} {{.State.StartedAt}}"),
        database,
        "the server is the same"
    );
}

fn data_is_kept(project: &Project, case: &Case, has_application: bool) {
    project.value(
        "INSERT INTO vectors.articles (uri, embedding)
         VALUES ('kept', (SELECT array_agg(1) FROM generate_series(1, 1536))::real[]::public.vector)",
    );
    let down = project.compose(&["--profile", case.profile, "down"]);
    assert_eq!(down.exit, 0, "down: {}", down.stderr);
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations after down and up: {said}");
    assert_eq!(project.value("SELECT uri FROM vectors.articles"), "kept");
    if has_application {
        project.until_said("app", "the application sees 1 articles");
    }
}

fn moment(project: &Project, service: &str, field: &str) -> OffsetDateTime {
    let text = project.inspect(service, field);
    OffsetDateTime::parse(&text, &Rfc3339).expect("the engine tells the time by RFC 3339")
}
