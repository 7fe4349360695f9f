//! What is refused, and the whole of what is rendered for one set of options; tests/manifests has the others.

use super::*;
use crate::plan::sample::{self, name};
use crate::settings::{Quantity, Target};

fn kubernetes() -> KubernetesSettings {
    KubernetesSettings {
        name: Label::parse("--name", "vectors", Label::LONGEST_CLUSTER).unwrap(),
        namespace: None,
        instances: 3,
        storage: Quantity::parse("--storage", "20Gi").unwrap(),
        storage_class: None,
        backup: None,
    }
}

#[test]
fn what_the_operator_keeps_for_itself_is_refused() {
    for (database, role, what) in [
        ("postgres", "vectors", "the database postgres"),
        ("template1", "vectors", "the database template1"),
        ("vectors", "postgres", "the role postgres"),
        ("vectors", "streaming_replica", "the role streaming_replica"),
    ] {
        let mut settings = sample::settings(Target::Docker);
        (settings.database, settings.role) = (name(database), name(role));
        let refusal = manifests(&settings, &kubernetes()).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            format!("CloudNativePG keeps {what} for itself")
        );
    }
}

#[test]
fn an_image_without_registry_is_said_to_be_out_of_the_nodes_reach() {
    let mut settings = sample::settings(Target::Docker);
    let notes = |settings: &Settings| manifests(settings, &kubernetes()).unwrap().notes;
    assert!(
        notes(&settings)[0].starts_with("the job runs pgvector-setup:"),
        "{:?}",
        notes(&settings)
    );
    settings.containers.tool_image = "registry.example/pgvector-setup:1".parse().unwrap();
    assert_eq!(notes(&settings), [""; 0]);
}

#[test]
fn dollar_signs_in_arguments_mean_themselves() {
    assert_eq!(unexpanded("--table=$(HOME) $$ $x"), "--table=$$(HOME) $$$$ $$x");
}
