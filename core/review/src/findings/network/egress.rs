//! Ways out of a network that were not there: a group that could reach some places and may now reach everything.
//!
//! A new group that reaches everything is the usual thing and is told as such by [`super::opening`].

use super::port::ports;
use super::range::ranges_of;
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Input, Observation, Severity, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// Tells groups that were there before and get a way out to everywhere.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (old, known) = (ways_out(before), holders(before));
    let opened = ways_out(after)
        .into_iter()
        .filter(|(holder, _)| known.contains(holder.as_str()) && !old.contains_key(holder));
    opened
        .map(|(holder, (range, place, line))| {
            let what = format!(
                "{} may reach everything now: {} on every port",
                quote(&holder),
                quote(&range)
            );
            let seen = Observation::new(&rule::NETWORK_EGRESS_OPEN, "opened", what)
                .severity(Severity::Medium)
                .at(&place, line);
            (seen, Delta::Widened, Side::After)
        })
        .collect()
}

/// Returns, for each group that may reach everything, by which range and where that stands.
fn ways_out(input: &Input<'_>) -> BTreeMap<String, (String, Place, u32)> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        let Some(holder) = holder(place, value) else {
            return;
        };
        let mut ranges = ranges_of(value).into_iter();
        if let Some(range) = ranges.find(|range| matches!(*range, "0.0.0.0/0" | "::/0"))
            && ports(value).every
        {
            found.insert(holder, (range.to_owned(), place.clone(), value.line));
        }
    });
    found
}

/// Returns the group that a rule outwards belongs to: the one that it stands in, or the one that it names.
fn holder(place: &Place, value: &Value) -> Option<String> {
    let parts: Vec<&str> = place.identity.split('/').collect();
    let outward = |part: &&str| part.to_ascii_lowercase().contains("egress");
    let named = ["security_group_id", "GroupId", "SecurityGroupId"]
        .iter()
        .find_map(|key| value.text_at(key));
    let at = parts.iter().position(outward);
    match (named, at) {
        (Some(group), Some(_)) => Some(group.to_owned()),
        (Some(group), None) => (value.text_at("type") == Some("egress")).then(|| group.to_owned()),
        (None, Some(at)) => Some(parts.get(..at)?.join("/")),
        (None, None) => None,
    }
}

/// Returns all that was there: the places of the side, and the groups that rules name.
fn holders(input: &Input<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    input.walk(&mut |place, value| {
        if !value.entries().is_empty() {
            found.insert(place.identity.trim_end_matches('/').to_owned());
            found.extend(holder(place, value));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn group(egress: &str) -> String {
        format!("resource \"aws_security_group\" \"a\" {{\n  name = \"a\"\n{egress}}}\n")
    }

    fn level(before: &str, after: &str) -> Severity {
        severity(&analyze(
            "security-group",
            Some(before.as_bytes()),
            after.as_bytes(),
        ))
    }

    #[test]
    fn a_new_way_out_is_told_and_one_that_was_there_is_not() {
        let narrow = group(
            "  egress {\n    protocol = \"tcp\"\n    from_port = 443\n    to_port = 443\n    cidr_blocks = [\"10.0.0.0/16\"]\n  }\n",
        );
        let open = group(
            "  egress {\n    protocol = \"-1\"\n    from_port = 0\n    to_port = 0\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n",
        );
        assert_eq!(level(&narrow, &open), Severity::Medium);
        assert_eq!(level(&open, &narrow), Severity::Info);
        assert_eq!(level(&open, &open), Severity::Info);
        // A group that is new with it is like all others.
        let other = group("").replace("\"a\"", "\"b\"");
        assert_eq!(level(&other, &format!("{other}{open}")), Severity::Info);
    }
}
