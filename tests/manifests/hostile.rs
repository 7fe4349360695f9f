//! Whatever a name holds arrives where it belongs, and nowhere else.

use serde_json::Value;

use super::names::names;
use super::options::{defaults, documents, of_kind, rendered};

/// Kubernetes' expansion of `$(NAME)` in arguments, where no variable is defined
/// (https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/).
fn expanded(argument: &str) -> String {
    let mut text = String::new();
    let mut rest = argument;
    while let Some(position) = rest.find('$') {
        text.push_str(&rest[..position]);
        rest = &rest[position..];
        let taken = match rest.as_bytes().get(1) {
            Some(b'$') => {
                text.push('$');
                2
            }
            Some(b'(') if rest.contains(')') => panic!("{argument:?} refers to a variable"),
            _ => {
                text.push('$');
                1
            }
        };
        rest = &rest[taken..];
    }
    text + rest
}

#[test]
fn a_thousand_hostile_names_arrive_exactly() {
    let (mut settings, kubernetes) = defaults();
    let names = names();
    assert!(names.len() >= 1000);
    for name in names {
        (settings.database, settings.role) = (name.clone(), name.clone());
        (settings.table.table, settings.table.extension_schema) = (name.clone(), name.clone());
        let documents = documents(&rendered(&settings, &kubernetes));
        let wanted = Value::from(name.as_str());
        let initdb = &of_kind(&documents, "Cluster")["spec"]["bootstrap"]["initdb"];
        let database = &of_kind(&documents, "Database")["spec"];
        let found = [
            &initdb["database"],
            &initdb["owner"],
            &database["name"],
            &database["owner"],
            &database["extensions"][0]["schema"],
            &database["schemas"][0]["name"],
        ];
        assert_eq!(found, [&wanted; 6], "{name:?}");
        let arguments = &of_kind(&documents, "Job")["spec"]["template"]["spec"]["containers"][0]["args"];
        let arguments: Vec<String> = arguments
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| expanded(argument.as_str().unwrap()))
            .collect();
        assert!(
            arguments.contains(&format!("--table={name}")),
            "{name:?}: {arguments:?}"
        );
        assert!(
            arguments.contains(&format!("--extension-schema={name}")),
            "{name:?}: {arguments:?}"
        );
    }
}
