//! Findings: what a change brings that a reviewer must know, computed from its bytes alone.
//!
//! [`analyze`] is pure and deterministic: guard, backend, console and verifier run it on the same bytes and
//! must agree. Each rule is asked about both sides, so that a finding says whether the change introduces the
//! risk, widens it, or found it there. What could not be understood is a finding too (`not-analyzed`).
//!
//! Documents are recognised by their shape, whatever kind the caller states: a policy is judged as a policy
//! inside a template, a plan or the arguments of a call. The stated kind only decides what *must* have been
//! recognised. A [`Detector`] is the seam for more rules; none of them decides anything.
//!
//! Rules stand in families, one folder each, by what they look at; the head of each says which file does what. A family
//! shows the others only what its `mod.rs` names. What all of them use stands here: [`Finding`], [`Rule`],
//! [`Observation`], the words in names (`name`).

mod call;
mod cloud;
mod code;
mod config;
mod container;
mod dns;
mod drift;
mod finding;
mod iam;
mod kubernetes;
mod name;
mod network;
mod observation;
mod payload;
mod pipeline;
mod rule;
mod secret;
mod setting;
mod shell;
mod sql;
mod terraform;
mod text;

pub(crate) use drift::told;
pub use drift::with_drift;
pub use finding::{Delta, Finding, RuleId, Severity, Side};
pub use observation::{Breadth, Observation};
pub use rule::{RULES, Rule};

use crate::beside;
use crate::document::{self, Documents, Place, Value};
use observation::compare;
use std::borrow::Cow;

/// The version of the rules; parties that hold another one refuse each other's findings.
pub const RULESET: &str = "2026-11-22.6";

/// A file larger than this is not analyzed.
pub const MAX_BYTES: usize = 16 << 20;

/// Analyses a change: the kind of action by its id, the state before if there was one, and the state after.
///
/// The most serious findings come first; the order depends on nothing but the input.
pub fn analyze(kind: &str, before: Option<&[u8]>, after: &[u8]) -> Vec<Finding> {
    analyze_with(&[], kind, before, after)
}

/// Like [`analyze`], with detectors of one's own for people to read: **never for decisions**.
///
/// What they see carries rule names that begin with `x-`, never counts for [`severity`], and never makes a
/// change count as understood. What is signed is the answer of [`analyze`] alone, since every party must get
/// the same.
pub fn analyze_with(
    extra: &[&dyn Detector],
    kind: &str,
    before: Option<&[u8]>,
    after: &[u8],
) -> Vec<Finding> {
    let kind = canonical(kind);
    let (old, new) = beside::both(
        before.map_or(0, <[u8]>::len) + after.len(),
        || before.map(|bytes| Read::new(kind, bytes)),
        || Read::new(kind, after),
    );
    let new_roots = new.roots();
    // A plan carries its own state before; a file of the plan before says less.
    let old_roots = terraform::before(&new.documents)
        .map(resolved)
        .or_else(|| old.as_ref().map(Read::roots));
    let nothing = Read::default();
    let after = new.input(kind, &new_roots);
    let earlier = old.as_ref().unwrap_or(&nothing);
    let before = earlier.input(kind, old_roots.as_deref().unwrap_or_default());

    let lost = old.as_ref().and_then(|read| read.problem.clone());
    let mut problems = new.problem.iter().cloned().collect::<Vec<_>>();
    let (mut recognised, mut findings) = (false, Vec::new());
    for (detector, (outcome, found)) in DETECTORS.iter().zip(detect_all(&before, &after, lost.is_none())) {
        let mine = detector.kinds().contains(&kind);
        recognised |= mine && !matches!(outcome, Outcome::NotMine);
        if let Outcome::Failed(problem) = outcome {
            problems.push(problem);
        }
        findings.extend(found);
    }
    if !recognised && problems.is_empty() {
        problems.push(Problem {
            line: None,
            what: missing(kind),
        });
    }
    for detector in extra {
        let (outcome, found) = detect(*detector, &before, &after, lost.is_none());
        findings.extend(found.into_iter().filter(|finding| finding.rule.is_extra()));
        if let Outcome::Failed(problem) = outcome {
            let seen = Observation::new(&rule::EXTRA_FAILED, "", observation::quote(&problem.what));
            findings.push(seen.finding(Delta::Unknown, Side::After));
        }
    }
    findings.extend(problems.into_iter().map(|problem| problem.finding(Side::After)));
    findings.extend(lost.map(|problem| problem.finding(Side::Before)));
    sort(&mut findings);
    findings
}

/// Asks all detectors; the answers stand in their order.
fn detect_all(before: &Input<'_>, after: &Input<'_>, known_before: bool) -> Vec<(Outcome, Vec<Finding>)> {
    let bytes = before.bytes.len() + after.bytes.len();
    beside::map(bytes, DETECTORS.to_vec(), |detector| {
        detect(detector, before, after, known_before)
    })
}

