//! Settings of cloud resources by their names: public access, protection against loss, encryption, logging.
//!
//! It reads CloudFormation, Terraform plans and API documents alike: a setting is known by its name with all
//! but letters and digits taken out, so `BlockPublicAcls` and `block_public_acls` are one.

use super::setting_table::{KEPT, PROTECTIONS, SETTINGS, WORDS};
use super::{alarm, capacity, share, turn};
use crate::document::{Node, Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::rule::{self, Rule};
use crate::findings::setting::transport;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, terraform};
use std::collections::{BTreeMap, BTreeSet};

/// The rules for settings.
pub(in crate::findings) struct Resources;

impl Detector for Resources {
    fn kinds(&self) -> &'static [&'static str] {
        &["s3", "data-export"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let (mut found, first) = (false, seen.len());
        input.walk(&mut |place, value| {
            found |= is_resource(value) | share::observe(place, value, seen);
            for (key, setting) in value.entries() {
                let name = plain(key);
                found |= observe(place, key, &name, setting, seen);
            }
        });
        terraform::made::soften(input.documents, seen.get_mut(first..).unwrap_or_default());
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (old, new) = (protections(before), protections(after));
        let still = holders(after);
        let mut changes = kept_shorter(before, after);
        changes.extend(capacity::changes(before, after));
        changes.extend(turn::changes(before, after));
        changes.extend(alarm::changes(before, after));
        for ((holder, name), (about, severity, place, line)) in &old {
            // With the whole resource gone, the loss of its settings says nothing.
            if !new.contains_key(&(holder.clone(), name.clone())) && still.contains(holder) {
                let what = format!("{} is no longer set on {}", quote(name), quote(holder));
                let seen = Observation::new(about, format!("{holder}/{name}"), what)
                    .severity(*severity)
                    .at(place, *line);
                changes.push((seen, Delta::Widened, Side::Before));
            }
        }
        let told: BTreeSet<String> = changes.iter().map(|(seen, ..)| seen.key.clone()).collect();
        let turns = terraform::turn::changes(before, after).into_iter();
        changes.extend(turns.filter(|(seen, ..)| !told.contains(&seen.key)));
        changes.extend(terraform::made::changes(after.documents));
        changes.extend(terraform::expiry::changes(after.documents));
        changes
    }
}

#[expect(clippy::too_many_lines, reason = "one check after another, each a few lines")]
fn observe(place: &Place, key: &str, name: &str, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let mut add = |about: &'static Rule, severity: Severity, what: String| {
        let id = format!("{} {name}", place.identity);
        seen.push(
            Observation::new(about, id, what)
                .severity(severity)
                .at(place, value.line),
        );
    };
    let text = value.text().unwrap_or_default();
    if let Some((about, severity)) = stated(name, value) {
        let is = match value.is_true() || value.is_false() {
            true => value.is_true().to_string(),
            false => quote(text),
        };
        add(about, severity, format!("{} is {is}", quote(key)));
        return true;
    }
    if SETTINGS.iter().any(|(setting, ..)| *setting == name) {
        return true;
    }
    if name == "backupretentionperiod" && value.integer() == Some(0) {
        let what = format!("{} is 0: no backups are kept", quote(key));
        add(&rule::PROTECTION_OFF, Severity::Medium, what);
    }
    if WORDS.iter().any(|(setting, ..)| *setting == name) || KEPT.contains(&name) {
        return true;
    }
    if let Some(oldest) = transport::broken(name, text) {
        let what = format!("{} is {}, which accepts {oldest}", quote(key), quote(text));
        add(&rule::ENCRYPTION_WEAK, Severity::Medium, what);
        return true;
    }
    match name {
        "member" | "members" | "principal"
            if value
                .one_or_more()
                .iter()
                .any(|who| matches!(who.text(), Some("allUsers" | "allAuthenticatedUsers"))) =>
        {
            add(
                &rule::IAM_PUBLIC_PRINCIPAL,
                Severity::Critical,
                format!("{} lets everybody in", quote(key)),
            );
        }
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
        "account" | "accountid" if is_copied_to(place, text) => {
            let what = format!("what is written is copied to account {}", quote(text));
            add(&rule::DATA_COPIED_OUT, Severity::High, what);
        }
        "owner" if text == "Destination" && is_below(place, "accesscontroltranslation") => {
            let what = "the account that takes the copies owns them".to_owned();
            add(&rule::DATA_COPIED_OUT, Severity::High, what);
        }
        "sharedaccounts" | "createvolumepermission" | "launchpermission"
            if !value.one_or_more().is_empty() =>
        {
            let what = format!("{} hands the whole to other accounts", quote(key));
            add(&rule::DATA_COPIED_OUT, Severity::High, what);
        }
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

/// Returns what the tables say of a setting with such a value, whatever it was before.
pub(in crate::findings) fn stated(name: &str, value: &Value) -> Option<(&'static Rule, Severity)> {
    if let Some((_, bad, about, severity)) = SETTINGS.iter().find(|(setting, ..)| *setting == name) {
        let dangerous = *bad && value.is_true() || !*bad && value.is_false();
        return dangerous.then_some((*about, *severity));
    }
    let text = value.text().unwrap_or_default();
    let word = WORDS
        .iter()
        .find(|(setting, word, ..)| *setting == name && word.eq_ignore_ascii_case(text));
    let (.., about, severity) = word?;
    Some((*about, *severity))
}

/// Says whether an account number stands under the destination of a copy.
fn is_copied_to(place: &Place, account: &str) -> bool {
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && is_below(place, "destination")
        && is_below(place, "replication")
}

/// Says whether a part of the way to a place is named so.
fn is_below(place: &Place, name: &str) -> bool {
    place.identity.split('/').any(|part| plain(part).contains(name))
}

/// Tells what is kept for less time than before.
fn kept_shorter(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (old, new) = (kept(before), kept(after));
    let shorter = new.into_iter().filter_map(|((holder, name), (is, place, line))| {
        let (was, ..) = old.get(&(holder.clone(), name.clone()))?;
        // Nothing at all is told by a rule of its own; a log that is kept for no number of days is kept for ever.
        let ever = |days: i64| name == "retentionindays" && days == 0;
        if ever(is) || is >= *was && !ever(*was) || is == *was || is == 0 && name == "backupretentionperiod" {
            return None;
        }
        let severity = if is <= was / 2 || ever(*was) {
            Severity::Medium
        } else {
            Severity::Low
        };
        let what = format!(
            "{} goes from {was} to {is}: what is kept goes sooner",
            quote(&name)
        );
        let seen = Observation::new(&rule::PROTECTION_OFF, format!("{holder}/{name}"), what)
            .severity(severity)
            .at(&place, line);
        Some((seen, Delta::Widened, Side::After))
    });
    shorter.collect()
}

/// Returns for how long things are kept, by holder and name.
fn kept(input: &Input<'_>) -> BTreeMap<(String, String), (i64, Place, u32)> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        for (key, setting) in value.entries() {
            if let Some((name, number)) = term(place, value, key, setting) {
                found.insert(
                    (place.identity.clone(), name),
                    (number, place.clone(), setting.line),
                );
            }
        }
    });
    found
}

