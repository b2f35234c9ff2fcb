//! The way through two states of one thing, setting by setting.
//!
//! A setting that the family knows which asks is judged by that, any other by what its name says ([`super::name`]). What is
//! only known later is not judged, nor what stays as it was.

use super::name::{Meaning, meaning};
use super::turn::{Degree, Turn, is_nothing, is_off, one, same, settings, weaker};
use crate::document::{self, Node, Place, Value, push_key};
use crate::findings::name::{plain, words};
use crate::findings::observation::quote;
use crate::findings::rule::{self, Rule};
use crate::findings::{Observation, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// A value that is not there.
pub(in crate::findings) static NOTHING: Value = Value {
    line: 0,
    node: Node::Null,
};

/// Keys of what says nothing of how a thing is guarded.
const IGNORED: &[&str] = &[
    "tags",
    "tags_all",
    "labels",
    "effective_labels",
    "terraform_labels",
    "annotations",
    "effective_annotations",
    "description",
    "comment",
    "timeouts",
    "arn",
    "id",
    "etag",
    "fingerprint",
    "self_link",
    "depends_on",
];

/// Keys of texts that are JSON of which settings are compared; policies have rules of their own.
const EMBEDDED: &[&str] = &["container_definitions", "container_properties"];

/// Elements of a list without names are matched by what they hold up to so many.
const MOST_MATCHED: usize = 64;

/// What a family knows of the settings that it compares.
pub(in crate::findings) struct Known {
    /// What is known of a setting of a type, by the keys that lead to it.
    pub rows: fn(&str, &[String]) -> Vec<Meaning>,
    /// How bad other rules call what a setting was and is: then it is not told again.
    pub stated: fn(&[String], &Value, &Value) -> Option<Severity>,
}

/// The way through two states of one thing.
pub(in crate::findings) struct Walk<'a> {
    known: &'a Known,
    kind: &'a str,
    /// The keys that lead to the setting at hand, without the numbers of elements.
    keys: Vec<String>,
    /// The place of the setting at hand.
    place: Place,
    /// Where the nearest map above it stands that is there after the change.
    holder: (String, u32),
    /// The block above it is gone or new: only what the table knows is judged there.
    one_sided: bool,
    /// Nobody outside reaches it after the change, whatever lists of them say.
    closed: bool,
    /// It stands in a text, whose lines are not those of the plan.
    embedded: bool,
    seen: Vec<Observation>,
}

impl<'a> Walk<'a> {
    /// A way through a thing of a type, which stands at a place.
    pub fn new(known: &'a Known, kind: &'a str, place: Place, line: u32) -> Self {
        Self {
            known,
            kind,
            keys: Vec::new(),
            holder: (place.pointer.clone(), line),
            place,
            one_sided: false,
            closed: false,
            embedded: false,
            seen: Vec::new(),
        }
    }

    /// Returns the settings that are weaker than they were, but for those that are only known later.
    pub fn weaker(mut self, was: &Value, is: &Value, unknown: &Value) -> Vec<Observation> {
        self.map(was, is, unknown);
        self.seen
    }

    /// Compares the settings of a map.
    fn map(&mut self, was: &Value, is: &Value, unknown: &Value) {
        let (above, closed) = (self.holder.clone(), self.closed);
        self.closed |= is.entries().iter().any(|(key, value)| shuts(key, value));
        if !is.entries().is_empty() && !self.embedded {
            self.holder = (self.place.pointer.clone(), is.line);
        }
        let (old, new, later) = (settings(was), settings(is), settings(unknown));
        let keys: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for key in keys.into_iter().filter(|key| !IGNORED.contains(key)) {
            self.setting(
                key,
                or_nothing(&old, key),
                or_nothing(&new, key),
                or_nothing(&later, key),
            );
        }
        if let (Some((name, was)), Some((same, is))) = (parameter(was), parameter(is))
            && name == same
        {
            self.setting(name, was, is, &NOTHING);
        }
        (self.holder, self.closed) = (above, closed);
    }

