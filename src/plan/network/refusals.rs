//! Why a server is not opened: nothing was changed, and what to type instead.

use std::path::Path;

use super::exposed;
use crate::database::login::{Exposure, LoginFacts};
use crate::facts::clusters::Origin;
use crate::facts::network::{FILE, FileSetting, NetworkFacts, ServerNetwork};
use crate::plan::Refusal;
use crate::settings::{ListenAddress, Settings, TlsFiles};

/// Debian's package `ssl-cert` makes it on every machine, signed by itself.
const SNAKEOIL: &str = "/etc/ssl/certs/ssl-cert-snakeoil.pem";
/// `ssl_cert_file` where nobody said anything.
const DEFAULT_CERTIFICATE: &str = "server.crt";

/// What can be told of the machine alone.
pub(super) fn unusable(network: &NetworkFacts, settings: &Settings) -> Result<(), Refusal> {
    if let Some(address) = network.elsewhere.first() {
        return blocked(
            format!("{address} is no address of this machine"),
            "ip -brief address",
        );
    }
    let problem = network
        .certificate
        .as_ref()
        .and_then(|certificate| certificate.problem.clone());
    let (Some(problem), Some(tls)) = (problem, &settings.network.tls) else {
        return Ok(());
    };
    blocked(
        format!("{} cannot be the server's: {problem}", tls.certificate.display()),
        format!(
            "openssl x509 -noout -dates -ext subjectAltName -in {0}; sudo ls -l {0} {1}",
            tls.certificate.display(),
            tls.key.display()
        ),
    )
}

/// Whether a server that is not told to listen can be reached by TLS at all.
pub(super) fn closed(server: &ServerNetwork) -> Result<(), Refusal> {
    let is_open = server.listening.iter().any(|address| !address.is_loopback());
    if is_open && server.running("ssl") == "on" {
        return Ok(());
    }
    let lacks = if is_open {
        "speaks no TLS"
    } else {
        "listens on loopback alone"
    };
    blocked(
        format!(
            "nobody from another machine could be let in: the cluster {} {lacks}",
            server.cluster
        ),
        "pgvector-setup up --target system --listen ADDRESS --allow CIDR --tls-certificate FILE --tls-key FILE",
    )
}

/// What others have configured, which is not changed.
pub(super) fn of_others(
    server: &ServerNetwork,
    settings: &Settings,
    tls: &TlsFiles,
    content: &str,
) -> Result<(), Refusal> {
    layout(server)?;
    if let Some(error) = server.errors.first() {
        return blocked(
            format!("the server cannot read its own settings, and would not start again: {error}"),
            "SELECT * FROM pg_file_settings WHERE error IS NOT NULL",
        );
    }
    let is_ours = |there: &String| there == content || server.recorded.contains(there);
    if server.content.as_ref().is_some_and(|there| !is_ours(there)) {
        return Err(Refusal::Differs {
            what: server.file.display().to_string(),
            differences: vec!["it is not as an earlier run of ours left it".to_owned()],
            hint: format!(
                "look at it, then remove it: sudo cat {0}; sudo rm {0}",
                server.file.display()
            ),
        });
    }
    let theirs = |name: &str| {
        let mut lines = server.in_files.iter();
        lines.rfind(|line| line.name == name && line.file != server.file)
    };
    if let Some(line) = server.in_files.iter().find(|line| goes_after(line, &server.file)) {
        return blocked(
            format!(
                "{} is set in {}, which goes before a file of ours",
                line.name,
                place(line)
            ),
            match line.file.ends_with("postgresql.auto.conf") {
                true => format!("ALTER SYSTEM RESET {}", line.name),
                false => format!("take it out there, then the same command again: {}", place(line)),
            },
        );
    }
    if let Some(line) =
        theirs("listen_addresses").filter(|line| !covers(&settings.network.listen, &line.value))
    {
        return blocked(
            format!(
                "the cluster {} listens on {:?} as {} says, which is not ours to change",
                server.cluster,
                line.value,
                place(line)
            ),
            "name all of these by --listen as well; or leave --listen and the certificate out where it has TLS already",
        );
    }
    let is_somebodys = |line: &&FileSetting| {
        let named = tls.certificate.to_string_lossy();
        ![SNAKEOIL, DEFAULT_CERTIFICATE, &*named].contains(&line.value.as_str())
    };
    if let Some(line) = theirs("ssl_cert_file").filter(is_somebodys) {
        return blocked(
            format!(
                "the cluster {} has the certificate {} as {} says, which is not ours to change",
                server.cluster,
                line.value,
                place(line)
            ),
            format!(
                "name that one: --tls-certificate {}",
                crate::host::quote_word(&line.value)
            ),
        );
    }
    Ok(())
}

