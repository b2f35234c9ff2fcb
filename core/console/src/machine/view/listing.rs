//! Panes that are lists: findings, context, policy, history.

use countersign_protocol::approval::Severity;
use countersign_protocol::context::Origin;
use countersign_protocol::identity::RequestId;
use countersign_review::findings::{Delta, Finding, Side};
use countersign_review::secret::Masks;
use countersign_review::text::Untrusted;

use super::super::reading::{DecisionSummary, Reading};
use super::super::state::Summary;
use super::detail::verdict;
use super::piece::{Piece, Text, Tone, escaped, foreign, risk, spanned};
use super::queue::phase;
use super::reveal::reveals;

/// The findings; the one that is pointed at has a mark.
pub(super) fn findings(findings: &[Finding], masks: &Masks, pointed: Option<usize>) -> Vec<Text> {
    if findings.is_empty() {
        return vec![vec![Piece::new(
            "Nothing was found. That says what the rules looked for, not that all is well.",
            Tone::Faint,
        )]];
    }
    let mut lines = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let severity = Severity::from_level(i64::from(finding.severity.number()));
        let delta = match finding.delta {
            Delta::Introduced => "introduced",
            Delta::Widened => "widened",
            Delta::Unknown => "cannot tell",
            Delta::Existing => "was there before",
            Delta::Removed => "removed",
        };
        let mut title = if finding.counts() {
            vec![risk(severity)]
        } else {
            vec![Piece::new(risk(severity).text, Tone::Faint)]
        };
        if let Some(pointed) = pointed {
            let mark = if pointed == index { "▸ " } else { "  " };
            title.insert(0, Piece::new(mark, Tone::Strong));
        }
        title.push(Piece::new("  ", Tone::Plain));
        title.extend(foreign(
            &finding.title.as_str().into(),
            if finding.counts() {
                Tone::Strong
            } else {
                Tone::Faint
            },
        ));
        title.push(Piece::new(format!("  {delta}"), Tone::Faint));
        lines.push(title);
        lines.push(indented(escaped(
            &masks.quoting(&finding.explanation),
            Tone::Plain,
        )));
        let side = if finding.side == Side::Before {
            "before"
        } else {
            "after"
        };
        let line = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!(", line {line}:{column}"),
            (Some(line), None) => format!(", line {line}"),
            (None, _) => String::new(),
        };
        let mut place = vec![Piece::new(
            format!("{}  {side}{line}  ", finding.rule),
            Tone::Faint,
        )];
        place.extend(foreign(&finding.path, Tone::Faint));
        lines.push(indented(place));
        if let Some(reference) = &finding.reference {
            lines.push(indented(foreign(&reference.as_str().into(), Tone::Faint)));
        }
        lines.push(Text::new());
    }
    lines
}

/// The lines at which findings begin.
pub(in super::super) fn finding_line(findings: &[Finding], wanted: usize) -> usize {
    let lines = |finding: &Finding| 4 + usize::from(finding.reference.is_some());
    findings.iter().take(wanted).map(lines).sum()
}

/// Facts with their origins, and what is bound.
pub(super) fn context(reading: &Reading) -> Vec<Text> {
    let mut lines = Vec::new();
    for origin in [
        Origin::Computed,
        Origin::Observed,
        Origin::LookedUp,
        Origin::Claimed,
    ] {
        facts(&mut lines, reading, origin);
    }
    lines.push(Text::new());
    lines.push(heading("Bindings"));
    lines.push(field("request", plain(reading.request_digest.to_string())));
    lines.push(field("action", plain(reading.action_digest.to_string())));
    lines.push(field("sheet", plain(reading.view_digest.to_string())));
    let log = match reading.logged {
        Some((index, size)) => plain(format!("entry {index} of a log of {size}")),
        None => vec![Piece::new("not logged yet", Tone::Warn)],
    };
    lines.push(field("log", log));
    lines
}

/// Why approval is needed, what it takes, who may decide and who has.
pub(super) fn policy(reading: &Reading) -> Vec<Text> {
    let summary = &reading.summary;
    let mut lines = vec![heading("Why people are asked")];
    lines.push(field("risk", vec![risk(summary.severity)]));
    for finding in reading.findings.iter().filter(|finding| finding.counts()).take(3) {
        lines.push(field("", foreign(&finding.title.as_str().into(), Tone::Plain)));
    }
    for policy in &reading.policies {
        lines.push(field("may run under", foreign(policy, Tone::Plain)));
    }
    if reading.policies.is_empty() {
        lines.push(field(
            "may run under",
            vec![Piece::new("no policy is named", Tone::Faint)],
        ));
    }
    lines.push(Text::new());
    lines.push(heading("What it takes"));
    let given = format!("{} of {}", summary.approved_by.len(), summary.needs);
    lines.push(field("approvals", plain(given)));
    lines.push(field("hardware keys", plain(summary.hardware.to_string())));
    lines.push(field("teams", plain(summary.teams.to_string())));
    if summary.personal {
        lines.push(field(
            "",
            vec![Piece::new(
                "supervision of one's own agent, not four eyes",
                Tone::Warn,
            )],
        ));
    }
    lines.push(Text::new());
    lines.push(heading("Who may decide"));
    for person in &reading.eligible {
        let decided = reading
            .decisions
            .iter()
            .find(|decision| decision.reviewer == *person);
        let value = match decided {
            _ if reading.excluded.contains(person) => vec![Piece::new(
                "not this one: asked for it, owns the agent or amended it",
                Tone::Warn,
            )],
            Some(decision) => vec![verdict(decision.verdict)],
            None => vec![Piece::new("has not decided", Tone::Faint)],
        };
        lines.push(field(person.as_str(), value));
    }
    if reading.eligible.is_empty() {
        lines.push(field(
            "nobody",
            vec![Piece::new("the policy names no one who may decide", Tone::Bad)],
        ));
    }
    for person in reading
        .excluded
        .iter()
        .filter(|person| !reading.eligible.contains(person))
    {
        lines.push(field(
            person.as_str(),
            vec![Piece::new(
                "may not: asked for it, owns the agent or amended it",
                Tone::Faint,
            )],
        ));
    }
    lines.push(Text::new());
    lines.push(heading("Decisions"));
    if reading.decisions.is_empty() {
        lines.push(field("none yet", Text::new()));
    }
    lines.extend(
        reading
            .decisions
            .iter()
            .map(|decision| decided(decision, reading)),
    );
    lines
}

