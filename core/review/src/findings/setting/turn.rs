//! The ways in which a setting gets weaker: a guard goes off, a number falls, a word asks for less, a name leaves a list.
//!
//! It knows no setting; which turn is the bad one is said by [`crate::findings::terraform`] and [`super::name`]. The
//! same value in another form, such as `"true"` for `true` or nothing for nothing, is no turn.

use crate::document::{Node, Value};
use crate::findings::name::words;
use std::collections::{BTreeMap, BTreeSet};

/// The turn of a setting that makes it weaker.
#[derive(Debug, Clone, Copy)]
pub(in crate::findings) enum Turn {
    /// It guards while it is on or set: it goes off or is gone.
    Guard,
    /// It opens while it is on: it goes on.
    Opening,
    /// It was not set and is.
    Appears,
    /// A number or a length of time falls; nought is none.
    Fewer,
    /// The same for what is kept for ever where the number is nought.
    Kept,
    /// A number or a length of time grows; nought is never.
    More,
    /// A number of things that run goes to nought.
    Nought,
    /// It goes to a later one of these words; an empty one stands for nothing set.
    Words(&'static [&'static str]),
    /// It goes from another value to one that begins so.
    Falls(&'static str),
    /// It is another than it was.
    Moves,
    /// A list no longer holds what it held.
    Leaves,
    /// A list holds more, of which one has such a part; without parts any counts.
    Joins(&'static [&'static str]),
}

/// How far a setting went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::findings) enum Degree {
    Little,
    Much,
}

const ON: &[&str] = &[
    "on", "1", "yes", "enabled", "enable", "active", "true", "required",
];
const OFF: &[&str] = &[
    "off",
    "0",
    "no",
    "disabled",
    "disable",
    "inactive",
    "none",
    "suspended",
    "paused",
    "false",
    "unprotected",
    "unencrypted",
    "plaintext",
    "unspecified",
];

/// Keys that say whether the block that holds them does anything.
const SWITCHES: &[&str] = &["enabled", "enable", "is_enabled", "status", "state", "mode"];

/// Says how much weaker a setting is by such a turn, where it is.
pub(in crate::findings) fn weaker(turn: Turn, was: &Value, is: &Value) -> Option<Degree> {
    let much = |weaker: bool| weaker.then_some(Degree::Much);
    match turn {
        Turn::Guard => much(stands(was) && (is_nothing(is) || is_off(is))),
        Turn::Opening => much((is_nothing(was) || is_off(was)) && is_on(is)),
        Turn::Appears => much(is_nothing(was) && stands(is)),
        Turn::Nought => much(amount(was)? > 0.0 && amount(is)? == 0.0),
        Turn::Fewer => less(amount(was)?, amount(is)?),
        Turn::Kept => match (amount(was)?, amount(is)?) {
            (was, is) if was <= 0.0 => much(is > 0.0),
            (_, is) if is <= 0.0 => None,
            (was, is) => less(was, is),
        },
        Turn::More => match (amount(was)?, amount(is)?) {
            (was, is) if is <= 0.0 => much(was > 0.0),
            (was, is) => (was > 0.0 && is > was).then(|| degree(is >= was * 2.0)),
        },
        Turn::Words(words) => much(rank(words, is)? > rank(words, was)?),
        Turn::Falls(word) => {
            let begins = |value: &Value| {
                one(value).and_then(|text| Some(text.get(..word.len())?.eq_ignore_ascii_case(word)))
            };
            much(begins(is)? && !begins(was).unwrap_or(is_nothing(was)))
        }
        Turn::Moves => Some(Degree::Much),
        Turn::Leaves => much(names(was).difference(&names(is)).next().is_some()),
        Turn::Joins(parts) => {
            let old = names(was);
            let new = names(is);
            let mut joined = new.difference(&old);
            much(joined.any(|name| parts.is_empty() || parts.iter().any(|part| name.contains(part))))
        }
    }
}

fn less(was: f64, is: f64) -> Option<Degree> {
    (is < was && was > 0.0).then(|| degree(is <= was / 2.0))
}

