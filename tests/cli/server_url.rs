//! The command of a container that runs once before the application: `migrate up --create --wait`, passwords from files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::place::{Place, RUNNING, set_mode};
use crate::transcript::{Transcript, assert_transcript};

/// In nobody's passwd file.
const UNKNOWN: u32 = 61234;

/// A directory with secrets, and a superuser of the running server whose password is one of them.
struct Theirs {
    place: Place,
    role: &'static str,
    url: String,
}

impl Theirs {
    /// `role` is the application's, and gives the database and the administrator their names.
    fn of(role: &'static str) -> Self {
        RUNNING.sql(
            "postgres",
            &format!("CREATE ROLE {role}_boss SUPERUSER LOGIN PASSWORD 'boss''s own'"),
        );
        let port = RUNNING.json(&["status"])["port"].as_u64().unwrap();
        let theirs = Self {
            place: Place::bare(),
            role,
            url: format!("postgresql://{role}_boss@127.0.0.1:{port}/postgres"),
        };
        theirs.write("boss", b"boss's own\n", 0o600);
        theirs.write("application", b"first\n", 0o600);
        theirs
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let file = self.place.work().join(name);
        fs::write(&file, content).unwrap();
        set_mode(&file, mode);
        file
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let named = [
            "--url",
            &self.url,
            "--password-file",
            "boss",
            "--role",
            self.role,
            "--database",
            self.role,
            "--role-password-file",
            "application",
        ];
        words.iter().copied().chain(named).collect()
    }

    /// The command as a container runs it: every name given, no question, nobody's home.
    fn run(&self, words: &[&str]) -> Transcript {
        let given = self.words(words);
        let mut command = self.place.command(&given);
        Transcript::of(command.env_remove("HOME").env_remove("XDG_DATA_HOME"), words)
    }

    /// Whether the password lets the application in and its table answers.
    fn lets_in(&self, password: &str) -> bool {
        let url = self
            .url
            .replace("_boss@", "@")
            .replace("/postgres", &format!("/{}", self.role));
        let file = self.write("tried", password.as_bytes(), 0o600);
        let words = ["status", "--url", &url, "--password-file", file.to_str().unwrap()];
        self.place.run(&words).exit == 0
    }
}

