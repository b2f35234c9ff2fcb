//! Network openings: who may connect to which ports, in any document that states it by address range.
//!
//! It reads the shapes of CloudFormation, Terraform plans and the EC2 API. What reaches out is told apart from
//! what lets in.

use super::port::{Ports, SENSITIVE, is_sensitive, ports, protocol};
use super::range::{Reach, family, is_vast, ranges_of, reach};
use super::union::everybody;
use super::{egress, list};
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Breadth, Change, Detector, Input, Observation, Outcome, Severity, rule};
use core::net::Ipv4Addr;

/// The rules for openings.
pub(in crate::findings) struct Openings;

/// From so many ports on, a range of them is no longer one service's.
const MANY_PORTS: i64 = 1000;

impl Detector for Openings {
    fn kinds(&self) -> &'static [&'static str] {
        &["security-group"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        input.walk(&mut |place, value| {
            found |= value
                .text_at("Type")
                .is_some_and(|kind| kind.starts_with("AWS::EC2::SecurityGroup"));
            let ranges = ranges_of(value);
            found |= !ranges.is_empty();
            if !refuses(value) {
                for range in &ranges {
                    observe(place, value, range, &quote(range), seen);
                }
                together(place, value, &ranges, seen);
            }
            list::observe(place, value, seen);
            found |= between(place, value, seen);
        });
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        egress::changes(before, after)
    }
}

/// Observes a rule that lets in all addresses from one to another; says whether there is one.
fn between(place: &Place, value: &Value, seen: &mut Vec<Observation>) -> bool {
    let address = |keys: [&str; 3]| {
        let text = keys.iter().find_map(|key| value.text_at(key))?;
        text.parse::<Ipv4Addr>().ok().map(u32::from)
    };
    let (Some(from), Some(to)) = (
        address(["start_ip_address", "startIpAddress", "start_ip"]),
        address(["end_ip_address", "endIpAddress", "end_ip"]),
    ) else {
        return false;
    };
    let (first, last) = (Ipv4Addr::from(from), Ipv4Addr::from(to));
    let count = u64::from(to.saturating_sub(from)) + 1;
    let (about, severity, whom) = match count {
        _ if (from, to) == (0, 0) => (
            &rule::NETWORK_WIDE_RANGE,
            Severity::Medium,
            "every service of the cloud, of anybody,",
        ),
        _ if count >= 1 << 31 => (&rule::NETWORK_OPEN_TO_WORLD, Severity::High, "everybody"),
        _ if count >= 1 << 16 && !first.is_private() => {
            (&rule::NETWORK_WIDE_RANGE, Severity::Medium, "a wide range")
        }
        _ if first.is_private() => (&rule::NETWORK_INGRESS, Severity::Info, "a private range"),
        _ => (&rule::NETWORK_INGRESS, Severity::Low, "a range"),
    };
    let what = format!("{whom} may connect: {first} to {last}");
    let key = format!("{} {first} {last}", place.identity);
    seen.push(
        Observation::new(about, key, what)
            .severity(severity)
            .at(place, value.line),
    );
    true
}

/// Observes ranges of a rule that are everybody by their parts, none of which says so alone.
fn together(place: &Place, rule: &Value, ranges: &[&str], seen: &mut Vec<Observation>) {
    for whole in everybody(ranges) {
        let alone = |range: &&&str| reach(range) == Reach::World && family(range) == family(whole);
        if !ranges.iter().any(|range| alone(&range)) {
            let whom = format!(
                "everybody, by {} ranges that are together {},",
                ranges.len(),
                quote(whole)
            );
            observe(place, rule, whole, &whom, seen);
        }
    }
}

