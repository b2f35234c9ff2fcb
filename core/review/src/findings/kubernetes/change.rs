//! What a change takes from objects: whole objects, replicas, limits, probes, and the strength of their guards.

use super::manifest::Object;
use super::{growth, storage};
use crate::document::Value;
use crate::findings::container::image;
use crate::findings::name::words;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Severity, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// Tells an object that is gone.
pub(super) fn gone(object: &Object<'_>) -> Observation {
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

/// Tells what an object lost on the way.
#[expect(
    clippy::too_many_lines,
    reason = "one check after another, each a few lines; cut up it reads no better"
)]
pub(super) fn changed(old: &Object<'_>, new: &Object<'_>, changes: &mut Vec<Change>) {
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
    let suspended = |object: &Object<'_>| {
        object
            .value
            .path(&["spec", "suspend"])
            .is_some_and(Value::is_true)
    };
    if suspended(new) && !suspended(old) {
        let what = format!("{} is suspended and no longer runs", quote(&new.name));
        add(&rule::K8S_SCALED_TO_ZERO, Severity::Medium, what, new.value.line);
    }
    if let (Some(was), Some(is)) = (replicas(old), replicas(new))
        && is > 0
        && is <= was / 2
    {
        let severity = if is == 1 { Severity::Medium } else { Severity::Low };
        let what = format!("{} is scaled from {was} to {is}", quote(&new.name));
        add(&rule::K8S_SCALED_DOWN, severity, what, new.value.line);
    }
    if let Some(what) = growth::outward(old.value, new.value) {
        add(
            &rule::K8S_EXPOSED,
            Severity::Medium,
            format!("{} {what}", quote(&new.name)),
            new.value.line,
        );
    }
    if let Some(what) = growth::may_grow_less(old.value, new.value) {
        add(
            &rule::K8S_SCALED_DOWN,
            Severity::Medium,
            format!("{} {what}", quote(&new.name)),
            new.value.line,
        );
    }
    for (what, line) in weaker(old, new) {
        let what = format!("{} {what}", quote(&new.name));
        add(&rule::K8S_GUARD_REMOVED, Severity::Medium, what, line);
    }
    for (what, line) in rollout(old, new) {
        let what = format!("{} {what}", quote(&new.name));
        add(&rule::K8S_GUARD_REMOVED, Severity::Medium, what, line);
    }
    for (what, line) in unconfined_pod(old, new).into_iter().chain(unmarked(old, new)) {
        let what = format!("{} {what}", quote(&new.name));
        add(&rule::K8S_GUARD_REMOVED, Severity::Medium, what, line);
    }
    for (what, line) in storage::fleeting(old, new) {
        let what = format!("{} loses its data: {what}", quote(&new.name));
        add(&rule::K8S_DATA_FLEETING, Severity::High, what, line);
    }
    for (key, line) in deleted_with_use(old, new) {
        let what = format!(
            "{} of {} was to retain data and now deletes it",
            quote(&key),
            quote(&new.name)
        );
        add(&rule::K8S_DATA_DELETED, Severity::Medium, what, line);
    }
    let (before, after) = (containers(old), containers(new));
    for (name, line) in growth::secrets_in_clear(&before, &after) {
        let what = format!(
            "{} of {} was taken from a secret and stands in the file now",
            quote(&name),
            quote(&new.name)
        );
        add(&rule::SECRET_LITERAL, Severity::High, what, line);
    }
    for (name, container) in &after {
        let Some(earlier) = before.get(name) else { continue };
        let (was, is) = (
            earlier.text_at("image").unwrap_or_default(),
            container.text_at("image").unwrap_or_default(),
        );
        if was != is {
            let severity = if image(was).0 == image(is).0 {
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
        let barred = |container: &Value| {
            let path = ["securityContext", "allowPrivilegeEscalation"];
            container.path(&path).is_some_and(Value::is_false)
        };
        if barred(earlier) && !barred(container) {
            let what = format!(
                "container {} of {} may gain privileges again",
                quote(name),
                quote(&new.name)
            );
            add(&rule::K8S_GUARD_REMOVED, Severity::Medium, what, container.line);
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

/// Returns which confinements of its pods are gone.
fn unconfined_pod(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    let (Some(was), Some(is)) = (pod_spec(old), pod_spec(new)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (path, what) in [
        (&["runtimeClassName"][..], "the sandbox they ran in"),
        (
            &["securityContext", "runAsNonRoot"],
            "the demand not to run as root",
        ),
        (&["securityContext", "seccompProfile"], "their seccomp profile"),
        (&["securityContext", "appArmorProfile"], "their AppArmor profile"),
    ] {
        let set = |spec: &Value| spec.path(path).is_some_and(|value| !value.is_false());
        // Containers may state for themselves what the pod no longer does.
        let by_each = |key: &str| {
            let containers = is.at("containers").map(Value::items).unwrap_or_default();
            containers
                .iter()
                .all(|one| one.path(&["securityContext", key]).is_some())
        };
        let moved = path.get(1).is_some_and(|key| by_each(key));
        if set(was) && !set(is) && !moved {
            found.push((format!("takes from its pods {what}"), is.line));
        }
    }
    for (key, what) in [
        ("automountServiceAccountToken", "get the token of their account"),
        ("hostUsers", "share the users of their node"),
    ] {
        let off = |spec: &Value| spec.at(key).is_some_and(Value::is_false);
        if off(was) && !off(is) {
            found.push((format!("lets its pods {what}"), is.line));
        }
    }
    found
}

fn pod_spec<'a>(object: &Object<'a>) -> Option<&'a Value> {
    let paths: [&[&str]; 3] = [
        &["spec", "template", "spec"],
        &["spec", "jobTemplate", "spec", "template", "spec"],
        &["spec"],
    ];
    paths
        .iter()
        .filter_map(|path| object.value.path(path))
        .find(|spec| spec.at("containers").is_some())
}

/// Returns the annotations that guarded an object and are gone or say no, with none of their kind left.
fn unmarked(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    /// Words of names; one that is left of the same word guards still.
    const GUARDS: &[&str] = &[
        "auth",
        "oauth",
        "whitelist",
        "allowlist",
        "modsecurity",
        "waf",
        "apparmor",
        "seccomp",
        "redirect",
        "rps",
    ];
    let guards = |object: &Object<'_>| -> Vec<(String, &'static str)> {
        let notes = object.value.path(&["metadata", "annotations"]);
        let set = notes
            .map(Value::entries)
            .unwrap_or_default()
            .iter()
            .filter(|(_, value)| {
                let text = value.text().unwrap_or_default().to_ascii_lowercase();
                !value.is_false()
                    && !matches!(text.as_str(), "" | "none" | "off" | "0.0.0.0/0" | "unconfined")
            });
        let guard = |(key, _): &(String, Value)| {
            let words = words(key.rsplit('/').next().unwrap_or(key));
            let found = GUARDS
                .iter()
                .find(|guard| words.iter().any(|word| word == *guard));
            found.map(|guard| (key.clone(), *guard))
        };
        set.filter_map(guard).collect()
    };
    let after = guards(new);
    let lost = guards(old)
        .into_iter()
        .filter(|(_, guard)| !after.iter().any(|(_, left)| left == guard));
    lost.map(|(key, _)| (format!("loses the annotation {}", quote(&key)), new.value.line))
        .collect()
}

/// Returns the keys by which data was retained and is now deleted with what used it.
fn deleted_with_use(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    let mut retained = BTreeSet::new();
    old.value.walk(&mut |place, value| {
        if value.text() == Some("Retain") {
            retained.insert(place.identity.clone());
        }
    });
    let mut found = Vec::new();
    new.value.walk(&mut |place, value| {
        if value.text() == Some("Delete") && retained.contains(&place.identity) {
            let key = place.identity.rsplit('/').next().unwrap_or_default();
            found.push((key.to_owned(), value.line));
        }
    });
    found
}

/// Returns in which ways a rollout may take more down at once than before.
fn rollout(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    let kind = |object: &Object<'_>| {
        let strategy = object.value.path(&["spec", "strategy", "type"]);
        strategy
            .and_then(Value::text)
            .unwrap_or("RollingUpdate")
            .to_owned()
    };
    let share = |object: &Object<'_>| {
        let path = ["spec", "strategy", "rollingUpdate", "maxUnavailable"];
        let text = object.value.path(&path)?.text()?;
        let replicas = object.value.path(&["spec", "replicas"]).and_then(Value::integer);
        match text.strip_suffix('%') {
            Some(percent) => percent.parse::<i64>().ok(),
            None => Some(text.parse::<i64>().ok()?.saturating_mul(100) / replicas?.max(1)),
        }
    };
    let mut found = Vec::new();
    if kind(old) == "RollingUpdate" && kind(new) == "Recreate" && old.kind == new.kind {
        found.push(("goes down as a whole during a rollout".to_owned(), new.value.line));
    }
    if share(new).is_some_and(|is| is >= 100 && share(old).is_none_or(|was| was < 100)) {
        found.push((
            "may be down as a whole during a rollout".to_owned(),
            new.value.line,
        ));
    }
    found
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
