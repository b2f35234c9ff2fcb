//! Runs of printable text, each with how it is meant.

use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::moment::Timestamp;
use countersign_review::text::{Mark, Span, Untrusted};
use serde::Serialize;

/// A run of printable characters to be drawn alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Piece {
    /// Printable characters only.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// A line of text.
pub type Text = Vec<Piece>;

/// How a piece is meant. Never the only carrier of a meaning: signs and words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As it is.
    Plain,
    /// To be seen first.
    Strong,
    /// Beside the point.
    Faint,
    /// A title.
    Heading,
    /// Said by the agent.
    Claim,
    /// Written by the escaper in place of something that cannot be shown.
    Escape,
    /// A line that comes.
    Added,
    /// The part of it that is new.
    AddedMark,
    /// A line that goes.
    Removed,
    /// The part of it that is gone.
    RemovedMark,
    /// Where a hunk begins.
    Hunk,
    /// What is searched for.
    Match,
    /// Good news.
    Good,
    /// To be careful about.
    Warn,
    /// Bad news.
    Bad,
    /// How bad a change is.
    Risk(#[cfg_attr(feature = "types", ts(type = "Severity"))] Severity),
}

impl Piece {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
}

/// Escapes foreign text. Blanks at its end are named, since nothing may stand behind them to show that they are there.
pub(super) fn foreign(text: &Untrusted, tone: Tone) -> Text {
    let mut shown = spanned(text.spans(), tone);
    let Some(last) = shown.last_mut().filter(|last| last.tone == tone) else {
        return shown;
    };
    let kept = last.text.trim_end_matches(' ').len();
    let blanks = last.text.len() - kept;
    last.text.truncate(kept);
    if kept == 0 {
        shown.pop();
    }
    match blanks {
        0 => {}
        1 => shown.push(Piece::new("⟦SP⟧", Tone::Escape)),
        many => shown.push(Piece::new(format!("⟦{many} SP⟧"), Tone::Escape)),
    }
    shown
}

/// Escapes what is being written: the cursor stands behind it.
pub(super) fn written(text: &str, tone: Tone) -> Text {
    spanned(Untrusted::from(text).spans(), tone)
}

/// Draws spans of the escaper.
pub(super) fn spanned(spans: Vec<Span>, tone: Tone) -> Text {
    let tone_of = |mark| if mark == Mark::Plain { tone } else { Tone::Escape };
    spans
        .into_iter()
        .map(|span| Piece {
            tone: tone_of(span.mark),
            text: span.text,
        })
        .collect()
}

/// Tells the escapes in text that the escaper has written apart from the rest: only it writes these brackets.
pub(super) fn escaped(text: &str, tone: Tone) -> Text {
    let mut out = Text::new();
    let mut rest = text;
    while let Some(start) = rest.find('⟦') {
        let (before, from) = rest.split_at(start);
        let end = from.find('⟧').map_or(from.len(), |end| end + '⟧'.len_utf8());
        let (escape, after) = from.split_at(end);
        if !before.is_empty() {
            out.push(Piece::new(before, tone));
        }
        out.push(Piece::new(escape, Tone::Escape));
        rest = after;
    }
    if !rest.is_empty() || out.is_empty() {
        out.push(Piece::new(rest, tone));
    }
    out
}

/// A severity by sign and word.
#[must_use]
pub fn risk(severity: Severity) -> Piece {
    let sign = match severity {
        Severity::None => "·",
        Severity::Low => "○",
        Severity::Medium => "◆",
        Severity::High => "▲",
        Severity::Critical => "■",
    };
    Piece::new(format!("{sign} {}", severity.word()), Tone::Risk(severity))
}

/// How long until `at`, as short as is exact enough.
#[must_use]
pub fn left(at: Timestamp, now: Timestamp) -> Piece {
    let rest = at.since(now);
    let tone = match rest.as_secs() {
        0 => return Piece::new("expired", Tone::Faint),
        1..=119 => Tone::Bad,
        120..=599 => Tone::Warn,
        _ => Tone::Plain,
    };
    Piece::new(span(rest), tone)
}

/// A stretch of time in its two largest units.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=119 => format!("1m {:02}s", seconds - 60),
        120..=3599 => format!("{}m", seconds / 60),
        3600..=172_799 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}