/// Says whether a rule shuts out those that it names.
fn refuses(rule: &Value) -> bool {
    let azure = rule
        .text_at("access")
        .is_some_and(|access| access.eq_ignore_ascii_case("deny"));
    let blocks = |key: &str| rule.at(key).is_some_and(|block| !block.one_or_more().is_empty());
    let google = (blocks("deny") || blocks("denied")) && !blocks("allow") && !blocks("allowed");
    let named = |keys: &[&str]| keys.iter().any(|key| rule.at(key).is_some());
    azure && named(&["source_address_prefix", "source_address_prefixes"]) && named(&["priority"])
        || google && named(&["source_ranges", "sourceRanges"])
}

fn observe(place: &Place, rule_value: &Value, range: &str, whom: &str, seen: &mut Vec<Observation>) {
    let Ports { from, to, every } = ports(rule_value);
    let protocol = protocol(rule_value);
    let outward = place.identity.to_ascii_lowercase().contains("egress")
        || rule_value.text_at("type") == Some("egress");
    let reach = reach(range);
    let ports = match (every, from == to) {
        (true, _) => "every port".to_owned(),
        (_, true) => format!("port {from}"),
        _ => format!("ports {from} to {to}"),
    };
    let group = place.identity.trim_end_matches('/').to_owned();
    let breadth = Breadth::Range(from, to);
    if outward {
        if reach == Reach::World && every {
            let what = format!("everything may be reached from inside: {whom} on {ports}");
            seen.push(
                Observation::new(&rule::NETWORK_EGRESS_OPEN, group, what)
                    .at(place, rule_value.line)
                    .breadth(breadth),
            );
        }
        return;
    }
    let (about, severity) = match reach {
        Reach::World => {
            // Who writes the world in halves does not want it to be read as the world.
            let least = if range.ends_with("/1") {
                Severity::Medium
            } else {
                Severity::Info
            };
            (
                &rule::NETWORK_OPEN_TO_WORLD,
                world_severity(from, to, every).max(least),
            )
        }
        Reach::Wide => (&rule::NETWORK_WIDE_RANGE, Severity::Medium),
        // So many ports of strangers are more than a service needs.
        Reach::Named if (every || to - from >= MANY_PORTS) && is_sensitive(from, to) => {
            (&rule::NETWORK_INGRESS, Severity::Medium)
        }
        Reach::Named => (&rule::NETWORK_INGRESS, Severity::Low),
        // Half a million private addresses and more are no longer one's own neighbours.
        Reach::Private if is_vast(range) && is_sensitive(from, to) && !every => {
            (&rule::NETWORK_WIDE_RANGE, Severity::Medium)
        }
        Reach::Private => (&rule::NETWORK_INGRESS, Severity::Info),
    };
    let services: Vec<&str> = SENSITIVE
        .iter()
        .filter(|(port, _)| (from..=to).contains(port))
        .map(|(_, name)| *name)
        .take(3)
        .collect();
    let services = if services.is_empty() || every {
        String::new()
    } else {
        format!(" ({})", services.join(", "))
    };
    let what = format!(
        "{whom} may connect to {ports}{services}, protocol {}",
        quote(protocol)
    );
    // Both families of the world are one risk each: closing one does not close the other.
    let key = format!(
        "{group} {}",
        if reach == Reach::World {
            family(range)
        } else {
            range
        }
    );
    seen.push(
        Observation::new(about, key, what)
            .severity(severity)
            .at(place, rule_value.line)
            .breadth(breadth),
    );
}

