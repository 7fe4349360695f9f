//! What is rendered is sealed and kept, as every other rendered file.

use std::process::Command;

use crate::programs::{render, said};

#[test]
fn an_edited_file_is_pending_refused_and_replaced_only_by_force() {
    for (kind, file) in [
        ("systemd", "pgvector-setup.service"),
        ("systemd", "pgvector-setup-doctor.timer"),
        ("monitoring", "pgvector-setup.rules.yaml"),
        ("monitoring", "pgvector-setup.dashboard.json"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let run = |option: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
            command
                .args(["render", kind])
                .arg(place.path())
                .args(option)
                .env_clear();
            command.output().unwrap().status.code()
        };
        assert_eq!(run(&["--check"]), Some(8), "{file}");
        render(place.path(), &[kind]);
        assert_eq!(run(&["--check"]), Some(0), "{file}");
        let path = place.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
        assert_eq!((run(&["--check"]), run(&[])), (Some(8), Some(3)), "{file}");
        assert_eq!(run(&["--force"]), Some(0), "{file}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn the_same_command_gives_the_same_bytes_wherever_it_runs() {
    let print = |kind: &str, directory: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
        let command = command
            .args(["render", kind, "-"])
            .env_clear()
            .current_dir(directory);
        let output = command.output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    for kind in ["systemd", "monitoring"] {
        assert_eq!(print(kind, "/"), print(kind, "/tmp"));
    }
}

#[test]
fn a_path_that_a_unit_would_misread_is_refused() {
    for option in ["--binary=bin/x", "--textfiles=/a b", "--binary=/%n"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
        command.args(["render", "systemd", "-", option]).env_clear();
        let (is_done, text) = said(&mut command);
        assert!(!is_done && text.contains("error[E0103]"), "{option}: {text}");
    }
}