/// Asks one detector about both sides and the way between.
fn detect(
    detector: &dyn Detector,
    before: &Input<'_>,
    after: &Input<'_>,
    known_before: bool,
) -> (Outcome, Vec<Finding>) {
    let (mut seen_before, mut seen_after) = (Vec::new(), Vec::new());
    detector.observe(before, &mut seen_before);
    let outcome = detector.observe(after, &mut seen_after);
    let mut findings = compare(seen_before, seen_after, known_before);
    for (seen, delta, side) in detector.changes(before, after) {
        let delta = if known_before { delta } else { Delta::Unknown };
        findings.push(seen.finding(delta, side));
    }
    (outcome, findings)
}

/// Returns the severity of a change: the worst of what it introduces or widens, or of what is unknown.
pub fn severity(findings: &[Finding]) -> Severity {
    findings
        .iter()
        .filter(|finding| finding.counts())
        .map(|finding| finding.severity)
        .max()
        .unwrap_or_default()
}

/// A set of rules for documents of one shape.
///
/// The seam for rules of one's own, shown to people beside the built-in ones by [`analyze_with`]; it is pure, as
/// they are, and decides nothing. Where there was no state before, that side is empty.
///
/// ```
/// use countersign_review::findings::{
///     Detector, Input, Observation, Outcome, Rule, RuleId, Severity, analyze_with, severity,
/// };
/// use std::sync::LazyLock;
///
/// static NO_TEAM: LazyLock<Rule> = LazyLock::new(|| Rule {
///     id: RuleId::extra("x-no-team").expect("it begins with x-"),
///     severity: Severity::Low,
///     title: "No team is named",
///     reference: None,
///     peers: &[],
/// });
///
/// struct NamesATeam;
///
/// impl Detector for NamesATeam {
///     fn kinds(&self) -> &'static [&'static str] {
///         &[]
///     }
///
///     fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
///         for (place, root) in input.roots.iter().filter(|(_, root)| root.at("team").is_none()) {
///             seen.push(Observation::of(&NO_TEAM, "team", "the file names no team").seen_at(place, root.line));
///         }
///         Outcome::Analyzed
///     }
/// }
///
/// let found = analyze_with(&[&NamesATeam], "config-file", None, b"port: 80\n");
/// assert_eq!(found[0].rule.as_str(), "x-no-team");
/// // It is for people to read: it weighs nothing in any decision.
/// assert_eq!(severity(&found), Severity::Info);
/// ```
pub trait Detector: Sync {
    /// Returns the kinds of action for which seeing this shape counts as having understood the change.
    fn kinds(&self) -> &'static [&'static str];

    /// Adds what it sees on one side.
    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome;

    /// Returns what only shows when both sides are known, such as a protection that is gone.
    fn changes(&self, _before: &Input<'_>, _after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
        Vec::new()
    }
}

/// One side of a change, as detectors see it.
#[derive(Debug)]
pub struct Input<'a> {
    /// The kind of action.
    pub kind: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The values to look at, each with its place in the file.
    pub roots: &'a [Root<'a>],
    /// The file as it was read.
    pub documents: &'a Documents,
}

/// A value to look at and its place in the file: borrowed from the document, unless references in it were
/// replaced by what they stand for.
pub type Root<'a> = (Place, Cow<'a, Value>);

impl<'a> Input<'a> {
    /// Calls `visit` with every value of the side.
    pub fn walk(&self, visit: &mut dyn FnMut(&Place, &'a Value)) {
        for (place, root) in self.roots {
            root.walk_from(&mut place.clone(), visit);
        }
    }

    /// Returns the bytes as text, where they are.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }
}

/// What became of one side in the hands of a detector.
#[derive(Debug)]
pub enum Outcome {
    /// It holds nothing of this shape.
    NotMine,
    /// It was understood.
    Analyzed,
    /// It has the shape but could not be understood.
    Failed(Problem),
}

/// Why something was not analyzed.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where.
    pub line: Option<u32>,
    /// What, in a sentence without an end.
    pub what: String,
}

impl Problem {
    fn finding(self, side: Side) -> Finding {
        let mut seen = Observation::new(&rule::NOT_ANALYZED, "", format!("not analyzed: {}", self.what));
        seen.line = self.line;
        seen.finding(Delta::Unknown, side)
    }
}

const DETECTORS: &[&dyn Detector] = &[
    &text::HostileText,
    &text::LookAlikes,
    &text::RepeatedKeys,
    &secret::Secrets,
    &iam::Policies,
    &cloud::Resources,
    &cloud::Grants,
    &dns::Records,
    &network::Openings,
    &network::Ordered,
    &terraform::Plan,
    &terraform::Source,
    &kubernetes::Manifests,
    &kubernetes::Roles,
    &pipeline::Workflows,
    &pipeline::Pipelines,
    &container::Builds,
    &config::Settings,
    &config::Servers,
    &config::Alerts,
    &code::Code,
    &code::Packages,
    &code::Owners,
    &sql::Statements,
    &shell::Commands,
    &call::Calls,
    &payload::Payloads,
];

