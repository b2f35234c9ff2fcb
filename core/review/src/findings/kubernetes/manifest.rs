//! Kubernetes manifests: what pods may do on their nodes, who reaches them, what runs in them.
//!
//! An object is known by kind, namespace and name, so its place in the file does not matter. Helm templates
//! are not YAML and end as not analyzed.

use super::change::{changed, gone};
use super::pod::pod;
use super::{network, reach};
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeMap;

/// The rules for manifests.
pub(in crate::findings) struct Manifests;

/// An object of a manifest.
pub(super) struct Object<'a> {
    pub(super) kind: &'a str,
    /// Kind, namespace and name.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) value: &'a Value,
}

/// Returns the objects of a side, those in lists included.
pub(super) fn objects<'a>(input: &Input<'a>) -> Vec<Object<'a>> {
    let mut found = Vec::new();
    input.walk(&mut |place, value| {
        let (Some(kind), Some(_)) = (value.text_at("kind"), value.text_at("apiVersion")) else {
            return;
        };
        let meta = |key| {
            value
                .path(&["metadata", key])
                .and_then(Value::text)
                .unwrap_or_default()
        };
        let name = format!("{kind} {}/{}", meta("namespace"), meta("name"));
        found.push(Object {
            kind,
            name,
            place: place.clone(),
            value,
        });
    });
    found
}

