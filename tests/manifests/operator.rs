//! CloudNativePG's own definitions against what is rendered for it.

use serde_json::{Value, json};

use super::options::{self, defaults, documents, of_kind, rendered};
use super::schema;

const KINDS: [(&str, &str); 3] = [
    ("Cluster", "clusters"),
    ("Database", "databases"),
    ("ScheduledBackup", "scheduledbackups"),
];

#[test]
fn every_document_for_the_operator_has_only_what_its_definition_knows() {
    let mut judged = Vec::new();
    for (set, settings, kubernetes) in options::sets() {
        let documents = documents(&rendered(&settings, &kubernetes));
        for (kind, definition) in KINDS {
            for document in documents.iter().filter(|document| document["kind"] == kind) {
                assert_eq!(document["apiVersion"], "postgresql.cnpg.io/v1");
                let Some(schema) = schema::of(definition) else {
                    return;
                };
                assert_eq!(schema::faults(&schema, document), [""; 0], "{set}: {kind}");
                judged.push(kind);
            }
        }
    }
    let count = |kind: &str| judged.iter().filter(|judged| **judged == kind).count();
    assert_eq!(KINDS.map(|(kind, _)| count(kind)), [4, 4, 1]);
}

/// A schema that would let anything through proves nothing.
#[test]
fn the_same_definitions_refuse_what_is_wrong() {
    let (settings, kubernetes) = defaults();
    let documents = documents(&rendered(&settings, &kubernetes));
    let cases: [(&str, &str, Value, &str); 8] = [
        ("Cluster", "/spec/instances", json!("3"), "is no \"integer\""),
        ("Cluster", "/spec/instances", json!(0), "out of range"),
        ("Cluster", "/spec/imageNam", json!("x"), "no such field"),
        (
            "Cluster",
            "/spec/postgresql/parameters/shared_buffers",
            json!(1),
            "is no \"string\"",
        ),
        (
            "Cluster",
            "/spec/postgresql/extensions/0/name",
            json!("P G"),
            "does not match",
        ),
        (
            "Cluster",
            "/spec/resources/limits/memory",
            json!("2 GB"),
            "does not match",
        ),
        (
            "Database",
            "/spec/databaseReclaimPolicy",
            json!("keep"),
            "none of",
        ),
        ("Database", "/spec/owner", Value::Null, "is no \"string\""),
    ];
    for (kind, pointer, value, expected) in cases {
        let definition = KINDS.iter().find(|known| known.0 == kind).unwrap().1;
        let Some(schema) = schema::of(definition) else {
            return;
        };
        let mut document = of_kind(&documents, kind).clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = value;
        let faults = schema::faults(&schema, &document);
        assert!(
            faults.len() == 1 && faults[0].contains(expected),
            "{pointer}: {faults:?}"
        );
    }
}

#[test]
fn the_extension_comes_from_the_image_volume_alone_where_there_is_one() {
    for (set, settings, kubernetes) in options::sets() {
        let documents = documents(&rendered(&settings, &kubernetes));
        let cluster = of_kind(&documents, "Cluster");
        let volume = cluster["spec"]["postgresql"]["extensions"][0]["image"]["reference"].as_str();
        let version = of_kind(&documents, "Database")["spec"]["extensions"][0]["version"].as_str();
        let has_volume = matches!(set, "default" | "everything");
        assert_eq!(
            (volume.is_some(), version.is_some()),
            (has_volume, has_volume),
            "{set}"
        );
        if let (Some(volume), Some(version)) = (volume, version) {
            assert!(
                volume.contains(&format!(":{version}-18-")),
                "{volume} is not {version}"
            );
        }
    }
}
