//! Secrets in the clear, or the question whether; and who had them revealed.

use countersign_review::text::escape_line;
use serde::Serialize;

use super::super::Moment;
use super::super::reading::Reading;
use super::super::reveal::{Revealing, Stage};
use super::super::state::{Connection, State};
use super::piece::{Piece, Text, Tone, escaped, foreign, spanned, written};

/// A revealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct RevealView {
    /// What it does, and what comes of it.
    pub about: Vec<Text>,
    /// What there is to choose from, and whether it is chosen; nothing where it can no longer be chosen.
    pub choices: Vec<(Text, bool)>,
    /// The reason that is written.
    pub reason: Text,
    /// Whether it can be written on.
    pub writing: bool,
    /// Whether it waits for the person's answer outside this surface.
    pub confirming: bool,
    /// The secrets line by line, once they are recorded as revealed; until then there is none.
    pub secrets: Vec<Text>,
    /// For how many seconds more they are shown.
    pub seconds: Option<u64>,
    /// What went wrong, or on.
    pub notice: Option<Text>,
}

/// The revealing that is on top of the request.
#[must_use]
pub fn reveal(state: &State, now: Moment) -> Option<RevealView> {
    let revealing = state.revealing.as_deref()?;
    let reading = state.detail.as_deref()?.reading()?;
    if reading.id != revealing.request {
        return None;
    }
    let line = |text: &str, tone| vec![Piece::new(text, tone)];
    let (secrets, seconds) = match revealing.stage {
        Stage::Shown { until, .. } if now.up < until => {
            let left = until.saturating_sub(now.up);
            (
                shown(revealing, reading),
                Some(left.as_secs() + u64::from(left.subsec_nanos() > 0)),
            )
        }
        Stage::Shown { .. } | Stage::Writing | Stage::Confirming(_) | Stage::Recording => (Vec::new(), None),
    };
    let about = if seconds.is_some() {
        vec![line(
            "On this screen alone; sheet and panes stay masked. It is recorded.",
            Tone::Faint,
        )]
    } else {
        let recorded = if state.connection == Connection::Offline {
            "It is written into the file first, with your name, the time and your reason; your decision says so too."
        } else {
            "It is recorded first, with your name, the time and your reason; others see that, and your decision says so."
        };
        vec![
            line("Shows a secret in the clear for 30 seconds.", Tone::Plain),
            line(recorded, Tone::Warn),
        ]
    };
    let recording = || line("it is being recorded …", Tone::Faint);
    Some(RevealView {
        about,
        choices: if revealing.is_writing() {
            choices(revealing)
        } else {
            Vec::new()
        },
        reason: written(&revealing.reason, Tone::Plain),
        writing: revealing.is_writing(),
        confirming: revealing.awaited().is_some(),
        secrets,
        seconds,
        notice: match &revealing.notice {
            Some(notice) => Some(foreign(notice, Tone::Bad)),
            None => (revealing.stage == Stage::Recording).then(recording),
        },
    })
}

fn choices(revealing: &Revealing) -> Vec<(Text, bool)> {
    let one = |(index, choice): (usize, &super::super::reveal::Choice)| {
        let chosen = index == revealing.chosen;
        let tone = if chosen { Tone::Strong } else { Tone::Plain };
        (escaped(&choice.words, tone), chosen)
    };
    revealing.choices.iter().enumerate().map(one).collect()
}

/// Each secret that was asked for behind its mask, painted through the marks of hostile text.
fn shown(revealing: &Revealing, reading: &Reading) -> Vec<Text> {
    let wanted = revealing.choice().and_then(|choice| choice.secret);
    let mut lines = Vec::new();
    for secret in reading.masks.secrets() {
        if wanted.is_some() && secret.mark() != wanted {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Text::new());
        }
        let mut title = escaped(&secret.mask(), Tone::Faint);
        title.push(Piece::new(" is", Tone::Faint));
        lines.push(title);
        for line in secret.clear().split(|byte| *byte == b'\n') {
            lines.push(spanned(escape_line(line), Tone::Strong));
        }
    }
    lines
}

/// Who had secrets revealed, for the history of the request.
pub(super) fn reveals(reading: &Reading) -> Vec<Text> {
    if reading.reveals.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![vec![
        Piece::new("Secrets revealed", Tone::Heading),
        Piece::new("  as the backend recorded it; nobody signed it", Tone::Faint),
    ]];
    for reveal in &reading.reveals {
        let mut line = vec![
            Piece::new(format!("  {}  ", reveal.at), Tone::Faint),
            Piece::new(reveal.person.to_string(), Tone::Strong),
            Piece::new(
                match reveal.secret {
                    Some(mark) => format!("  mark {mark}  "),
                    None => "  all  ".to_owned(),
                },
                Tone::Faint,
            ),
        ];
        line.extend(spanned(
            reading.masks.spans(reveal.reason.raw().as_bytes()),
            Tone::Plain,
        ));
        lines.push(line);
    }
    lines.push(Text::new());
    lines
}
