//! The job, judged by Kubernetes' own types.

use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;

use super::options::{self, defaults, documents, of_kind, rendered};
use super::schema;

fn job(
    set: &(
        &str,
        pgvector_setup::settings::Settings,
        pgvector_setup::settings::KubernetesSettings,
    ),
) -> Value {
    of_kind(&documents(&rendered(&set.1, &set.2)), "Job").clone()
}

#[test]
fn the_job_has_only_what_kubernetes_knows() {
    for set in options::sets() {
        let job = job(&set);
        let read: Job = serde_json::from_value(job.clone()).unwrap();
        // A field that the types do not know would be lost on the way.
        assert_eq!(serde_json::to_value(&read).unwrap(), job, "{}", set.0);
        let template = read.spec.unwrap().template.spec.unwrap();
        assert_eq!(template.containers.len(), 1);
    }
}

/// The definition of the operator's poolers holds the schema of a whole pod.
#[test]
fn its_pod_fits_the_schema_of_pods() {
    let Some(poolers) = schema::of("poolers") else {
        return;
    };
    let pod = &poolers["properties"]["spec"]["properties"]["template"]["properties"]["spec"];
    assert!(pod["properties"]["containers"].is_object());
    for set in options::sets() {
        let job = job(&set);
        assert_eq!(
            schema::faults(pod, &job["spec"]["template"]["spec"]),
            [""; 0],
            "{}",
            set.0
        );
    }
}

#[test]
fn it_refers_to_secrets_and_holds_none() {
    let (settings, kubernetes) = defaults();
    let rendering = rendered(&settings, &kubernetes);
    assert!(rendering.secrets.is_empty());
    let job = of_kind(&documents(&rendering), "Job").clone();
    let pod = &job["spec"]["template"]["spec"];
    let items = |volume: usize| pod["volumes"][volume]["secret"].clone();
    assert_eq!(
        (&items(1)["secretName"], &items(1)["items"][0]["key"]),
        (&"vectors-app".into(), &"password".into())
    );
    assert_eq!(
        (&items(2)["secretName"], &items(2)["items"][0]["key"]),
        (&"vectors-ca".into(), &"ca.crt".into())
    );
    let container = &pod["containers"][0];
    assert!(container.get("env").is_none(), "{container}");
    let arguments = container["args"].as_array().unwrap();
    let url = arguments
        .iter()
        .find_map(|argument| argument.as_str()?.strip_prefix("--url="));
    assert_eq!(
        url,
        Some("postgresql://vectors@vectors-rw:5432/vectors?sslmode=verify-full")
    );
}
