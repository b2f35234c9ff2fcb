//! Firewalls whose rules are tried in order: a denial that an earlier rule makes void, one that is gone, and a rule
//! that now holds for every machine.
//!
//! It reads network ACLs of Amazon, security rules of Azure and firewalls of Google Cloud, where a rule has a number
//! and the lowest that fits decides.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Side, rule};
use core::net::IpAddr;
use std::collections::BTreeMap;

/// The rules for ordered firewalls.
pub(in crate::findings) struct Ordered;

/// More rules than this are not compared with each other.
const MOST: usize = 1_000;

struct Entry<'a> {
    group: String,
    order: i64,
    allow: bool,
    range: &'a str,
    ports: (i64, i64),
    protocol: &'a str,
    place: Place,
    line: u32,
}

impl Detector for Ordered {
    fn kinds(&self) -> &'static [&'static str] {
        &["security-group"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let entries = entries(input);
        if entries.len() > MOST {
            // `changes` says so, whichever side it is.
            return Outcome::Analyzed;
        }
        for denial in entries.iter().filter(|entry| !entry.allow) {
            let earlier = entries.iter().find(|entry| {
                entry.allow
                    && entry.order < denial.order
                    && entry.group == denial.group
                    && entry.covers(denial)
            });
            if let Some(earlier) = earlier {
                let what = format!(
                    "rule {} denies {} but never applies: rule {} allows {} before it",
                    denial.order,
                    denial.shown(),
                    earlier.order,
                    earlier.shown()
                );
                let key = format!("{} {}", denial.group, denial.shown());
                seen.push(
                    Observation::new(&rule::NETWORK_DENIAL_VOID, key, what).at(&denial.place, denial.line),
                );
            }
        }
        if entries.is_empty() {
            Outcome::NotMine
        } else {
            Outcome::Analyzed
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let mut changes = targets_gone(before, after);
        let (old, new) = (entries(before), entries(after));
        let most = old.len().max(new.len());
        if most > MOST {
            let what = format!("not analyzed: the order of {most} firewall rules");
            let seen = Observation::new(&rule::NOT_ANALYZED, "order", what);
            changes.push((seen, Delta::Unknown, Side::After));
            return changes;
        }
        overtaken(&old, &new, &mut changes);
        for denial in old.iter().filter(|entry| !entry.allow) {
            let mut group = new.iter().filter(|entry| entry.group == denial.group).peekable();
            // With the whole firewall gone, the loss of its rules says nothing.
            if group.peek().is_some() && !group.any(|entry| !entry.allow && entry.covers(denial)) {
                let what = format!("{} is no longer denied", denial.shown());
                let seen = Observation::new(&rule::NETWORK_DENIAL_REMOVED, "", what);
                changes.push((seen.at(&denial.place, denial.line), Delta::Widened, Side::Before));
            }
        }
        changes
    }
}

/// Tells denials that came before an allowance and come after it now, where both speak of the same in part.
fn overtaken(old: &[Entry<'_>], new: &[Entry<'_>], changes: &mut Vec<Change>) {
    let first = |side: &[Entry<'_>], one: &Entry<'_>| {
        let it = side.iter().find(|entry| entry.says_as(one));
        it.map(|entry| entry.order)
    };
    // Looked up once: an agent may write as many rules as it likes.
    let was: Vec<Option<i64>> = new.iter().map(|entry| first(old, entry)).collect();
    for (denial, denied) in new.iter().zip(&was).filter(|(entry, _)| !entry.allow) {
        let Some(denied) = denied else { continue };
        let ahead = new.iter().zip(&was).find(|(entry, was)| {
            entry.allow
                && entry.group == denial.group
                && entry.order < denial.order
                && entry.meets(denial)
                && !entry.covers(denial)
                && was.is_some_and(|order| order > *denied)
        });
        if let Some((ahead, _)) = ahead {
            let what = format!(
                "rule {} denies {}, but rule {} now allows {} before it",
                denial.order,
                denial.shown(),
                ahead.order,
                ahead.shown()
            );
            let seen = Observation::new(&rule::NETWORK_DENIAL_VOID, "", what);
            changes.push((seen.at(&denial.place, denial.line), Delta::Widened, Side::After));
        }
    }
}

impl Entry<'_> {
    /// Says whether both are the same rule, at whatever place in the order.
    fn says_as(&self, other: &Self) -> bool {
        (&self.group, self.allow, self.range, self.ports)
            == (&other.group, other.allow, other.range, other.ports)
            && self.protocol == other.protocol
    }

    /// Says whether there are addresses and ports of which both speak.
    fn meets(&self, other: &Self) -> bool {
        self.ports.0 <= other.ports.1
            && other.ports.0 <= self.ports.1
            && (holds(self.range, other.range) || holds(other.range, self.range))
    }

    fn covers(&self, other: &Self) -> bool {
        let every = matches!(
            self.protocol.to_ascii_lowercase().as_str(),
            "-1" | "all" | "*" | ""
        );
        (every || self.protocol.eq_ignore_ascii_case(other.protocol))
            && self.ports.0 <= other.ports.0
            && self.ports.1 >= other.ports.1
            && holds(self.range, other.range)
    }

    fn shown(&self) -> String {
        let ports = match self.ports {
            (0, 65535) => "every port".to_owned(),
            (from, to) if from == to => format!("port {from}"),
            (from, to) => format!("ports {from} to {to}"),
        };
        format!("{} on {ports}", quote(self.range))
    }
}

fn entries<'a>(input: &Input<'a>) -> Vec<Entry<'a>> {
    let mut found = Vec::new();
    input.walk(&mut |place, value| entry(place, value, &mut found));
    found
}