/// Debian's servers have a directory of settings, and one way to be restarted.
fn layout(server: &ServerNetwork) -> Result<(), Refusal> {
    let directory = server.file.parent().unwrap_or(Path::new("/")).display();
    if server.origin != Origin::Debian {
        let how = match server.origin {
            Origin::Rpm => "systemctl restart with its unit",
            Origin::Brew => "brew services restart with its formula",
            Origin::Debian | Origin::Other => "as it was started",
        };
        return blocked(
            format!(
                "the cluster {} is none of postgresql-common's, and only those are opened by this program",
                server.cluster
            ),
            format!(
                "by hand, in {}: listen_addresses, ssl = on, ssl_cert_file, ssl_key_file; restart it ({how}); then \
                 the same command with --allow alone lets the role in",
                server.configuration.display()
            ),
        );
    }
    if !server.reads_directory {
        return blocked(
            format!(
                "{} does not have the server read {directory}",
                server.configuration.display()
            ),
            format!(
                "echo \"include_dir = 'conf.d'\" | sudo tee --append {}",
                server.configuration.display()
            ),
        );
    }
    Ok(())
}

/// Whether the server reads this line after our file, so that it would count instead of ours.
fn goes_after(line: &FileSetting, ours: &Path) -> bool {
    let is_later_beside = line.file.parent() == ours.parent()
        && line.file.file_name() > ours.file_name()
        && ours.ends_with(FILE);
    line.file.ends_with("postgresql.auto.conf") || is_later_beside
}

/// Whether a server that listens on `wanted` and on loopback serves everybody whom it serves at `theirs`.
fn covers(wanted: &[ListenAddress], theirs: &str) -> bool {
    theirs
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .all(|word| {
            if ["localhost", "127.0.0.1", "::1"].contains(&word) {
                return true;
            }
            match word.parse::<ListenAddress>() {
                Ok(ListenAddress::Every) => wanted.contains(&ListenAddress::Every),
                Ok(ListenAddress::One(address)) => wanted.iter().any(|own| own.covers(address)),
                Err(_) => false,
            }
        })
}

/// Rules of others that were harmless as long as nobody from another machine could speak to the server.
pub(super) fn given_away(login: Option<&LoginFacts>, listen: &[ListenAddress]) -> Result<(), Refusal> {
    let Some(login) = login else {
        return Ok(());
    };
    let lines = exposed(login, Exposure::Unproven);
    if lines.is_empty() {
        return Ok(());
    }
    let listen: Vec<String> = listen.iter().map(ToString::to_string).collect();
    blocked(
        format!(
            "rules in {} would let clients of {} in without proof of who they are, or by a password in the clear: line {}",
            login.file.display(),
            listen.join(", "),
            lines.join(", ")
        ),
        format!(
            "have them ask for scram-sha-256, or narrow them to loopback: sudoedit {}",
            login.file.display()
        ),
    )
}

pub(super) fn not_permitted(server: &ServerNetwork) -> Refusal {
    Refusal::Privilege {
        steps: vec![format!("restart the cluster {}", server.cluster)],
        alternatives: vec!["run the same command as root, or with sudo that asks for no password".to_owned()],
    }
}

fn place(line: &FileSetting) -> String {
    format!("{}, line {}", line.file.display(), line.line)
}

fn blocked<T>(fact: String, hint: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Blocked {
        fact,
        hint: hint.into(),
    })
}