fn degree(much: bool) -> Degree {
    if much { Degree::Much } else { Degree::Little }
}

fn rank(words: &[&str], value: &Value) -> Option<usize> {
    let text = if is_nothing(value) { Some("") } else { one(value) }?;
    words.iter().position(|word| word.eq_ignore_ascii_case(text))
}

/// Returns the only word of a setting.
pub(in crate::findings) fn one(value: &Value) -> Option<&str> {
    match (value.one_or_more(), &value.node) {
        (_, Node::Bool(on)) => Some(if *on { "true" } else { "false" }),
        ([only], _) => only.text(),
        _ => None,
    }
}

/// Says whether nothing is set: no value, an empty text, or an empty list.
pub(in crate::findings) fn is_nothing(value: &Value) -> bool {
    match &value.node {
        Node::Null => true,
        Node::Text(text) => text.is_empty(),
        Node::List(items) => items.iter().all(is_nothing),
        Node::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Says whether a setting is on or set; a block that is switched off does nothing.
fn stands(value: &Value) -> bool {
    let idle = |block: &Value| {
        let switch = SWITCHES.iter().find_map(|key| block.at(key));
        switch.is_some_and(is_off)
    };
    !is_nothing(value) && !is_off(value) && !value.one_or_more().iter().all(idle)
}

pub(in crate::findings) fn is_on(value: &Value) -> bool {
    value.is_true() || says(value, ON)
}

pub(in crate::findings) fn is_off(value: &Value) -> bool {
    value.is_false() || says(value, OFF)
}

/// Says whether a short text ends in one of some words, as `DELETE_PROTECTION_DISABLED` does.
fn says(value: &Value, list: &[&str]) -> bool {
    const LONGEST: usize = 64;
    let Some(text) = one(value).filter(|text| text.len() <= LONGEST) else {
        return false;
    };
    // `NOT_REQUIRED` is off, and so is nothing else that is not.
    let words = words(text);
    let denied = words.iter().rev().nth(1).is_some_and(|word| word == "not");
    // A short word at the end of a longer text, such as a number, is no switch.
    let clear = |last: &&String| words.len() == 1 || last.len() > 3;
    let last = words.last().filter(clear);
    !denied && last.is_some_and(|last| list.contains(&last.as_str()))
}

/// Returns a number or a length of time: `7`, `0.5`, `"604800s"`, `"7d"`, `"P30D"`.
pub(super) fn amount(value: &Value) -> Option<f64> {
    let text = value.text()?.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    // A month has no fixed length.
    if text.starts_with('P') && !text.contains('T') && text.ends_with('M') {
        return None;
    }
    let text = text.trim_start_matches("PT").trim_start_matches('P');
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "seconds" => 1.0,
        "m" | "min" | "minutes" => 60.0,
        "h" | "hours" | "hour" => 3_600.0,
        "d" | "days" | "day" => 86_400.0,
        "w" | "weeks" => 604_800.0,
        "y" | "years" => 31_536_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * seconds)
}

/// Keys that name a block of a list where it has no name.
const NAMING: &[&str] = &["category", "category_group", "log_type", "rule_name"];

/// Returns what a list holds: texts, and blocks by their names or else by their number.
pub(super) fn names(value: &Value) -> BTreeSet<String> {
    let name = |(index, item): (usize, &Value)| {
        let naming = || NAMING.iter().find_map(|key| item.text_at(key));
        let named = item.text().or_else(|| item.name()).or_else(naming);
        named.map_or_else(|| format!("#{index}"), str::to_owned)
    };
    match &value.node {
        Node::Text(text) => {
            let parts = text.split(',').map(str::trim);
            parts.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        _ => value.one_or_more().iter().enumerate().map(name).collect(),
    }
}

/// Returns the settings of a map; of one that stands twice, the last.
pub(in crate::findings) fn settings(map: &Value) -> BTreeMap<&str, &Value> {
    map.entries()
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

/// Says whether two values are the same, in whatever form: nothing and null, `true` and `"true"`.
pub(in crate::findings) fn same(one_side: &Value, other: &Value) -> bool {
    match (&one_side.node, &other.node) {
        (Node::Map(_), Node::Map(_)) => {
            let filled = |value| {
                let mut settings = settings(value);
                settings.retain(|_, value| !is_nothing(value));
                settings
            };
            let (old, new) = (filled(one_side), filled(other));
            old.len() == new.len()
                && old
                    .iter()
                    .zip(&new)
                    .all(|((key, was), (name, is))| key == name && same(was, is))
        }
        (Node::List(old), Node::List(new)) if !old.is_empty() && !new.is_empty() => {
            old.len() == new.len() && old.iter().zip(new).all(|(was, is)| same(was, is))
        }
        _ => {
            is_nothing(one_side) && is_nothing(other)
                || one(one_side).is_some_and(|was| one(other).is_some_and(|is| was.eq_ignore_ascii_case(is)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read_json;

    fn turn(turn: Turn, was: &str, is: &str) -> Option<Degree> {
        let value = |json: &str| read_json(json.as_bytes()).unwrap().all.remove(0);
        weaker(turn, &value(was), &value(is))
    }

    #[test]
    fn each_turn_has_one_bad_way() {
        let ranks = Turn::Words(&["required", "optional", ""]);
        for (way, good, bad) in [
            (Turn::Guard, "true", "false"),
            (Turn::Guard, "\"true\"", "null"),
            (Turn::Guard, "\"arn:aws:kms:x\"", "\"\""),
            (Turn::Guard, "\"LOG_ENABLED\"", "\"LOG_DISABLED\""),
            (Turn::Guard, "[{\"enabled\": true}]", "[]"),
            (Turn::Opening, "false", "true"),
            (Turn::Opening, "null", "\"Enabled\""),
            (Turn::Appears, "[]", "[{\"a\": \"b\"}]"),
            (Turn::Fewer, "30", "7"),
            (Turn::Fewer, "\"7d\"", "\"3600s\""),
            (Turn::Fewer, "14", "0"),
            (Turn::Kept, "0", "30"),
            (Turn::Kept, "30", "7"),
            (Turn::More, "3600", "43200"),
            (Turn::More, "90", "0"),
            (Turn::Nought, "3", "0"),
            (ranks, "\"required\"", "\"optional\""),
            (ranks, "\"REQUIRED\"", "null"),
            (Turn::Falls("default"), "\"own\"", "\"default.postgres16\""),
            (Turn::Leaves, "[\"a\", \"b\"]", "[\"a\"]"),
            (Turn::Leaves, "\"a, b\"", "\"b\""),
            (Turn::Joins(&[]), "[\"a\"]", "[\"a\", \"b\"]"),
            (Turn::Joins(&["*"]), "[]", "[\"*\"]"),
        ] {
            assert_eq!(turn(way, good, bad), Some(Degree::Much), "{way:?} {good} {bad}");
            assert_eq!(turn(way, bad, good), None, "{way:?} {bad} {good}");
            assert_eq!(turn(way, bad, bad), None, "{way:?} {bad}");
        }
    }

    #[test]
    fn the_same_in_another_form_is_no_turn() {
        for (way, was, is) in [
            (Turn::Guard, "false", "null"),
            (Turn::Guard, "true", "\"true\""),
            (Turn::Guard, "[{\"enabled\": false}]", "[]"),
            (Turn::Opening, "null", "false"),
            (Turn::Opening, "\"disabled\"", "\"NOT_REQUIRED\""),
            (Turn::Opening, "null", "\"subnet-1\""),
            (Turn::Fewer, "7", "\"7\""),
            (Turn::Fewer, "\"P7D\"", "\"168h\""),
            (Turn::Fewer, "7", "null"),
            (Turn::Words(&["a", "b"]), "\"c\"", "\"b\""),
            (Turn::Leaves, "[\"a\", \"b\"]", "[\"b\", \"a\"]"),
        ] {
            assert_eq!(turn(way, was, is), None, "{way:?} {was} {is}");
        }
        assert_eq!(turn(Turn::Fewer, "30", "25"), Some(Degree::Little));
    }
}
