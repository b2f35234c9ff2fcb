//! A decision as it is made.

use countersign_protocol::decision::Verdict;
use serde::Serialize;

use super::super::Moment;
use super::super::ceremony::{Ceremony, DENIALS, Field, Progress, Requirement, Unlock};
use super::super::confirm::PIN_REMEMBERED;
use super::super::reading::Reading;
use super::super::state::{Screen, State};
use super::batch::batch_ceremony;
use super::detail::verdict;
use super::piece::{Piece, Text, Tone, foreign, written};
use super::sheet::sheet_line;
use crate::amend::Draft;

/// A decision that is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct CeremonyView {
    /// The request that is decided.
    pub request: String,
    /// The sheet that it is decided by.
    pub view_digest: String,
    /// Whether it may harm much, so that more is asked of the person.
    pub grave: bool,
    /// Whether it waits for the person's answer outside this surface.
    pub confirming: bool,
    /// The usual reasons to choose from.
    pub reasons: Vec<&'static str>,
    /// What it decides.
    pub verdict: Piece,
    /// Exactly what is signed: labels and values.
    pub signed: Vec<(&'static str, Text)>,
    /// The six words to compare screens by.
    pub check_words: String,
    /// What a counter-proposal changes about what was asked.
    pub difference: Vec<Text>,
    /// The action that this is the difference of, where there is one.
    pub instead: Option<String>,
    /// The first line of it on screen.
    pub first: usize,
    /// Whether there is a text that can be rewritten.
    pub rewritable: bool,
    /// What is written.
    pub fields: Vec<FieldView>,
    /// What has to be true, and whether it is.
    pub requirements: Vec<(bool, String)>,
    /// Why the last try did nothing.
    pub notice: Option<Text>,
    /// How far it is, once it was signed.
    pub progress: Vec<Text>,
    /// Whether it is over, so that Enter closes it.
    pub over: bool,
    /// Whether leaving calls it off, because nothing is signed yet.
    pub can_call_off: bool,
    /// Whether the chord would sign now.
    pub ready: bool,
    /// Whether there are usual reasons to choose from.
    pub presets: bool,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct FieldView {
    /// Which it is.
    pub field: Field,
    /// What to write.
    pub label: String,
    /// What was written; a secret as dots.
    pub value: Text,
    /// Whether it is being written.
    pub focused: bool,
}

/// The decision that is made.
#[must_use]
pub fn ceremony(state: &State, now: Moment) -> Option<CeremonyView> {
    let ceremony = state.ceremony.as_deref()?;
    if let Some(batch) = state.batch.as_deref().filter(|_| state.screen == Screen::Batch) {
        return batch_ceremony(batch, ceremony, now);
    }
    let detail = state.detail.as_deref()?;
    let reading = detail.reading()?;
    let requirements = ceremony.requirements(detail, now);
    let writing = ceremony.progress.is_writing();
    Some(CeremonyView {
        request: reading.id.to_string(),
        view_digest: reading.view_digest.to_string(),
        grave: ceremony.is_grave(reading),
        confirming: ceremony.awaited.is_some(),
        reasons: reasons(ceremony, writing),
        verdict: if ceremony.counter.is_some() {
            Piece::new("COUNTER-PROPOSE", Tone::Bad)
        } else {
            verdict(ceremony.verdict)
        },
        signed: {
            let mut all = signed(reading, detail.attention.lines(), detail.attention.of_lines());
            all.extend(instead(ceremony));
            all.extend(presence(ceremony));
            all
        },
        difference: difference(ceremony),
        instead: drafted(ceremony).map(|draft| draft.action_digest.to_string()),
        first: ceremony.counter.as_ref().map_or(0, |counter| counter.top.line),
        rewritable: writing
            && ceremony
                .counter
                .as_ref()
                .is_some_and(|counter| counter.text().is_some()),
        check_words: reading.check_words.join(" "),
        fields: if writing { fields(ceremony) } else { Vec::new() },
        presets: writing && ceremony.verdict == Verdict::Deny,
        can_call_off: ceremony.progress == Progress::Signing,
        ready: writing && requirements.iter().all(|requirement| requirement.met),
        requirements: if writing {
            requirements
                .into_iter()
                .map(|Requirement { text, met }| (met, text))
                .collect()
        } else {
            Vec::new()
        },
        notice: ceremony.notice.as_ref().map(|notice| foreign(notice, Tone::Bad)),
        progress: progress(ceremony),
        over: matches!(
            ceremony.progress,
            Progress::Committed | Progress::Logged { .. } | Progress::Kept(_) | Progress::Carried(_)
        ),
    })
}

/// The usual reasons, where there are any.
pub(super) fn reasons(ceremony: &Ceremony, writing: bool) -> Vec<&'static str> {
    if writing && ceremony.verdict == Verdict::Deny {
        DENIALS.to_vec()
    } else {
        Vec::new()
    }
}

