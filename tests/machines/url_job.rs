//! The job of `render kubernetes`, run as its pod would run it: the same arguments, the same user, secrets as files of the same
//! modes, a server that shows a certificate for its service. No Kubernetes is here, so the pod's sandbox is not part of this, and
//! a private directory stands for the read-only tmpfs that a secret is mounted as.

use super::case::Case;
use super::lifecycle::succeeds;
use super::machine::{Machine, Reply};
use super::url_refusals::served;
use super::url_server::{CANARY, Theirs, canary_is_nowhere};

/// The service `db-rw` is this machine, with a certificate of the issuer whose certificate the operator would put into a secret.
const SERVICE: &str = r"
cd /srv/tls && echo $(hostname -I | cut -d' ' -f1) db-rw >> /etc/hosts
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout service.key -out service.csr -subj /CN=db-rw 2>/dev/null
printf 'subjectAltName=DNS:db-rw\nbasicConstraints=CA:FALSE\n' > extensions
openssl x509 -req -in service.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out service.crt -extfile extensions -days 30 2>/dev/null
chmod 644 service.crt && chmod 600 service.key && chown postgres service.key
secrets=/run/secrets/pgvector-setup
mkdir -p $secrets/password $secrets/authority /var/lib/pgvector-setup && chmod 777 /var/lib/pgvector-setup
printf %s CANARY > $secrets/password/password && cp ca.crt $secrets/authority/
chown root:65532 $secrets/*/* && chmod 440 $secrets/*/*
chown 65532 $secrets/password && chmod 700 $secrets/password
";

/// The arguments are what the manifest says; the environment is empty, as the pod's.
const JOB: &str = r#"
pgvector-setup render kubernetes --name db --role app --database app --dimensions 3 --json - |
  sed -n 's/\\n/\n/gp' | sed -n 's/^            - \\"\(--.*\|migrate\|up\)\\"$/\1/p' > /srv/arguments
grep -q '^--url=postgresql://app@db-rw:5432/app?sslmode=verify-full$' /srv/arguments
cd / && xargs -a /srv/arguments -d '\n' setpriv --reuid 65532 --regid 65532 --clear-groups env -i /usr/local/bin/pgvector-setup
"#;

fn job(machine: &Machine) -> Reply {
    machine.run("root", JOB)
}

/// Refused until the operator has created the extension; then it makes schema, table and index as the owner; then nothing.
pub fn kubernetes_job(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    machine.root(&SERVICE.replace("CANARY", CANARY));
    let files = ["cert", "key"].map(|kind| {
        let ending = if kind == "cert" { "crt" } else { "key" };
        format!("ssl_{kind}_file = '/srv/tls/service.{ending}'")
    });
    theirs.reload(
        &[&files[0], &files[1]],
        "the certificate is served",
        &served("service"),
    );
    theirs.role("app", "");
    theirs.sql("postgres", "CREATE DATABASE app OWNER app");
    let before = theirs.state();

    let early = job(machine);
    // xargs(1): 123 for a command that ended with 1 to 125.
    assert_eq!(early.exit, 123, "{}", early.stderr);
    assert!(early.stderr.contains("error[E0405]"), "{}", early.stderr);
    assert_eq!(theirs.state(), before, "a refusal changed something");

    theirs.sql("app", "CREATE EXTENSION vector");
    succeeds(&job(machine));
    assert_eq!(
        theirs.sql(
            "app",
            "SELECT tableowner FROM pg_tables WHERE tablename = 'articles'"
        ),
        "app"
    );
    let done = theirs.state();
    let again = job(machine);
    succeeds(&again);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(theirs.state(), done, "the second run changed something");
    machine.root("rm -r /run/secrets/pgvector-setup");
    canary_is_nowhere(machine);
}