fn entry<'a>(place: &Place, value: &'a Value, found: &mut Vec<Entry<'a>>) {
    let first = |keys: &[&str]| keys.iter().find_map(|key| value.at(key));
    let text = |keys: &[&str]| first(keys).and_then(Value::text);
    let order = first(&["rule_number", "rule_no", "RuleNumber", "priority"]).and_then(Value::integer);
    let action = text(&["rule_action", "action", "RuleAction", "access"]);
    let (Some(order), Some(action)) = (order, action) else {
        return;
    };
    let allow = action.eq_ignore_ascii_case("allow");
    if !allow && !action.eq_ignore_ascii_case("deny") {
        return;
    }
    let outward = first(&["egress", "Egress"]).is_some_and(Value::is_true)
        || text(&["direction"]).is_some_and(|way| way.eq_ignore_ascii_case("outbound"))
        || place.identity.to_ascii_lowercase().contains("/egress");
    let group = text(&["network_acl_id", "NetworkAclId", "network_security_group_name"])
        .map_or_else(|| holder(&place.identity), str::to_owned);
    let one = first(&[
        "cidr_block",
        "CidrBlock",
        "ipv6_cidr_block",
        "Ipv6CidrBlock",
        "source_address_prefix",
        "source_address_prefixes",
    ]);
    let ranges = one.map(Value::one_or_more).unwrap_or_default();
    for range in ranges.iter().filter_map(Value::text) {
        for ports in ports(value) {
            found.push(Entry {
                group: format!("{group} {outward}"),
                order,
                allow,
                range,
                ports,
                protocol: text(&["protocol", "Protocol"]).unwrap_or_default(),
                place: place.clone(),
                line: value.line,
            });
        }
    }
}

/// Finds what holds a rule that is written inside it.
fn holder(identity: &str) -> String {
    let cut = ["/ingress", "/egress", "/security_rule", "/securityRules"]
        .iter()
        .find_map(|part| identity.find(part));
    identity
        .get(..cut.unwrap_or(identity.len()))
        .unwrap_or(identity)
        .to_owned()
}

fn ports(value: &Value) -> Vec<(i64, i64)> {
    let number = |keys: &[&str]| keys.iter().find_map(|key| value.at(key)).and_then(Value::integer);
    let named = ["destination_port_range", "destination_port_ranges"]
        .iter()
        .find_map(|key| value.at(key));
    if let Some(named) = named {
        let range = |text: &str| match text.split_once('-') {
            Some((from, to)) => from.trim().parse().ok().zip(to.trim().parse().ok()),
            None => text.trim().parse().ok().map(|port| (port, port)),
        };
        let texts = named.one_or_more().iter().filter_map(Value::text);
        return texts.map(|text| range(text).unwrap_or((0, 65535))).collect();
    }
    let range = value.at("PortRange").unwrap_or(value);
    let inner = |key: &str| range.at(key).and_then(Value::integer);
    match (
        number(&["from_port"]).or_else(|| inner("From")),
        number(&["to_port"]).or_else(|| inner("To")),
    ) {
        (Some(0), Some(0)) | (None, None) => vec![(0, 65535)],
        (from, to) => vec![(from.unwrap_or(0), to.unwrap_or(65535))],
    }
}