/// Kinds whose bytes are any text: nothing more than text has to be understood.
const TEXT_KINDS: &[&str] = &["code-push", "build", "config-file"];

/// Kinds whose bytes are no JSON or YAML.
const OTHER_SYNTAX: &[&str] = &["sql"];

const KINDS: &[&str] = &[
    "iam",
    "s3",
    "data-export",
    "security-group",
    "terraform-plan",
    "k8s",
    "k8s-rbac",
    "sql",
    "secret-rotation",
    "model-promotion",
    "workflow",
    "code-push",
    "build",
    "config-file",
    "exec",
    "mcp-call",
    "http",
];

/// Returns the id for a kind or one of its older names.
fn canonical(kind: &str) -> &'static str {
    match kind {
        "data" => "data-export",
        "tool-call" => "mcp-call",
        _ => KINDS
            .iter()
            .find(|known| **known == kind)
            .copied()
            .unwrap_or("unknown"),
    }
}

fn missing(kind: &str) -> String {
    match kind {
        "unknown" => "the kind of this action has no rules".to_owned(),
        _ => format!("nothing was recognised that belongs to a change of kind {kind}"),
    }
}

/// One side, read as far as it can be.
#[derive(Default)]
struct Read<'a> {
    bytes: &'a [u8],
    documents: Documents,
    problem: Option<Problem>,
}

impl<'a> Read<'a> {
    fn new(kind: &str, bytes: &'a [u8]) -> Self {
        let mut read = Self {
            bytes,
            ..Self::default()
        };
        let problem = |line, what| Some(Problem { line, what });
        if bytes.len() > MAX_BYTES {
            let what = format!(
                "{} bytes are more than the {MAX_BYTES} that are analyzed",
                bytes.len()
            );
            read.problem = problem(None, what);
        } else if std::str::from_utf8(bytes).is_err() {
            read.problem = problem(None, "it is not UTF-8 text".to_owned());
        } else if let Some(text) = read.text().filter(|text| terraform::is_source(text))
            && !OTHER_SYNTAX.contains(&kind)
            && !TEXT_KINDS.contains(&kind)
        {
            // YAML takes some of it for a long text, so it is asked last.
            match terraform::read(text) {
                Ok(documents) => read.documents = documents,
                Err(error) => {
                    let what = observation::quote(&error.to_string());
                    read.problem = problem(None, format!("the Terraform source is not understood: {what}"));
                }
            }
        } else if let Some(text) = read.text().filter(|text| container::is_build(text))
            && !OTHER_SYNTAX.contains(&kind)
        {
            read.documents = container::read(text);
        } else if read.text().is_some_and(pipeline::is_pipeline) {
            // A program: its rules read the text themselves.
        } else if !OTHER_SYNTAX.contains(&kind) {
            match document::read(bytes) {
                Ok(documents) => read.documents = documents,
                Err(_) if TEXT_KINDS.contains(&kind) => {}
                Err(error) => {
                    let what = observation::quote(&error.to_string());
                    read.problem = problem(None, format!("neither JSON nor YAML: {what}"));
                }
            }
        }
        read
    }

    fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// Returns the values to look at: those after the change in a plan, else all.
    fn roots(&self) -> Vec<Root<'_>> {
        resolved(terraform::after(&self.documents).unwrap_or_else(|| roots(&self.documents)))
    }

    fn input<'b>(&'b self, kind: &'b str, roots: &'b [Root<'b>]) -> Input<'b> {
        Input {
            kind,
            bytes: self.bytes,
            roots,
            documents: &self.documents,
        }
    }
}

/// Puts what references stand for in their place; only a value that holds some is copied.
fn resolved(roots: Vec<(Place, &Value)>) -> Vec<Root<'_>> {
    let root = |(place, value)| match cloud::resolve(value) {
        Cow::Borrowed(value) => (place, terraform::resolve(value)),
        resolved => (place, resolved),
    };
    roots.into_iter().map(root).collect()
}

/// Returns the documents of a file with their places; several documents count as a list.
fn roots(documents: &Documents) -> Vec<(Place, &Value)> {
    let several = documents.all.len() > 1;
    let place = |index: usize| Place {
        pointer: if several {
            format!("/{index}")
        } else {
            String::new()
        },
        identity: String::new(),
    };
    documents
        .all
        .iter()
        .enumerate()
        .map(|(index, value)| (place(index), value))
        .collect()
}

fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (b.counts(), b.severity)
            .cmp(&(a.counts(), a.severity))
            .then_with(|| {
                let order = |f: &Finding| (f.rule, f.delta, f.side, f.line);
                order(a)
                    .cmp(&order(b))
                    .then_with(|| a.path.cmp(&b.path))
                    .then_with(|| a.explanation.cmp(&b.explanation))
            })
    });
    findings.dedup();
}

#[cfg(test)]
mod tests;
