//! The panes of a request, line by line; lines are made when they are asked for.

use std::ops::Range;

use countersign_protocol::approval::Severity;
use countersign_protocol::context::{Fact, Origin};
use countersign_review::diff::inline;
use countersign_review::diff::text::{MAX_INLINE_BLOCK, Row, RowKind};
use countersign_review::findings::{Delta, Finding, Side};
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::{Span, Untrusted, escape_line, spans_to_string};
use serde::Serialize;

use super::super::reading::{ChangedDocument, Pane, Reading};
use super::detail::verdict;
use super::piece::{Piece, Text, Tone, escaped, foreign, risk};

/// One line of a pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaneLine {
    /// What stands beside it, such as line numbers; repeated as blanks where the line wraps.
    pub gutter: Text,
    /// The line.
    pub text: Text,
}

/// A pane.
#[derive(Debug)]
pub struct PaneView<'a> {
    content: Content<'a>,
    len: usize,
}

#[derive(Debug)]
enum Content<'a> {
    Sheet(&'a [SheetLine]),
    Change(&'a [ChangedDocument]),
    Lines(Vec<Text>),
}

impl<'a> PaneView<'a> {
    /// A pane of a reading.
    #[must_use]
    pub fn of(reading: &'a Reading, pane: Pane) -> Self {
        let content = match pane {
            Pane::Sheet => Content::Sheet(&reading.sheet),
            Pane::Change => Content::Change(&reading.changes),
            Pane::Findings => Content::Lines(findings(&reading.findings)),
            Pane::Context => Content::Lines(context(reading)),
        };
        let len = match &content {
            Content::Sheet(lines) => lines.len(),
            Content::Change([]) => 1,
            Content::Change(documents) => documents.iter().map(rows_of).sum(),
            Content::Lines(lines) => lines.len(),
        };
        Self { content, len }
    }

    /// How many lines there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One line.
    #[must_use]
    pub fn line(&self, index: usize) -> Option<PaneLine> {
        let bare = |text| PaneLine {
            gutter: Text::new(),
            text,
        };
        match &self.content {
            Content::Sheet(lines) => sheet_line(lines, index).map(bare),
            Content::Change([]) => (index == 0).then(|| {
                bare(vec![Piece::new(
                    "No document changes: what would run stands on the sheet.",
                    Tone::Faint,
                )])
            }),
            Content::Change(documents) => change_line(documents, index),
            Content::Lines(lines) => lines.get(index).cloned().map(bare),
        }
    }
}

fn sheet_line(lines: &[SheetLine], index: usize) -> Option<Text> {
    let line = lines.get(index)?;
    let text = line.text.as_str();
    Some(match line.role {
        LineRole::Heading => escaped(text, Tone::Heading),
        LineRole::Field => labelled(text, Tone::Plain),
        LineRole::Claim => labelled(text, Tone::Claim),
        LineRole::Hunk => escaped(text, Tone::Hunk),
        LineRole::Context => escaped(text, Tone::Plain),
        LineRole::Removed => marked(
            text,
            &partner_marks(lines, index),
            Tone::Removed,
            Tone::RemovedMark,
        ),
        LineRole::Added => marked(text, &partner_marks(lines, index), Tone::Added, Tone::AddedMark),
        LineRole::Finding(severity) if !text.starts_with(' ') => escaped(text, Tone::Risk(severity)),
        LineRole::Finding(_) => escaped(text, Tone::Plain),
        LineRole::FindingBeside => escaped(text, Tone::Faint),
        LineRole::Blank => Text::new(),
    })
}

fn labelled(text: &str, tone: Tone) -> Text {
    match text.split_once(": ") {
        Some((label, value)) => {
            let mut out = escaped(label, Tone::Faint);
            out.push(Piece::new(": ", Tone::Faint));
            if !value.is_empty() {
                out.extend(escaped(value, tone));
            }
            out
        }
        None => escaped(text, tone),
    }
}

/// Finds the line on the other side that stands beside this one, and what differs in this one.
fn partner_marks(lines: &[SheetLine], index: usize) -> Vec<Range<usize>> {
    let limit = MAX_INLINE_BLOCK as usize;
    let run = |from: usize, role: LineRole| {
        lines
            .iter()
            .skip(from)
            .take(limit + 1)
            .take_while(|line| line.role == role)
            .count()
    };
    let back = |from: usize, role: LineRole| {
        lines
            .iter()
            .take(from)
            .rev()
            .take(limit + 1)
            .take_while(|line| line.role == role)
            .count()
    };
    let Some(line) = lines.get(index) else {
        return Vec::new();
    };
    let (removed_at, removed, added) = match line.role {
        LineRole::Removed => {
            let start = index - back(index, LineRole::Removed);
            let removed = run(start, LineRole::Removed);
            (start, removed, run(start + removed, LineRole::Added))
        }
        LineRole::Added => {
            let start = index - back(index, LineRole::Added);
            let removed = back(start, LineRole::Removed);
            (start - removed, removed, run(start, LineRole::Added))
        }
        _ => return Vec::new(),
    };
    if removed > limit || added > limit {
        return Vec::new();
    }
    let is_removed = line.role == LineRole::Removed;
    let place = if is_removed {
        index - removed_at
    } else {
        index - removed_at - removed
    };
    if place >= removed.min(added) {
        return Vec::new();
    }
    let body = |at: usize| {
        lines
            .get(at)
            .and_then(|line| line.text.get(1..))
            .unwrap_or_default()
    };
    let (old, new) = (body(removed_at + place), body(removed_at + removed + place));
    let marks = inline(old.as_bytes(), new.as_bytes());
    let shifted = |ranges: Vec<Range<usize>>| ranges.into_iter().map(|r| r.start + 1..r.end + 1).collect();
    marks
        .map(|marks| shifted(if is_removed { marks.removed } else { marks.added }))
        .unwrap_or_default()
}

/// Splits a printable line at the marked byte ranges.
fn marked(text: &str, marks: &[Range<usize>], tone: Tone, mark_tone: Tone) -> Text {
    let mut out = Text::new();
    let mut at = 0;
    let mut push = |range: Range<usize>, tone| {
        if let Some(part) = text.get(range)
            && !part.is_empty()
        {
            out.extend(escaped(part, tone));
        }
    };
    for mark in marks {
        // A mark inside an escape would tear its brackets apart; such a line is drawn without marks.
        let whole = |at: usize| {
            text.get(..at)
                .is_some_and(|head| head.matches('⟦').count() == head.matches('⟧').count())
        };
        if !whole(mark.start) || !whole(mark.end) {
            return escaped(text, tone);
        }
        push(at..mark.start, tone);
        push(mark.clone(), mark_tone);
        at = mark.end;
    }
    push(at..text.len(), tone);
    out
}

/// Lines of a document in the pane: its title, its rows, a blank.
fn rows_of(document: &ChangedDocument) -> usize {
    2 + document.whole.rows as usize
}

fn change_line(documents: &[ChangedDocument], index: usize) -> Option<PaneLine> {
    let mut at = index;
    for document in documents {
        if at < rows_of(document) {
            return document_line(document, at);
        }
        at -= rows_of(document);
    }
    None
}

fn document_line(document: &ChangedDocument, at: usize) -> Option<PaneLine> {
    let bare = |text| PaneLine {
        gutter: Text::new(),
        text,
    };
    let Some(row) = at.checked_sub(1) else {
        let stats = document.diff.stats();
        let mut title = foreign(&document.title, Tone::Heading);
        title.push(Piece::new(
            format!("  {} removed, {} added", stats.removed, stats.added),
            Tone::Faint,
        ));
        return Some(bare(title));
    };
    if at + 1 == rows_of(document) {
        return Some(bare(Text::new()));
    }
    let window = document.diff.window(&document.whole, u32::try_from(row).ok()?, 1);
    let row = window.first()?;
    let number = |number: Option<u32>| number.map_or_else(|| " ".repeat(5), |number| format!("{number:>5}"));
    let gutter = vec![Piece::new(
        format!("{} {} ", number(row.old_no), number(row.new_no)),
        Tone::Faint,
    )];
    Some(PaneLine {
        gutter,
        text: row_text(document, row),
    })
}

fn row_text(document: &ChangedDocument, row: &Row<'_>) -> Text {
    let (sign, tone, mark_tone) = match row.kind {
        RowKind::Context => (" ", Tone::Plain, Tone::Plain),
        RowKind::Removed => ("-", Tone::Removed, Tone::RemovedMark),
        RowKind::Added => ("+", Tone::Added, Tone::AddedMark),
    };
    let marks = row.change.and_then(|index| {
        let change = document.diff.changes().get(index)?;
        let (number, start) = match row.kind {
            RowKind::Removed => (row.old_no?, change.before.start),
            RowKind::Added | RowKind::Context => (row.new_no?, change.after.start),
        };
        let inline = document.diff.inline(index, number - 1 - start)?;
        Some(if row.kind == RowKind::Removed {
            inline.removed
        } else {
            inline.added
        })
    });
    let mut out = vec![Piece::new(sign, tone)];
    let mut push = |spans: Vec<Span>, tone| {
        if !spans.is_empty() {
            out.extend(escaped(&spans_to_string(&spans), tone));
        }
    };
    match marks {
        // Borders of marks lie between words, so each part is escaped as it is in the whole line, except
        // where a mark begins with a combining character; then the line is drawn without marks.
        Some(marks) if parts_escape_alike(row, &marks) => {
            let mut at = 0;
            for mark in marks {
                push(
                    escape_line(row.line.get(at..mark.start).unwrap_or_default()),
                    tone,
                );
                push(
                    escape_line(row.line.get(mark.clone()).unwrap_or_default()),
                    mark_tone,
                );
                at = mark.end;
            }
            let rest = row.line.get(at..).unwrap_or_default();
            let tail = row.spans().split_off(escape_line(row.line).len());
            push(escape_line(rest), tone);
            push(tail, tone);
        }
        Some(_) | None => push(row.spans(), tone),
    }
    out
}

fn parts_escape_alike(row: &Row<'_>, marks: &[Range<usize>]) -> bool {
    let mut joined = String::new();
    let mut at = 0;
    for mark in marks {
        joined += &spans_to_string(&escape_line(row.line.get(at..mark.start).unwrap_or_default()));
        joined += &spans_to_string(&escape_line(row.line.get(mark.clone()).unwrap_or_default()));
        at = mark.end;
    }
    joined += &spans_to_string(&escape_line(row.line.get(at..).unwrap_or_default()));
    joined == spans_to_string(&escape_line(row.line))
}

fn findings(findings: &[Finding]) -> Vec<Text> {
    if findings.is_empty() {
        return vec![vec![Piece::new(
            "Nothing was found. That says what the rules looked for, not that all is well.",
            Tone::Faint,
        )]];
    }
    let mut lines = Vec::new();
    for finding in findings {
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
        lines.push(indented(escaped(&finding.explanation, Tone::Plain)));
        let side = if finding.side == Side::Before {
            "before"
        } else {
            "after"
        };
        let line = finding
            .line
            .map_or_else(String::new, |line| format!(", line {line}"));
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

fn context(reading: &Reading) -> Vec<Text> {
    let heading = |text: &str| vec![Piece::new(text, Tone::Heading)];
    let field = |label: &str, value: Text| {
        let mut line = vec![Piece::new(format!("  {label:<16}"), Tone::Faint)];
        line.extend(value);
        line
    };
    let plain = |text: String| vec![Piece::new(text, Tone::Plain)];
    let summary = &reading.summary;
    let mut lines = vec![heading("What it takes")];
    lines.push(field(
        "approvals",
        plain(format!("{} of {}", summary.approved_by.len(), summary.needs)),
    ));
    lines.push(field("hardware keys", plain(summary.hardware.to_string())));
    lines.push(field("teams", plain(summary.teams.to_string())));
    for policy in &reading.policies {
        lines.push(field("under policy", foreign(policy, Tone::Plain)));
    }
    lines.push(Text::new());
    lines.push(heading("Decisions"));
    if reading.decisions.is_empty() {
        lines.push(field("none yet", Text::new()));
    }
    for decision in &reading.decisions {
        let mut value = vec![verdict(decision.verdict)];
        value.push(Piece::new(format!("  {}  ", decision.at), Tone::Faint));
        value.extend(foreign(&decision.reason, Tone::Plain));
        lines.push(field(decision.reviewer.as_str(), value));
    }
    for origin in [
        Origin::Computed,
        Origin::Observed,
        Origin::LookedUp,
        Origin::Claimed,
    ] {
        facts(&mut lines, &reading.facts, origin);
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

fn facts(lines: &mut Vec<Text>, facts: &[Fact], origin: Origin) {
    let mut titled = false;
    for fact in facts.iter().filter(|fact| fact.origin == origin) {
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
        line.extend(foreign(&fact.value.raw().into(), tone));
        lines.push(line);
    }
}

fn indented(mut text: Text) -> Text {
    text.insert(0, Piece::new("    ", Tone::Plain));
    text
}
