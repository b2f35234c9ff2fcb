//! Roles that clouds hand out by name: Google Cloud's, Azure's, and the access entries of Amazon's clusters.
//!
//! A grant is known by its shape, a role beside those who get it, in Terraform, plans and exported policies. What a
//! role of one's own making allows can't be known from its name.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};

/// The rules for grants of roles.
pub(in crate::findings) struct Grants;

impl Detector for Grants {
    fn kinds(&self) -> &'static [&'static str] {
        &["iam"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        input.walk(&mut |place, value| {
            found |= google(place, value, seen) || azure(place, value, seen) || cluster(place, value, seen);
        });
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }
}

type Weight = (Severity, &'static str);

fn google(place: &Place, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let holders = value.at("member").or_else(|| value.at("members"));
    let Some((role, holders)) = value.text_at("role").zip(holders) else {
        return false;
    };
    let named = role.starts_with("roles/");
    if let Some((severity, why)) = google_weight(role).filter(|_| named) {
        for holder in holders.one_or_more().iter().filter_map(Value::text) {
            let what = format!("{} gets the role {}: {why}", quote(holder), quote(role));
            let key = format!("{} {role} {holder}", place.identity);
            let seen_here = Observation::new(&rule::CLOUD_ROLE, key, what).severity(severity);
            seen.push(seen_here.at(place, value.line));
        }
    }
    named
}

fn google_weight(role: &str) -> Option<Weight> {
    let name = role.to_ascii_lowercase();
    let name = name.strip_prefix("roles/")?;
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&["viewer", "reviewer", "auditor"]) {
        return None;
    }
    Some(match name {
        "owner" => (Severity::Critical, "everything, who may do what included"),
        "editor" => (Severity::High, "it changes nearly everything"),
        "iam.workloadidentityuser" => (Severity::Medium, "it acts as a service account"),
        _ if has(&["objectadmin", "dataeditor"]) => (Severity::Low, "it changes data"),
        _ if name.starts_with("iam.")
            || has(&[
                "securityadmin",
                "projectiamadmin",
                "organizationadmin",
                "folderadmin",
            ]) =>
        {
            (Severity::High, "it acts as others or changes who may do what")
        }
        _ if has(&["secretaccessor", "decrypter"]) => (Severity::Medium, "it reads secrets"),
        _ if has(&["admin", "owner", "editor", "developer"]) => (
            Severity::Medium,
            "it has the whole of a service, or runs code there as another account",
        ),
        _ => return None,
    })
}

fn azure(place: &Place, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let role = value
        .text_at("role_definition_name")
        .or_else(|| value.text_at("roleDefinitionName"));
    let Some(role) = role else { return false };
    let scope = value.text_at("scope").unwrap_or_default();
    let wide = is_wide(scope);
    if let Some((severity, why)) = azure_weight(role, wide) {
        let where_ = if wide {
            " on a whole subscription or more"
        } else {
            ""
        };
        let what = format!("the role {} is given{where_}: {why}", quote(role));
        let key = format!("{} {role}", place.identity);
        seen.push(
            Observation::new(&rule::CLOUD_ROLE, key, what)
                .severity(severity)
                .breadth(Breadth::Count(u64::from(wide)))
                .at(place, value.line),
        );
    }
    true
}

/// Says whether a scope is a subscription, a management group or the root of all.
fn is_wide(scope: &str) -> bool {
    let lower = scope.to_ascii_lowercase();
    let subscription = lower.contains("/subscriptions/") || lower.contains("azurerm_subscription");
    lower == "/"
        || lower.contains("managementgroup")
        || lower.contains("management_group")
        || subscription && !lower.contains("/resourcegroups/")
}

fn azure_weight(role: &str, wide: bool) -> Option<Weight> {
    let name = role.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let either = |yes, no| if wide { yes } else { no };
    Some(match name.as_str() {
        "owner" => (
            either(Severity::Critical, Severity::High),
            "everything, who may do what included",
        ),
        "user access administrator" | "role based access control administrator" => {
            (Severity::High, "it can give itself any role")
        }
        "contributor" => (
            either(Severity::High, Severity::Medium),
            "it changes nearly everything",
        ),
        _ if has(&["data contributor"]) => (either(Severity::Medium, Severity::Low), "it changes data"),
        _ if has(&["administrator", "contributor", "officer", "owner", "operator"]) => {
            (Severity::Medium, "it has the whole of a service")
        }
        _ if has(&["secrets user", "data reader"]) => (Severity::Medium, "it reads what is kept there"),
        _ if wide => (Severity::Low, "it looks at all of it"),
        _ => return None,
    })
}

fn cluster(place: &Place, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let Some(policy) = value.entries().iter().find_map(|(_, policy)| {
        let text = policy.text()?;
        text.contains(":cluster-access-policy/").then_some(text)
    }) else {
        return false;
    };
    if policy.ends_with("AdminPolicy") {
        let what = format!("{} gives power over a cluster", quote(policy));
        let key = format!("{} {policy}", place.identity);
        let seen_here = Observation::new(&rule::CLOUD_ROLE, key, what).severity(Severity::High);
        seen.push(seen_here.at(place, value.line));
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: Option<&str>, after: &str) -> Severity {
        severity(&analyze("iam", before.map(str::as_bytes), after.as_bytes()))
    }

    #[test]
    fn roles_of_google_are_weighed_for_each_holder() {
        let grant = |role: &str, members: &str| {
            format!(r#"{{"bindings": [{{"role": "roles/{role}", "members": [{members}]}}]}}"#)
        };
        let one = r#""user:a@x.test""#;
        for (role, expected) in [
            ("owner", Severity::Critical),
            ("iam.serviceAccountUser", Severity::High),
            ("secretmanager.secretAccessor", Severity::Medium),
            ("run.developer", Severity::Medium),
            ("storage.objectAdmin", Severity::Low),
            ("bigquery.dataViewer", Severity::Info),
            ("iam.securityReviewer", Severity::Info),
        ] {
            assert_eq!(level(None, &grant(role, one)), expected, "{role}");
        }
        let before = grant("editor", one);
        assert_eq!(level(Some(&before), &before), Severity::Info);
        let two = grant("editor", &format!(r#"{one}, "user:b@x.test""#));
        assert_eq!(level(Some(&before), &two), Severity::High);
    }

    #[test]
    fn a_role_of_azure_on_more_is_widened() {
        let grant = |role: &str, scope: &str| {
            format!(
                "resource \"azurerm_role_assignment\" \"a\" {{\n  scope = \"{scope}\"\n  role_definition_name = \"{role}\"\n  principal_id = \"x\"\n}}\n"
            )
        };
        let group = "/subscriptions/s/resourceGroups/g";
        let narrow = grant("Contributor", group);
        assert_eq!(level(Some(&narrow), &narrow), Severity::Info);
        assert_eq!(
            level(Some(&narrow), &grant("Contributor", "/subscriptions/s")),
            Severity::High
        );
        assert_eq!(level(None, &grant("Reader", group)), Severity::Info);
        assert_eq!(
            level(None, &grant("Key Vault Secrets User", group)),
            Severity::Medium
        );
    }

    #[test]
    fn an_access_entry_of_a_cluster_is_told() {
        let entry = |policy: &str| {
            format!(
                r#"{{"policy_arn": "arn:aws:eks::aws:cluster-access-policy/{policy}", "principal_arn": "x"}}"#
            )
        };
        assert_eq!(level(None, &entry("AmazonEKSClusterAdminPolicy")), Severity::High);
        assert_eq!(level(None, &entry("AmazonEKSViewPolicy")), Severity::Info);
    }
}
