//! The structural schemas of custom resource definitions, as the API server applies them
//! (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema),
//! but for one thing: a field that is not in the schema is an error here, where the server would drop it in silence.

use std::collections::BTreeSet;
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

/// The directory of the operator's definitions, `*.yaml` of `config/crd/bases` in its repository. They are read from beside
/// the repository and are no part of it.
const DIRECTORY: &str = "PGVECTOR_SETUP_CNPG_SCHEMAS";

/// The schema of one kind, by its definition's file name. `None`, said aloud, where the definitions are not at hand.
pub fn of(definition: &str) -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/cnpg");
    let directory = std::env::var_os(DIRECTORY).map_or(beside, PathBuf::from);
    let path = directory.join(format!("postgresql.cnpg.io_{definition}.yaml"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        let complaint = format!(
            "SKIPPED: {} is not there; {DIRECTORY} names its directory\n",
            path.display()
        );
        use std::io::Write as _;
        // Past the capture of the test harness: a skip has to be seen.
        let _ = std::io::stderr().write_all(complaint.as_bytes());
        return None;
    };
    let definition = super::options::parsed(&text);
    let version = definition["spec"]["versions"][0].clone();
    assert_eq!(version["name"], "v1", "{}", path.display());
    Some(version["schema"]["openAPIV3Schema"].clone())
}

/// Everything that is wrong with `value`, one line each, with its place. Expressions (`x-kubernetes-validations`) are not judged.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    judge(schema, value, "", &mut faults);
    faults
}

fn judge(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let mut fault = |what: String| faults.push(format!("{place}: {what}"));
    if schema["x-kubernetes-int-or-string"] == true {
        if !(value.is_i64() || value.is_string()) {
            fault(format!("{value} is neither integer nor string"));
        }
    } else if !has_type(schema["type"].as_str(), value) {
        fault(format!("{value} is no {}", schema["type"]));
        return;
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|allowed| !allowed.contains(value))
    {
        fault(format!("{value} is none of {}", schema["enum"]));
    }
    let limit = |name: &str| schema[name].as_f64();
    if let Some(number) = value.as_f64()
        && (limit("minimum").is_some_and(|least| number < least)
            || limit("maximum").is_some_and(|most| number > most))
    {
        fault(format!("{value} is out of range"));
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as f64;
        if limit("minLength").is_some_and(|least| length < least)
            || limit("maxLength").is_some_and(|most| length > most)
        {
            fault(format!("{value} has a length out of range"));
        }
        let pattern = schema["pattern"]
            .as_str()
            .map(|pattern| Regex::new(pattern).unwrap());
        if pattern.is_some_and(|pattern| !pattern.is_match(text)) {
            fault(format!("{value} does not match {}", schema["pattern"]));
        }
    }
    if let Some(items) = value.as_array() {
        keys_are_unique(schema, items, place, faults);
        for (position, item) in items.iter().enumerate() {
            judge(&schema["items"], item, &format!("{place}[{position}]"), faults);
        }
    }
    if value.is_object() {
        judge_object(schema, value, place, faults);
    }
}

fn judge_object(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let empty = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            faults.push(format!("{place}: {name} is missing"));
        }
    }
    // `metadata` is the API server's own.
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true || place == ".metadata";
    for (name, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match (properties.get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => judge(schema, inner, &place, faults),
            (None, schema) if schema.is_object() => judge(schema, inner, &place, faults),
            (None, _) if is_open => {}
            (None, _) => faults.push(format!("{place}: no such field")),
        }
    }
}

/// `x-kubernetes-list-type: map`: two items with the same keys are refused.
fn keys_are_unique(schema: &Value, items: &[Value], place: &str, faults: &mut Vec<String>) {
    let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() else {
        return;
    };
    let key = |item: &Value| -> String {
        keys.iter()
            .map(|key| item[key.as_str().unwrap()].to_string())
            .collect()
    };
    let different: BTreeSet<String> = items.iter().map(key).collect();
    if different.len() != items.len() {
        faults.push(format!("{place}: two items with the same {keys:?}"));
    }
}

fn has_type(wanted: Option<&str>, value: &Value) -> bool {
    match wanted {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        // Anything goes where the schema says nothing.
        _ => true,
    }
}
