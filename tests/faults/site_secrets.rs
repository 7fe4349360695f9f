//! The passwords of sites are in the files of their services, and nowhere else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::Executor as _;

use super::end_state::Server;
use super::ground::Ground;
use super::instance::{Instance, User};
use super::site::{Site, on_runtime};
use super::strace;

/// What runs, one after the other: the site, the command, and its words besides.
const STORY: [(&str, &str, &[&str]); 13] = [
    ("quiet", "deploy", &["--json", "--progress"]),
    ("loud", "deploy", &[]),
    ("quiet", "rotate-password", &["--json", "--progress"]),
    ("loud", "rotate-password", &[]),
    ("loud", "rotate-password", &["--json"]),
    ("loud", "deploy", &["--json"]),
    ("loud", "status", &["--json"]),
    ("loud", "status", &[]),
    ("loud", "history", &["--json"]),
    ("loud", "history", &[]),
    ("quiet", "upgrade", &["--json"]),
    ("quiet", "deploy", &["--json"]),
    (
        "quiet",
        "remove",
        &["--destroy-data", "quiet", "--json", "--progress"],
    ),
];

pub fn passwords_are_nowhere_else(ground: &Ground) {
    let instance = ground.bare_instance("site-secret", User::Plain);
    let mut seen = Seen::default();
    // Brings the server up, which then tells everything that it is told.
    let first = Site::new(&instance, "first");
    seen.run(&first, "deploy", &["--json", "--progress"]);
    configure("ALTER SYSTEM SET log_statement = 'all'", &instance);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| activity(&instance, &is_over));
        for (name, command, besides) in STORY {
            seen.run(&Site::new(&instance, name), command, besides);
        }
        seen.applies(&first);
        is_over.store(true, Ordering::Relaxed);
        seen.sinks
            .push(("pg_stat_activity".into(), watching.join().expect("it watched")));
    });

    assert!(seen.passwords.len() >= 7, "{}", seen.passwords.len());
    let text = |what: &str| {
        let of_kind = seen.sinks.iter().filter(|(sink, _)| sink.starts_with(what));
        of_kind.map(|(_, text)| text.as_str()).collect::<String>()
    };
    assert!(text("children").contains("initdb") && text("pg_stat_activity").contains("SELECT"));
    assert!(logged(&instance).contains("CREATE ROLE \"loud_alternate\""));
    for (sink, text) in &seen.sinks {
        let found = seen.passwords.iter().any(|password| text.contains(password));
        assert!(!found, "a password is in: {sink}");
    }
    let mut expected: Vec<String> = Vec::new();
    for site in [
        &first,
        &Site::new(&instance, "loud"),
        &Site::new(&instance, "applied"),
    ] {
        let file = site.environment();
        let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "{}", file.display());
        expected.push(file.display().to_string());
    }
    expected.sort();
    assert_eq!(files_with(&instance.root, &seen.passwords), expected);
    instance.rollback().succeeds();
}

/// All that was said anywhere, and every password that was in use.
#[derive(Default)]
struct Seen {
    sinks: Vec<(String, String)>,
    passwords: BTreeSet<String>,
}

impl Seen {
    fn run(&mut self, site: &Site<'_>, command: &str, besides: &[&str]) {
        self.run_words(site, &site.words(command, besides));
    }

    /// A settings file that declares two sites, one of which is there.
    fn applies(&mut self, site: &Site<'_>) {
        let (instance, directory) = (site.instance, site.directory().display().to_string());
        let applied = Site::new(instance, "applied");
        let mut file = format!("target = \"embedded\"\nsite-directory = \"{directory}\"\n");
        for site in [site, &applied] {
            let _ = write!(
                file,
                "[[sites]]\ndomain = \"{}\"\nemail = \"other@example.com\"\n",
                site.domain()
            );
        }
        let path = instance.root.join("declared.toml");
        std::fs::write(&path, file).expect("a settings file");
        let path = path.display().to_string();
        let words = ["apply", "--yes", "--json", "--progress", "--config", &path];
        self.run_words(&applied, &words.map(str::to_owned));
    }

    fn run_words(&mut self, site: &Site<'_>, words: &[String]) {
        let instance = site.instance;
        let log = instance.root.join("programs.log");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let reply = instance.run_under(&strace::logging_programs(&log), &instance.ground.program, &words);
        let told = words.join(" ");
        let children = std::fs::read_to_string(&log).expect("strace wrote its log");
        self.sinks.push((format!("children of {told}"), children));
        std::fs::remove_file(&log).expect("the log is ours");
        self.sinks
            .push((format!("what {told} said"), reply.succeeds().to_string()));
        if let Ok(text) = std::fs::read_to_string(site.environment()) {
            let password = text.lines().find_map(|line| line.strip_prefix("PGPASSWORD="));
            self.passwords.insert(password.expect("a password").to_owned());
        }
    }
}

fn configure(statement: &'static str, instance: &Instance<'_>) {
    on_runtime(async {
        let mut connection = Server::of(instance).administrator_in("postgres").await;
        for statement in [statement, "SELECT pg_reload_conf()"] {
            connection
                .execute(statement)
                .await
                .expect("the server is configured");
        }
    });
}

/// Every query that was seen in a session of the server, looked for until it is over.
fn activity(instance: &Instance<'_>, is_over: &AtomicBool) -> String {
    on_runtime(async {
        let mut connection = Server::of(instance).administrator_in("postgres").await;
        let mut queries = BTreeSet::new();
        while !is_over.load(Ordering::Relaxed) {
            let look = "SELECT query FROM pg_stat_activity, pg_sleep(0.002) WHERE pid <> pg_backend_pid() AND query <> ''";
            let seen: Vec<String> = sqlx::query_scalar(look)
                .fetch_all(&mut connection)
                .await
                .expect("sessions can be listed");
            queries.extend(seen);
        }
        queries.into_iter().collect::<Vec<_>>().join("\n")
    })
}

fn logged(instance: &Instance<'_>) -> String {
    let logs = std::fs::read_dir(instance.directory().join("data/log")).expect("a log");
    let texts = logs
        .flatten()
        .map(|entry| std::fs::read(entry.path()).expect("a readable log"));
    texts
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .collect()
}

/// Sorted paths of all files below a directory that have one of these in them: the server's own files too.
fn files_with(directory: &Path, passwords: &BTreeSet<String>) -> Vec<String> {
    let patterns = directory.with_extension("patterns");
    let lines: String = passwords.iter().map(|password| format!("{password}\n")).collect();
    std::fs::write(&patterns, lines).expect("a file of patterns");
    let found = Command::new("grep")
        .args([
            "--recursive",
            "--files-with-matches",
            "--text",
            "--fixed-strings",
            "--file",
        ])
        .arg(&patterns)
        .arg(directory)
        .output()
        .expect("grep starts");
    let mut found: Vec<String> = String::from_utf8_lossy(&found.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}