pub(super) fn signed(reading: &Reading, seen: usize, of: usize) -> Vec<(&'static str, Text)> {
    let plain = |text: String| vec![Piece::new(text, Tone::Plain)];
    let summary = &reading.summary;
    vec![
        ("target", foreign(&summary.target, Tone::Strong)),
        (
            "in",
            plain(format!(
                "{}   {} by agent {}",
                summary.environment,
                summary.kind.id(),
                summary.agent
            )),
        ),
        ("request", plain(reading.request_digest.to_string())),
        ("action", plain(reading.action_digest.to_string())),
        ("sheet", plain(reading.view_digest.to_string())),
        (
            "seen",
            plain(format!("{seen} of {of} lines of the sheet were on screen")),
        ),
    ]
}

fn drafted(ceremony: &Ceremony) -> Option<&Draft> {
    ceremony.counter.as_ref()?.draft().ok()
}

/// What a counter-proposal adds to what is signed.
fn instead(ceremony: &Ceremony) -> Vec<(&'static str, Text)> {
    let Some(draft) = drafted(ceremony) else {
        return Vec::new();
    };
    let plain = |text: String| vec![Piece::new(text, Tone::Plain)];
    vec![
        ("instead", plain(draft.action_digest.to_string())),
        ("until", plain(draft.until.to_string())),
    ]
}

/// That the signature will prove nobody's presence, where the key's PIN is remembered.
pub(super) fn presence(ceremony: &Ceremony) -> Option<(&'static str, Text)> {
    let said = Piece::new(format!("none is proven ({PIN_REMEMBERED})"), Tone::Warn);
    ceremony.pin_remembered.then(|| ("presence", vec![said]))
}

fn difference(ceremony: &Ceremony) -> Vec<Text> {
    let lines = ceremony
        .counter
        .as_ref()
        .map_or(&[][..], |counter| counter.lines());
    (0..lines.len())
        .filter_map(|index| sheet_line(lines, index))
        .collect()
}

pub(super) fn fields(ceremony: &Ceremony) -> Vec<FieldView> {
    let typed = |text: &str| written(text, Tone::Plain);
    let view = |field: Field| {
        let (label, value) = match field {
            Field::Reason => ("reason".to_owned(), typed(&ceremony.reason)),
            Field::Rows => {
                let rows = ceremony.counter.as_ref().and_then(|counter| counter.max_rows());
                let typed_rows = ceremony.counter.as_ref().map_or("", |counter| &counter.rows);
                (format!("rows ≤ {}", rows.unwrap_or_default()), typed(typed_rows))
            }
            Field::Life => {
                let life = ceremony.counter.as_ref().map_or("", |counter| &counter.life);
                ("open for".to_owned(), typed(life))
            }
            Field::Name => (
                format!("type {}", ceremony.name.as_deref().unwrap_or_default()),
                typed(&ceremony.typed),
            ),
            Field::Passphrase => {
                let dots = "•".repeat(ceremony.passphrase.count());
                (
                    ceremony.unlock.word().to_owned(),
                    vec![Piece::new(dots, Tone::Plain)],
                )
            }
        };
        FieldView {
            field,
            label,
            value,
            focused: ceremony.field == field,
        }
    };
    ceremony.fields().into_iter().map(view).collect()
}

fn progress(ceremony: &Ceremony) -> Vec<Text> {
    let line = |text: String, tone| vec![Piece::new(text, tone)];
    let done = |text: &str| line(format!("✓ {text}"), Tone::Good);
    let waits = |text: &str| line(format!("… {text}"), Tone::Faint);
    let what = if ceremony.counter.is_some() {
        "counter-proposal"
    } else if ceremony.verdict == Verdict::Approve {
        "approval"
    } else {
        "denial"
    };
    match &ceremony.progress {
        Progress::Writing | Progress::Failed(_) => Vec::new(),
        Progress::Signing if ceremony.unlock == Unlock::Touch => {
            vec![waits("touch your key, or confirm in your agent")]
        }
        Progress::Signing => vec![waits("signing")],
        Progress::Sent => vec![done("signed"), waits("sent; the backend has not answered")],
        Progress::Kept(why) => {
            let mut text = vec![Piece::new("! not sent: ", Tone::Warn)];
            text.extend(foreign(why, Tone::Plain));
            vec![
                done("signed"),
                text,
                line(
                    "  It is kept here and sent again by itself.".to_owned(),
                    Tone::Plain,
                ),
            ]
        }
        Progress::Carried(file) => {
            let mut text = vec![Piece::new("✓ written to ", Tone::Good)];
            text.extend(foreign(file, Tone::Plain));
            vec![
                done("signed"),
                text,
                line(
                    "  It counts once the file is back: countersign import FILE".to_owned(),
                    Tone::Warn,
                ),
            ]
        }
        Progress::Committed => {
            vec![
                done("signed"),
                done("sent"),
                done(&format!("the backend stored your {what}")),
                waits("not in the log yet"),
            ]
        }
        Progress::Logged { index, size } => vec![
            done("signed"),
            done("sent"),
            done(&format!("the backend stored your {what}")),
            done(&format!(
                "in the log: entry {index} of {size}, proven to this console"
            )),
        ],
    }
}