/// Says whether one range of addresses holds all of another; a doubt is a no.
fn holds(wide: &str, narrow: &str) -> bool {
    let everybody = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "*" | "any" | "0.0.0.0/0" | "::/0"
        )
    };
    if wide.eq_ignore_ascii_case(narrow)
        || everybody(wide) && (!wide.contains('/') || wide.contains(':') == narrow.contains(':'))
    {
        return true;
    }
    let (Some((one, length)), Some((other, inner))) = (range(wide), range(narrow)) else {
        return false;
    };
    let shift = |bits: u32| bits.saturating_sub(length);
    length <= inner
        && match (one, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                u64::from(u32::from(one)) >> shift(32) == u64::from(u32::from(other)) >> shift(32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                u128::from(one).checked_shr(shift(128)) == u128::from(other).checked_shr(shift(128))
            }
            _ => false,
        }
}

fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    Some((address.trim().parse().ok()?, length.trim().parse().ok()?))
}

/// Tells rules of Google Cloud that named the machines they hold for and no longer do.
fn targets_gone(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (old, new) = (targeted(before), targeted(after));
    let lost = new.into_iter().filter_map(|(name, (targets, place, line))| {
        if targets || !old.get(&name)?.0 {
            return None;
        }
        let what = "the rule named the machines it holds for and now holds for all of the network";
        let seen = Observation::new(&rule::NETWORK_TARGETS_GONE, "", what).at(&place, line);
        Some((seen, Delta::Widened, Side::After))
    });
    lost.collect()
}

