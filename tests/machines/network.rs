//! A server of the operating system that is opened to other machines, and closed again.

use super::case::{Case, Target};
use super::lifecycle::{is_as_it_was, succeeds, up_again_changes_nothing};
use super::machine::{Machine, Reply};
use super::state::State;

/// Their cluster, from packages that the image may have already.
const INSTALL: &str = "export DEBIAN_FRONTEND=noninteractive
if ! command -v pg_createcluster >/dev/null; then
  apt-get update -qq
  apt-get install -qq --no-install-recommends postgresql postgresql-17-pgvector openssl >/dev/null 2>&1
fi
[ -e /etc/postgresql/17/main ] || pg_createcluster --locale C.UTF-8 17 main >/dev/null
pg_ctlcluster 17 main start || true
runuser -u postgres -- psql -qc 'CREATE DATABASE foreign_shop' >/dev/null";

/// An issuer and two certificates for `db.example`, each with a key of the server's user alone; what follows the second in its
/// file is damaged, as only the server finds out.
const CERTIFICATES: &str = r#"
mkdir -p /srv/tls && cd /srv/tls
echo "$(hostname -I | cut -d' ' -f1) db.example" >> /etc/hosts
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -keyout ca.key -out ca.crt -subj '/CN=an issuer' -days 30 2>/dev/null
printf 'subjectAltName=DNS:db.example\nbasicConstraints=CA:FALSE\n' > extensions
for name in good damaged; do
  openssl req $key -keyout $name.key -out $name.csr -subj /CN=db.example 2>/dev/null
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $name.crt -extfile extensions -days 30 2>/dev/null
  chown postgres $name.key && chmod 600 $name.key
done
printf -- '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n' >> damaged.crt
chmod 644 *.crt"#;

/// Addresses, files and rules of the server, and since when it runs.
const FINGERPRINT: &str =
    "SELECT name, setting, sourcefile FROM pg_settings WHERE name ~ '^ssl|listen' ORDER BY 1;
    SELECT sourcefile, name, setting FROM pg_file_settings ORDER BY seqno;
    SELECT type, database, user_name, address, auth_method FROM pg_hba_file_rules ORDER BY line_number";

fn as_postgres(machine: &Machine, sql: &str) -> String {
    machine.root(&format!(
        "cd /; runuser -u postgres -- psql -XAtqv ON_ERROR_STOP=1 -d postgres <<'SQL'\n{sql}\nSQL"
    ))
}

fn address(machine: &Machine) -> String {
    machine.root("hostname -I | cut -d' ' -f1")
}

/// `COMMAND` for the case, with what opens the server to the machine's own address.
fn run(machine: &Machine, case: &Case, command: &str, options: &str) -> Reply {
    assert!(matches!(case.target, Target::System));
    machine.run(
        case.user,
        &format!(
            "pgvector-setup {command} --target system {} {options}",
            case.flags
        ),
    )
}

fn options(address: &str, certificate: &str) -> String {
    format!(
        "--listen {address} --allow {address}/32 --tls-certificate /srv/tls/{certificate}.crt --tls-key /srv/tls/{certificate}.key"
    )
}

/// What a client gets at the machine's own address, which is no loopback.
fn client(machine: &Machine, case: &Case, database: &str, tls: &str) -> Reply {
    let state = match case.user {
        "root" => "/var/lib/pgvector-setup".to_owned(),
        user => format!("/home/{user}/.local/share/pgvector-setup"),
    };
    machine.run(
        "root",
        &format!(
            "export PGPASSWORD=$(cut -d: -f5 {state}/system/credentials)
             psql -XAtqw 'host=db.example dbname={database} user=vectors {tls} sslrootcert=/srv/tls/ca.crt' \
               -c 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'"
        ),
    )
}

/// Opened for one role from one address: by a verified certificate and SCRAM, by nothing else; then taken back to the byte.
pub fn opened_and_closed(machine: &Machine, case: &Case) {
    machine.root(INSTALL);
    machine.root(CERTIFICATES);
    let (before, fingerprint) = (State::of(machine), as_postgres(machine, FINGERPRINT));
    let address = address(machine);
    let options = options(&address, "good");

    let plan = run(machine, case, "plan", &options);
    succeeds(&plan);
    for shown in [
        format!("+ listen_addresses = 'localhost, {address}'"),
        "every session of the server ends".to_owned(),
        format!("+ hostssl \"vectors\" \"vectors\" {address}/32 scram-sha-256"),
        format!("the certificate is for db.example, not for {address}"),
    ] {
        let told = format!("{}{}", plan.stdout, plan.stderr);
        assert!(told.contains(&shown), "no {shown:?} in:\n{told}");
    }
    succeeds(&run(machine, case, "up --yes", &options));
    let served = client(
        machine,
        case,
        "vectors",
        "sslmode=verify-full require_auth=scram-sha-256",
    );
    assert_eq!(served.stdout.trim(), "t", "{}", served.stderr);
    for (database, tls, refused) in [
        ("vectors", "sslmode=disable", "pg_hba.conf rejects connection"),
        ("foreign_shop", "sslmode=verify-full", "no pg_hba.conf entry"),
        (
            "vectors",
            "sslmode=require ssl_max_protocol_version=TLSv1.1 ssl_min_protocol_version=TLSv1.1",
            "SSL",
        ),
    ] {
        let reply = client(machine, case, database, tls);
        assert_ne!(reply.exit, 0, "{database} {tls}");
        assert!(
            reply.stderr.contains(refused),
            "{database} {tls}: {}",
            reply.stderr
        );
    }
    assert_eq!(listening(machine), ["127.0.0.1", &*address]);

    let opened = Case { flags: "", ..*case };
    let again = run(machine, &opened, "up --yes", &format!("{} {options}", case.flags));
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    // Whoever says nothing of the network changes nothing of it.
    up_again_changes_nothing(machine, case);

    // Another network alone: the server goes on, with the sessions that it has.
    let since = as_postgres(machine, "SELECT pg_postmaster_start_time()");
    let other = options.replace(&format!("--allow {address}/32"), "--allow 192.0.2.0/24");
    succeeds(&run(machine, case, "up --yes", &other));
    assert_ne!(client(machine, case, "vectors", "sslmode=verify-full").exit, 0);
    assert_eq!(
        as_postgres(machine, "SELECT pg_postmaster_start_time()"),
        since,
        "no restart for a rule"
    );

    succeeds(&case.rollback(machine, case.consent()));
    is_as_it_was(machine, case, &before);
    assert_eq!(as_postgres(machine, FINGERPRINT), fingerprint);
}

