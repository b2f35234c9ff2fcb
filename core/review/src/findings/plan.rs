//! Terraform and OpenTofu plans (`show -json`, formats 0.1 to 1.2): what is destroyed, replaced or unknown.
//!
//! The values before and after inside a plan are handed to the rules of all other shapes as the two sides.

use super::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};
use crate::document::{Documents, Node, Place, Value};
use crate::findings::observation::quote;

/// The rules for plans.
pub(super) struct Plan;

/// Parts of the names of resource types that hold data or identity, which a replacement loses.
pub(super) const STATEFUL: &[&str] = &[
    "_db_",
    "_rds_",
    "_sql",
    "database",
    "dynamodb",
    "s3_bucket",
    "storage_bucket",
    "storage_account",
    "ebs_volume",
    "_disk",
    "_volume",
    "efs_",
    "fsx_",
    "kms_key",
    "key_vault",
    "secretsmanager_secret",
    "secret_manager",
    "_secret",
    "elasticache",
    "redshift",
    "opensearch",
    "elasticsearch",
    "docdb",
    "neptune",
    "msk_",
    "kinesis_stream",
    "_queue",
    "route53_zone",
    "dns_zone",
    "cognito_user_pool",
    "ecr_repository",
    "eks_cluster",
    "container_cluster",
    "kubernetes_cluster",
    "persistent_volume",
    "backup_vault",
    "bigquery",
    "spanner",
    "bigtable",
    "cosmosdb",
    "random_password",
    "random_id",
    "tls_private_key",
    "iam_user",
    "iam_access_key",
    "cloudtrail",
    "log_group",
    "glacier",
];

/// Parts of the names of resource types of which each change makes a new version beside the old one.
const VERSIONED: &[&str] = &[
    "_task_definition",
    "_layer_version",
    "_launch_configuration",
    "_api_gateway_deployment",
    "null_resource",
    "terraform_data",
];

/// Ends of the names of resource types that only let somebody in: with one of them gone, less is open.
const GRANTS: &[&str] = &[
    "_security_group_rule",
    "_security_group_ingress_rule",
    "_security_group_egress_rule",
    "_iam_member",
    "_policy_attachment",
    "_role_assignment",
    "_lambda_permission",
    "_group_membership",
    "_iam_access_key",
    "_service_account_key",
];

/// Returns the state before that a plan carries, one root for each resource.
pub(super) fn before(documents: &Documents) -> Option<Vec<(Place, &Value)>> {
    sides(documents, "before")
}

/// Returns the state after that a plan carries, one root for each resource.
pub(super) fn after(documents: &Documents) -> Option<Vec<(Place, &Value)>> {
    sides(documents, "after")
}

fn sides<'a>(documents: &'a Documents, side: &str) -> Option<Vec<(Place, &'a Value)>> {
    let changes = changes(documents)?;
    let root = |(index, resource): (usize, &'a Value)| {
        let value = resource.path(&["change", side])?;
        let address = resource.text_at("address").unwrap_or_default();
        let place = Place {
            pointer: format!("/resource_changes/{index}/change/{side}"),
            identity: format!("/{address}"),
        };
        (!matches!(value.node, Node::Null)).then_some((place, value))
    };
    Some(changes.iter().enumerate().filter_map(root).collect())
}

/// One resource that a plan speaks of.
pub(super) struct Resource<'a> {
    pub(super) place: Place,
    pub(super) kind: &'a str,
    pub(super) change: &'a Value,
}

impl<'a> Resource<'a> {
    fn new(index: usize, resource: &'a Value) -> Option<Self> {
        let address = resource.text_at("address").unwrap_or("?");
        let change = resource.at("change")?;
        Some(Self {
            place: Place {
                pointer: format!("/resource_changes/{index}/change/after"),
                identity: format!("/{address}"),
            },
            kind: resource.text_at("type").unwrap_or("?"),
            change,
        })
    }
}

/// Returns the resources of a plan; nothing where it is none.
pub(super) fn resources(documents: &Documents) -> impl Iterator<Item = Resource<'_>> {
    let changes = changes(documents).unwrap_or_default().iter().enumerate();
    changes.filter_map(|(index, resource)| Resource::new(index, resource))
}

