//! The dashboard, read into the types that Grafana generates from its own schema, in Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::{kept, render, said};

/// The generation of the types, and the version of Grafana that it is for.
const TYPES: &str = "grafana-foundation-sdk==1769699379!11.6.0";
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/monitoring/read_dashboard.py");

/// Where the types are; a line says that they are not to be had.
fn types() -> Option<PathBuf> {
    let place = kept().join("grafana-11.6.0");
    if !place.join("grafana_foundation_sdk").exists() {
        let fetch = tempfile::tempdir_in(kept()).unwrap();
        let mut install = Command::new("python3");
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--target",
        ]);
        let installed = install.arg(fetch.path()).arg(TYPES).output();
        if !installed.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: python3 -m pip install {TYPES} fails");
            return None;
        }
        std::fs::rename(fetch.keep(), &place).unwrap();
    }
    Some(place)
}

fn read(types: &Path, dashboard: &Path) -> (bool, String) {
    said(
        Command::new("python3")
            .arg(READER)
            .arg(dashboard)
            .env("PYTHONPATH", types),
    )
}

#[test]
fn grafanas_types_know_every_key_and_take_every_value() {
    let Some(types) = types() else { return };
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring"]);
    let file = place.path().join("pgvector-setup.dashboard.json");
    assert_eq!(read(&types, &file), (true, String::new()));

    let text = std::fs::read_to_string(&file).unwrap();
    for (part, other, complaint) in [
        (
            "\"graphMode\": \"none\"",
            "\"graphmode\": \"none\"",
            "graphmode: not known",
        ),
        (
            "\"graphMode\": \"none\"",
            "\"graphMode\": \"big\"",
            "graphMode: 'big'",
        ),
        ("\"drawStyle\": \"line\"", "\"drawStyle\": 1", "drawStyle: 1"),
        (
            "\"schemaVersion\": 39",
            "\"schemaVersion\": \"39\"",
            "schemaVersion: '39'",
        ),
    ] {
        assert!(text.contains(part), "{part}");
        std::fs::write(&file, text.replace(part, other)).unwrap();
        let (is_sound, said) = read(&types, &file);
        assert!(!is_sound && said.contains(complaint), "{other}: {said}");
    }
}

#[test]
fn panels_do_not_overlap_and_have_ids_of_their_own() {
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring"]);
    let text = std::fs::read_to_string(place.path().join("pgvector-setup.dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (mut ids, mut cells) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(x + width <= 24, "{panel}");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{panel}");
        }
    }
}
