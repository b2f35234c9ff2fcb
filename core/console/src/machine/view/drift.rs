//! What was approved last, what is live and what is proposed, path by path, the dangerous ones on top. The same rows
//! stand on the sheet.

use countersign_protocol::approval::LastApproved;
use countersign_review::drift::Standing;
use countersign_review::secret::Masks;
use countersign_review::sheet::drift::{Record, Row};
use countersign_review::text::Untrusted;

use super::super::reading::Drifted;
use super::pane::{Column, PaneLine};
use super::piece::{Piece, Text, Tone, escaped, foreign, spanned};
use super::sheet::standing_tone;

/// Lines of a row: what it is, its columns, a blank.
const LINES: usize = 3;

/// Rows in all.
pub(super) fn drift_count(drifted: &Drifted) -> usize {
    rows(drifted).len()
}

pub(super) fn lines(drifted: &Drifted) -> usize {
    head(drifted, &Masks::off()).len() + rows(drifted).len() * LINES
}

/// The lines at which rows begin.
pub(in super::super) fn drift_marks(drifted: &Drifted) -> Vec<usize> {
    let first = head(drifted, &Masks::off()).len();
    (0..rows(drifted).len()).map(|row| first + row * LINES).collect()
}

pub(super) fn line(drifted: &Drifted, masks: &Masks, index: usize) -> Option<PaneLine> {
    let head = head(drifted, masks);
    let Some(at) = index.checked_sub(head.len()) else {
        return head.into_iter().nth(index);
    };
    let row = rows(drifted).get(at / LINES)?;
    Some(match at % LINES {
        0 => PaneLine::bare(title(row, masks)),
        1 => columns(row, masks),
        _ => PaneLine::bare(Text::new()),
    })
}

fn rows(drifted: &Drifted) -> &[Row] {
    drifted.record.as_ref().map_or(&[], |record| &record.rows)
}

fn head(drifted: &Drifted, masks: &Masks) -> Vec<PaneLine> {
    let mut head: Vec<Text> = Vec::new();
    let plain = |text: String| vec![Piece::new(text, Tone::Plain)];
    match &drifted.approved {
        None => {}
        Some(LastApproved::Never {}) => head.push(plain(
            "No approved state of this target is on record: there is nothing to compare with.".to_owned(),
        )),
        Some(
            LastApproved::Document {
                request, ended_at, ..
            }
            | LastApproved::Unread {
                request, ended_at, ..
            },
        ) => {
            head.push(plain(format!(
                "Approved last by {request}, which had run at {ended_at}."
            )));
        }
        Some(LastApproved::Removed { request, ended_at }) => head.push(plain(format!(
            "Approved last to be removed, by {request}, which had run at {ended_at}."
        ))),
    }
    if let Some(record) = drifted.record.as_deref() {
        head.push(told(record, masks));
    }
    let mut head: Vec<PaneLine> = head.into_iter().map(PaneLine::bare).collect();
    if !rows(drifted).is_empty() {
        let names = ["approved", "live", "proposed"].map(|name| Column {
            label: "",
            text: vec![Piece::new(name, Tone::Heading)],
        });
        head.push(PaneLine::bare(Text::new()));
        head.push(PaneLine {
            columns: names.into(),
            ..PaneLine::bare(Text::new())
        });
    }
    head
}

/// What the rows come to, in a line.
fn told(record: &Record, masks: &Masks) -> Text {
    if let Some(unread) = &record.unread {
        let mut text = vec![Piece::new("The ", Tone::Bad)];
        text.extend(foreign(&unread.state, Tone::Bad));
        text.push(Piece::new(
            " state could not be read, so what was changed live is not known: ",
            Tone::Bad,
        ));
        text.extend(escaped(&masks.quoting(&unread.why.escaped()), Tone::Plain));
        return text;
    }
    let standings = [
        Standing::RevertsLive,
        Standing::OnTopOfDrift,
        Standing::AskedFor,
        Standing::UntouchedDrift,
    ];
    let mut text = Text::new();
    for standing in standings {
        let count = record.rows.iter().filter(|row| row.standing == standing).count();
        if count > 0 {
            if !text.is_empty() {
                text.push(Piece::new(", ", Tone::Faint));
            }
            text.push(Piece::new(
                format!("{count} {}", plural(standing, count)),
                standing_tone(standing),
            ));
        }
    }
    if text.is_empty() {
        text.push(Piece::new("All three states are the same.", Tone::Plain));
    }
    text
}

const fn plural(standing: Standing, count: usize) -> &'static str {
    match standing {
        Standing::RevertsLive if count == 1 => "reverts a live change",
        Standing::RevertsLive => "revert live changes",
        Standing::OnTopOfDrift => "asked for on top of drift",
        Standing::AskedFor => "asked for",
        Standing::UntouchedDrift => "untouched drift",
    }
}

fn title(row: &Row, masks: &Masks) -> Text {
    let sign = match row.standing {
        Standing::RevertsLive => "\u{25b2} ",
        Standing::OnTopOfDrift => "\u{25c6} ",
        Standing::AskedFor => "~ ",
        Standing::UntouchedDrift => "\u{25cb} ",
    };
    let tone = standing_tone(row.standing);
    let mut text = vec![Piece::new(format!("{sign}{}  ", row.standing.id()), tone)];
    text.extend(escaped(&masks.quoting(&row.path.escaped()), Tone::Strong));
    text
}

fn columns(row: &Row, masks: &Masks) -> PaneLine {
    let [baseline, live, proposed] = [&row.baseline, &row.live, &row.proposed]
        .map(|value| value.as_ref().map(|value| (&value.text, value.more)));
    let tone = |other: bool, tone| if other { tone } else { Tone::Plain };
    let columns = [
        ("approved", baseline, Tone::Plain),
        ("live", live, tone(live != baseline, Tone::Removed)),
        ("proposed", proposed, tone(proposed != live, Tone::Added)),
    ];
    PaneLine {
        columns: columns
            .into_iter()
            .map(|(label, value, tone)| Column {
                label,
                text: shown(value, masks, tone),
            })
            .collect(),
        ..PaneLine::bare(Text::new())
    }
}

fn shown(value: Option<(&Untrusted, u64)>, masks: &Masks, tone: Tone) -> Text {
    let Some((text, more)) = value else {
        return vec![Piece::new("\u{2013}", Tone::Faint)];
    };
    let mut shown = spanned(masks.lexeme(text.bytes()), tone);
    if more > 0 {
        shown.extend(escaped(&format!("⟦{more} more characters⟧"), tone));
    }
    shown
}
