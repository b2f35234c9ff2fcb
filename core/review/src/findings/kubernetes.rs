//! Kubernetes manifests: what pods may do on their nodes, who reaches them, what runs in them.
//!
//! An object is known by kind, namespace and name, so its place in the file does not matter. Helm templates
//! are not YAML and end as not analyzed.

use super::{Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use std::collections::BTreeMap;

/// The rules for manifests.
pub(super) struct Manifests;

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

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
        let new: BTreeMap<String, Object<'_>> = objects(after)
            .into_iter()
            .map(|object| (object.name.clone(), object))
            .collect();
        let mut changes = Vec::new();
        for old in objects(before) {
            match new.get(&old.name) {
                None => changes.push((gone(&old), Delta::Widened, Side::Before)),
                Some(new) => changed(&old, new, &mut changes),
            }
        }
        changes
    }
}

fn pod(object: &Object<'_>, place: &Place, spec: &Value, seen: &mut Vec<Observation>) {
    let mut add = |about, key: String, severity, what: String, line| {
        let key = format!("{} {key}", object.name);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, line),
        );
    };
    for (key, what) in [
        ("hostNetwork", "the network"),
        ("hostPID", "the processes"),
        ("hostIPC", "the shared memory"),
    ] {
        if let Some(value) = spec.at(key).filter(|value| value.is_true()) {
            add(
                &rule::K8S_HOST_NAMESPACE,
                key.to_owned(),
                Severity::High,
                format!("pods of {} share {what} of their node", quote(&object.name)),
                value.line,
            );
        }
    }
    for volume in spec.at("volumes").map(Value::items).unwrap_or_default() {
        if let Some(path) = volume.path(&["hostPath", "path"]).and_then(Value::text) {
            let what = format!(
                "{} of the node is mounted into {}",
                quote(path),
                quote(&object.name)
            );
            add(
                &rule::K8S_HOST_PATH,
                path.to_owned(),
                host_path_severity(path),
                what,
                volume.line,
            );
        }
    }
    if let Some(value) = spec
        .path(&["securityContext", "runAsUser"])
        .filter(|user| user.integer() == Some(0))
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "pod".to_owned(),
            Severity::Low,
            format!("pods of {} run as root", quote(&object.name)),
            value.line,
        );
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.at(list).map(Value::items).unwrap_or_default() {
            for observation in self::container(object, place, container) {
                seen.push(observation);
            }
        }
    }
}

fn host_path_severity(path: &str) -> Severity {
    let path = path.trim_end_matches('/');
    let whole = path.is_empty()
        || [
            "/etc",
            "/root",
            "/var/run",
            "/run",
            "/var/lib/kubelet",
            "/proc",
            "/sys",
            "/var/lib/docker",
            "/home",
        ]
        .contains(&path);
    let control = path.contains("docker.sock")
        || path.contains("containerd")
        || path.contains("crio")
        || path.contains("/etc/kubernetes")
        || path.contains("..");
    if whole || control {
        Severity::Critical
    } else {
        Severity::High
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one check after another, each a few lines; cut up it reads no better"
)]
fn container(object: &Object<'_>, place: &Place, container: &Value) -> Vec<Observation> {
    const POWERS: &[&str] = &[
        "ALL",
        "SYS_ADMIN",
        "NET_ADMIN",
        "SYS_PTRACE",
        "SYS_MODULE",
        "DAC_READ_SEARCH",
        "BPF",
        "SYS_RAWIO",
        "NET_RAW",
    ];
    let mut seen = Vec::new();
    let name = container.text_at("name").unwrap_or("?");
    let mut add = |about, key: &str, severity, what: String, line| {
        let key = format!("{} {name} {key}", object.name);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, line),
        );
    };
    let of = format!("container {} of {}", quote(name), quote(&object.name));
    let context = container.at("securityContext");
    let truth = |key: &str| {
        context
            .and_then(|context| context.at(key))
            .filter(|value| value.is_true())
    };
    if let Some(value) = truth("privileged") {
        add(
            &rule::K8S_PRIVILEGED,
            "",
            Severity::Critical,
            format!("{of} is privileged: root on its node"),
            value.line,
        );
    }
    if let Some(value) = truth("allowPrivilegeEscalation") {
        add(
            &rule::K8S_PRIVILEGE_ESCALATION,
            "",
            Severity::Medium,
            format!("{of} may gain privileges"),
            value.line,
        );
    }
    if let Some(value) = context
        .and_then(|context| context.at("runAsUser"))
        .filter(|user| user.integer() == Some(0))
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "",
            Severity::Low,
            format!("{of} runs as root"),
            value.line,
        );
    }
    if let Some(value) = context
        .and_then(|context| context.at("runAsNonRoot"))
        .filter(|value| value.is_false())
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "allowed",
            Severity::Medium,
            format!("{of} is allowed to run as root"),
            value.line,
        );
    }
    for power in context
        .and_then(|context| context.path(&["capabilities", "add"]))
        .map(Value::items)
        .unwrap_or_default()
    {
        let Some(text) = power.text() else { continue };
        if POWERS.contains(&text.trim_start_matches("CAP_").to_ascii_uppercase().as_str()) {
            add(
                &rule::K8S_CAPABILITY,
                text,
                Severity::High,
                format!("{of} holds the capability {}", quote(text)),
                power.line,
            );
        }
    }
    if let Some(port) = container
        .at("ports")
        .map(Value::items)
        .unwrap_or_default()
        .iter()
        .find_map(|port| port.at("hostPort"))
    {
        add(
            &rule::K8S_EXPOSED,
            "hostPort",
            Severity::Medium,
            format!(
                "{of} listens on its node's port {}",
                quote(port.text().unwrap_or("?"))
            ),
            port.line,
        );
    }
    if let Some(image) = container.at("image") {
        let text = image.text().unwrap_or_default();
        if !text.contains('@') && tag(text).is_none_or(|tag| tag == "latest") && !text.is_empty() {
            add(
                &rule::K8S_IMAGE_UNPINNED,
                text,
                Severity::Low,
                format!("{of} runs whatever {} is at the time", quote(text)),
                image.line,
            );
        }
    }
    seen
}