fn changes(documents: &Documents) -> Option<&[Value]> {
    let [plan] = documents.all.as_slice() else {
        return None;
    };
    plan.at("format_version")
        .or_else(|| plan.at("terraform_version"))?;
    let known = plan
        .at("resource_changes")
        .or_else(|| plan.at("planned_values"))?;
    Some(if plan.at("resource_changes").is_some() {
        known.items()
    } else {
        &[]
    })
}

impl Detector for Plan {
    fn kinds(&self) -> &'static [&'static str] {
        &["terraform-plan", "iam", "s3", "security-group"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let Some(changes) = changes(input.documents) else {
            return Outcome::NotMine;
        };
        let mut destroyed = 0;
        for (index, resource) in changes.iter().enumerate() {
            destroyed += u64::from(change(index, resource, seen));
        }
        if destroyed > 10 {
            let what = format!("{destroyed} resources are destroyed or replaced in one plan");
            seen.push(
                Observation::new(&rule::PLAN_MASS_DESTROY, "", what).breadth(Breadth::Count(destroyed)),
            );
        }
        for plan in &input.documents.all {
            whole(plan, seen);
        }
        Outcome::Analyzed
    }
}

/// Observes one resource; says whether it is destroyed, for good or to be made anew.
fn change(index: usize, resource: &Value, seen: &mut Vec<Observation>) -> bool {
    let address = resource.text_at("address").unwrap_or("?");
    let kind = resource.text_at("type").unwrap_or("?");
    let place = Place {
        pointer: format!("/resource_changes/{index}"),
        identity: String::new(),
    };
    let mut add = |about, severity, what: String| {
        seen.push(
            Observation::new(about, address, what)
                .severity(severity)
                .at(&place, resource.line),
        );
    };
    let actions = resource
        .path(&["change", "actions"])
        .map(Value::items)
        .unwrap_or_default();
    let does = |action: &str| actions.iter().any(|it| it.text() == Some(action));
    let precious = STATEFUL.iter().any(|part| kind.contains(part));
    let unknown = resource.path(&["change", "after_unknown"]).map_or(0, count_true);
    if unknown > 0 && !does("delete") | does("create") {
        add(
            &rule::PLAN_UNKNOWN,
            Severity::Info,
            format!(
                "{unknown} values of {} are known only after it ran",
                quote(address)
            ),
        );
    }
    if does("forget") {
        add(
            &rule::PLAN_FORGET,
            Severity::Medium,
            format!("{} is no longer managed but goes on to exist", quote(address)),
        );
    }
    if does("delete") && does("create") {
        let why = replaced_by(resource);
        let severity = match () {
            () if precious => Severity::High,
            () if VERSIONED.iter().any(|part| kind.contains(part)) => Severity::Low,
            () => Severity::Medium,
        };
        add(
            &rule::PLAN_REPLACE,
            severity,
            format!("{} is destroyed and made anew{why}", quote(address)),
        );
    } else if does("delete") {
        let severity = match () {
            () if GRANTS.iter().any(|end| kind.ends_with(end)) => Severity::Low,
            () if precious => Severity::High,
            () => Severity::Medium,
        };
        add(
            &rule::PLAN_DESTROY,
            severity,
            format!("{} is destroyed", quote(address)),
        );
    }
    does("delete")
}

fn replaced_by(resource: &Value) -> String {
    let paths = resource
        .path(&["change", "replace_paths"])
        .map(Value::items)
        .unwrap_or_default();
    let path = |path: &Value| {
        path.items()
            .iter()
            .filter_map(Value::text)
            .collect::<Vec<_>>()
            .join(".")
    };
    match paths.first() {
        Some(first) => format!(", because {} changes", quote(&path(first))),
        None => String::new(),
    }
}

fn count_true(value: &Value) -> u64 {
    let mut count = 0;
    value.walk(&mut |_, value| count += u64::from(value.node == Node::Bool(true)));
    count
}

