//! Servers that get nothing from us, least of all a password: each is told apart, and nothing is changed.

use super::case::Case;
use super::machine::Machine;
use super::url_server::{CANARY, Theirs, canary_is_nowhere};

fn refused(theirs: &Theirs<'_>, command: &str, code: &str) {
    let reply = theirs.run(command);
    assert_eq!(reply.exit, 3, "{command}: {}", reply.stderr);
    assert!(
        reply.stderr.contains(&format!("error[{code}]")),
        "{code}: {}",
        reply.stderr
    );
    assert!(reply.stderr.contains("hint: "), "{}", reply.stderr);
}

fn prepared(machine: &Machine) -> Theirs<'_> {
    let theirs = Theirs::start(machine);
    theirs.role("app", "");
    theirs.sql("postgres", "CREATE DATABASE app OWNER app");
    theirs.sql("app", "CREATE EXTENSION vector");
    theirs.url("app@db.example/app");
    theirs
}

/// What the server shows, by the name of its file.
pub fn served(name: &str) -> String {
    format!(
        "openssl s_client -starttls postgres -connect db.example:5432 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint > /tmp/served
         openssl x509 -in /srv/tls/{name}.crt -noout -fingerprint | cmp -s - /tmp/served"
    )
}

/// Expired, for another host, by an unknown issuer, by itself, none at all, too old.
pub fn certificates(machine: &Machine, _: &Case) {
    let theirs = prepared(machine);
    let before = theirs.state();
    let show = |name: &str| {
        let files = [
            format!("ssl_cert_file = '/srv/tls/{name}.crt'"),
            format!("ssl_key_file = '/srv/tls/{name}.key'"),
        ];
        theirs.reload(
            &[&files[0], &files[1]],
            "the certificate is served",
            &served(name),
        );
    };
    show("expired");
    refused(&theirs, "up --yes", "E0610");
    show("other");
    refused(&theirs, "up --yes", "E0611");
    show("own");
    refused(&theirs, "up --yes", "E0612");
    show("authority");
    refused(&theirs, "up --yes", "E0619");
    show("good");
    let unknown = machine.run("user", "pgvector-setup up --yes --url-file url");
    assert!(unknown.stderr.contains("error[E0612]"), "{}", unknown.stderr);
    theirs.reload(
        &["ssl = off"],
        "the server has no TLS",
        "! openssl s_client -starttls postgres -connect db.example:5432 </dev/null >/dev/null 2>&1",
    );
    refused(&theirs, "up --yes", "E0613");
    // In the clear only by a flag of its own, never by the URL alone.
    theirs.url("app@db.example/app?sslmode=prefer");
    refused(&theirs, "up --yes", "E0112");
    let agreed = theirs.run("plan --allow-plaintext");
    assert_eq!(agreed.exit, 0, "{}", agreed.stderr);
    assert!(
        agreed.stdout.contains("as --allow-plaintext agrees to"),
        "{}",
        agreed.stdout
    );
    for statement in ["ssl", "ssl_cert_file", "ssl_key_file"] {
        theirs.sql("postgres", &format!("ALTER SYSTEM RESET {statement}"));
    }
    assert_eq!(theirs.state(), before, "a refusal changed something");
    canary_is_nowhere(machine);
}

