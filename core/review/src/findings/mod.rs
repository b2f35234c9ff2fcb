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

// What all families use.
mod detector;
mod drift;
mod finding;
mod name;
mod observation;
mod read;
mod rule;

// The families.
mod call;
mod cloud;
mod code;
mod config;
mod container;
mod dns;
mod iam;
mod kubernetes;
mod network;
mod payload;
mod pipeline;
mod secret;
mod setting;
mod shell;
mod sql;
mod terraform;
mod text;

pub use detector::{Change, Detector, Input, Outcome, Problem, Root};
pub(crate) use drift::told;
pub use drift::with_drift;
pub use finding::{Delta, Finding, RuleId, Severity, Side};
pub use observation::{Breadth, Observation};
pub use rule::{RULES, Rule};

use crate::beside;
use observation::compare;
use read::{Read, resolved};

/// The version of the rules; parties that hold another one refuse each other's findings.
pub const RULESET: &str = "2026-11-22.10";

/// A file larger than this is not analyzed.
pub const MAX_BYTES: usize = 16 << 20;

/// Analyses a change: the kind of action by its id, the state before if there was one, and the state after.
///
/// The most serious findings come first; the order depends on nothing but the input.
pub fn analyze(kind: &str, before: Option<&[u8]>, after: &[u8]) -> Vec<Finding> {
    analyze_with(&[], kind, before, after)
}

/// Analyses a file that a process is given by an argument or as its input. How a text looks to people says nothing of machine
/// code, in which any bytes come together; whatever else is found counts there too, for a shell would run its lines.
pub fn analyze_given(content: &[u8]) -> Vec<Finding> {
    const MACHINE_CODE: &[u8] = b"\x7fELF";
    let mut found = analyze("config-file", None, content);
    if content.starts_with(MACHINE_CODE) {
        found.retain(|finding| !text::is_about_looks(finding.rule));
    }
    found
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
