//! What a finding is, and how bad.

use super::rule::RULES;
use crate::text::Untrusted;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// One risk fact about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name of the rule.
    #[serde(rename = "id")]
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// What the rule is about, in a few words.
    pub title: String,
    /// One sentence with the values of this change; values from outside stand in it escaped.
    pub explanation: String,
    /// Which side `path` and `line` speak of.
    pub side: Side,
    /// The JSON pointer of the place, or nothing where the document has no structure.
    pub path: Untrusted,
    /// The line of the place, from 1.
    pub line: Option<u32>,
    /// The column of the place, in characters from 1, where the rule is about characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Where to read more.
    pub reference: Option<String>,
    /// Names of like rules in other tools.
    pub peers: Vec<String>,
    /// What the change does to it.
    pub delta: Delta,
}

impl Finding {
    /// Says whether it raises the severity of the change: what was there before does not, nor do rules of users.
    pub fn counts(&self) -> bool {
        !self.rule.is_extra() && matches!(self.delta, Delta::Introduced | Delta::Widened | Delta::Unknown)
    }
}

/// The name of a rule: kebab-case, never reused for another meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(super) &'static str);

impl RuleId {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Names a rule of one's own: `x-`, then lower-case letters, digits and dashes.
    pub fn extra(name: &'static str) -> Option<Self> {
        let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
        let rest = name.strip_prefix("x-")?;
        (!rest.is_empty() && rest.len() <= 64 && rest.chars().all(plain)).then_some(Self(name))
    }

    /// Says whether it is a rule of somebody's own, which never counts.
    pub fn is_extra(self) -> bool {
        self.0.starts_with("x-")
    }

    /// Finds a rule of this ruleset by name.
    pub fn known(name: &str) -> Option<Self> {
        RULES.iter().find(|rule| rule.id.0 == name).map(|rule| rule.id)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || {
            serde::de::Error::custom(format!(
                "unknown rule `{}`",
                Untrusted::from(name.as_str()).escaped()
            ))
        };
        Self::known(&name).ok_or_else(unknown)
    }
}

/// How bad a finding is; the numbers are those that policies compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// Worth knowing, no risk by itself.
    #[default]
    Info = 0,
    /// A small risk.
    Low = 1,
    /// A risk that a reviewer must weigh.
    Medium = 2,
    /// A serious risk.
    High = 3,
    /// As bad as it gets: control of the account, the cluster or the data.
    Critical = 4,
}

impl Severity {
    /// Returns the number, 0 to 4.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the name of the risk level of a whole change, where nothing above information is `none`.
    pub fn level(self) -> &'static str {
        match self {
            Self::Info => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a change does to a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delta {
    /// It was not there before.
    Introduced,
    /// It was there, and reaches further now.
    Widened,
    /// It was not possible to tell; counted like introduced.
    Unknown,
    /// It was there before, just so.
    Existing,
    /// It is there no more.
    Removed,
}

/// A side of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The state before.
    Before,
    /// The state after.
    After,
}
