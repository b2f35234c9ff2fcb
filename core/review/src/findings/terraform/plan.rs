//! Terraform and OpenTofu plans (`show -json`, formats 0.1 to 1.2): what is destroyed, replaced or unknown.
//!
//! The values before and after inside a plan are handed to the rules of all other shapes as the two sides.

use super::output;
use super::purpose::{Purpose, purpose};
use crate::document::{Documents, Node, Place, Value};
use crate::findings::observation::quote;
use crate::findings::setting::NOTHING;
use crate::findings::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};

/// The rules for plans.
pub(in crate::findings) struct Plan;

/// Returns the state before that a plan carries, one root for each resource.
pub(in crate::findings) fn before(documents: &Documents) -> Option<Vec<(Place, &Value)>> {
    sides(documents, "before")
}

/// Returns the state after that a plan carries, one root for each resource.
pub(in crate::findings) fn after(documents: &Documents) -> Option<Vec<(Place, &Value)>> {
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

    /// Returns the resource after the change, nothing where it is gone.
    pub(super) fn after(&self) -> &'a Value {
        self.change.at("after").unwrap_or(&NOTHING)
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

/// Observes one resource; says whether it is destroyed, for good or to be made anew, and missed then.
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
    if !does("delete") {
        return false;
    }
    let before = resource.path(&["change", "before"]);
    let purpose = match purpose(kind) {
        Purpose::LetsIn | Purpose::Belongs if before.is_some_and(denies) => Purpose::Guards,
        purpose => purpose,
    };
    let (about, severity, what) = if does("create") {
        let severity = match purpose {
            Purpose::Holds => Severity::High,
            Purpose::Runs => Severity::Medium,
            Purpose::Guards | Purpose::LetsIn | Purpose::Belongs | Purpose::Passing => Severity::Low,
        };
        let why = replaced_by(resource);
        (
            &rule::PLAN_REPLACE,
            severity,
            format!("is destroyed and made anew{why}"),
        )
    } else {
        let severity = match purpose {
            Purpose::Holds | Purpose::Guards => Severity::High,
            Purpose::Runs | Purpose::Belongs => Severity::Medium,
            Purpose::LetsIn | Purpose::Passing => Severity::Low,
        };
        (&rule::PLAN_DESTROY, severity, "is destroyed".to_owned())
    };
    add(about, severity, format!("{} {what}", quote(address)));
    severity >= Severity::Medium
}

/// Says whether a rule or a policy refuses something: with it gone, more is open.
pub(super) fn denies(resource: &Value) -> bool {
    let says = |key: &str| {
        resource
            .text_at(key)
            .is_some_and(|word| word.eq_ignore_ascii_case("deny"))
    };
    let policy = resource
        .text_at("policy")
        .is_some_and(|text| text.contains("\"Deny\""));
    let block = resource
        .at("deny")
        .is_some_and(|deny| !deny.one_or_more().is_empty());
    policy || block || ["access", "action", "rule_action"].iter().any(|key| says(key))
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
    output::observe(plan, seen);
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
        assert_eq!(gone("aws_lb_listener"), Severity::Medium);
    }

    #[test]
    fn what_is_destroyed_is_weighed_by_what_it_is_for() {
        let level = |kind: &str, actions: &str, before: &str| {
            let plan = change(kind, actions, before, "null");
            severity(&analyze("terraform-plan", None, plan.as_bytes()))
        };
        let (delete, anew) = (r#"["delete"]"#, r#"["create", "delete"]"#);
        for (kind, before, gone, replaced) in [
            ("aws_rds_cluster", "{}", Severity::High, Severity::High),
            ("azurerm_mssql_database", "{}", Severity::High, Severity::High),
            ("aws_db_parameter_group", "{}", Severity::Medium, Severity::Low),
            ("aws_flow_log", "{}", Severity::High, Severity::Low),
            (
                "aws_organizations_policy_attachment",
                "{}",
                Severity::High,
                Severity::Low,
            ),
            ("aws_security_group_rule", "{}", Severity::Low, Severity::Low),
            (
                "aws_network_acl_rule",
                r#"{"rule_action": "deny"}"#,
                Severity::High,
                Severity::Low,
            ),
            ("null_resource", "{}", Severity::Low, Severity::Low),
            ("aws_instance", "{}", Severity::Medium, Severity::Medium),
        ] {
            assert_eq!(level(kind, delete, before), gone, "{kind}");
            assert_eq!(level(kind, anew, before), replaced, "{kind}");
        }
    }

    #[test]
    fn many_rules_made_anew_are_no_mass_of_losses() {
        let many = |kind: &str| {
            let one = format!(
                r#"{{"address": "x", "type": "{kind}", "change": {{"actions": ["delete", "create"]}}}}"#
            );
            let findings = analyze("terraform-plan", None, plan(&vec![one; 12].join(",")).as_bytes());
            findings
                .iter()
                .any(|finding| finding.rule.as_str() == "plan-mass-destroy")
        };
        assert!(many("aws_instance") && !many("aws_security_group_rule"));
    }

    #[test]
    fn an_output_that_is_no_longer_hidden_is_told() {
        let told = |before: bool, after: bool| {
            let plan = format!(
                r#"{{"format_version": "1.2", "resource_changes": [], "output_changes": {{"o": {{"actions": ["update"], "before_sensitive": {before}, "after_sensitive": {after}}}}}}}"#
            );
            severity(&analyze("terraform-plan", None, plan.as_bytes()))
        };
        assert_eq!(told(true, false), Severity::Medium);
        assert_eq!(told(false, true), Severity::Info);
        assert_eq!(told(true, true), Severity::Info);
    }
}