fn tag(image: &str) -> Option<&str> {
    image
        .rsplit('/')
        .next()
        .and_then(|name| name.split_once(':'))
        .map(|(_, tag)| tag)
}

fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    tag(name)
        .and_then(|tag| name.strip_suffix(tag))
        .map_or(name, |head| head.trim_end_matches(':'))
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

fn gone(object: &Object<'_>) -> Observation {
    let severity = match object.kind {
        "Namespace"
        | "PersistentVolumeClaim"
        | "PersistentVolume"
        | "CustomResourceDefinition"
        | "StatefulSet" => Severity::High,
        "NetworkPolicy"
        | "PodDisruptionBudget"
        | "ResourceQuota"
        | "LimitRange"
        | "ValidatingWebhookConfiguration" => Severity::Medium,
        "ValidatingAdmissionPolicy" | "PodSecurityPolicy" | "Secret" => Severity::Medium,
        _ => Severity::Low,
    };
    let what = format!("{} is no longer in the manifest", quote(&object.name));
    Observation::new(&rule::K8S_OBJECT_REMOVED, object.name.clone(), what)
        .severity(severity)
        .at(&object.place, object.value.line)
}

#[expect(
    clippy::too_many_lines,
    reason = "one check after another, each a few lines; cut up it reads no better"
)]
fn changed(old: &Object<'_>, new: &Object<'_>, changes: &mut Vec<(Observation, Delta, Side)>) {
    let mut add = |about, severity, what: String, line| {
        let seen = Observation::new(about, new.name.clone(), what)
            .severity(severity)
            .at(&new.place, line);
        changes.push((seen, Delta::Introduced, Side::After));
    };
    let replicas = |object: &Object<'_>| object.value.path(&["spec", "replicas"]).and_then(Value::integer);
    if let (Some(0), line) = (replicas(new), new.value.line)
        && replicas(old) != Some(0)
    {
        add(
            &rule::K8S_SCALED_TO_ZERO,
            Severity::Medium,
            format!("{} is scaled to nothing", quote(&new.name)),
            line,
        );
    }
    if let (Some(was), Some(is)) = (replicas(old), replicas(new))
        && is > 0
        && is <= was / 2
    {
        let severity = if is == 1 { Severity::Medium } else { Severity::Low };
        let what = format!("{} is scaled from {was} to {is}", quote(&new.name));
        add(&rule::K8S_SCALED_DOWN, severity, what, new.value.line);
    }
    for (what, line) in weaker(old, new) {
        let what = format!("{} {what}", quote(&new.name));
        add(&rule::K8S_GUARD_REMOVED, Severity::Medium, what, line);
    }
    let (before, after) = (containers(old), containers(new));
    for (name, container) in &after {
        let Some(earlier) = before.get(name) else { continue };
        let (was, is) = (
            earlier.text_at("image").unwrap_or_default(),
            container.text_at("image").unwrap_or_default(),
        );
        if was != is {
            let severity = if repository(was) == repository(is) {
                Severity::Info
            } else {
                Severity::Medium
            };
            let what = format!(
                "the image of container {} moves from {} to {}",
                quote(name),
                quote(was),
                quote(is)
            );
            add(&rule::K8S_IMAGE_MOVED, severity, what, container.line);
        }
        if was.contains("@sha256:") && !is.contains('@') {
            let what = format!("{} was named by its digest and no longer is", quote(is));
            add(&rule::K8S_IMAGE_UNPINNED, Severity::Medium, what, container.line);
        }
        for (path, what, severity) in [
            (&["resources", "limits"][..], "its limits", Severity::Medium),
            (
                &["securityContext", "seccompProfile"],
                "its seccomp profile",
                Severity::Low,
            ),
            (
                &["securityContext", "runAsNonRoot"],
                "the demand not to run as root",
                Severity::Medium,
            ),
            (
                &["securityContext", "readOnlyRootFilesystem"],
                "its read-only files",
                Severity::Low,
            ),
            (
                &["securityContext", "capabilities", "drop"],
                "the list of capabilities it gives up",
                Severity::Medium,
            ),
        ] {
            if earlier.path(path).is_some() && container.path(path).is_none() {
                add(
                    &rule::K8S_GUARD_REMOVED,
                    severity,
                    format!("container {} of {} loses {what}", quote(name), quote(&new.name)),
                    container.line,
                );
            }
        }
        for probe in ["livenessProbe", "readinessProbe"] {
            if earlier.at(probe).is_some() && container.at(probe).is_none() {
                add(
                    &rule::K8S_GUARD_REMOVED,
                    Severity::Low,
                    format!(
                        "container {} of {} loses its {probe}",
                        quote(name),
                        quote(&new.name)
                    ),
                    container.line,
                );
            }
        }
    }
    let account = |object: &Object<'_>| {
        ["serviceAccountName", "serviceAccount"]
            .iter()
            .find_map(|key| object.value.path(&["spec", "template", "spec", key]))
            .and_then(Value::text)
            .map(str::to_owned)
    };
    if let (was, Some(is)) = (account(old), account(new))
        && was.as_deref() != Some(is.as_str())
    {
        let what = format!(
            "{} runs as service account {} instead of {}",
            quote(&new.name),
            quote(&is),
            quote(was.as_deref().unwrap_or("default"))
        );
        add(&rule::K8S_ACCOUNT_CHANGED, Severity::Low, what, new.value.line);
    }
}

