//! Ranges of addresses: which a rule names, and how far each reaches.

use super::union::everybody;
use crate::document::Value;
use core::net::IpAddr;

/// Keys of ranges in a rule.
pub(super) const RANGES: &[&str] = &[
    "CidrIp",
    "CidrIpv6",
    "cidr_blocks",
    "ipv6_cidr_blocks",
    "cidr_ipv4",
    "cidr_ipv6",
    "source_ranges",
    "IpRanges",
    "Ipv6Ranges",
    "cidrIp",
    "cidrIpv6",
    "source_address_prefix",
    "source_address_prefixes",
];

/// Returns the ranges that a rule names.
pub(super) fn ranges_of(rule: &Value) -> Vec<&str> {
    let lists = RANGES.iter().filter_map(|key| rule.at(key));
    lists.flat_map(ranges).collect()
}

/// Returns the ranges in a text or a list of texts.
fn ranges(value: &Value) -> Vec<&str> {
    let one = |item: &'_ Value| item.text().is_some();
    let mut found: Vec<&str> = value
        .one_or_more()
        .iter()
        .filter(|item| one(item))
        .filter_map(Value::text)
        .collect();
    found.retain(|range| range.contains('/') || *range == "*" || range.eq_ignore_ascii_case("internet"));
    // Nested maps are visited by themselves; here only lists of texts count.
    if value.items().iter().any(|item| !item.entries().is_empty()) {
        found.clear();
    }
    found
}

/// How far a range reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    World,
    Wide,
    Named,
    Private,
}

/// Returns how far a range reaches; what is unreadable is everybody.
pub(super) fn reach(range: &str) -> Reach {
    let (address, length) = range.split_once('/').unwrap_or((range, ""));
    let (Ok(address), Ok(length)) = (address.trim().parse::<IpAddr>(), length.trim().parse::<u8>()) else {
        // A word for everybody, or something unreadable: taken for everybody.
        return Reach::World;
    };
    match address {
        // Two halves of the world are the world.
        _ if length <= 1 || !everybody(&[range]).is_empty() => Reach::World,
        IpAddr::V4(v4) if v4.is_private() && length >= 8 || v4.is_loopback() || v4.is_link_local() => {
            Reach::Private
        }
        IpAddr::V6(v6) if v6.is_unique_local() && length >= 7 || v6.is_loopback() => Reach::Private,
        IpAddr::V4(_) if length <= 16 => Reach::Wide,
        IpAddr::V6(_) if length <= 32 => Reach::Wide,
        _ => Reach::Named,
    }
}

/// Names the family of a range: closing one does not close the other.
pub(super) fn family(range: &str) -> &'static str {
    if range.contains(':') { "IPv6" } else { "IPv4" }
}

/// Says whether a range of IPv4 holds more addresses than any one network is likely to have.
pub(super) fn is_vast(range: &str) -> bool {
    let length = range
        .split_once('/')
        .and_then(|(_, length)| length.trim().parse::<u8>().ok());
    !range.contains(':') && length.is_some_and(|length| length <= 13)
}
