//! Resources that are made only to hand something out: to everybody, to another account, or for as long as nobody
//! thinks of it.
//!
//! A plan or a source names the type of each; where a type says it all, the type is looked up.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::rule::{self, Rule};
use crate::findings::{Observation, Severity};

/// Types of resources that are a credential which does not expire.
const LASTING: &[&str] = &[
    "aws_iam_access_key",
    "aws_iam_service_specific_credential",
    "google_service_account_key",
    "google_storage_hmac_key",
    "azuread_application_password",
    "azuread_service_principal_password",
    "github_user_gpg_key",
    "digitalocean_spaces_key",
];

/// Facts that say whose call a permission is for.
const WHOSE: &[&str] = &[
    "source_arn",
    "source_account",
    "principal_org_id",
    "SourceArn",
    "SourceAccount",
    "PrincipalOrgID",
];

/// Observes a resource that hands something out; says whether it is one.
pub(super) fn observe(place: &Place, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let before = seen.len();
    let mut add = |about: &'static Rule, severity, key: &str, what: String| {
        let key = format!("{} {key}", place.identity);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, value.line),
        );
    };
    if let Some(kind) = lasting(place) {
        let what = format!("{} makes a key that does not expire", quote(kind));
        add(&rule::CLOUD_LASTING_KEY, Severity::Medium, "key", what);
    }
    if let Some(function) = called_by_all(value) {
        let what = format!("every account may call {}", quote(function));
        add(&rule::IAM_PUBLIC_PRINCIPAL, Severity::Critical, "call", what);
    }
    let image = ["image_id", "snapshot_id", "ImageId"]
        .iter()
        .find_map(|key| value.text_at(key));
    if let Some(image) = image {
        if value.text_at("group") == Some("all") {
            let what = format!("everybody may use {}", quote(image));
            add(&rule::DATA_COPIED_OUT, Severity::High, "all", what);
        } else if let Some(account) = value
            .text_at("account_id")
            .filter(|id| !id.is_empty() && is_grant(value))
        {
            let what = format!("account {} may use {}", quote(account), quote(image));
            add(&rule::DATA_COPIED_OUT, Severity::Medium, account, what);
        }
    }
    for key in ["secret_permissions", "key_permissions", "certificate_permissions"] {
        let given = value.at(key).map(Value::one_or_more).unwrap_or_default();
        let strong = given
            .iter()
            .filter_map(Value::text)
            .find(|right| is_strong(right));
        if let Some(strong) = strong {
            let who = value.text_at("object_id").unwrap_or("somebody");
            let what = format!("{} may {} what a vault holds", quote(who), quote(strong));
            add(&rule::CLOUD_ROLE, Severity::Medium, key, what);
        }
    }
    for member in value
        .at("exempted_members")
        .map(Value::one_or_more)
        .unwrap_or_default()
    {
        let what = format!(
            "what {} does is not recorded",
            quote(member.text().unwrap_or("?"))
        );
        add(
            &rule::LOGGING_OFF,
            Severity::Medium,
            member.text().unwrap_or_default(),
            what,
        );
    }
    seen.len() > before
}

/// Returns the type of a credential that does not expire, where the place is that of the whole resource.
fn lasting(place: &Place) -> Option<&'static str> {
    let parts: Vec<&str> = place
        .identity
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let kind = match parts.as_slice() {
        [address] => address.rsplit('.').nth(1)?,
        ["resource", kind, _] => kind,
        _ => return None,
    };
    LASTING.iter().find(|known| **known == kind).copied()
}

/// Returns the function that a permission lets everybody call.
fn called_by_all(permission: &Value) -> Option<&str> {
    let function = permission
        .text_at("function_name")
        .or_else(|| permission.text_at("FunctionName"))?;
    let principal = permission
        .text_at("principal")
        .or_else(|| permission.text_at("Principal"));
    let limited = WHOSE.iter().any(|key| permission.text_at(key).is_some());
    (principal == Some("*") && !limited).then_some(function)
}

/// Says whether a resource does nothing but name an account beside an image.
fn is_grant(value: &Value) -> bool {
    value.text_at("name").is_none() && value.at("ami").is_none() && value.entries().len() <= 8
}

/// Says whether a right to a vault takes what it holds away for good, or is all of them.
fn is_strong(right: &str) -> bool {
    ["purge", "all", "backup"]
        .iter()
        .any(|strong| right.eq_ignore_ascii_case(strong))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn made(kind: &str, after: &str) -> Severity {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.a", "type": "{kind}", "change": {{"actions": ["create"], "before": null, "after": {after}}}}}]}}"#
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn what_is_handed_out_is_told() {
        for (kind, after, expected) in [
            (
                "google_service_account_key",
                r#"{"service_account_id": "a"}"#,
                Severity::Medium,
            ),
            (
                "aws_lambda_permission",
                r#"{"function_name": "f", "principal": "*"}"#,
                Severity::Critical,
            ),
            (
                "aws_ami_launch_permission",
                r#"{"image_id": "ami-1", "group": "all"}"#,
                Severity::High,
            ),
            (
                "azurerm_key_vault_access_policy",
                r#"{"object_id": "o", "secret_permissions": ["Get", "Purge"]}"#,
                Severity::Medium,
            ),
            (
                "google_project_iam_audit_config",
                r#"{"audit_log_config": [{"exempted_members": ["user:a"]}]}"#,
                Severity::Medium,
            ),
        ] {
            assert_eq!(made(kind, after), expected, "{kind}");
        }
        for (kind, after) in [
            ("google_service_account", r#"{"account_id": "a"}"#),
            (
                "aws_lambda_permission",
                r#"{"function_name": "f", "principal": "s3.amazonaws.com"}"#,
            ),
            (
                "aws_lambda_permission",
                r#"{"function_name": "f", "principal": "*", "principal_org_id": "o-1"}"#,
            ),
            (
                "azurerm_key_vault_access_policy",
                r#"{"object_id": "o", "secret_permissions": ["Get", "List"]}"#,
            ),
            (
                "google_project_iam_audit_config",
                r#"{"audit_log_config": [{"exempted_members": []}]}"#,
            ),
        ] {
            assert_eq!(made(kind, after), Severity::Info, "{kind}");
        }
        let source = "resource \"aws_iam_access_key\" \"a\" {\n  user = \"a\"\n}\n";
        assert_eq!(
            severity(&analyze("iam", None, source.as_bytes())),
            Severity::Medium
        );
    }
}