#[test]
fn one_command_makes_everything_with_the_passwords_of_files_and_again_has_nothing_to_do() {
    let theirs = Theirs::of("site_first");
    assert_transcript!(theirs.run(&["migrate", "up", "--create", "--wait", "20"]), @r#"
    $ pgvector-setup migrate up --create --wait 20
    connect:   postgresql://site_first@127.0.0.1:[PORT]/site_first?sslmode=disable
    password:  [DIR]/data/servers/[SERVER]/credentials
    variables: eval "$(pgvector-setup --url postgresql://site_first_boss@127.0.0.1:[PORT]/postgres --password-file boss --database site_first --role site_first env)"
    client:    pgvector-setup --url postgresql://site_first_boss@127.0.0.1:[PORT]/postgres --password-file boss --database site_first --role site_first psql
    | note: server: 127.0.0.1:[PORT], self-hosted PostgreSQL, PostgreSQL 18.4, no TLS
    | [1/10] take the password of site_first from application and keep it in [DIR]/data/servers/[SERVER]/credentials (mode 0600)
    | [2/10] create role "site_first"
    | [3/10] create database "site_first"
    | [4/10] limit who may use database "site_first"
    | [5/10] prepare schema "site_first"
    | [6/10] migration 1: extension
    | [7/10] migration 2: table
    | [8/10] migration 3: embedding column
    | [9/10] migration 4: embedding index
    | [10/10] prove it: 1000 vectors of 3 dimensions, index used, recall, write and delete
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
    assert!(theirs.lets_in("first") && !theirs.lets_in("another"));
    assert_transcript!(theirs.run(&["migrate", "up", "--create", "--wait", "20"]), @"
    $ pgvector-setup migrate up --create --wait 20
    | nothing to do
    exit 0
    ");
}

#[test]
fn another_password_in_the_file_is_given_to_the_role_by_the_next_run() {
    let theirs = Theirs::of("site_rotated");
    let up = theirs.run(&["migrate", "up", "--create"]);
    assert_eq!(up.exit, 0, "{up}");
    theirs.write("application", "zw\u{f6}lf: \\ '\u{2168}'\n".as_bytes(), 0o600);
    assert_transcript!(theirs.run(&["plan"]), @r#"
    $ pgvector-setup plan
    note: server: 127.0.0.1:[PORT], self-hosted PostgreSQL, PostgreSQL 18.4, no TLS
      1. take the password of site_rotated from application and keep it in [DIR]/data/servers/[SERVER]/credentials (mode 0600)
      2. give role "site_rotated" the password of application
           ALTER ROLE "site_rotated" PASSWORD 'SCRAM-SHA-256$…'
      3. prove it: 1000 vectors of 3 dimensions, index used, recall, write and delete
    exit 0
    "#);
    let up = theirs.run(&["migrate", "up", "--create"]);
    assert_eq!(up.exit, 0, "{up}");
    assert!(theirs.lets_in("zw\u{f6}lf: \\ '\u{2168}'") && !theirs.lets_in("first"));
    // SASLprep makes them one.
    assert!(theirs.lets_in("zw\u{f6}lf: \\ 'IX'"));
    assert_transcript!(theirs.run(&["plan"]), @"
    $ pgvector-setup plan
    | nothing to do
    exit 0
    ");
}

#[test]
fn without_the_records_of_before_the_next_run_comes_to_the_same_end() {
    let theirs = Theirs::of("site_forgetful");
    let up = theirs.run(&["migrate", "up", "--create"]);
    assert_eq!(up.exit, 0, "{up}");
    fs::remove_dir_all(theirs.place.data().join("servers")).unwrap();
    let again = theirs.run(&["migrate", "up", "--create", "--quiet"]);
    assert_eq!(again.exit, 0, "{again}");
    assert!(theirs.lets_in("first"));
    let plan = theirs.run(&["plan", "--check"]);
    assert_eq!(plan.exit, 0, "{plan}");
}

#[test]
fn a_wrong_password_of_the_administrator_is_told_at_once_with_the_way_to_mend_it() {
    let theirs = Theirs::of("site_wrong");
    theirs.write("boss", b"not this\n", 0o600);
    assert_transcript!(theirs.run(&["migrate", "up", "--create", "--wait", "20"]), @r"
    $ pgvector-setup migrate up --create --wait 20
    | error[E0607]: 127.0.0.1:[PORT] does not accept the password of site_wrong_boss
    | hint: is boss right? The volume of a container keeps the password of its first start; inside, none is asked for, so this gives site_wrong_boss another: docker compose exec --user postgres database psql -U site_wrong_boss -d postgres -c '\password'
    exit 3
    ");
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_no_longer_than_was_said() {
    let place = Place::bare();
    // Nothing listens on the first port.
    let url = "postgresql://boss:x@127.0.0.1:1/postgres";
    let words = ["migrate", "up", "--create", "--wait", "1"];
    let mut command = place.command(&words);
    let began = Instant::now();
    assert_transcript!(Transcript::of(command.env("PGVECTOR_SETUP_URL", url), &words), @"
    $ pgvector-setup migrate up --create --wait 1
    | waiting, at most 1 s: no PostgreSQL answers at 127.0.0.1:1: Connection refused (os error 111)
    | error[E0608]: no query was answered within 1 s: no PostgreSQL answers at 127.0.0.1:1: Connection refused (os error 111)
    | hint: look why it does not start (docker compose logs database), or give it longer: --wait SECONDS
    exit 3
    ");
    assert!(began.elapsed().as_secs() < 10);
}

#[test]
fn a_signal_ends_the_waiting_at_once() {
    let place = Place::bare();
    let url = "postgresql://boss:x@127.0.0.1:1/postgres";
    let mut command = place.command(&["migrate", "up", "--create", "--wait", "600"]);
    command.env("PGVECTOR_SETUP_URL", url).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("waiting, at most 600 s: "), "{first}");
    let began = Instant::now();
    pgvector_setup::host::terminate(child.id());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.starts_with("error[E0506]")),
        "{rest:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Replicas of one deployment, each with a volume of its own.
#[test]
fn runs_at_the_same_time_that_see_nothing_of_each_other_take_turns_to_one_end() {
    let theirs = Theirs::of("site_crowd");
    let words = theirs.words(&["migrate", "up", "--create", "--wait", "60"]);
    let run = |number: u32| {
        let directory = theirs.place.root().join(format!("volume-{number}"));
        let mut command = theirs.place.command(&words);
        let command = command.env("PGVECTOR_SETUP_DIRECTORY", directory);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let runs: Vec<_> = (0..4).map(run).collect();
    let mut creations = 0;
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        creations += said.matches("] create database").count();
    }
    assert_eq!(creations, 1);
    assert!(theirs.lets_in("first"));
}

/// As an engine ends a container that takes too long, at one step after the other; its volume is kept, or lost with it.
#[test]
fn a_run_that_is_killed_at_a_step_is_finished_by_the_next_with_and_without_its_records() {
    for (step, is_volume_lost, role) in [
        ("] create role", true, "site_killed_1"),
        ("] limit who may use", false, "site_killed_2"),
        ("] limit who may use", true, "site_killed_3"),
        ("] migration 4", true, "site_killed_4"),
        ("] prove it", false, "site_killed_5"),
    ] {
        let theirs = Theirs::of(role);
        let words = theirs.words(&["migrate", "up", "--create"]);
        let mut command = theirs.place.command(&words);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(step)), "{step}");
        child.kill().unwrap();
        child.wait().unwrap();
        if is_volume_lost {
            fs::remove_dir_all(theirs.place.data()).unwrap();
        }
        let again = theirs.run(&["migrate", "up", "--create", "--wait", "20"]);
        assert_eq!(again.exit, 0, "{step}, lost: {is_volume_lost}: {again}");
        assert!(theirs.lets_in("first"), "{step}");
        let done = theirs.run(&["plan", "--check"]);
        assert!(
            done.stderr.contains("nothing to do"),
            "{step}, lost: {is_volume_lost}: {done}"
        );
    }
}

/// OpenShift gives each project a user id that no passwd file has; nothing but the volume can be written.
#[test]
fn a_user_without_name_and_home_needs_nothing_but_a_directory() {
    let theirs = Theirs::of("site_nobody");
    let volume = theirs.place.root().join("volume");
    fs::create_dir(&volume).unwrap();
    // Only root can become somebody unknown; another user runs it as itself.
    let user = if theirs.place.is_roots() {
        UNKNOWN
    } else {
        theirs.place.owner()
    };
    for name in ["boss", "application"] {
        std::os::unix::fs::chown(theirs.place.work().join(name), Some(user), None).unwrap();
    }
    std::os::unix::fs::chown(&volume, Some(user), None).unwrap();
    let run = |words: &[&str], directory: Option<&PathBuf>| {
        let mut command = theirs.place.command(&theirs.words(words));
        command
            .env_remove("HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("PGVECTOR_SETUP_DIRECTORY");
        command.envs(directory.map(|directory| ("PGVECTOR_SETUP_DIRECTORY", directory)));
        std::os::unix::process::CommandExt::uid(&mut command, user);
        Transcript::of(&mut command, words)
    };
    let lost = run(&["plan"], None);
    assert_eq!(lost.exit, 3, "{lost}");
    assert!(
        lost.stderr.contains("error[E0109]") && lost.stderr.contains("--directory"),
        "{lost}"
    );
    let up = run(&["migrate", "up", "--create"], Some(&volume));
    assert_eq!(up.exit, 0, "{up}");
    assert!(theirs.lets_in("first"));
    theirs.write("boss", b"", 0o000);
    let unreadable = run(&["plan"], Some(&volume));
    let problem = format!("E0210]: boss: user id {user} may not read it");
    assert!(unreadable.stderr.contains(&problem), "{unreadable}");
}

#[test]
fn files_that_give_no_password_are_refused_by_their_path_and_never_shown() {
    let theirs = Theirs::of("site_refused");
    let long = [b'x'; 1025];
    let rows: [(&str, &[u8], u32, &str); 8] = [
        ("boss", b"", 0o600, "boss: it is empty"),
        ("boss", b"canary\0\n", 0o600, "boss: it has a NUL in it"),
        (
            "boss",
            b"canary\ncanary\n",
            0o600,
            "boss: it has more than one line",
        ),
        ("boss", &long, 0o600, "boss: it is longer than 1024 bytes"),
        ("boss", b"canary\xff", 0o600, "boss: it is not UTF-8"),
        ("boss", b"can\tary", 0o600, "boss: it has a control character"),
        ("boss", b"canary\n", 0o640, "boss: others may read it"),
        (
            "application",
            b"canary\n",
            0o604,
            "application: others may read it",
        ),
    ];
    for (name, content, mode, problem) in rows {
        for (name, content) in [("boss", &b"boss's own\n"[..]), ("application", b"first\n")] {
            theirs.write(name, content, 0o600);
        }
        theirs.write(name, content, mode);
        let refused = theirs.run(&["migrate", "up", "--create"]);
        assert_eq!(refused.exit, 2, "{problem}: {refused}");
        assert!(
            refused.stderr.contains(&format!("error[E0210]: {problem}")),
            "{problem}: {refused}"
        );
        assert!(
            refused.stderr.contains("hint: ") && !refused.to_string().contains("canary"),
            "{refused}"
        );
    }
    fs::remove_file(theirs.place.work().join("application")).unwrap();
    let missing = theirs.run(&["plan"]);
    assert!(
        missing
            .stderr
            .contains("E0210]: application: there is no such file"),
        "{missing}"
    );
    fs::create_dir(theirs.place.work().join("application")).unwrap();
    let directory = theirs.run(&["plan"]);
    assert!(
        directory.stderr.contains("E0210]: application: it is not a file"),
        "{directory}"
    );
    let two = "postgresql://u:first@127.0.0.1/d";
    let twice = theirs
        .place
        .run(&["plan", "--url", two, "--password-file", "boss"]);
    assert!(
        twice
            .stderr
            .contains("error[E0104]: a password in the URL and --password-file"),
        "{twice}"
    );
}

#[test]
fn a_closed_directory_keeps_a_secret_that_a_container_has_to_read() {
    let theirs = Theirs::of("site_sheltered");
    let secrets = theirs.place.work().join("secrets");
    fs::create_dir(&secrets).unwrap();
    set_mode(&secrets, 0o700);
    fs::remove_file(theirs.place.work().join("boss")).unwrap();
    theirs.write("secrets/boss", b"boss's own", 0o444);
    std::os::unix::fs::symlink("secrets/boss", theirs.place.work().join("boss")).unwrap();
    let plan = theirs.run(&["plan"]);
    assert_eq!(plan.exit, 0, "{plan}");
}