    fn setting(&mut self, key: &str, was: &Value, is: &Value, unknown: &Value) {
        let (pointer, identity) = (self.place.pointer.len(), self.place.identity.len());
        push_key(&mut self.place.pointer, key);
        push_key(&mut self.place.identity, key);
        self.keys.push(key.to_owned());
        self.compare(was, is, unknown);
        self.keys.pop();
        self.place.pointer.truncate(pointer);
        self.place.identity.truncate(identity);
    }

    fn compare(&mut self, was: &Value, is: &Value, unknown: &Value) {
        if matches!(unknown.node, Node::Bool(true)) || same(was, is) {
            return;
        }
        let (olds, news) = (maps(was), maps(is));
        let one_sided = olds.is_empty() || news.is_empty();
        if self.judge(was, is) && one_sided {
            return;
        }
        if let Some((was, is)) = self.parsed(was, is) {
            self.embedded = true;
            self.compare(&was, &is, &NOTHING);
            self.embedded = false;
            return;
        }
        let outside = self.one_sided;
        let listed = !is.items().is_empty();
        for (was, is, index) in pairs(olds, news) {
            let (pointer, identity) = (self.place.pointer.len(), self.place.identity.len());
            if listed {
                push_key(&mut self.place.pointer, &index.to_string());
                push_key(&mut self.place.identity, is.name().unwrap_or_default());
            }
            self.one_sided = outside || is_nothing(was) || is_nothing(is);
            self.map(was, is, unknown.items().get(index).unwrap_or(unknown));
            self.place.pointer.truncate(pointer);
            self.place.identity.truncate(identity);
        }
        self.one_sided = outside;
    }

    /// Reads both sides of a setting that is a text of JSON.
    fn parsed(&self, was: &Value, is: &Value) -> Option<(Value, Value)> {
        let key = self.keys.last()?;
        if self.embedded || !EMBEDDED.contains(&key.as_str()) {
            return None;
        }
        let read = |value: &Value| document::read_json(value.text()?.as_bytes()).ok()?.all.pop();
        Some((read(was)?, read(is)?))
    }

    /// Tells a setting that is weaker; says whether it was told, here or by a rule of one side.
    fn judge(&mut self, was: &Value, is: &Value) -> bool {
        let mut known = false;
        for (turn, about, severity) in (self.known.rows)(self.kind, &self.keys) {
            known = true;
            let list = matches!(turn, Turn::Guard) && about.id == rule::PUBLICLY_ACCESSIBLE.id;
            if list && self.closed {
                continue;
            }
            if let Some(degree) = weaker(turn, was, is) {
                self.tell(about, severity, degree, was, is);
                return true;
            }
        }
        if known || self.one_sided {
            return false;
        }
        let Some((turn, about, severity)) = meaning(self.kind, &self.keys, was, is) else {
            return false;
        };
        let degree = weaker(turn, was, is);
        if let Some(degree) = degree {
            self.tell(about, severity, degree, was, is);
        }
        degree.is_some()
    }

    fn tell(&mut self, about: &'static Rule, severity: Severity, degree: Degree, was: &Value, is: &Value) {
        let severity = match degree {
            Degree::Much => severity,
            Degree::Little => severity.min(Severity::Low),
        };
        if (self.known.stated)(&self.keys, was, is).is_some_and(|stated| stated >= severity) {
            return;
        }
        let name = plain(self.keys.last().map_or("", String::as_str));
        let what = format!(
            "{} goes from {} to {}",
            quote(&self.keys.join(".")),
            shown(was),
            shown(is)
        );
        let (holder, _) = self.place.identity.rsplit_once('/').unwrap_or_default();
        let mut seen = Observation::new(about, format!("{holder}/{name}"), what).severity(severity);
        seen.pointer.clone_from(&self.holder.0);
        self.seen.push(seen.line(self.holder.1));
    }
}

