//! Statements of policies: what one says, and reading them out of any document.
//!
//! Both ways of writing are read: IAM's JSON grammar, keys in any case, and the block form of Terraform's
//! `aws_iam_policy_document`. What is not plainly a denial is taken for what could allow.

use crate::document::{self, Node, Place, Value};
use crate::findings::observation::{matches_glob, quote};
use crate::findings::{Input, Observation, rule};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One statement of a policy, in whatever document it stands.
pub(super) struct Statement {
    pub(super) allow: bool,
    pub(super) actions: Vec<String>,
    pub(super) not_actions: Vec<String>,
    /// Empty where the document has none: a trust policy.
    pub(super) resources: Vec<String>,
    pub(super) not_resources: Vec<String>,
    pub(super) principals: Vec<(String, String)>,
    pub(super) not_principal: bool,
    /// Who is named by `NotPrincipal`.
    pub(super) excepted: Vec<(String, String)>,
    /// `operator key` → values, sorted.
    pub(super) conditions: BTreeMap<String, Vec<String>>,
    /// Whose policy it is, whatever stands around it.
    pub(super) owner: String,
    pub(super) place: Place,
    pub(super) line: u32,
}

impl Statement {
    /// Says whether it denies to whoever holds it, whatever the circumstances.
    pub(super) fn denies_plainly(&self) -> bool {
        !self.allow
            && self.conditions.is_empty()
            && self.not_resources.is_empty()
            && self.principals.is_empty()
    }

    /// Says whether it speaks of an action (or of all that a pattern stands for) on a resource.
    pub(super) fn reaches(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| matches_glob(&pattern.to_ascii_lowercase(), &action))
        };
        (named(&self.actions)
            || !self.not_actions.is_empty() && !named(&self.not_actions) && !action.contains('*'))
            && self
                .reached()
                .iter()
                .any(|pattern| matches_glob(pattern, resource))
    }

    /// Returns the resources that it reaches; what names none and nobody is for all of them.
    pub(super) fn reached(&self) -> Vec<String> {
        if self.resources.is_empty() && self.not_resources.is_empty() && self.principals.is_empty() {
            vec!["*".to_owned()]
        } else {
            self.resources.clone()
        }
    }

    /// Returns its conditions in one form that only equal ones share.
    pub(super) fn condition(&self) -> String {
        self.conditions
            .iter()
            .fold(String::new(), |mut text, (test, values)| {
                // Escaped, so that no value looks like another test.
                let _ = writeln!(text, "{test:?} {values:?}");
                text
            })
    }

    /// Returns its conditions for a sentence; nothing where there are none.
    pub(super) fn under(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        let tests = self
            .conditions
            .keys()
            .map(|test| quote(test))
            .collect::<Vec<_>>()
            .join(", ");
        format!(" under {tests}")
    }

    /// Returns what it is about, for a sentence.
    pub(super) fn summary(&self) -> String {
        let actions = if self.actions.is_empty() {
            &self.not_actions
        } else {
            &self.actions
        };
        format!("{} on {}", join(actions), join(&self.resources))
    }

    /// Says whether both say the same to the same, but for the conditions.
    pub(super) fn same_but_condition(&self, other: &Self) -> bool {
        (self.allow, &self.owner, &self.principals) == (other.allow, &other.owner, &other.principals)
            && (self.actions == other.actions && self.resources == other.resources)
            && self.not_actions == other.not_actions
    }

    /// Says whether it lets in whom the other let in, for as much or more, whatever the conditions. What a statement without
    /// principals gives more is told as rights.
    pub(super) fn lets_in_as(&self, other: &Self) -> bool {
        let all = |of: &[String], among: &[String]| of.iter().all(|one| among.contains(one));
        (self.allow, &self.owner, &self.principals) == (other.allow, &other.owner, &other.principals)
            && !self.principals.is_empty()
            && all(&other.actions, &self.actions)
            && all(&other.resources, &self.resources)
            && self.not_actions == other.not_actions
    }

    /// Makes an observation at its place, told apart by its owner and a key.
    pub(super) fn seen(&self, rule: &'static rule::Rule, key: &str, what: String) -> Observation {
        Observation::new(rule, format!("{} {key}", self.owner), what).at(&self.place, self.line)
    }
}

/// Returns the statements of a side.
pub(super) fn statements(input: &Input<'_>) -> Vec<Statement> {
    let mut found = Vec::new();
    input.walk(&mut |place, value| collect(place, value, &mut found, true));
    found
}

fn collect(place: &Place, value: &Value, found: &mut Vec<Statement>, look_inside_text: bool) {
    if let Some(statement) = Statement::read(place, value) {
        found.push(statement);
    }
    let Node::Text(text) = &value.node else { return };
    if look_inside_text
        && text.len() < 1 << 20
        && text.trim_start().starts_with('{')
        && text.contains("ffect")
    {
        let Ok(inner) = document::read_json(text.as_bytes()) else {
            return;
        };
        for root in &inner.all {
            root.walk_from(&mut place.clone(), &mut |inside, inner| {
                let first = found.len();
                collect(inside, inner, found, false);
                for statement in found.iter_mut().skip(first) {
                    // The reviewer can jump to the text, not into it.
                    statement.place.pointer.clone_from(&place.pointer);
                    statement.line = value.line;
                }
            });
        }
    }
}