/// The addresses of port 5432, as the kernel has them.
const LISTENING: &str = r#"python3 -c "
import socket
for line in list(open('/proc/net/tcp'))[1:]:
    address, port = line.split()[1].split(':')
    if line.split()[3] == '0A' and int(port, 16) == 5432:
        print(socket.inet_ntoa(bytes.fromhex(address)[::-1]))
" | sort"#;

fn listening(machine: &Machine) -> Vec<String> {
    machine.root(LISTENING).lines().map(str::to_owned).collect()
}

/// What the server cannot use is taken back, and the old server goes on: without an interruption where its certificate is at
/// fault, after a second restart where an address is taken. A run that is killed in between ends as any other.
pub fn taken_back(machine: &Machine, case: &Case) {
    machine.root(INSTALL);
    machine.root(CERTIFICATES);
    let address = address(machine);
    let started = |machine: &Machine| as_postgres(machine, "SELECT pg_postmaster_start_time()");
    let fingerprint = as_postgres(machine, FINGERPRINT);
    let before = State::of(machine);

    // Refused before anything is changed.
    machine.root("chmod 644 /srv/tls/good.key");
    let refused = run(machine, case, "up --yes", &options(&address, "good"));
    assert_eq!(refused.exit, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("has mode 0644"), "{}", refused.stderr);
    machine.root("chmod 600 /srv/tls/good.key");
    let mixed = options(&address, "good").replace("good.key", "damaged.key");
    let refused = run(machine, case, "up --yes", &mixed);
    assert_eq!(refused.exit, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("does not fit"), "{}", refused.stderr);
    is_as_it_was(machine, case, &before);

    let since = started(machine);
    let failed = run(machine, case, "up --yes", &options(&address, "damaged"));
    assert_eq!(failed.exit, 4, "{}", failed.stderr);
    for said in [
        "E0513",
        "it does not show the certificate",
        "could not load server certificate file",
    ] {
        assert!(failed.stderr.contains(said), "no {said:?} in:\n{}", failed.stderr);
    }
    assert_eq!(started(machine), since, "the old server was not interrupted");
    assert_eq!(as_postgres(machine, FINGERPRINT), fingerprint);

    machine.background(
        "root",
        &format!("cd /dev/shm && echo $$ > taker && exec python3 -m http.server --bind {address} 5432"),
    );
    machine.until(
        "the address is taken",
        &format!("python3 -c \"import socket; socket.create_connection(('{address}', 5432))\""),
    );
    let failed = run(machine, case, "up --yes", &options(&address, "good"));
    assert_eq!(failed.exit, 4, "{}", failed.stderr);
    for said in ["E0513", "it does not listen on", "could not bind"] {
        assert!(failed.stderr.contains(said), "no {said:?} in:\n{}", failed.stderr);
    }
    assert_ne!(started(machine), since, "the server was restarted, twice");
    assert_eq!(as_postgres(machine, FINGERPRINT), fingerprint);
    machine.root("kill $(cat /dev/shm/taker); rm /dev/shm/taker");

    // Killed as soon as the file is there, then stopped, and by now unable to start with it: brought back by any `up`.
    let killed = format!(
        "pgvector-setup up --yes --target system {} {} & pid=$!
         until [ -e /etc/postgresql/17/main/conf.d/pgvector-setup.conf ]; do :; done
         kill -9 $pid; pg_ctlcluster 17 main stop; chmod 644 /srv/tls/good.key",
        case.flags,
        options(&address, "good")
    );
    machine.root(&killed);
    assert_ne!(machine.run("root", "pg_ctlcluster 17 main start").exit, 0);
    succeeds(&case.up(machine));
    assert_eq!(as_postgres(machine, FINGERPRINT), fingerprint);
    machine.root("chmod 600 /srv/tls/good.key");
    succeeds(&run(machine, case, "up --yes", &options(&address, "good")));
    let served = client(machine, case, "vectors", "sslmode=verify-full");
    assert_eq!(served.stdout.trim(), "t", "{}", served.stderr);

    succeeds(&case.rollback(machine, case.consent()));
    is_as_it_was(machine, case, &before);
    assert_eq!(as_postgres(machine, FINGERPRINT), fingerprint);
}
