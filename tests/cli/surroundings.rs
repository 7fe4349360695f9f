//! What a first boot has not: a locale, a home, a search path, a terminal, open standard streams, a directory to be in.

use std::process::Command;

use crate::place::{BINARY, Place};

/// Runs a shell script in which `$1` is the program, `$2` the place for data, `$3` the wheel, in an empty environment.
fn shell(place: &Place, script: &str) -> (i32, String) {
    let [data, wheel] = ["PGVECTOR_SETUP_DIRECTORY", "PGVECTOR_SETUP_BUNDLE"].map(|name| {
        let environment = place.environment();
        let found = environment.iter().find(|(key, _)| *key == name);
        found.unwrap().1.clone()
    });
    let output = Command::new("/bin/sh")
        .args(["-c", script, "sh", BINARY])
        .arg(data)
        .arg(wheel)
        .env_clear()
        .current_dir(place.work())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

const UP: &str = r#"env -i "$1" up --yes --directory "$2" --bundle "$3" --dimensions 3"#;

#[test]
fn an_empty_environment_a_closed_input_and_a_directory_that_is_gone_are_enough() {
    let place = Place::with_bundle();
    let script = format!("mkdir gone && cd gone && rmdir ../gone && umask 077 && exec 0<&- && {UP}");
    let (exit, said) = shell(&place, &script);
    assert_eq!(exit, 0, "{said}");
    place.succeeds(&["plan", "--check"]);
}

#[test]
fn closed_outputs_a_broken_locale_and_a_umask_that_hides_nothing_leave_the_same_modes() {
    let place = Place::with_bundle();
    let script = format!("umask 000; LC_ALL=broken LANG=xx_YY.broken; export LC_ALL LANG; {UP} >&- 2>&-");
    let (exit, said) = shell(&place, &script);
    assert_eq!((exit, said.as_str()), (0, ""));
    for (name, mode) in [("credentials", "600"), ("receipt.jsonl", "600")] {
        let (_, found) = shell(
            &place,
            &format!("/usr/bin/stat -c %a '{}'/{name}", place.instance().display()),
        );
        assert_eq!(found.trim(), mode, "{name}");
    }
    let (_, open) = shell(
        &place,
        r#"PATH=/usr/bin:/bin find "$2" -perm -o+w ! -type l ! -type s"#,
    );
    assert_eq!(open, "", "writable for everybody");
    place.succeeds(&["plan", "--check"]);
}

#[test]
fn a_relative_place_in_a_directory_that_is_gone_is_one_clear_error() {
    let place = Place::bare();
    let (exit, said) = shell(
        &place,
        r#"mkdir gone && cd gone && rmdir ../gone && env -i "$1" plan --directory here"#,
    );
    assert_eq!((exit, said.matches("error[E").count()), (2, 1), "{said}");
}