impl Statement {
    fn read(place: &Place, value: &Value) -> Option<Self> {
        // Terraform leaves the effect out where it is Allow; elsewhere a statement has one.
        let effect = match any_case(value, &["effect"]).map(|effect| &effect.node) {
            Some(Node::Text(effect)) => effect.as_str(),
            Some(Node::Null) => "Allow",
            None if value.at("actions").is_some() && value.at("principals").is_some() => "Allow",
            None if place.identity.contains("/aws_iam_policy_document/") => "Allow",
            _ => return None,
        };
        let (actions, not_actions) = (
            list(value, &["action", "actions"]),
            list(value, &["notaction", "not_actions"]),
        );
        if actions.is_empty() && not_actions.is_empty() {
            return None;
        }
        let not_principal = any_case(value, &["notprincipal", "not_principals"])
            .filter(|it| !is_nothing(it))
            .is_some();
        Some(Self {
            // Anything that is not plainly a denial is taken for what could allow.
            allow: !effect.eq_ignore_ascii_case("deny"),
            actions,
            not_actions,
            resources: list(value, &["resource", "resources"]),
            not_resources: list(value, &["notresource", "not_resources"]),
            principals: any_case(value, &["principal", "principals"])
                .map(principals)
                .unwrap_or_default(),
            not_principal,
            excepted: any_case(value, &["notprincipal", "not_principals"])
                .map(principals)
                .unwrap_or_default(),
            conditions: any_case(value, &["condition", "conditions"])
                .map(conditions)
                .unwrap_or_default(),
            owner: owner(&place.identity),
            place: place.clone(),
            line: value.line,
        })
    }
}

/// Finds the part of an identity that names the holder: all before the policy document itself.
pub(super) fn owner(identity: &str) -> String {
    let cut = identity
        .to_ascii_lowercase()
        .rfind("/statement")
        .unwrap_or(identity.len());
    identity.get(..cut).unwrap_or(identity).to_owned()
}

fn any_case<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let entries = value.entries().iter().rev();
    entries
        .into_iter()
        .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

fn is_nothing(value: &Value) -> bool {
    matches!(&value.node, Node::Null) || matches!(&value.node, Node::List(items) if items.is_empty())
}

/// Reads one text or many; a template function is kept as a text of its own that no pattern matches by chance.
fn list(value: &Value, names: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = any_case(value, names)
        .map(Value::one_or_more)
        .unwrap_or_default()
        .iter()
        .map(flat)
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

fn flat(value: &Value) -> String {
    match &value.node {
        Node::Text(text) | Node::Number(text) => text.clone(),
        Node::Bool(truth) => truth.to_string(),
        Node::Null => "null".to_owned(),
        Node::List(items) => items.iter().map(flat).collect::<Vec<_>>().join(","),
        Node::Map(entries) => match entries.as_slice() {
            [(key, text)] if key == "Fn::Sub" => flat(text),
            [(key, parts)] if key == "Fn::Join" => match parts.items() {
                [by, parts] => parts
                    .items()
                    .iter()
                    .map(flat)
                    .collect::<Vec<_>>()
                    .join(by.text().unwrap_or_default()),
                _ => flat(parts),
            },
            _ => entries
                .iter()
                .map(|(key, value)| format!("${{{key} {}}}", flat(value)))
                .collect(),
        },
    }
}

/// Reads principals as `(type, name)`: a text, a map of lists, or the block form of Terraform.
fn principals(value: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for one in value.one_or_more() {
        match (
            any_case(one, &["type"]).and_then(Value::text),
            any_case(one, &["identifiers"]),
        ) {
            (Some(kind), Some(names)) => found.extend(
                names
                    .one_or_more()
                    .iter()
                    .map(|name| (kind.to_owned(), flat(name))),
            ),
            _ if one.entries().is_empty() => found.push(("AWS".to_owned(), flat(one))),
            _ => found.extend(one.entries().iter().flat_map(|(kind, names)| {
                names
                    .one_or_more()
                    .iter()
                    .map(move |name| (kind.clone(), flat(name)))
            })),
        }
    }
    found.sort();
    found
}

fn conditions(value: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in value.one_or_more() {
        match (
            any_case(one, &["test"]).and_then(Value::text),
            any_case(one, &["variable"]).and_then(Value::text),
        ) {
            (Some(test), Some(key)) => {
                found.insert(format!("{test} {key}"), list(one, &["values"]));
            }
            _ => {
                for (operator, tests) in one.entries() {
                    for (key, values) in tests.entries() {
                        let mut values: Vec<String> = values.one_or_more().iter().map(flat).collect();
                        values.sort();
                        found.insert(format!("{operator} {key}"), values);
                    }
                }
            }
        }
    }
    found
}

/// Names a few of the values and tells how many more there are.
pub(super) fn join(values: &[String]) -> String {
    const SHOWN: usize = 4;
    if values.is_empty() {
        return "its own resource".to_owned();
    }
    let head = values
        .iter()
        .take(SHOWN)
        .map(|value| quote(value))
        .collect::<Vec<_>>()
        .join(", ");
    match values.len().saturating_sub(SHOWN) {
        0 => head,
        more => format!("{head} and {more} more"),
    }
}
