//! One request as it is drawn, above its panes.

use countersign_protocol::decision::Verdict;
use countersign_review::text::Untrusted;
use serde::Serialize;

use super::super::Moment;
use super::super::reading::{Copy, Pane, Reading};
use super::super::state::{Detail, DetailContent, State};
use super::drift::drift_count;
use super::piece::{Piece, Text, Tone, escaped, foreign, left, risk, span, written};
use super::queue::phase;
use super::structure::structure_count;
use super::talk::looking;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct DetailView {
    /// The request.
    pub id: String,
    /// Who wants what, where, why claimed, until when.
    pub sentence: Text,
    /// Risk, phase, time left, approvals: each a piece.
    pub facts: Vec<Piece>,
    /// Who else looks at it; comes and goes at any time, so nothing may move by it.
    pub looking: Option<String>,
    /// The six words to compare screens by.
    pub check_words: String,
    /// Why this person cannot decide it.
    pub why_not: Option<String>,
    /// What is wrong with the evidence.
    pub problems: Vec<Text>,
    /// The tabs.
    pub tabs: Vec<TabView>,
    /// Whether there is anything to decide: not about local files, nor by evidence.
    pub decides: bool,
    /// How many secrets are masked.
    pub secrets: usize,
    /// Lines of the sheet that were on screen, of all.
    pub seen: (usize, usize),
    /// Whether there is anything to read.
    pub readable: bool,
    /// What is searched for, where something is, and whether it is being written.
    pub search: Option<(Text, bool)>,
    /// How far the search is, in hundredths, while it is under way.
    pub sought: Option<usize>,
}

/// One tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct TabView {
    /// Its title.
    pub title: &'static str,
    /// How many items it holds, where that says something.
    pub count: Option<usize>,
    /// Whether it is read.
    pub selected: bool,
}

/// The request that is read.
#[must_use]
pub fn detail(state: &State, now: Moment) -> Option<DetailView> {
    let detail = state.detail.as_deref()?;
    let reading = detail.reading();
    let why_not = detail
        .why_not(now)
        .map(|why| why + &detail.way_out(&state.keys).unwrap_or_default())
        .or_else(|| reading.and_then(|reading| reading.weak_key.clone()))
        .filter(|_| {
            !detail.local
                && detail.evidence.is_none()
                && reading.is_some_and(|reading| reading.problems.is_empty())
        });
    Some(DetailView {
        id: detail.id.to_string(),
        sentence: sentence(detail),
        facts: match reading {
            Some(reading) if detail.local => vec![
                if reading.complete {
                    risk(reading.summary.severity)
                } else {
                    Piece::new("risk not known yet", Tone::Faint)
                },
                Piece::new(reading.summary.kind.id(), Tone::Plain),
            ],
            Some(reading) => facts(reading, now),
            None => Vec::new(),
        },
        looking: looking(state, detail.id),
        check_words: reading
            .map(|reading| reading.check_words.join(" "))
            .unwrap_or_default(),
        why_not,
        problems: reading.map(problems).unwrap_or_default(),
        tabs: tabs(detail, reading),
        decides: reading.is_some() && !detail.local && detail.evidence.is_none(),
        secrets: reading.map_or(0, |reading| reading.masks.count()),
        seen: (detail.attention.lines(), detail.attention.of_lines()),
        readable: reading.is_some() || detail.evidence.is_some(),
        sought: detail.seek.map(|seek| seek.percent()),
        search: (detail.searching || !detail.search.is_empty())
            .then(|| (written(&detail.search, Tone::Strong), detail.searching)),
    })
}

fn sentence(detail: &Detail) -> Text {
    match &detail.content {
        DetailContent::Loading => vec![Piece::new("Fetching and verifying the request …", Tone::Faint)],
        DetailContent::Failed(trouble) => {
            let mut text = vec![Piece::new("The request could not be read: ", Tone::Bad)];
            text.extend(foreign(&trouble.message, Tone::Plain));
            text
        }
        DetailContent::Read(reading) => {
            // What the agent claims comes after this mark; it is drawn as a claim.
            let (said, claim) = match reading.sentence.split_once("; it claims as reason ") {
                Some((said, claim)) => (said, Some(claim)),
                None => (reading.sentence.as_str(), None),
            };
            let mut text = escaped(said, Tone::Strong);
            if let Some(claim) = claim {
                text.push(Piece::new("; it claims as reason ", Tone::Faint));
                text.extend(escaped(claim, Tone::Claim));
            }
            text
        }
    }
}