/// Says whether a setting shuts the public out.
fn shuts(key: &str, value: &Value) -> bool {
    is_off(value) && words(key).iter().any(|word| word == "public")
}

/// Shows a setting in a sentence: a word as it is, a list or a block by what it is.
fn shown(value: &Value) -> String {
    match one(value) {
        Some(text) => quote(text),
        None if is_nothing(value) => "nothing".to_owned(),
        None if value.items().iter().all(|item| item.text().is_some()) && !value.items().is_empty() => {
            let texts: Vec<&str> = value.items().iter().filter_map(Value::text).collect();
            quote(&texts.join(", "))
        }
        None => "what is set".to_owned(),
    }
}

fn or_nothing<'v>(settings: &BTreeMap<&str, &'v Value>, key: &str) -> &'v Value {
    settings.get(key).copied().unwrap_or(&NOTHING)
}

/// Returns the setting that a map is itself: a parameter by its name and value.
fn parameter(map: &Value) -> Option<(&str, &Value)> {
    let value = map.at("value").filter(|value| one(value).is_some())?;
    Some((map.text_at("name")?, value))
}

/// Returns the blocks that a setting holds: Terraform writes one as a list of one.
fn maps(value: &Value) -> &[Value] {
    let is_map = |value: &Value| matches!(value.node, Node::Map(_));
    match &value.node {
        Node::List(items) if items.iter().all(is_map) => items,
        Node::Map(_) => std::slice::from_ref(value),
        _ => &[],
    }
}

/// Matches the blocks of two lists; where it is not known which is which, none.
fn pairs<'v>(olds: &'v [Value], news: &'v [Value]) -> Vec<(&'v Value, &'v Value, usize)> {
    if news.is_empty() {
        return olds.iter().map(|old| (old, &NOTHING, 0)).collect();
    }
    let numbered = news.iter().enumerate();
    if olds.is_empty() {
        return numbered.map(|(index, new)| (&NOTHING, new, index)).collect();
    }
    let named: BTreeMap<&str, &Value> = olds.iter().filter_map(|old| Some((old.name()?, old))).collect();
    if named.len() == olds.len() && olds.len() > 1 {
        let pair = |(index, new): (usize, &'v Value)| {
            let old = new.name().and_then(|name| named.get(name).copied());
            (old.unwrap_or(&NOTHING), new, index)
        };
        return numbered.map(pair).collect();
    }
    if let (Some(old), Some(new)) = (by_type(olds), by_type(news))
        && olds.len() != news.len()
    {
        let gone = old.iter().filter(|(kind, _)| !new.contains_key(*kind));
        let gone = gone.map(|(_, old)| (*old, &NOTHING, 0));
        let there = numbered.map(|(index, is)| {
            let was = is.text_at("type").and_then(|kind| old.get(kind).copied());
            (was.unwrap_or(&NOTHING), is, index)
        });
        return there.chain(gone).collect();
    }
    let matched = olds.len() <= MOST_MATCHED && news.len() <= MOST_MATCHED;
    let stays = |value: &Value, others: &[Value]| matched && others.iter().any(|other| same(value, other));
    let old: Vec<&Value> = olds.iter().filter(|old| !stays(old, news)).collect();
    let new: Vec<(usize, &Value)> = numbered.filter(|(_, new)| !stays(new, olds)).collect();
    if old.is_empty() {
        return new
            .into_iter()
            .map(|(index, new)| (&NOTHING, new, index))
            .collect();
    }
    if old.len() != new.len() {
        return Vec::new();
    }
    let both = old.into_iter().zip(new);
    both.map(|(old, (index, new))| (old, new, index)).collect()
}

/// Returns blocks by their types, where each has one of its own.
fn by_type(blocks: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let types = blocks.iter().map(|block| Some((block.text_at("type")?, block)));
    let types: BTreeMap<&str, &Value> = types.collect::<Option<_>>()?;
    (types.len() == blocks.len()).then_some(types)
}