/// Returns in which ways an object that guards others guards them less.
fn weaker(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let number = |object: &Object<'_>, key: &str| {
        let text = object
            .value
            .path(&["spec", key])?
            .text()?
            .trim_end_matches('%')
            .to_owned();
        text.parse::<i64>().ok()
    };
    if new.kind == "PodDisruptionBudget" {
        let (least, most) = (
            (number(old, "minAvailable"), number(new, "minAvailable")),
            (number(old, "maxUnavailable"), number(new, "maxUnavailable")),
        );
        if least.0.is_some_and(|was| least.1.is_none_or(|is| is < was)) && most.1.is_none() {
            found.push(("keeps fewer pods up than before".to_owned(), new.value.line));
        }
        if most.1.is_some_and(|is| most.0.map_or(is > 1, |was| is > was)) {
            found.push(("lets more pods go down than before".to_owned(), new.value.line));
        }
    }
    if new.kind == "NetworkPolicy" {
        for side in ["ingress", "egress"] {
            let open = |object: &Object<'_>| {
                let rules = object
                    .value
                    .path(&["spec", side])
                    .map(Value::items)
                    .unwrap_or_default();
                let every = |rule: &&Value| rule.at("from").or(rule.at("to")).is_none();
                rules.iter().find(every).map(|rule| rule.line)
            };
            if let (None, Some(line)) = (open(old), open(new)) {
                found.push((
                    format!("lets everybody through: a rule of its {side} names nobody"),
                    line,
                ));
            }
        }
    }
    let level = |object: &Object<'_>| {
        let label = object
            .value
            .path(&["metadata", "labels", "pod-security.kubernetes.io/enforce"]);
        match label.and_then(Value::text) {
            Some("restricted") => 2,
            Some("baseline") => 1,
            _ => 0,
        }
    };
    if new.kind == "Namespace" && level(new) < level(old) {
        found.push((
            "enforces a weaker level of pod security".to_owned(),
            new.value.line,
        ));
    }
    if new.kind.ends_with("WebhookConfiguration") {
        let ignores = |object: &Object<'_>| {
            let hooks = object.value.at("webhooks").map(Value::items).unwrap_or_default();
            hooks
                .iter()
                .filter(|hook| hook.text_at("failurePolicy") == Some("Ignore"))
                .count()
        };
        if ignores(new) > ignores(old) {
            found.push((
                "lets requests pass when its webhook fails".to_owned(),
                new.value.line,
            ));
        }
    }
    found
}

fn containers<'a>(object: &Object<'a>) -> BTreeMap<&'a str, &'a Value> {
    let mut found = BTreeMap::new();
    object.value.walk(&mut |_, value| {
        for list in ["containers", "initContainers"] {
            for container in value.at(list).map(Value::items).unwrap_or_default() {
                if let Some(name) = container.text_at("name") {
                    found.insert(name, container);
                }
            }
        }
    });
    found
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
    fn the_parts_of_an_image_name_are_told_apart() {
        assert_eq!(
            (tag("h:5000/a/b"), repository("h:5000/a/b")),
            (None, "h:5000/a/b")
        );
        assert_eq!((tag("a/b:1"), repository("a/b:1@sha256:x")), (Some("1"), "a/b"));
    }
}