fn world_severity(from: i64, to: i64, every: bool) -> Severity {
    match (every, is_sensitive(from, to)) {
        (true, _) => Severity::Critical,
        (_, true) => Severity::High,
        _ if from == to && matches!(from, 80 | 443) => Severity::Low,
        _ => Severity::Medium,
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Delta, Severity, analyze, severity};

    fn group(port: &str, range: &str) -> String {
        format!(
            "Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n        - IpProtocol: tcp\n          {port}\n          CidrIp: {range}\n"
        )
    }

    fn first(before: Option<&str>, after: &str) -> (String, Severity, Delta) {
        let findings = analyze("security-group", before.map(str::as_bytes), after.as_bytes());
        let first = &findings[0];
        (first.rule.to_string(), first.severity, first.delta)
    }

    #[test]
    fn the_world_on_a_sensitive_port_is_high_and_on_the_web_low() {
        let ssh = group(
            "{FromPort: 22, ToPort: 22}"
                .trim_matches(['{', '}'])
                .replace(", ", "\n          ")
                .as_str(),
            "0.0.0.0/0",
        );
        assert_eq!(
            first(None, &ssh),
            ("network-open-to-world".into(), Severity::High, Delta::Introduced)
        );
        let web = ssh.replace("22", "443");
        assert_eq!(first(None, &web).1, Severity::Low);
        assert_eq!(
            first(Some(&web), &web.replace("FromPort: 443", "FromPort: 0")).2,
            Delta::Widened
        );
        assert_eq!(
            first(Some(&ssh), &ssh.replace("0.0.0.0/0", "10.0.0.0/24")).0,
            "network-ingress"
        );
    }

    #[test]
    fn half_the_world_twice_and_ipv6_are_the_world() {
        let rules = r#"{"ingress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["128.0.0.0/1"], "ipv6_cidr_blocks": ["::/0"]}]}"#;
        let findings = analyze("security-group", None, rules.as_bytes());
        assert_eq!(
            findings
                .iter()
                .filter(|finding| finding.severity == Severity::Critical)
                .count(),
            2
        );
    }

    #[test]
    fn a_database_for_all_private_addresses_is_told() {
        let database = |range: &str| group("FromPort: 5432\n          ToPort: 5432", range);
        let near = database("10.4.0.0/16");
        assert_eq!(first(None, &near).1, Severity::Info);
        assert_eq!(
            first(Some(&near), &database("10.0.0.0/8")),
            ("network-wide-range".into(), Severity::Medium, Delta::Introduced)
        );
    }

    #[test]
    fn the_world_in_a_list_of_any_service_is_told() {
        let list = |name: &str, range: &str| format!(r#"{{"config": [{{"{name}": ["{range}"]}}]}}"#);
        for name in ["public_access_cidrs", "authorizedIpRanges", "allowed_cidrs"] {
            let after = list(name, "0.0.0.0/0");
            assert_eq!(
                first(Some(&list(name, "192.0.2.0/28")), &after),
                ("network-open-to-world".into(), Severity::High, Delta::Introduced),
                "{name}"
            );
        }
        let route = list("destination_cidrs", "0.0.0.0/0");
        assert_ne!(first(None, &route).0, "network-open-to-world");
        let google = r#"{"authorized_networks": [{"name": "all", "value": "0.0.0.0/0"}]}"#;
        assert_eq!(first(None, google).0, "network-open-to-world");
        assert_eq!(
            first(None, &google.replace("0.0.0.0/0", "128.0.0.0/1")).0,
            "network-open-to-world"
        );
    }

    #[test]
    fn reaching_out_is_not_letting_in() {
        let rules =
            r#"{"egress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]}"#;
        assert_eq!(first(None, rules).1, Severity::Info);
    }

    #[test]
    fn all_ports_for_named_strangers_are_more_than_a_service_needs() {
        let office = |from: u32, to: u32| {
            group(
                &format!("FromPort: {from}\n          ToPort: {to}"),
                "198.51.100.0/28",
            )
        };
        let one = office(8443, 8443);
        assert_eq!(first(Some(&one), &office(0, 65535)).1, Severity::Medium);
        assert_eq!(first(Some(&office(0, 65535)), &one).1, Severity::Low);
    }

    #[test]
    fn addresses_from_one_to_another_are_a_range() {
        let rule = |from: &str, to: &str| {
            first(
                None,
                &format!(r#"{{"start_ip_address": "{from}", "end_ip_address": "{to}"}}"#),
            )
            .0
        };
        assert_eq!(rule("0.0.0.0", "255.255.255.255"), "network-open-to-world");
        assert_eq!(rule("0.0.0.0", "0.0.0.0"), "network-wide-range");
        assert_eq!(rule("203.0.113.4", "203.0.113.9"), "network-ingress");
    }

    #[test]
    fn ports_that_stand_below_a_rule_are_its_ports() {
        let firewall = |allow: &str, range: &str| {
            format!(
                "resource \"google_compute_firewall\" \"a\" {{\n  source_ranges = [\"{range}\"]\n  target_tags = [\"a\"]\n  allow {{\n{allow}  }}\n}}\n"
            )
        };
        let ssh = "    protocol = \"tcp\"\n    ports = [\"22\"]\n";
        let named = first(None, &firewall(ssh, "198.51.100.16/29"));
        assert_eq!((named.0.as_str(), named.1), ("network-ingress", Severity::Low));
        let world = first(None, &firewall(ssh, "0.0.0.0/0"));
        assert_eq!(
            (world.0.as_str(), world.1),
            ("network-open-to-world", Severity::High)
        );
        let web = first(
            None,
            &firewall("    protocol = \"tcp\"\n    ports = [\"443\"]\n", "0.0.0.0/0"),
        );
        assert_eq!(web.1, Severity::Low);
        let all = first(None, &firewall("    protocol = \"all\"\n", "0.0.0.0/0"));
        assert_eq!(all.1, Severity::Critical);
    }

    #[test]
    fn a_rule_is_judged_by_its_ranges_together() {
        let rule = |ranges: &str| {
            let text = format!(
                r#"{{"ingress": [{{"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": [{ranges}]}}]}}"#
            );
            let findings = analyze("security-group", None, text.as_bytes());
            let open = findings
                .iter()
                .find(|finding| finding.rule.as_str() == "network-open-to-world");
            open.map(|finding| finding.severity)
        };
        let quarters = r#""0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2""#;
        assert_eq!(rule(quarters), Some(Severity::High));
        assert_eq!(rule(r#""64.0.0.0/2", "10.0.0.0/8""#), None);
    }

    #[test]
    fn ports_of_azure_are_those_that_it_names() {
        let told = |ports: &str| {
            let rule = format!(
                r#"{{"name": "x", "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "source_address_prefix": "Internet", {ports}}}"#
            );
            severity(&analyze("security-group", None, rule.as_bytes()))
        };
        assert_eq!(told(r#""destination_port_range": "443""#), Severity::Low);
        assert_eq!(
            told(r#""destination_port_range": "", "destination_port_ranges": ["443"]"#),
            Severity::Low
        );
        assert_eq!(
            told(r#""destination_port_ranges": ["8000-8100", "3389"]"#),
            Severity::High
        );
        assert_eq!(told(r#""destinationPortRange": "*""#), Severity::Critical);
        assert_eq!(
            told(r#""destination_port_range": "${var.port}""#),
            Severity::Critical
        );
    }

    #[test]
    fn a_rule_that_refuses_lets_nobody_in() {
        let azure = |access: &str| {
            format!(
                r#"{{"name": "x", "priority": 4000, "direction": "Inbound", "access": "{access}", "protocol": "*", "source_address_prefix": "Internet", "destination_port_range": "*"}}"#
            )
        };
        let told = |before: Option<&str>, after: &str| {
            let findings = analyze("security-group", before.map(str::as_bytes), after.as_bytes());
            severity(&findings)
        };
        assert_eq!(told(None, &azure("Deny")), Severity::Info);
        assert_eq!(told(None, &azure("Allow")), Severity::Critical);
        assert_eq!(told(Some(&azure("Deny")), &azure("Allow")), Severity::Critical);
        let google = |block: &str| {
            format!(r#"{{"source_ranges": ["0.0.0.0/0"], "{block}": [{{"protocol": "all", "ports": []}}]}}"#)
        };
        assert_eq!(told(None, &google("deny")), Severity::Info);
        assert_eq!(told(None, &google("allow")), Severity::Critical);
    }
}
