//! New resources of a plan: which settings say less of one that is new, and which defaults are bad for what it will hold.
//!
//! A plan writes down every default, so that a new balancer shows that nothing holds back its deletion. Of what is
//! empty yet that is a risk only where it is for production; a protection that an old resource loses always is one.

use super::plan::{Resource, resources};
use super::purpose::{Purpose, purpose};
use crate::document::{Documents, Node, Place, Value};
use crate::findings::name::{plain, words};
use crate::findings::observation::quote;
use crate::findings::rule::{self, Rule};
use crate::findings::setting::{is_nothing, is_on};
use crate::findings::{Change, Delta, Observation, Severity, Side, cloud, setting};
use std::collections::BTreeMap;

/// Settings, as [`crate::findings::cloud`] knows them, that most providers leave in their weak state where nobody says otherwise.
const DEFAULTS: &[&str] = &[
    "deletionprotection",
    "deletionprotectionenabled",
    "enabledeletionprotection",
    "terminationprotection",
    "disableapitermination",
    "objectlockenabled",
    "enablekeyrotation",
    "purgeprotectionenabled",
    "skipfinalsnapshot",
    "forcedestroy",
    "scanonpush",
    "sharedaccesskeyenabled",
    "localauthenticationenabled",
    "localauthenticationdisabled",
    "disablelocalauth",
    "localaccountdisabled",
];

/// The same of networks: they say less where lists or rules beside them say who is let in.
const REACHABLE: &[&str] = &[
    "publicnetworkaccessenabled",
    "endpointpublicaccess",
    "publicnetworkaccess",
];

/// Types whose data is not encrypted where nobody says otherwise, and the setting that does.
const IN_THE_CLEAR: &[(&str, &str)] = &[
    ("aws_db_instance", "storage_encrypted"),
    ("aws_rds_cluster", "storage_encrypted"),
    ("aws_docdb_cluster", "storage_encrypted"),
    ("aws_neptune_cluster", "storage_encrypted"),
    ("aws_efs_file_system", "encrypted"),
    ("aws_ebs_volume", "encrypted"),
    ("aws_redshift_cluster", "encrypted"),
    ("aws_elasticache_replication_group", "at_rest_encryption_enabled"),
    ("aws_opensearch_domain", "encrypt_at_rest"),
    ("aws_dax_cluster", "server_side_encryption"),
];

/// Lowers what is told of settings of new resources that are weak by default, where nothing says that it matters.
pub(in crate::findings) fn soften(documents: &Documents, seen: &mut [Observation]) {
    let new: BTreeMap<String, Resource<'_>> = made(documents)
        .map(|resource| (resource.place.pointer.clone(), resource))
        .collect();
    for told in seen.iter_mut().filter(|told| told.severity > Severity::Low) {
        let name = told.key.rsplit(' ').next().unwrap_or_default();
        let (by_default, reachable) = (DEFAULTS.contains(&name), REACHABLE.contains(&name));
        let root = told
            .pointer
            .match_indices('/')
            .nth(4)
            .map_or(told.pointer.as_str(), |(end, _)| {
                told.pointer.get(..end).unwrap_or_default()
            });
        let Some(resource) = new.get(root).filter(|_| by_default || reachable) else {
            continue;
        };
        let harmless = match by_default {
            true => !is_for_production(resource),
            false => purpose(resource.kind) != Purpose::Holds || lists_who(resource.after()),
        };
        if harmless {
            told.severity = Severity::Low;
        }
    }
}

/// Tells new resources that hold data of production in the clear, and settings of any new one that let everybody in.
pub(in crate::findings) fn changes(documents: &Documents) -> Vec<Change> {
    let mut seen = Vec::new();
    for resource in made(documents) {
        unencrypted(&resource, &mut seen);
        unconditional(&resource, &mut seen);
        takes_over(&resource, &mut seen);
        let mut place = resource.place.clone();
        resource.after().walk_from(&mut place, &mut |place, value| {
            for (key, setting) in value.entries() {
                opened(place, key, setting, &mut seen);
            }
        });
    }
    let introduced = |seen| (seen, Delta::Introduced, Side::After);
    seen.into_iter().map(introduced).collect()
}

