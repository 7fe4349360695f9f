//! The application's password is in its file, and nowhere else.

use std::path::Path;

use super::end_state;
use super::ground::Ground;
use super::instance::User;
use super::strace;

pub fn password_is_nowhere_else(ground: &Ground) {
    let instance = ground.bare_instance("secret", User::Plain);
    let log = instance.root.join("programs.log");
    let up = instance
        .run_under(
            &strace::logging_programs(&log),
            &ground.program,
            &["up", "--yes", "--json"],
        )
        .succeeds();
    let directory = instance.directory();
    let file = directory.join("credentials");
    let password = end_state::password(&instance);
    let password = password.expose();

    let mut sinks = vec![("up --json".to_owned(), format!("{up}"))];
    for words in [
        ["plan", "--json"],
        ["status", "--json"],
        ["doctor", "--json"],
        ["verify", "--json"],
        ["migrate", "status"],
    ] {
        sinks.push((words.join(" "), instance.run(words).to_string()));
    }
    instance.run(["stop"]).succeeds();
    let programs = std::fs::read_to_string(&log).expect("strace wrote its log");
    assert!(programs.contains("initdb"), "the log has the children");
    sinks.push(("arguments and environments of all children".to_owned(), programs));
    sinks.push(("the rollback".to_owned(), {
        let found = files_with(&directory, password);
        assert_eq!(found, [file.display().to_string()], "files with the password");
        instance.rollback().succeeds().to_string()
    }));
    for (sink, text) in sinks {
        assert!(!text.contains(password), "the password is in: {sink}");
    }
}

fn files_with(directory: &Path, password: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)
        .expect("a readable directory")
        .flatten()
    {
        let path = entry.path();
        let kind = entry.file_type().expect("it stays");
        if kind.is_dir() {
            found.extend(files_with(&path, password));
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).expect("a readable file");
            if bytes
                .windows(password.len())
                .any(|window| window == password.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
