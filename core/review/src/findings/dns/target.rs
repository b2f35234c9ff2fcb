//! Names that lead to somebody else than before.
//!
//! Who owns an address is not known; a target counts as another's when its domain is another.

use super::mail;
use super::record::records;
use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use core::net::IpAddr;
use std::collections::BTreeSet;

/// The rules for records.
pub(in crate::findings) struct Records;

/// Types of records that say where something is.
const LEADING: &[&str] = &["A", "AAAA", "CNAME", "ALIAS", "NS", "MX"];

/// The keys under which their targets stand.
const TARGETS: &[&str] = &[
    "records",
    "rrdatas",
    "resourcerecords",
    "content",
    "value",
    "record",
];

impl Detector for Records {
    /// Knowing where names lead is not understanding a change.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, _input: &Input<'_>, _seen: &mut Vec<Observation>) -> Outcome {
        Outcome::NotMine
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let old = records(before, targets);
        let moved = records(after, targets)
            .into_iter()
            .filter_map(|(holder, record)| {
                let was = old.get(&holder)?;
                let owners: BTreeSet<String> = was.says.iter().map(|target| owner(target)).collect();
                let new: Vec<&String> = record.says.difference(&was.says).collect();
                let away = new.iter().find(|target| !owners.contains(&owner(target)));
                let target = away.or_else(|| new.first())?;
                let severity = match away {
                    Some(_) if !was.says.is_empty() => Severity::Medium,
                    _ => Severity::Low,
                };
                let what = format!("{} leads to {} now", quote(&record.name), quote(target));
                let seen = Observation::new(&rule::DNS_MOVED, "", what)
                    .severity(severity)
                    .at(&record.place, record.line);
                Some((seen, Delta::Widened, Side::After))
            });
        moved.chain(mail::changes(before, after)).collect()
    }
}

/// Returns where a record leads; nothing where it leads nowhere.
fn targets(kind: Option<&str>, _: &Place, value: &Value) -> Option<BTreeSet<String>> {
    kind.filter(|kind| LEADING.contains(kind))?;
    let mut targets = BTreeSet::new();
    for (key, setting) in value.entries() {
        let key = plain(key);
        if TARGETS.contains(&key.as_str()) {
            let texts = setting.one_or_more().iter().filter_map(Value::text);
            targets.extend(texts.map(target));
        } else if matches!(key.as_str(), "alias" | "aliastarget") {
            let names = setting.one_or_more().iter().flat_map(Value::entries);
            let names = names.filter(|(key, _)| matches!(plain(key).as_str(), "name" | "dnsname"));
            targets.extend(names.filter_map(|(_, name)| name.text()).map(target));
        }
    }
    (!targets.is_empty()).then_some(targets)
}

/// Returns a target in one form: the preference of a mail exchange and the last point taken off.
fn target(text: &str) -> String {
    let last = text.split_whitespace().next_back().unwrap_or_default();
    last.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns what stands for the owner of a target: the last two labels of a name, the first half of an address.
fn owner(target: &str) -> String {
    match target.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            format!("{first}.{second}")
        }
        Ok(IpAddr::V6(address)) => {
            let [first, second, ..] = address.segments();
            format!("{first:x}:{second:x}")
        }
        Err(_) => {
            let labels: Vec<&str> = target.rsplit('.').take(2).collect();
            labels.join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: &str, after: &str) -> Severity {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "aws_route53_record.a", "type": "aws_route53_record", "change": {{"actions": ["update"], "before": {before}, "after": {after}}}}}]}}"#
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn a_name_that_leads_to_another_domain_is_told() {
        let of = |kind: &str, target: &str| {
            format!(r#"{{"name": "shop.acme.example", "type": "{kind}", "records": ["{target}"]}}"#)
        };
        let cname = of("CNAME", "shop-1.lb.acme.example.");
        assert_eq!(
            level(&cname, &of("CNAME", "shop.pages.example.net")),
            Severity::Medium
        );
        assert_eq!(
            level(&cname, &of("CNAME", "shop-2.lb.acme.example")),
            Severity::Low
        );
        assert_eq!(
            level(&cname, &cname.replace("example.\"", "example\"")),
            Severity::Info
        );
        assert_eq!(
            level(
                &of("MX", "10 mail.acme.example"),
                &of("MX", "10 mx.elsewhere.test")
            ),
            Severity::Medium
        );
        assert_eq!(
            level(&of("A", "203.0.113.7"), &of("A", "198.51.100.9")),
            Severity::Medium
        );
        assert_eq!(
            level(&of("A", "203.0.113.7"), &of("A", "203.0.113.8")),
            Severity::Low
        );
        assert_eq!(level(&of("TXT", "a"), &of("TXT", "b")), Severity::Info);
    }

    #[test]
    fn the_target_of_an_alias_is_one() {
        let of = |target: &str| {
            format!(
                r#"{{"name": "acme.example", "type": "A", "alias": [{{"name": "{target}", "zone_id": "Z"}}]}}"#
            )
        };
        assert_eq!(
            level(&of("d1.cdn.example"), &of("d2.other.test")),
            Severity::Medium
        );
    }
}