/// Returns the resources that were not there before.
fn made(documents: &Documents) -> impl Iterator<Item = Resource<'_>> {
    resources(documents).filter(|resource| {
        let before = resource.change.at("before");
        before.is_none_or(|before| matches!(before.node, Node::Null)) && !is_nothing(resource.after())
    })
}

fn unencrypted(resource: &Resource<'_>, seen: &mut Vec<Observation>) {
    let known = IN_THE_CLEAR.iter().find(|(kind, _)| *kind == resource.kind);
    let Some((_, setting)) = known else { return };
    let stays_open = |side: &str| resource.change.at(side).and_then(|side| side.at(setting));
    let later =
        stays_open("after_unknown").is_some_and(|unknown| !is_nothing(unknown) && !unknown.is_false());
    if !later && stays_open("after").is_none_or(is_nothing) && is_for_production(resource) {
        let what = format!("{} is not set: data lies unencrypted", quote(setting));
        add(resource, &rule::ENCRYPTION_OFF, setting, what, seen);
    }
}

/// Identities of another provider that are taken without a condition.
fn unconditional(resource: &Resource<'_>, seen: &mut Vec<Observation>) {
    let open = resource.kind == "google_iam_workload_identity_pool_provider"
        && resource.after().at("attribute_condition").is_none_or(is_nothing);
    if open {
        let what = "every identity of the provider is taken: no condition is set".to_owned();
        add(
            resource,
            &rule::IAM_FEDERATION_OPEN,
            "attribute_condition",
            what,
            seen,
        );
    }
}

/// A binding or policy of Google Cloud is the whole list: whoever holds the role by other means and isn't named loses it.
fn takes_over(resource: &Resource<'_>, seen: &mut Vec<Observation>) {
    const WHOLE: &[&str] = &["project", "folder", "organization"];
    let holder = resource
        .kind
        .strip_prefix("google_")
        .and_then(|kind| kind.split_once("_iam_"));
    if let Some((holder, "binding" | "policy")) = holder
        && WHOLE.contains(&holder)
    {
        let role = resource
            .after()
            .text_at("role")
            .map_or("every role".to_owned(), quote);
        let what = format!("{role} of the {holder} is taken from everybody who is not named here");
        add(resource, &rule::CLOUD_ROLE_TAKEN, "role", what, seen);
    }
}

fn add(
    resource: &Resource<'_>,
    about: &'static Rule,
    setting: &str,
    what: String,
    seen: &mut Vec<Observation>,
) {
    let key = format!("{}/{}", resource.place.identity, plain(setting));
    seen.push(Observation::new(about, key, what).at(&resource.place, resource.after().line));
}

fn opened(place: &Place, key: &str, setting: &Value, seen: &mut Vec<Observation>) {
    let name = plain(key);
    if !is_on(setting) || cloud::stated(&name, setting).is_some() {
        return;
    }
    if let Some(about) = setting::lets_everybody_in(key) {
        let what = format!("{} is on", quote(key));
        let key = format!("{}/{name}", place.identity);
        let told = Observation::new(about, key, what).severity(Severity::Medium);
        seen.push(told.at(place, setting.line));
    }
}

/// Says whether the address, a name or a tag of a resource says that it is for production.
fn is_for_production(resource: &Resource<'_>) -> bool {
    let says = |text: &str| {
        words(text)
            .iter()
            .any(|word| matches!(word.as_str(), "prod" | "production" | "prd" | "live"))
    };
    let named = |(key, value): &(String, Value)| {
        let values = [value]
            .into_iter()
            .chain(value.entries().iter().map(|(_, tag)| tag));
        let naming = ["name", "identifier", "tag", "label", "bucket", "environment"];
        naming.iter().any(|part| key.contains(part)) && values.filter_map(Value::text).any(says)
    };
    says(&resource.place.identity) || resource.after().entries().iter().any(named)
}