/// One decision: what, when, whether secrets were seen for it, why.
fn decided(decision: &DecisionSummary, reading: &Reading) -> Text {
    let mut value = vec![verdict(decision.verdict)];
    value.push(Piece::new(format!("  {}  ", decision.at), Tone::Faint));
    if decision.revealed {
        value.push(Piece::new("having had secrets revealed  ", Tone::Warn));
    }
    if decision.pin_remembered {
        value.push(Piece::new("with a remembered PIN  ", Tone::Warn));
    }
    value.extend(spanned(reading.masks.spans(decision.reason.bytes()), Tone::Plain));
    field(decision.reviewer.as_str(), value)
}

/// Requests like this one, by target first.
pub(super) fn history(like: &[(RequestId, Summary)], reading: &Reading) -> Vec<Text> {
    let mut lines = lineage(reading);
    lines.extend(reveals(reading));
    if like.is_empty() {
        lines.push(vec![Piece::new(
            "The queue holds no other request of this target or this agent.",
            Tone::Faint,
        )]);
        return lines;
    }
    for same in [true, false] {
        let mut rows = like
            .iter()
            .filter(|(_, summary)| (summary.target == reading.summary.target) == same)
            .peekable();
        if rows.peek().is_some() {
            lines.push(heading(if same {
                "Same target"
            } else {
                "Same agent, other targets"
            }));
        }
        for (id, summary) in rows {
            let mut line = vec![Piece::new(format!("  {}  ", summary.created_at), Tone::Faint)];
            let mut state = phase(summary.phase);
            state.text = format!("{:<10}", state.text);
            line.push(state);
            line.push(risk(summary.severity));
            line.push(Piece::new(
                format!(
                    "  {} · {} · {} · ",
                    summary.kind.id(),
                    summary.agent,
                    summary.environment
                ),
                Tone::Plain,
            ));
            if !same {
                line.extend(foreign(&summary.target, Tone::Plain));
                line.push(Piece::new(" · ", Tone::Plain));
            }
            line.push(Piece::new(id.to_string(), Tone::Faint));
            lines.push(line);
        }
        if same && !lines.is_empty() {
            lines.push(Text::new());
        }
    }
    lines
}

/// What this follows from, and what followed from it.
fn lineage(reading: &Reading) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(earlier) = reading.amends {
        lines.push(field(
            "follows from",
            plain(format!("{earlier}, by its counter-proposal")),
        ));
    }
    if let Some(next) = reading.followed {
        lines.push(field(
            "followed by",
            plain(format!(
                "{next}, by the counter-proposal to this one, as the backend says"
            )),
        ));
    }
    if !lines.is_empty() {
        lines.insert(0, heading("Counter-proposal"));
        lines.push(Text::new());
    }
    lines
}

fn heading(text: &str) -> Text {
    vec![Piece::new(text, Tone::Heading)]
}

fn field(label: &str, value: Text) -> Text {
    // Blanks at the end of a line are drawn as something that an agent may have put there.
    if value.is_empty() {
        return vec![Piece::new(format!("  {label}"), Tone::Faint)];
    }
    let mut line = vec![Piece::new(format!("  {label:<16}"), Tone::Faint)];
    line.extend(value);
    line
}

fn plain(text: String) -> Text {
    vec![Piece::new(text, Tone::Plain)]
}

fn facts(lines: &mut Vec<Text>, reading: &Reading, origin: Origin) {
    let mut titled = false;
    for fact in reading.facts.iter().filter(|fact| fact.origin == origin) {
        if !titled {
            lines.push(Text::new());
            let mut title = origin.words().to_owned();
            if let Some(first) = title.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            lines.push(vec![Piece::new(title, Tone::Heading)]);
            titled = true;
        }
        let tone = if origin == Origin::Claimed {
            Tone::Claim
        } else {
            Tone::Plain
        };
        let name = Untrusted::from(fact.name.raw()).escaped();
        let mut line = vec![Piece::new("  ", Tone::Faint)];
        line.extend(escaped(&format!("{name:<16}"), Tone::Faint));
        line.extend(spanned(reading.masks.spans(fact.value.raw().as_bytes()), tone));
        lines.push(line);
    }
}

fn indented(mut text: Text) -> Text {
    text.insert(0, Piece::new("    ", Tone::Plain));
    text
}
