//! Settings of cloud resources by their names: public access, protection against loss, encryption, logging.
//!
//! It reads CloudFormation, Terraform plans and API documents alike: a setting is known by its name with all
//! but letters and digits taken out, so `BlockPublicAcls` and `block_public_acls` are one.

use super::rule::{self, Rule};
use super::{Delta, Detector, Input, Observation, Outcome, Severity, Side};
use crate::document::{Node, Place, Value};
use crate::findings::observation::quote;
use std::collections::BTreeMap;

/// The rules for settings.
pub(super) struct Resources;

/// Setting, the dangerous truth value, rule, severity.
const SETTINGS: &[(&str, bool, &Rule, Severity)] = &[
    (
        "blockpublicacls",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "blockpublicpolicy",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "ignorepublicacls",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "restrictpublicbuckets",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "publiclyaccessible",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "endpointpublicaccess",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "deletionprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "deletionprotectionenabled",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "enabledeletionprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "terminationprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "disableapitermination",
        false,
        &rule::PROTECTION_OFF,
        Severity::Low,
    ),
    ("preventdestroy", false, &rule::PROTECTION_OFF, Severity::Medium),
    ("forcedestroy", true, &rule::PROTECTION_OFF, Severity::Medium),
    ("skipfinalsnapshot", true, &rule::PROTECTION_OFF, Severity::Medium),
    ("storageencrypted", false, &rule::ENCRYPTION_OFF, Severity::Medium),
    ("encrypted", false, &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "atrestencryptionenabled",
        false,
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "transitencryptionenabled",
        false,
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("enablekeyrotation", false, &rule::ENCRYPTION_OFF, Severity::Low),
    ("islogging", false, &rule::LOGGING_OFF, Severity::High),
    ("enablelogging", false, &rule::LOGGING_OFF, Severity::High),
    ("ismultiregiontrail", false, &rule::LOGGING_OFF, Severity::Low),
    (
        "enablelogfilevalidation",
        false,
        &rule::LOGGING_OFF,
        Severity::Medium,
    ),
];

/// Blocks whose loss takes a protection away.
const PROTECTIONS: &[(&str, &Rule, Severity)] = &[
    (
        "publicaccessblockconfiguration",
        &rule::PUBLIC_BLOCK_OFF,
        Severity::High,
    ),
    ("bucketencryption", &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "serversideencryptionconfiguration",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("kmsmasterkeyid", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("kmskeyid", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("versioningconfiguration", &rule::PROTECTION_OFF, Severity::Medium),
    ("objectlockconfiguration", &rule::PROTECTION_OFF, Severity::Medium),
    ("deletionpolicy", &rule::PROTECTION_OFF, Severity::Medium),
    ("updatereplacepolicy", &rule::PROTECTION_OFF, Severity::Low),
    ("deletionprotection", &rule::PROTECTION_OFF, Severity::Medium),
    ("loggingconfiguration", &rule::LOGGING_OFF, Severity::Low),
    ("permissionsboundary", &rule::BOUNDARY_GONE, Severity::High),
];

impl Detector for Resources {
    fn kinds(&self) -> &'static [&'static str] {
        &["s3", "data-export"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        input.walk(&mut |place, value| {
            found |= is_resource(value);
            for (key, setting) in value.entries() {
                let name = plain(key);
                found |= observe(place, key, &name, setting, seen);
            }
        });
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
        let (old, new) = (protections(before), protections(after));
        let still = holders(after);
        let mut changes = Vec::new();
        for ((holder, name), (about, severity, place, line)) in &old {
            // With the whole resource gone, the loss of its settings says nothing.
            if !new.contains_key(&(holder.clone(), name.clone())) && still.contains(holder) {
                let what = format!("{} is no longer set on {}", quote(name), quote(holder));
                let seen = Observation::new(about, "", what)
                    .severity(*severity)
                    .at(place, *line);
                changes.push((seen, Delta::Widened, Side::Before));
            }
        }
        changes
    }
}

fn observe(place: &Place, key: &str, name: &str, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let mut add = |about: &'static Rule, severity: Severity, what: String| {
        let id = format!("{} {name}", place.identity);
        seen.push(
            Observation::new(about, id, what)
                .severity(severity)
                .at(place, value.line),
        );
    };
    if let Some((_, bad, about, severity)) = SETTINGS.iter().find(|(setting, ..)| *setting == name) {
        if *bad && value.is_true() || !*bad && value.is_false() {
            add(about, *severity, format!("{} is {bad}", quote(key)));
        }
        return true;
    }
    let text = value.text().unwrap_or_default();
    match name {
        "accesscontrol" | "acl" | "cannedacl" => match plain(text).as_str() {
            "publicreadwrite" => add(
                &rule::PUBLIC_ACL,
                Severity::Critical,
                format!("{} lets anybody read and write", quote(text)),
            ),
            "publicread" | "authenticatedread" | "awsexecread" => {
                add(
                    &rule::PUBLIC_ACL,
                    Severity::High,
                    format!("{} lets strangers read", quote(text)),
                );
            }
            _ => {}
        },
        "uri" | "grantee" | "granteeuri" if text.contains("groups/global/A") => {
            add(
                &rule::PUBLIC_ACL,
                Severity::High,
                format!("{} are strangers", quote(text)),
            );
        }
        "status" | "versioning"
            if text == "Suspended" || text == "Disabled" && place.identity.contains("ersioning") =>
        {
            add(
                &rule::PROTECTION_OFF,
                Severity::Medium,
                format!("versioning is {}", quote(text)),
            );
        }
        "backupretentionperiod" if value.integer() == Some(0) => {
            add(
                &rule::PROTECTION_OFF,
                Severity::Medium,
                "no backups are kept".to_owned(),
            );
        }
        "deletionpolicy" if text == "Delete" => {
            add(
                &rule::PROTECTION_OFF,
                Severity::Low,
                "data is deleted with the resource".to_owned(),
            );
        }
        _ => return false,
    }
    true
}

type Protection<'a> = (&'static Rule, Severity, Place, u32);

/// Returns what protects, by its holder and name.
fn protections<'a>(input: &Input<'a>) -> BTreeMap<(String, String), Protection<'a>> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        for (key, setting) in value.entries() {
            let name = plain(key);
            let known = PROTECTIONS.iter().find(|(protection, ..)| *protection == name);
            let empty = matches!(&setting.node, Node::Null | Node::Bool(false))
                || matches!(&setting.node, Node::List(items) if items.is_empty());
            if let Some((_, about, severity)) = known.filter(|_| !empty && !setting.is_false()) {
                found.insert(
                    (place.identity.clone(), name),
                    (*about, *severity, place.clone(), setting.line),
                );
            }
        }
    });
    found
}