fn whole(plan: &Value, seen: &mut Vec<Observation>) {
    let drifted = plan.at("resource_drift").map(Value::items).unwrap_or_default();
    if !drifted.is_empty() {
        let what = format!(
            "{} resources differ from what was recorded, before this plan",
            drifted.len()
        );
        seen.push(Observation::new(&rule::PLAN_DRIFT, "", what));
    }
    if plan.at("errored").is_some_and(Value::is_true) {
        seen.push(Observation::new(
            &rule::PLAN_ERRORED,
            "",
            "the plan ended in an error and is not whole",
        ));
    }
    let Some(configuration) = plan.at("configuration") else {
        return;
    };
    configuration.walk_from(
        &mut Place {
            pointer: "/configuration".to_owned(),
            ..Place::default()
        },
        &mut |place, value| {
            for provisioner in value.at("provisioners").map(Value::items).unwrap_or_default() {
                let kind = provisioner.text_at("type").unwrap_or("?");
                let what = format!(
                    "{} runs commands by a provisioner of type {}",
                    quote(value.text_at("address").unwrap_or("?")),
                    quote(kind)
                );
                seen.push(
                    Observation::new(&rule::PLAN_PROVISIONER, place.identity.clone(), what)
                        .at(place, provisioner.line),
                );
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use crate::findings::{Delta, Severity, analyze, severity};

    fn plan(resource: &str) -> String {
        format!(r#"{{"format_version": "1.2", "resource_changes": [{resource}]}}"#)
    }

    fn change(kind: &str, actions: &str, before: &str, after: &str) -> String {
        plan(&format!(
            r#"{{"address": "{kind}.x", "type": "{kind}", "change": {{"actions": {actions}, "before": {before}, "after": {after}, "after_unknown": {{"id": true}}}}}}"#
        ))
    }

    #[test]
    fn creating_is_quiet_and_destroying_is_not() {
        let create = analyze(
            "terraform-plan",
            None,
            change("aws_instance", r#"["create"]"#, "null", "{}").as_bytes(),
        );
        assert_eq!(severity(&create), Severity::Info);
        assert_eq!(create[0].rule.as_str(), "plan-unknown-values");
        let destroy = analyze(
            "terraform-plan",
            None,
            change("aws_db_instance", r#"["delete"]"#, "{}", "null").as_bytes(),
        );
        assert_eq!(
            (destroy[0].rule.as_str(), destroy[0].severity),
            ("plan-destroy", Severity::High)
        );
    }

    #[test]
    fn replacing_is_told_whatever_the_order_of_actions() {
        for actions in [r#"["delete", "create"]"#, r#"["create", "delete"]"#] {
            let findings = analyze(
                "terraform-plan",
                None,
                change("aws_instance", actions, "{}", "{}").as_bytes(),
            );
            assert_eq!(
                (findings[0].rule.as_str(), findings[0].severity),
                ("plan-replace", Severity::Medium)
            );
        }
    }

    #[test]
    fn what_was_so_before_the_plan_is_existing() {
        let open = r#"{"acl": "public-read"}"#;
        let same = analyze(
            "terraform-plan",
            None,
            change("aws_s3_bucket_acl", r#"["update"]"#, open, open).as_bytes(),
        );
        assert!(
            same.iter()
                .any(|finding| finding.rule.as_str() == "public-acl" && finding.delta == Delta::Existing)
        );
        let new = analyze(
            "terraform-plan",
            None,
            change(
                "aws_s3_bucket_acl",
                r#"["update"]"#,
                r#"{"acl": "private"}"#,
                open,
            )
            .as_bytes(),
        );
        assert!(
            new.iter()
                .any(|finding| finding.rule.as_str() == "public-acl" && finding.delta == Delta::Introduced)
        );
    }

    #[test]
    fn a_grant_that_goes_opens_nothing() {
        let gone = |kind: &str| {
            let plan = change(kind, r#"["delete"]"#, "{}", "null");
            severity(&analyze("terraform-plan", None, plan.as_bytes()))
        };
        assert_eq!(gone("aws_security_group_rule"), Severity::Low);
        assert_eq!(gone("aws_iam_role_policy_attachment"), Severity::Low);
        assert_eq!(gone("aws_network_acl_rule"), Severity::Medium);
    }
}