/// Returns the firewalls of Google Cloud that let in, and whether each names its machines.
fn targeted(input: &Input<'_>) -> BTreeMap<String, (bool, Place, u32)> {
    const TARGETS: &[&str] = &[
        "target_tags",
        "target_service_accounts",
        "targetTags",
        "targetServiceAccounts",
    ];
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        let allows = value.at("allow").or_else(|| value.at("allowed")).is_some();
        let sources = ["source_ranges", "source_tags", "sourceRanges", "sourceTags"];
        if allows && sources.iter().any(|key| value.at(key).is_some()) {
            let named = |key: &str| value.at(key).is_some_and(|list| !list.one_or_more().is_empty());
            let targets = TARGETS.iter().any(|key| named(key));
            found.insert(place.identity.clone(), (targets, place.clone(), value.line));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{MOST, holds};
    use crate::findings::{Severity, analyze};

    fn told(before: Option<&str>, after: &str) -> Vec<&'static str> {
        analyze("security-group", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts() && finding.severity >= Severity::Medium)
            .map(|finding| finding.rule.as_str())
            .collect()
    }

    #[test]
    fn ranges_hold_what_lies_in_them() {
        for (wide, narrow, expected) in [
            ("10.0.0.0/8", "10.2.0.0/16", true),
            ("10.0.0.0/16", "10.1.0.0/16", false),
            ("10.2.0.0/16", "10.0.0.0/8", false),
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("0.0.0.0/0", "::/0", false),
            ("::/0", "2001:db8::/32", true),
            ("2001:db8::/32", "2001:db9::/48", false),
            ("*", "::/0", true),
            ("Internet", "10.0.0.0/8", false),
        ] {
            assert_eq!(holds(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn a_denial_that_is_overtaken_in_part_is_told() {
        let group = |deny: u32| {
            let rule = |name: &str, priority: u32, access: &str, ports: &str, from: &str| {
                format!(
                    "  security_rule {{\n    name = \"{name}\"\n    priority = {priority}\n    direction = \"Inbound\"\n    access = \"{access}\"\n    protocol = \"Tcp\"\n    destination_port_range = \"{ports}\"\n    source_address_prefix = \"{from}\"\n  }}\n"
                )
            };
            format!(
                "resource \"azurerm_network_security_group\" \"g\" {{\n{}{}}}\n",
                rule("d", deny, "Deny", "*", "Internet"),
                rule("a", 300, "Allow", "1433", "*")
            )
        };
        let (first, last) = (group(200), group(4000));
        assert_eq!(told(Some(&first), &last), ["network-denial-void"]);
        assert_eq!(told(Some(&last), &first), Vec::<&str>::new());
        assert_eq!(told(Some(&last), &last), Vec::<&str>::new());
    }

    fn acl(deny: u32) -> String {
        let rule = |name: &str, number: u32, action: &str, ports: &str| {
            format!(
                "resource \"aws_network_acl_rule\" \"{name}\" {{\n  network_acl_id = aws_network_acl.a.id\n  rule_number = {number}\n  rule_action = \"{action}\"\n  protocol = \"tcp\"\n  cidr_block = \"0.0.0.0/0\"\n  {ports}\n}}\n"
            )
        };
        format!(
            "{}{}",
            rule("d", deny, "deny", "from_port = 3389\n  to_port = 3389"),
            rule("a", 100, "allow", "from_port = 1024\n  to_port = 65535")
        )
    }

    #[test]
    fn a_denial_behind_what_allows_it_is_void() {
        assert_eq!(told(Some(&acl(50)), &acl(150)), ["network-denial-void"]);
        assert_eq!(told(Some(&acl(50)), &acl(60)), Vec::<&str>::new());
        assert_eq!(told(Some(&acl(150)), &acl(50)), Vec::<&str>::new());
    }

    #[test]
    fn a_denial_that_is_gone_from_a_group_that_stays_is_told() {
        let group = |rules: &str| {
            format!("resource \"azurerm_network_security_group\" \"g\" {{\n  name = \"g\"\n{rules}}}\n")
        };
        let rule = |name: &str, priority: u32, access: &str, range: &str| {
            format!(
                "  security_rule {{\n    name = \"{name}\"\n    priority = {priority}\n    direction = \"Inbound\"\n    access = \"{access}\"\n    protocol = \"*\"\n    destination_port_range = \"443\"\n    source_address_prefix = \"{range}\"\n  }}\n"
            )
        };
        let allow = rule("in", 200, "Allow", "10.0.0.0/24");
        let deny = rule("not", 100, "Deny", "10.0.0.128/25");
        assert_eq!(
            told(Some(&group(&format!("{allow}{deny}"))), &group(&allow)),
            ["network-denial-removed"]
        );
        let wider = rule("not", 100, "Deny", "10.0.0.0/24");
        assert_eq!(
            told(
                Some(&group(&format!("{allow}{deny}"))),
                &group(&format!("{allow}{wider}"))
            ),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_rule_that_loses_its_targets_holds_for_all() {
        let rule = |targets: &str| {
            format!(
                "resource \"google_compute_firewall\" \"f\" {{\n  source_ranges = [\"10.0.0.0/24\"]\n  {targets}\n  allow {{\n    protocol = \"tcp\"\n    ports = [\"22\"]\n  }}\n}}\n"
            )
        };
        let named = rule("target_tags = [\"a\"]");
        assert_eq!(told(Some(&named), &rule("")), ["network-targets-gone"]);
        assert_eq!(told(None, &rule("")), Vec::<&str>::new());
        assert_eq!(
            told(Some(&named), &rule("target_tags = [\"b\"]")),
            Vec::<&str>::new()
        );
    }

    /// A denial at `denied` and an allowance of a part of it at 2, among `count` rules in all.
    fn many(count: usize, denied: usize) -> String {
        let rule = |number: usize, action: &str, range: String| {
            format!(
                r#"{{"network_acl_id": "a", "rule_number": {number}, "rule_action": "{action}", "cidr_block": "{range}"}}"#
            )
        };
        let mut rules = vec![
            rule(denied, "deny", "10.0.0.0/8".into()),
            rule(2, "allow", "10.1.0.0/16".into()),
        ];
        rules.extend((2..count).map(|n| rule(n + 8, "deny", format!("192.168.{}.{}/32", n / 256, n % 256))));
        format!("[{}]", rules.join(","))
    }

    #[test]
    fn more_rules_than_are_compared_are_told_on_whichever_side() {
        let overtaken = |before: usize, after: usize| told(Some(&many(before, 1)), &many(after, 3));
        assert_eq!(overtaken(MOST, MOST), ["network-denial-void"]);
        // As many as before say nothing new of themselves, and a side that is gone says nothing at all.
        assert_eq!(overtaken(MOST + 1, MOST + 1), ["not-analyzed"]);
        assert_eq!(overtaken(2, MOST + 1), ["not-analyzed"]);
        assert_eq!(overtaken(MOST + 1, 2), ["not-analyzed"]);
        assert_eq!(told(None, &many(MOST + 1, 3)), ["not-analyzed"]);
    }
}
