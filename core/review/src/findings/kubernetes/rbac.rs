//! Kubernetes RBAC: which verbs on which resources a role gains, and who is bound to it.

use super::grant;
use super::manifest::{Object, objects};
use crate::document::Value;
use crate::findings::observation::quote;
use crate::findings::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};

/// The rules for roles and bindings.
pub(in crate::findings) struct Roles;

impl Detector for Roles {
    fn kinds(&self) -> &'static [&'static str] {
        &["k8s-rbac", "k8s"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        for object in objects(input) {
            match object.kind {
                "Role" | "ClusterRole" => role(&object, seen),
                "RoleBinding" | "ClusterRoleBinding" => binding(&object, seen),
                "ConfigMap" if grant::mapped(&object, seen) => {}
                _ => continue,
            }
            found = true;
        }
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }
}

fn role(object: &Object<'_>, seen: &mut Vec<Observation>) {
    let cluster = object.kind == "ClusterRole";
    for rule in object.value.at("rules").map(Value::items).unwrap_or_default() {
        let texts = |key| {
            rule.at(key)
                .map(Value::one_or_more)
                .unwrap_or_default()
                .iter()
                .filter_map(Value::text)
                .collect::<Vec<_>>()
        };
        let (verbs, resources, groups) = (texts("verbs"), texts("resources"), texts("apiGroups"));
        let named = rule
            .at("resourceNames")
            .is_some_and(|names| !names.items().is_empty());
        for verb in &verbs {
            for resource in &resources {
                let group = if groups.is_empty() {
                    String::new()
                } else {
                    groups.join(",")
                };
                let Some((about, severity, why)) = danger(verb, resource, &group, cluster) else {
                    continue;
                };
                let severity = if named && severity > Severity::Medium {
                    Severity::Medium
                } else {
                    severity
                };
                let what = format!(
                    "{} may {} {}: {why}",
                    quote(&object.name),
                    quote(verb),
                    quote(resource)
                );
                let key = format!("{} {verb} {resource} {group}", object.name);
                let breadth = Breadth::Pattern {
                    glob: "*".to_owned(),
                    condition: if named { "named".to_owned() } else { String::new() },
                };
                seen.push(
                    Observation::new(about, key, what)
                        .severity(severity)
                        .at(&object.place, rule.line)
                        .breadth(breadth),
                );
            }
        }
    }
    grant::joined(object, seen);
    if let Some(labels) = object.value.at("aggregationRule") {
        let what = format!(
            "{} takes in the rules of other roles by label",
            quote(&object.name)
        );
        seen.push(
            Observation::new(&rule::RBAC_AGGREGATED, object.name.clone(), what)
                .at(&object.place, labels.line),
        );
    }
}

pub(super) type Danger = (&'static rule::Rule, Severity, &'static str);

#[expect(clippy::too_many_lines, reason = "one table, a row for each right")]
pub(super) fn danger(verb: &str, resource: &str, group: &str, cluster: bool) -> Option<Danger> {
    let any = verb == "*";
    let writes = any
        || matches!(
            verb,
            "create" | "update" | "patch" | "delete" | "deletecollection"
        );
    let reads = any || matches!(verb, "get" | "list" | "watch");
    let worse = |yes: Severity, no: Severity| if cluster { yes } else { no };
    Some(match (verb, resource) {
        ("*", "*") => (
            &rule::RBAC_WILDCARD,
            worse(Severity::Critical, Severity::High),
            "everything",
        ),
        ("escalate" | "bind" | "impersonate", _) => (
            &rule::RBAC_ESCALATION,
            Severity::High,
            "it can take rights it was not given",
        ),
        ("approve" | "sign", "signers") => {
            (&rule::RBAC_ESCALATION, Severity::High, "it can issue identities")
        }
        (_, "*") => (
            &rule::RBAC_WILDCARD,
            if writes {
                Severity::High
            } else {
                worse(Severity::High, Severity::Medium)
            },
            "every resource, secrets included",
        ),
        (_, "secrets") if reads => (
            &rule::RBAC_SECRETS,
            worse(Severity::High, Severity::Medium),
            "it can read secrets",
        ),
        (_, "secrets") => (&rule::RBAC_SECRETS, Severity::Medium, "it can change secrets"),
        (
            _,
            "pods/exec" | "pods/attach" | "pods/ephemeralcontainers" | "nodes/proxy" | "pods/portforward",
        ) => (
            &rule::RBAC_ESCALATION,
            Severity::High,
            "it can act inside what runs",
        ),
        (_, "serviceaccounts/token" | "certificatesigningrequests/approval" | "tokenreviews") if writes => {
            (&rule::RBAC_ESCALATION, Severity::High, "it can act as others")
        }
        (_, "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings") if writes => (
            &rule::RBAC_ESCALATION,
            Severity::High,
            "it can change who may do what",
        ),
        (
            _,
            "mutatingwebhookconfigurations"
            | "validatingwebhookconfigurations"
            | "validatingadmissionpolicies",
        ) if writes => (
            &rule::RBAC_ESCALATION,
            Severity::High,
            "it can change what the cluster admits",
        ),
        (
            _,
            "pods"
            | "deployments"
            | "daemonsets"
            | "statefulsets"
            | "jobs"
            | "cronjobs"
            | "replicasets"
            | "replicationcontrollers"
            | "podtemplates",
        ) if any || matches!(verb, "create" | "update" | "patch") => (
            &rule::RBAC_WORKLOADS,
            worse(Severity::Medium, Severity::Low),
            "it can run code as any service account there",
        ),
        (_, "persistentvolumes" | "nodes" | "namespaces") if writes => (
            &rule::RBAC_WORKLOADS,
            Severity::Medium,
            "it can change what all share",
        ),
        ("*", _) => (
            &rule::RBAC_WILDCARD,
            Severity::Medium,
            "every verb, those of later versions included",
        ),
        _ if group.contains('*') && writes => (&rule::RBAC_WILDCARD, Severity::Medium, "in every API group"),
        _ => return None,
    })
}

