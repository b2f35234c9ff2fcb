//! The one form into which the files of all systems are read: jobs, their commands and guards, and the parts that come
//! from elsewhere.
//!
//! What several systems write alike, such as images, is read here.

use crate::document::{Place, Value};
use crate::findings::Severity;
use crate::findings::container::{image, is_version_tag};
use crate::findings::observation::quote;
use std::collections::BTreeSet;

/// A pipeline that was read.
#[derive(Default)]
pub(super) struct Pipeline {
    pub(super) jobs: Vec<Job>,
    pub(super) parts: Vec<Part>,
    /// Text of others that the system itself puts into commands before a shell reads them.
    pub(super) untrusted: &'static [&'static str],
    /// Settings that hand out more than a job needs.
    pub(super) handed_out: Vec<(String, u32)>,
    /// Folders that are kept of a run and hold more than it made.
    pub(super) kept: Vec<(String, u32)>,
    /// Settings by which the log tells more than it should, how bad it is, and where.
    pub(super) talkative: Vec<(String, Severity, u32)>,
}

/// One job.
#[derive(Default)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) line: u32,
    /// The commands it runs, with their lines.
    pub(super) commands: Vec<Command>,
    /// What holds it back: a person, an environment, a condition.
    pub(super) guards: BTreeSet<&'static str>,
    /// The machine of one's own that it runs on.
    pub(super) own_machine: Option<String>,
}

/// Commands of a job.
pub(super) struct Command {
    pub(super) text: String,
    pub(super) line: u32,
}

/// What a pipeline takes in from elsewhere.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) pin: Pin,
}

/// How exactly a part is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pin {
    /// Whatever it is at the time.
    Moving,
    /// A branch, or a part of a version.
    Version,
    /// The bytes themselves.
    Exact,
}

/// What may hold a job back, in the words in which its loss is told.
pub(super) const STOPS: &str = "stopping what comes after it when it fails";
pub(super) const PERSON: &str = "a person who starts it";
pub(super) const APPROVAL: &str = "an approval";
pub(super) const ENVIRONMENT: &str = "the rules of an environment";
pub(super) const CONDITION: &str = "a condition";

/// Reads how exactly an image is named.
pub(super) fn image_part(value: &Value) -> Option<Part> {
    let named = value.at("name").or_else(|| value.at("image")).unwrap_or(value);
    let text = named.text()?;
    let (repository, tag, digest) = image(text);
    let pin = match (tag, digest) {
        (_, Some(_)) => Pin::Exact,
        // A variable may be anything, and is set elsewhere.
        _ if text.contains('$') || text.contains("<<") => Pin::Version,
        (Some(tag), _) if is_version_tag(tag) => Pin::Version,
        _ => Pin::Moving,
    };
    let name = match pin {
        Pin::Moving => text.to_owned(),
        _ => format!("{repository}@{}", digest.or(tag).unwrap_or_default()),
    };
    Some(Part {
        name,
        line: named.line,
        pin,
    })
}

/// Returns the commands that stand under a key, one or a list of them.
pub(super) fn commands(value: Option<&Value>) -> Vec<Command> {
    let mut found = Vec::new();
    for one in value.map(Value::one_or_more).unwrap_or_default() {
        // GitLab lets lists stand in lists.
        for inner in one.one_or_more() {
            found.extend(inner.text().map(|text| Command {
                text: text.to_owned(),
                line: inner.line,
            }));
        }
    }
    found
}

/// Returns the place of a key below another place.
pub(super) fn below(place: &Place, key: &str) -> Place {
    Place {
        pointer: format!("{}/{}", place.pointer, key.replace('~', "~0").replace('/', "~1")),
        identity: format!("{}/{key}", place.identity),
    }
}

/// Returns the variables that make a log tell more: one prints every secret, the others what a job does with them.
pub(super) fn talkative(variables: Option<&Value>) -> Vec<(String, Severity, u32)> {
    let entries = variables.map(Value::entries).unwrap_or_default();
    let told = entries.iter().filter_map(|(name, setting)| {
        let severity = match name.as_str() {
            "CI_DEBUG_TRACE" => Severity::High,
            "CI_DEBUG_SERVICES" | "system.debug" | "System.Debug" => Severity::Medium,
            _ => return None,
        };
        let on = setting.is_true() || setting.at("value").is_some_and(Value::is_true);
        let what = match severity {
            Severity::High => format!("{} is on: the log tells every variable, secrets too", quote(name)),
            _ => format!("{} is on: the log tells more than it should", quote(name)),
        };
        on.then_some((what, severity, setting.line))
    });
    told.collect()
}

/// Says whether a version is a commit, or the digest of an image, which nobody can move.
pub(super) fn is_commit(version: &str) -> bool {
    let hash = version.strip_prefix("sha256:").unwrap_or(version);
    matches!(hash.len(), 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}