/// Returns under which name and for how long a setting keeps something; years are told in days.
fn term(place: &Place, holder: &Value, key: &str, setting: &Value) -> Option<(String, i64)> {
    let (name, number) = (plain(key), setting.integer()?);
    if KEPT.contains(&name.as_str()) {
        return Some((name, number));
    }
    let (other, days) = match name.as_str() {
        "days" => ("years", 1),
        "years" => ("days", 365),
        _ => return None,
    };
    let below = place.identity.to_ascii_lowercase();
    let ends = below.contains("expiration") || below.contains("retention");
    // Of days and years one is nought where the other is set.
    let set = holder.at(other).and_then(Value::integer).is_some_and(|it| it > 0);
    (ends && !(number == 0 && set)).then(|| ("days".to_owned(), number.saturating_mul(days)))
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

fn holders(input: &Input<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
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
    fn what_is_kept_for_less_time_is_told() {
        let table = |days: u32| {
            format!(
                "Resources:\n  L:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      RetentionInDays: {days}\n"
            )
        };
        assert_eq!(
            rules(Some(&table(365)), &table(7)),
            [("protection-off".to_owned(), Delta::Widened)]
        );
        assert_eq!(rules(Some(&table(7)), &table(365)), []);
    }

    #[test]
    fn days_and_years_are_one_length() {
        let lock = |days: u32, years: u32| {
            format!(
                "resource \"aws_s3_bucket_object_lock_configuration\" \"l\" {{\n  rule {{\n    default_retention {{\n      days = {days}\n      years = {years}\n    }}\n  }}\n}}\n"
            )
        };
        let shorter = [("protection-off".to_owned(), Delta::Widened)];
        assert_eq!(rules(Some(&lock(0, 7)), &lock(30, 0)), shorter);
        assert_eq!(rules(Some(&lock(30, 0)), &lock(0, 7)), []);
    }

    #[test]
    fn words_that_open_a_resource_are_told() {
        let url = |kind: &str| {
            format!("Resources:\n  U:\n    Type: AWS::Lambda::Url\n    Properties:\n      AuthType: {kind}\n")
        };
        assert_eq!(
            rules(Some(&url("AWS_IAM")), &url("NONE")),
            [("publicly-accessible".to_owned(), Delta::Introduced)]
        );
    }

    #[test]
    fn a_protection_taken_away_is_told() {
        let bare = BUCKET.replace("      BucketEncryption: {x: 1}\n", "");
        assert_eq!(
            rules(Some(BUCKET), &bare),
            [("encryption-off".to_owned(), Delta::Widened)]
        );
    }

    #[test]
    fn a_log_of_no_number_of_days_is_kept_for_ever() {
        let log = |days: u32| {
            format!(
                "Resources:\n  L:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      RetentionInDays: {days}\n"
            )
        };
        assert_eq!(rules(Some(&log(365)), &log(0)), []);
        assert_eq!(
            rules(Some(&log(0)), &log(30)),
            [("protection-off".to_owned(), Delta::Widened)]
        );
    }
}