fn holders(input: &Input<'_>) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    input.walk(&mut |place, value| {
        if !value.entries().is_empty() {
            found.insert(place.identity.clone());
        }
    });
    found
}

fn is_resource(value: &Value) -> bool {
    value
        .text_at("Type")
        .is_some_and(|kind| kind.starts_with("AWS::"))
        && value.at("Properties").is_some()
}

fn plain(key: &str) -> String {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use crate::findings::{Delta, analyze};

    const BUCKET: &str = "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      AccessControl: Private\n      BucketEncryption: {x: 1}\n      PublicAccessBlockConfiguration:\n        BlockPublicAcls: true\n";

    fn rules(before: Option<&str>, after: &str) -> Vec<(String, Delta)> {
        let findings = analyze("s3", before.map(str::as_bytes), after.as_bytes());
        findings
            .iter()
            .map(|finding| (finding.rule.to_string(), finding.delta))
            .collect()
    }

    #[test]
    fn a_safe_bucket_is_quiet() {
        assert_eq!(rules(None, BUCKET), []);
    }

    #[test]
    fn opening_a_bucket_is_told() {
        let public = BUCKET.replace("Private", "PublicRead").replace("true", "false");
        let expected = [
            ("public-acl".to_owned(), Delta::Introduced),
            ("public-block-off".to_owned(), Delta::Introduced),
        ];
        assert_eq!(rules(Some(BUCKET), &public), expected);
    }

    #[test]
    fn a_protection_taken_away_is_told() {
        let bare = BUCKET.replace("      BucketEncryption: {x: 1}\n", "");
        assert_eq!(
            rules(Some(BUCKET), &bare),
            [("encryption-off".to_owned(), Delta::Widened)]
        );
    }
}
