//! Rights in a cluster that no binding gives: identities of a cloud that are mapped to groups (`aws-auth`), and roles
//! that become part of the default ones by a label.

use super::manifest::Object;
use super::rbac::danger;
use crate::document::{self, Value};
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};

/// Observes which identities of Amazon's cloud are which users and groups of the cluster; says whether it is that map.
pub(super) fn mapped(object: &Object<'_>, seen: &mut Vec<Observation>) -> bool {
    if object.value.path(&["metadata", "name"]).and_then(Value::text) != Some("aws-auth") {
        return false;
    }
    for (key, map) in object.value.at("data").map(Value::entries).unwrap_or_default() {
        let text = map.text().unwrap_or_default();
        let Ok(documents) = document::read(text.as_bytes()) else {
            let what = format!("not analyzed: {} of the cluster's map of identities", quote(key));
            seen.push(Observation::new(&rule::NOT_ANALYZED, key.clone(), what).at(&object.place, map.line));
            continue;
        };
        for entry in documents.all.iter().flat_map(Value::items) {
            identity(object, key, entry, map.line, seen);
        }
    }
    true
}

fn identity(object: &Object<'_>, map: &str, entry: &Value, line: u32, seen: &mut Vec<Observation>) {
    let who = ["rolearn", "userarn"]
        .iter()
        .find_map(|key| entry.text_at(key))
        .or_else(|| entry.text())
        .unwrap_or("?");
    let groups = entry.at("groups").map(Value::one_or_more).unwrap_or_default();
    let mut add = |about, severity, group: &str, what: String| {
        let key = format!("{} {map} {who} {group}", object.name);
        let seen_here = Observation::new(about, key, what).severity(severity);
        seen.push(seen_here.at(&object.place, line));
    };
    if map == "mapAccounts" {
        let what = format!(
            "every identity of account {} is a user of the cluster",
            quote(who)
        );
        add(&rule::RBAC_EVERYBODY, Severity::High, "", what);
    }
    for group in groups.iter().filter_map(Value::text) {
        let (about, severity) = match group {
            "system:masters" => (&rule::RBAC_CLUSTER_ADMIN, Severity::Critical),
            _ => (&rule::RBAC_BOUND, Severity::Low),
        };
        let what = format!("{} is in the group {} of the cluster", quote(who), quote(group));
        add(about, severity, group, what);
    }
}

/// Observes that a role becomes part of one of the default roles, which others hold already.
pub(super) fn joined(object: &Object<'_>, seen: &mut Vec<Observation>) {
    let labels = object.value.path(&["metadata", "labels"]);
    for (label, on) in labels.map(Value::entries).unwrap_or_default() {
        let Some(role) = label
            .strip_prefix("rbac.authorization.k8s.io/aggregate-to-")
            .filter(|_| on.is_true())
        else {
            continue;
        };
        let worst = worst(object);
        let severity = match worst {
            Severity::Medium | Severity::High | Severity::Critical => Severity::High,
            _ => Severity::Low,
        };
        let what = format!(
            "whoever holds {} gets the rights of {} too",
            quote(role),
            quote(&object.name)
        );
        let key = format!("{} {role}", object.name);
        seen.push(
            Observation::new(&rule::RBAC_JOINS_DEFAULT, key, what)
                .severity(severity)
                .at(&object.place, on.line),
        );
    }
}

/// Returns how bad the worst right of a role is, as one of the whole cluster.
fn worst(object: &Object<'_>) -> Severity {
    let mut worst = Severity::Info;
    for rule in object.value.at("rules").map(Value::items).unwrap_or_default() {
        let texts = |key: &str| {
            let list = rule.at(key).map(Value::one_or_more).unwrap_or_default();
            list.iter().filter_map(Value::text).collect::<Vec<_>>()
        };
        let groups = texts("apiGroups").join(",");
        for verb in texts("verbs") {
            for resource in texts("resources") {
                let severity = danger(verb, resource, &groups, true).map(|(_, severity, _)| severity);
                worst = worst.max(severity.unwrap_or_default());
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: Option<&str>, after: &str) -> Severity {
        severity(&analyze("k8s-rbac", before.map(str::as_bytes), after.as_bytes()))
    }

    fn map(groups: &str) -> String {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: aws-auth, namespace: kube-system}}\ndata:\n  mapRoles: |\n    - rolearn: arn:aws:iam::111122223333:role/r\n      groups: [{groups}]\n"
        )
    }

    #[test]
    fn an_identity_that_becomes_master_of_the_cluster_is_critical() {
        assert_eq!(level(None, &map("viewers")), Severity::Low);
        let masters = map("'system:masters'");
        assert_eq!(level(Some(&map("viewers")), &masters), Severity::Critical);
        assert_eq!(level(Some(&masters), &masters), Severity::Info);
        assert_eq!(level(None, &map("viewers]]")), Severity::Medium);
        let account = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth}\ndata: {mapAccounts: '[\"111122223333\"]'}\n";
        assert_eq!(level(None, account), Severity::High);
    }

    #[test]
    fn a_role_that_joins_a_default_role_weighs_what_it_allows() {
        let role = |label: &str, resource: &str| {
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r, labels: {{{label}}}}}\nrules: [{{apiGroups: [''], resources: [{resource}], verbs: [get]}}]\n"
            )
        };
        let label = "rbac.authorization.k8s.io/aggregate-to-view: 'true'";
        assert_eq!(
            level(Some(&role("a: b", "secrets")), &role(label, "secrets")),
            Severity::High
        );
        assert_eq!(
            level(Some(&role("a: b", "pods")), &role(label, "pods")),
            Severity::Low
        );
    }
}