/// Says whether a resource lists who may reach it, or lets nobody in but those of its rules.
fn lists_who(resource: &Value) -> bool {
    let mut listed = false;
    resource.walk(&mut |place, value| {
        let key = place.pointer.rsplit('/').find(|key| key.parse::<u32>().is_err());
        let denies = key == Some("default_action")
            && value.text().is_some_and(|word| word.eq_ignore_ascii_case("deny"));
        let ranges =
            key.is_some_and(|key| key.contains("cidrs") || key.contains("ip_ranges") || key == "ip_rules");
        listed |= denies || ranges && value.text().is_some_and(|range| !range.ends_with("/0"));
    });
    listed
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn made(kind: &str, name: &str, after: &str) -> Severity {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.{name}", "type": "{kind}", "change": {{"actions": ["create"], "before": null, "after": {after}, "after_unknown": {{}}}}}}]}}"#
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn a_default_of_a_new_resource_counts_where_it_is_for_production() {
        for (kind, after) in [
            ("aws_lb", r#"{"enable_deletion_protection": false}"#),
            ("aws_kms_key", r#"{"enable_key_rotation": false}"#),
            (
                "aws_db_instance",
                r#"{"storage_encrypted": true, "skip_final_snapshot": true}"#,
            ),
            ("aws_db_instance", r#"{"engine": "postgres"}"#),
        ] {
            assert!(made(kind, "trial", after) <= Severity::Low, "{kind} {after}");
            assert_eq!(made(kind, "prod", after), Severity::Medium, "{kind} {after}");
        }
        let tagged = r#"{"engine": "mysql", "tags": {"Environment": "production"}}"#;
        assert_eq!(made("aws_db_instance", "trial", tagged), Severity::Medium);
    }

    #[test]
    fn a_list_of_all_who_hold_a_role_takes_it_from_the_others() {
        let after = r#"{"role": "roles/cloudsql.client", "members": ["user:a@x.test"]}"#;
        assert_eq!(made("google_project_iam_binding", "b", after), Severity::Medium);
        assert_eq!(
            made("google_folder_iam_policy", "p", r#"{"folder": "f"}"#),
            Severity::Medium
        );
        let member = r#"{"role": "roles/cloudsql.client", "member": "user:a@x.test"}"#;
        assert!(made("google_project_iam_member", "m", member) <= Severity::Low);
        assert!(made("google_pubsub_topic_iam_binding", "t", after) <= Severity::Low);
    }

    #[test]
    fn a_new_network_counts_where_nothing_says_who_is_let_in() {
        let account =
            |rules: &str| format!(r#"{{"public_network_access_enabled": true, "network_rules": [{rules}]}}"#);
        let kind = "azurerm_storage_account";
        assert_eq!(made(kind, "a", &account("")), Severity::Medium);
        assert_eq!(
            made(kind, "a", &account(r#"{"default_action": "Deny"}"#)),
            Severity::Low
        );
        assert_eq!(made("azurerm_linux_web_app", "a", &account("")), Severity::Low);
    }

    #[test]
    fn what_lets_everybody_in_counts_at_once() {
        for after in [
            r#"{"anonymous_access": true}"#,
            r#"{"settings": [{"allow_unauthenticated": "enabled"}]}"#,
            r#"{"container": [{"privileged": true}]}"#,
            r#"{"insecure_connections": true}"#,
        ] {
            assert_eq!(made("acme_x", "a", after), Severity::Medium, "{after}");
        }
        for after in [
            r#"{"block_public_access": true}"#,
            r#"{"anonymous_access": false}"#,
            r#"{"public_key": "true"}"#,
            r#"{"public_network_enabled": true}"#,
            r#"{"encryption_enabled": false}"#,
        ] {
            assert_eq!(made("acme_x", "a", after), Severity::Info, "{after}");
        }
        let provider = "google_iam_workload_identity_pool_provider";
        assert_eq!(
            made(provider, "a", r#"{"attribute_condition": null}"#),
            Severity::High
        );
        assert_eq!(
            made(provider, "a", r#"{"attribute_condition": "a == 'b'"}"#),
            Severity::Info
        );
    }
}
