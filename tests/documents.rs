//! What the documents say against what the program does.

#![allow(clippy::disallowed_methods, reason = "a test reads the repository")]
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every `E` with four digits that begins after `before`, with how often.
fn codes(text: &str, before: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (position, _) in text.match_indices(&format!("{before}E")) {
        let code = &text[position + before.len()..];
        let digits = code[1..].chars().take_while(char::is_ascii_digit).count();
        if digits == 4 {
            *found.entry(code[..5].to_owned()).or_default() += 1;
        }
    }
    found
}

fn source() -> String {
    let files = rust_files(&Path::new(ROOT).join("src"));
    let texts = files.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect()
}

#[test]
fn every_error_variant_has_a_code_of_its_own() {
    let twice: Vec<_> = codes(&source(), "=> \"")
        .into_iter()
        .filter(|(_, count)| *count != 1)
        .collect();
    assert_eq!(twice, []);
}

#[test]
fn every_code_in_the_source_belongs_to_a_variant() {
    let source = source();
    let (literals, variants) = (codes(&source, "\""), codes(&source, "=> \""));
    assert!(variants.len() > 40, "{variants:?}");
    for code in literals.keys() {
        assert!(variants.contains_key(code), "{code}");
    }
}

#[test]
fn errors_md_has_a_row_for_every_code_once_and_in_order() {
    let text = document("ERRORS.md");
    let rows: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| E")).collect();
    let listed: Vec<String> = rows.iter().map(|row| format!("E{}", &row[..4])).collect();
    let known: Vec<String> = codes(&source(), "=> \"").into_keys().collect();
    assert_eq!(listed, known);
    for row in rows {
        let columns: Vec<&str> = row.split(" | ").map(str::trim).collect();
        assert_eq!(columns.len(), 4, "{row}");
        assert!(columns.iter().all(|column| !column.is_empty()), "{row}");
    }
}

#[test]
fn errors_md_explains_every_exit_status_that_it_names() {
    let text = document("ERRORS.md");
    let (statuses, errors) = text.split_once("## Errors").unwrap();
    for row in errors.lines().filter(|line| line.starts_with("| E")) {
        for status in row.split('|').nth(3).unwrap().split(", ") {
            let explained = format!("| {} |", status.trim());
            assert!(statuses.contains(&explained), "{row}");
        }
    }
}

#[test]
fn the_readme_mentions_every_command() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pgvector-setup"))
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(names.contains(&"up") && names.contains(&"rollback"), "{help}");
    let readme = document("README.md");
    for name in names {
        let forms = [
            format!("pgvector-setup {name}"),
            format!("`{name}`"),
            format!("`{name} "),
        ];
        assert!(forms.iter().any(|form| readme.contains(form)), "{name}");
    }
}