/// Cleartext and MD5 are refused even over TLS, unless the URL allows them; no proof at all is said.
pub fn authentication(machine: &Machine, _: &Case) {
    let theirs = prepared(machine);
    let ask = |method: &str| {
        machine.root(&format!(
            "sed -i '/^hostssl app app/d' /etc/postgresql/17/main/pg_hba.conf
             sed -i '1i hostssl app app 0.0.0.0/0 {method}' /etc/postgresql/17/main/pg_hba.conf"
        ));
        let question = format!(
            "runuser -u postgres -- psql -XAtqc \"SELECT auth_method FROM pg_hba_file_rules WHERE rule_number = 1\" -d postgres | grep -qx {method}"
        );
        theirs.reload(&[], "the rule is read", &question);
    };
    ask("password");
    refused(&theirs, "up --yes", "E0617");
    theirs.sql(
        "postgres",
        &format!(
            "SET log_statement = 'none'; SET password_encryption = 'md5'; ALTER ROLE app PASSWORD '{CANARY}'"
        ),
    );
    ask("md5");
    refused(&theirs, "up --yes", "E0617");
    theirs.url("app@db.example/app?require_auth=md5");
    assert_eq!(theirs.run("plan").exit, 0, "the URL allows it");
    ask("trust");
    refused(&theirs, "up --yes", "E0617");
    theirs.url("app@db.example/app");
    let trusted = theirs.run("plan");
    assert!(
        trusted.stdout.contains("lets app in without a password"),
        "{}{}",
        trusted.stdout,
        trusted.stderr
    );
    ask("scram-sha-256");
    let without = "pgvector-setup plan --url postgresql://app@db.example/app --tls-root /srv/tls/ca.crt";
    let without = machine.run("user", without);
    assert!(without.stderr.contains("error[E0618]"), "{}", without.stderr);
    let argued =
        "pgvector-setup status --url postgresql://app:wrong@db.example/app --tls-root /srv/tls/ca.crt";
    let argued = machine.run("user", argued);
    assert!(
        argued.stderr.contains("every user of this machine can see"),
        "{}",
        argued.stderr
    );
    assert!(
        argued.stderr.contains("error[E0607]") && !argued.stderr.contains("wrong"),
        "{}",
        argued.stderr
    );
    canary_is_nowhere(machine);
}

const STANDBY: &str = r#"
echo 'local replication postgres peer' >> /etc/postgresql/17/main/pg_hba.conf
pg_ctlcluster 17 main reload
pg_createcluster 17 standby -p 5433 >/dev/null
rm -rf /var/lib/postgresql/17/standby
cd /; runuser -u postgres -- pg_basebackup --checkpoint=fast -R -D /var/lib/postgresql/17/standby
cp /etc/postgresql/17/main/pg_hba.conf /etc/postgresql/17/standby/
grep -v '^#' /etc/postgresql/17/main/postgresql.conf | grep -e ^ssl -e ^listen >> /etc/postgresql/17/standby/postgresql.conf
pg_ctlcluster 17 standby start
"#;

/// A hot standby, where even an advisory lock would succeed, and a user whose transactions are read-only.
pub fn standby_and_read_only(machine: &Machine, _: &Case) {
    let theirs = prepared(machine);
    machine.root(STANDBY);
    theirs.url("app@db.example:5433/app");
    let reply = theirs.run("up --yes");
    assert_eq!(reply.exit, 3, "{}", reply.stderr);
    assert!(
        reply.stderr.contains("is a standby and takes no writes"),
        "{}",
        reply.stderr
    );

    theirs.sql(
        "postgres",
        "ALTER ROLE app SET default_transaction_read_only = on",
    );
    theirs.url("app@db.example/app");
    let reply = theirs.run("up --yes");
    assert_eq!(reply.exit, 3, "{}", reply.stderr);
    assert!(reply.stderr.contains("are read-only"), "{}", reply.stderr);

    theirs.sql(
        "postgres",
        "ALTER ROLE app RESET default_transaction_read_only; ALTER ROLE app CONNECTION LIMIT 2",
    );
    let reply = theirs.run("up --yes");
    assert_eq!(reply.exit, 3, "{}", reply.stderr);
    assert!(reply.stderr.contains("CONNECTION LIMIT 10"), "{}", reply.stderr);
    assert_eq!(
        theirs.sql(
            "app",
            "SELECT count(*) FROM pg_namespace WHERE nspname IN ('app', 'pgvector_setup')"
        ),
        "0"
    );
}