/// How old a copy is. It is never drawn as what is now.
fn age(copy: &Copy, now: Moment) -> Piece {
    let text = match copy.as_of {
        Some(as_of) => format!("copy, {} old", span(now.wall.since(as_of))),
        None => "copy of unknown age".to_owned(),
    };
    Piece::new(text, Tone::Warn)
}

fn facts(reading: &Reading, now: Moment) -> Vec<Piece> {
    let summary = &reading.summary;
    let mut facts = vec![risk(summary.severity), phase(summary.phase)];
    facts.extend(reading.copy.as_ref().map(|copy| age(copy, now)));
    if summary.phase.is_open() {
        let left = left(summary.expires_at, now.wall);
        let text = if left.text == "expired" {
            left.text
        } else {
            format!("{} left", left.text)
        };
        facts.push(Piece::new(text, left.tone));
    }
    let approvals = if summary.needs == 1 {
        "approval"
    } else {
        "approvals"
    };
    facts.push(Piece::new(
        format!("{} of {} {approvals}", summary.approved_by.len(), summary.needs),
        Tone::Plain,
    ));
    if summary.hardware > 0 {
        facts.push(Piece::new(
            format!("{} with a hardware key", summary.hardware),
            Tone::Plain,
        ));
    }
    if summary.teams > 1 {
        facts.push(Piece::new(format!("from {} teams", summary.teams), Tone::Plain));
    }
    if summary.personal {
        facts.push(Piece::new("supervision, not four eyes", Tone::Warn));
    }
    if reading.logged.is_none() {
        facts.push(Piece::new("not logged yet", Tone::Warn));
    }
    facts
}

fn problems(reading: &Reading) -> Vec<Text> {
    let line = |trouble: &super::super::state::Trouble| {
        let mut text = vec![Piece::new("not valid: ", Tone::Bad)];
        text.extend(foreign(&trouble.message, Tone::Plain));
        text.push(Piece::new(
            format!(" [{}]", Untrusted::from(trouble.code.as_str()).escaped()),
            Tone::Faint,
        ));
        text
    };
    reading.problems.iter().map(line).collect()
}

fn tabs(detail: &Detail, reading: Option<&Reading>) -> Vec<TabView> {
    let tab = |pane: Pane| {
        let (title, count) = match pane {
            Pane::Evidence => (
                "Evidence",
                detail.evidence.as_ref().map(|account| account.problems.len()),
            ),
            Pane::Sheet => ("Sheet", None),
            Pane::Change => (
                "Change",
                reading.map(|r| r.changes.iter().map(|c| c.diff.changes().len()).sum()),
            ),
            Pane::Structure => (
                "Structure",
                reading
                    .filter(|reading| reading.has_structure())
                    .map(|reading| structure_count(&reading.changes)),
            ),
            Pane::Findings => (
                "Findings",
                reading
                    .filter(|reading| reading.has_findings())
                    .map(|r| r.findings.iter().filter(|f| f.counts()).count()),
            ),
            Pane::Drift => ("Drift", reading.and_then(|r| r.drift.as_ref()).map(drift_count)),
            Pane::Context => ("Context", None),
            Pane::Policy => ("Policy", None),
            Pane::History => ("History", Some(detail.history.len())),
            Pane::Raw => ("Raw", None),
            Pane::Talk => ("Talk", reading.map(|reading| reading.talk.len())),
            Pane::Since => (
                "Since you looked",
                detail.since.as_ref().map(|since| since.diff.changes().len()),
            ),
        };
        TabView {
            title,
            count,
            selected: detail.pane == pane,
        }
    };
    detail.panes().into_iter().map(tab).collect()
}

/// A verdict as it is offered.
pub(super) fn verdict(verdict: Verdict) -> Piece {
    match verdict {
        Verdict::Approve => Piece::new("APPROVE", Tone::Good),
        Verdict::Deny => Piece::new("DENY", Tone::Bad),
    }
}
