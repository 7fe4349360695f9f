//! The units of `render quadlet`, read by podman's own generator and by systemd. Nothing runs in a container here: a script
//! stands for podman where the words that systemd hands to it are judged.

use base64::Engine as _;
use pgvector_setup::render::quadlet::quoted;

use super::case::Case;
use super::hostile;
use super::lifecycle::succeeds;
use super::machine::Machine;

/// What systemd has podman's generator do, in a place that `systemd-analyze` looks at, too.
const GENERATE: &str =
    "/usr/libexec/podman/quadlet /run/systemd/system 2>/dev/null && systemctl daemon-reload";

/// Keeps what `podman run` is given.
const STAND_IN: &str = r#"
mv /usr/bin/podman /usr/bin/podman.real
printf '%s\n' '#!/bin/sh' '[ "$1" != run ] || printf "%s\0" "$@" > /run/seen' > /usr/bin/podman
chmod 755 /usr/bin/podman
"#;

pub fn units(machine: &Machine, _: &Case) {
    machine.root("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman >/dev/null");
    let names = "--database 'a%n \"$HOME\" \\ b' --role 'it'\\''s ${x}; #'";
    machine.root(&format!(
        "pgvector-setup render quadlet /etc/containers/systemd {names} --memory 512m --port 5433"
    ));
    let generated = machine.run("root", "/usr/libexec/podman/quadlet -dryrun");
    succeeds(&generated);
    for part in [
        "---pgvector-database.service---",
        "---pgvector-migrate.service---",
        "---pgvector-network.service---",
        "---pgvector-postgres-18-volume.service---",
        "--sdnotify=healthy",
        "--publish 127.0.0.1:5433:5432",
        "--shm-size 192m",
        "--read-only",
        "--cap-drop all",
        "--security-opt=no-new-privileges",
        "--memory=512m",
    ] {
        assert!(generated.stdout.contains(part), "{part}: {}", generated.stdout);
    }
    // Of a key that it does not know the generator only says so.
    let complaints: Vec<&str> = generated
        .stderr
        .lines()
        .filter(|line| !line.contains("Loading source unit file"))
        .collect();
    assert_eq!(complaints, [""; 0]);
    let verified = machine.run(
        "root",
        &format!("{GENERATE} && cd /run/systemd/system && systemd-analyze verify ./pgvector-database.service ./pgvector-migrate.service 2>&1"),
    );
    succeeds(&verified);
    assert_eq!(verified.stdout, "");
    let order = machine.root("systemctl show -P After -P Requires pgvector-migrate.service");
    assert!(
        order
            .lines()
            .filter(|line| line.contains("pgvector-database.service"))
            .count()
            == 2,
        "{order}"
    );

    a_thousand_hostile_words_arrive_exactly(machine);
}

fn a_thousand_hostile_words_arrive_exactly(machine: &Machine) {
    let words: Vec<String> = hostile::names()
        .iter()
        .map(|name| format!("--table={name}"))
        .collect();
    let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let unit = format!(
        "[Container]\nImage=localhost/hostile:1\nExec={}\n\n[Service]\nType=oneshot\n",
        line.join(" ")
    );
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("hostile.container");
    std::fs::write(&file, unit).expect("a unit");
    machine.copy_in(&file, "/etc/containers/systemd");
    machine.root(STAND_IN);
    machine.root(&format!("{GENERATE} && systemctl start hostile.service"));
    let seen = machine.quietly("base64 -w 0 /run/seen");
    let seen = base64::engine::general_purpose::STANDARD
        .decode(seen.trim())
        .expect("base64");
    let seen: Vec<&str> = seen
        .split(|byte| *byte == 0)
        .map(|word| std::str::from_utf8(word).expect("UTF-8"))
        .collect();
    let image = seen
        .iter()
        .position(|word| *word == "localhost/hostile:1")
        .expect("the image");
    let arrived = &seen[image + 1..seen.len() - 1];
    assert_eq!(arrived.len(), words.len());
    for (arrived, word) in arrived.iter().zip(&words) {
        assert_eq!(arrived, word);
    }
}