impl Detector for Manifests {
    fn kinds(&self) -> &'static [&'static str] {
        &["k8s", "k8s-rbac"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let objects = objects(input);
        for object in &objects {
            exposure(object, seen);
            annotations(object, seen);
            object
                .value
                .walk_from(&mut object.place.clone(), &mut |place, value| {
                    if value
                        .at("containers")
                        .is_some_and(|containers| !containers.items().is_empty())
                    {
                        pod(object, place, value, seen);
                    }
                });
        }
        if objects.is_empty() {
            Outcome::NotMine
        } else {
            Outcome::Analyzed
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (olds, news) = (objects(before), objects(after));
        let new: BTreeMap<&str, &Object<'_>> = news.iter().map(|object| (&*object.name, object)).collect();
        let mut changes = reach::lost(&olds, &news);
        for old in &olds {
            match new.get(&*old.name) {
                None => changes.push((gone(old), Delta::Widened, Side::Before)),
                Some(new) => {
                    changed(old, new, &mut changes);
                    network::changed(old, new, &mut changes);
                }
            }
        }
        changes
    }
}

fn exposure(object: &Object<'_>, seen: &mut Vec<Observation>) {
    let mut add = |key: &str, severity, what: String, line| {
        let key = format!("{} {key}", object.name);
        seen.push(
            Observation::new(&rule::K8S_EXPOSED, key, what)
                .severity(severity)
                .at(&object.place, line),
        );
    };
    let spec = object.value.at("spec");
    match object.kind {
        "Service" => {
            if let Some(kind) = spec.and_then(|spec| spec.at("type")) {
                let text = kind.text().unwrap_or_default();
                let inside = object
                    .value
                    .path(&["metadata", "annotations"])
                    .is_some_and(|notes| {
                        notes
                            .entries()
                            .iter()
                            .any(|(key, value)| key.contains("internal") && value.text() != Some("false"))
                    });
                if matches!(text, "NodePort" | "LoadBalancer") && !(inside && text == "LoadBalancer") {
                    add(
                        text,
                        Severity::Medium,
                        format!(
                            "{} is reachable from outside the cluster by {text}",
                            quote(&object.name)
                        ),
                        kind.line,
                    );
                }
            }
            if let Some(addresses) = spec
                .and_then(|spec| spec.at("externalIPs"))
                .filter(|it| !it.items().is_empty())
            {
                add(
                    "externalIPs",
                    Severity::High,
                    format!("{} takes over addresses by externalIPs", quote(&object.name)),
                    addresses.line,
                );
            }
        }
        "Ingress" if spec.is_some_and(|spec| spec.at("tls").is_none()) => {
            add(
                "plain",
                Severity::Low,
                format!("{} serves without TLS", quote(&object.name)),
                object.value.line,
            );
        }
        _ => {}
    }
}

/// Observes annotations that put text into the settings of a proxy as it stands.
fn annotations(object: &Object<'_>, seen: &mut Vec<Observation>) {
    let notes = object.value.path(&["metadata", "annotations"]);
    for (key, note) in notes.map(Value::entries).unwrap_or_default() {
        if key.ends_with("-snippet") {
            let what = format!(
                "{} of {} is put into a proxy's settings",
                quote(key),
                quote(&object.name)
            );
            let key = format!("{} {key} {}", object.name, note.text().unwrap_or_default());
            seen.push(Observation::new(&rule::K8S_SNIPPET, key, what).at(&object.place, note.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{analyze, severity};

    const POD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n        - name: c\n          image: r/web:1.2\n          resources: {limits: {cpu: 1}}\n";

    fn ids(before: Option<&str>, after: &str) -> Vec<String> {
        analyze("k8s", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .map(|finding| finding.rule.to_string())
            .collect()
    }

    #[test]
    fn an_ordinary_deployment_is_quiet_and_a_new_tag_is_information() {
        assert_eq!(ids(None, POD), Vec::<String>::new());
        let moved = analyze("k8s", Some(POD.as_bytes()), POD.replace("1.2", "1.3").as_bytes());
        assert_eq!(
            (moved[0].rule.as_str(), severity(&moved)),
            ("k8s-image-moved", Severity::Info)
        );
    }

    #[test]
    fn power_over_the_node_is_told() {
        let bad = POD
            .replace(
                "          image",
                "          securityContext: {privileged: true}\n          image",
            )
            .replace(
                "      containers",
                "      hostNetwork: true\n      volumes: [{name: v, hostPath: {path: /}}]\n      containers",
            );
        assert_eq!(
            ids(Some(POD), &bad),
            ["k8s-host-path", "k8s-privileged", "k8s-host-namespace"]
        );
    }

    #[test]
    fn losses_are_told() {
        let bare = POD
            .replace("          resources: {limits: {cpu: 1}}\n", "")
            .replace("replicas: 2", "replicas: 0");
        assert_eq!(ids(Some(POD), &bare), ["k8s-guard-removed", "k8s-scaled-to-zero"]);
        let other = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n";
        assert_eq!(
            analyze(
                "k8s",
                Some(format!("{POD}---\n{other}").as_bytes()),
                POD.as_bytes()
            )[0]
            .severity,
            Severity::High
        );
    }

    #[test]
    fn guards_that_guard_less_are_told() {
        let level =
            |before: &str, after: &str| severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()));
        let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 50%}\n";
        assert_eq!(level(budget, &budget.replace("50%", "0%")), Severity::Medium);
        assert_eq!(level(&budget.replace("50%", "0%"), budget), Severity::Info);
        assert_eq!(
            level(
                budget,
                &budget.replace("minAvailable: 50%", "maxUnavailable: 100%")
            ),
            Severity::Medium
        );
        let network = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec:\n  ingress:\n    - from: [{podSelector: {}}]\n";
        assert_eq!(
            level(network, &network.replace("- from: [{podSelector: {}}]", "- {}")),
            Severity::Medium
        );
        let space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: s, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
        assert_eq!(
            level(space, &space.replace("restricted", "privileged")),
            Severity::Medium
        );
        assert_eq!(
            level(POD, &POD.replace("replicas: 2", "replicas: 1")),
            Severity::Medium
        );
        let pinned = POD.replace("r/web:1.2", &format!("r/web@sha256:{}", "a".repeat(64)));
        assert_eq!(level(&pinned, POD), Severity::Medium);
    }

    #[test]
    fn rollouts_that_take_all_down_and_confinements_that_are_off_are_told() {
        let level = |after: &str| severity(&analyze("k8s", Some(POD.as_bytes()), after.as_bytes()));
        for (strategy, expected) in [
            ("{type: Recreate}", Severity::Medium),
            ("{rollingUpdate: {maxUnavailable: 100%}}", Severity::Medium),
            ("{rollingUpdate: {maxUnavailable: 2}}", Severity::Medium),
            ("{rollingUpdate: {maxUnavailable: 1}}", Severity::Info),
        ] {
            let after = POD.replace(
                "  replicas: 2\n",
                &format!("  replicas: 2\n  strategy: {strategy}\n"),
            );
            assert_eq!(level(&after), expected, "{strategy}");
        }
        let open = POD.replace(
            "          image",
            "          securityContext: {seccompProfile: {type: Unconfined}}\n          image",
        );
        assert_eq!(ids(Some(POD), &open), ["k8s-unconfined"]);
    }

    #[test]
    fn confinements_of_pods_that_are_gone_are_told() {
        let level =
            |before: &str, after: &str| severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()));
        for guard in [
            "runtimeClassName: gvisor",
            "automountServiceAccountToken: false",
            "hostUsers: false",
            "securityContext: {runAsNonRoot: true}",
        ] {
            let guarded = POD.replace("      containers", &format!("      {guard}\n      containers"));
            assert_eq!(level(&guarded, POD), Severity::Medium, "{guard}");
            assert_eq!(level(POD, &guarded), Severity::Info, "{guard}");
        }
        let mounts = POD.replace(
            "      containers",
            "      automountServiceAccountToken: true\n      containers",
        );
        assert_eq!(level(POD, &mounts), Severity::Info, "it was so by default");
    }

    #[test]
    fn logins_in_annotations_and_kept_disks_are_guards() {
        let level =
            |before: &str, after: &str| severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()));
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\n  annotations: {nginx.ingress.kubernetes.io/auth-url: https://l.test, a.test/note: x}\nspec: {tls: [{hosts: [h.test]}]}\n";
        assert_eq!(
            level(
                ingress,
                &ingress.replace("nginx.ingress.kubernetes.io/auth-url: https://l.test, ", "")
            ),
            Severity::Medium
        );
        assert_eq!(
            level(ingress, &ingress.replace(", a.test/note: x", "")),
            Severity::Info
        );
        let author = ingress.replace("a.test/note", "a.test/author");
        assert_eq!(level(&author, ingress), Severity::Info);
        let snippet = ingress.replace("a.test/note", "nginx.ingress.kubernetes.io/server-snippet");
        assert_eq!(level(ingress, &snippet), Severity::Medium);
        let class =
            "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: s}\nreclaimPolicy: Retain\n";
        assert_eq!(level(class, &class.replace("Retain", "Delete")), Severity::Medium);
        assert_eq!(level(&class.replace("Retain", "Delete"), class), Severity::Info);
    }

    #[test]
    fn a_service_going_public_counts_once() {
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ClusterIP}\n";
        let public = service.replace("ClusterIP", "NodePort");
        assert_eq!(
            severity(&analyze("k8s", Some(service.as_bytes()), public.as_bytes())),
            Severity::Medium
        );
        assert_eq!(
            severity(&analyze("k8s", Some(public.as_bytes()), public.as_bytes())),
            Severity::Info
        );
    }

    #[test]
    fn what_is_suspended_no_longer_runs() {
        let job = |suspend: bool| {
            format!(
                "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: backup}}\nspec:\n  schedule: '1 2 * * *'\n  suspend: {suspend}\n"
            )
        };
        assert!(ids(Some(&job(false)), &job(true)).contains(&"k8s-scaled-to-zero".to_owned()));
        assert!(!ids(Some(&job(true)), &job(false)).contains(&"k8s-scaled-to-zero".to_owned()));
        assert!(!ids(Some(&job(true)), &job(true)).contains(&"k8s-scaled-to-zero".to_owned()));
    }
}
