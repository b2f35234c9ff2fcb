//! Who may send mail in the name of a domain: its records of SPF (RFC 7208) and DMARC (RFC 7489).
//!
//! A domain that begins with DMARC starts at `none`, so only a way back to it is told.

use super::record::records;
use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Input, Observation, Severity, Side, rule};

/// The keys under which texts of a record stand.
const TEXTS: &[&str] = &[
    "records",
    "rrdatas",
    "resourcerecords",
    "content",
    "value",
    "values",
    "record",
    "text",
];

/// Tells domains in whose name others may send mail now, or more of them.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let old = records(before, senders);
    let mut changes = Vec::new();
    for (holder, record) in records(after, senders) {
        let was = old.get(&holder);
        let spf = (was.and_then(|was| was.says.spf), record.says.spf);
        let told = match spf {
            (Some(_), None) => Some((Severity::Medium, "no longer says who may send its mail")),
            (was, Some(Spf::Everybody)) if was != Some(Spf::Everybody) => {
                Some((Severity::High, "lets every host of the internet send its mail"))
            }
            (Some(was), Some(Spf::Unsaid)) if was > Spf::Unsaid => {
                Some((Severity::Medium, "no longer says who may not send its mail"))
            }
            (None, Some(Spf::Unsaid)) => Some((Severity::Low, "does not say who may not send its mail")),
            (Some(Spf::Refused), Some(Spf::Doubted)) => {
                Some((Severity::Low, "has mail of others doubted instead of refused"))
            }
            _ => None,
        };
        let policy = (was.and_then(|was| was.says.policy), record.says.policy);
        let weaker = match policy {
            (Some(was), Some(0)) if was > 0 => Some((
                Severity::Medium,
                "no longer asks to hold back mail that pretends to be its own",
            )),
            (Some(was), None) if was > 0 => Some((
                Severity::Medium,
                "no longer says what to do with mail that pretends to be its own",
            )),
            (Some(2), Some(1)) => Some((Severity::Low, "has pretended mail put aside instead of refused")),
            _ => None,
        };
        for (severity, what) in told.into_iter().chain(weaker) {
            let what = format!("{} {what}", quote(&record.name));
            let seen = Observation::new(&rule::MAIL_SENDERS_OPEN, holder.clone(), what);
            let seen = seen.severity(severity).at(&record.place, record.line);
            changes.push((seen, Delta::Widened, Side::After));
        }
    }
    changes
}

/// What becomes of mail from hosts that a record of SPF does not name, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spf {
    Everybody,
    Unsaid,
    Doubted,
    Refused,
}

/// What the texts of a record say.
struct Senders {
    spf: Option<Spf>,
    /// The policy of DMARC: 0 for none, 1 for quarantine, 2 for reject; the weaker one of domain and subdomains.
    policy: Option<u8>,
}

/// Reads the texts of a record; nothing where it is of another type.
fn senders(kind: Option<&str>, place: &Place, value: &Value) -> Option<Senders> {
    let azure = place.identity.contains("dns_txt_record") && value.at("record").is_some();
    if !matches!(kind, Some("TXT" | "SPF")) && !azure {
        return None;
    }
    let settings = value.entries().iter();
    let texts: Vec<String> = settings
        .filter(|(key, _)| TEXTS.contains(&plain(key).as_str()))
        .flat_map(|(_, setting)| setting.one_or_more())
        .filter_map(|item| {
            item.text()
                .or_else(|| item.text_at("value"))
                .or_else(|| item.text_at("Value"))
        })
        .map(joined)
        .collect();
    Some(Senders {
        spf: texts.iter().filter_map(|text| spf(text)).min(),
        policy: texts.iter().filter_map(|text| policy(text)).min(),
    })
}

/// Joins a text that is written in parts, each in quotes, and makes it lower case.
fn joined(text: &str) -> String {
    text.replace("\" \"", "")
        .replace('"', "")
        .trim()
        .to_ascii_lowercase()
}

fn spf(text: &str) -> Option<Spf> {
    let terms = text.strip_prefix("v=spf1")?;
    let all = terms.split_whitespace().find_map(|term| match term {
        "all" | "+all" => Some(Spf::Everybody),
        "?all" => Some(Spf::Unsaid),
        "~all" => Some(Spf::Doubted),
        "-all" => Some(Spf::Refused),
        "ip4:0.0.0.0/0" | "+ip4:0.0.0.0/0" => Some(Spf::Everybody),
        _ => None,
    });
    // A record that leads to another one is judged there.
    let elsewhere = terms.contains("redirect=");
    Some(all.unwrap_or(if elsewhere { Spf::Refused } else { Spf::Unsaid }))
}

fn policy(text: &str) -> Option<u8> {
    let terms = text.strip_prefix("v=dmarc1")?;
    let asked = |key: &str| {
        let mut terms = terms.split(';').filter_map(|term| term.split_once('='));
        let (_, value) = terms.find(|(name, _)| name.trim() == key)?;
        Some(match value.trim() {
            "reject" => 2,
            "quarantine" => 1,
            _ => 0,
        })
    };
    let domain = asked("p").unwrap_or(0);
    Some(asked("sp").map_or(domain, |below: u8| below.min(domain)))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: &str, after: &str) -> Severity {
        let side = |text: &str| match text {
            "" => "null".to_owned(),
            text => format!(
                r#"{{"name": "acme.example", "type": "TXT", "records": ["site-verification=1", {}]}}"#,
                serde_json::Value::from(text)
            ),
        };
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "aws_route53_record.t", "type": "aws_route53_record", "change": {{"actions": ["update"], "before": {}, "after": {}}}}}]}}"#,
            side(before),
            side(after)
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn a_domain_in_whose_name_others_may_send_is_told() {
        let spf = |all: &str| format!("v=spf1 include:_spf.mail.example {all}");
        assert_eq!(level(&spf("-all"), &spf("+all")), Severity::High);
        assert_eq!(level("", &spf("all")), Severity::High);
        assert_eq!(level(&spf("~all"), &spf("?all")), Severity::Medium);
        assert_eq!(level(&spf("-all"), &spf("~all")), Severity::Low);
        assert_eq!(level(&spf("-all"), "nothing"), Severity::Medium);
        assert_eq!(level(&spf("+all"), &spf("-all")), Severity::Info);
        assert_eq!(
            level(&spf("-all"), &format!("{} ", spf("ip4:203.0.113.7 -all"))),
            Severity::Info
        );
        assert_eq!(
            level(&spf("-all"), "v=spf1 redirect=_spf.mail.example"),
            Severity::Info
        );
        assert_eq!(
            level(&spf("-all"), "\"v=spf1 include:_spf.mail\" \".example +all\""),
            Severity::High
        );
    }

    #[test]
    fn a_policy_that_goes_back_to_none_is_told_and_a_first_one_is_not() {
        let dmarc = |policy: &str| format!("v=DMARC1; {policy}; rua=mailto:d@acme.example");
        assert_eq!(level(&dmarc("p=reject"), &dmarc("p=none")), Severity::Medium);
        assert_eq!(
            level(&dmarc("p=reject"), &dmarc("p=reject; sp=none")),
            Severity::Medium
        );
        assert_eq!(level(&dmarc("p=reject"), &dmarc("p=quarantine")), Severity::Low);
        assert_eq!(level(&dmarc("p=none"), &dmarc("p=reject")), Severity::Info);
        assert_eq!(level("", &dmarc("p=none")), Severity::Info);
        assert_eq!(level(&dmarc("p=reject"), "nothing"), Severity::Medium);
    }
}