fn binding(object: &Object<'_>, seen: &mut Vec<Observation>) {
    let role = object
        .value
        .path(&["roleRef", "name"])
        .and_then(Value::text)
        .unwrap_or("?");
    let cluster = object.kind == "ClusterRoleBinding";
    for subject in object.value.at("subjects").map(Value::items).unwrap_or_default() {
        let (kind, name) = (
            subject.text_at("kind").unwrap_or("?"),
            subject.text_at("name").unwrap_or("?"),
        );
        let space = subject.text_at("namespace").unwrap_or_default();
        let everybody = matches!(
            name,
            "system:anonymous" | "system:unauthenticated" | "system:authenticated" | "system:serviceaccounts"
        ) || name.starts_with("system:serviceaccounts:");
        let (about, severity) = match role {
            "cluster-admin" => (
                &rule::RBAC_CLUSTER_ADMIN,
                if cluster {
                    Severity::Critical
                } else {
                    Severity::High
                },
            ),
            _ if everybody => (&rule::RBAC_EVERYBODY, Severity::High),
            "admin" | "edit" if cluster => (&rule::RBAC_WIDE_BINDING, Severity::High),
            "system:masters" => (&rule::RBAC_CLUSTER_ADMIN, Severity::Critical),
            _ if name == "system:masters" => (&rule::RBAC_CLUSTER_ADMIN, Severity::Critical),
            // Within a namespace these read its secrets and run code in it; `admin` also hands out rights.
            "admin" | "edit" => (&rule::RBAC_WIDE_BINDING, Severity::Medium),
            _ => (
                &rule::RBAC_BOUND,
                if cluster { Severity::Low } else { Severity::Info },
            ),
        };
        let what = format!(
            "{} {} is bound to {} by {}",
            quote(kind),
            quote(name),
            quote(role),
            quote(&object.name)
        );
        let key = format!("{} {role} {kind} {space}/{name}", object.name);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(&object.place, subject.line),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn role(verbs: &str, resources: &str) -> String {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules:\n  - apiGroups: ['']\n    resources: [{resources}]\n    verbs: [{verbs}]\n"
        )
    }

    fn level(before: Option<&str>, after: &str) -> Severity {
        severity(&analyze("k8s-rbac", before.map(str::as_bytes), after.as_bytes()))
    }

    #[test]
    fn rights_are_weighed() {
        assert_eq!(level(None, &role("get, list", "configmaps")), Severity::Info);
        assert_eq!(level(None, &role("get", "secrets")), Severity::High);
        assert_eq!(level(None, &role("'*'", "'*'")), Severity::Critical);
        assert_eq!(level(None, &role("escalate", "clusterroles")), Severity::High);
    }

    #[test]
    fn strong_roles_in_a_namespace_are_weighed() {
        let bound = |role: &str| {
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: n}}\nroleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{{kind: User, name: u}}]\n"
            )
        };
        assert_eq!(level(None, &bound("edit")), Severity::Medium);
        assert_eq!(level(Some(&bound("edit")), &bound("view")), Severity::Info);
    }

    #[test]
    fn only_gains_count() {
        assert_eq!(
            level(Some(&role("get", "secrets")), &role("get", "secrets")),
            Severity::Info
        );
        assert_eq!(
            level(Some(&role("get", "pods")), &role("get", "pods, secrets")),
            Severity::High
        );
    }

    #[test]
    fn cluster_admin_for_anybody_is_critical() {
        let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: ServiceAccount, name: a, namespace: n}]\n";
        assert_eq!(level(None, binding), Severity::Critical);
        assert_eq!(
            level(None, &binding.replace("cluster-admin", "view")),
            Severity::Low
        );
    }
}
