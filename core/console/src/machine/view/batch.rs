//! Several requests of one shape as they are drawn.

use countersign_protocol::decision::Verdict;
use countersign_review::sheet::LineRole;
use serde::Serialize;

use super::super::Moment;
use super::super::batch::{Batch, Member};
use super::super::ceremony::{Ceremony, Progress, Requirement};
use super::super::keys::KeyNames;
use super::super::state::State;
use super::ceremony::{CeremonyView, fields, presence, reasons, signed};
use super::detail::verdict;
use super::pane::PaneLine;
use super::piece::{Piece, Text, Tone, foreign, left, risk};
use super::sheet::sheet_line;

/// Several requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct BatchView {
    /// What they are together, or why they are not decided together.
    pub title: Text,
    /// What to do next.
    pub advice: Text,
    /// What came of the one under the cursor, in whole.
    pub about: Text,
    /// The requests.
    pub members: Vec<MemberView>,
    /// The place of the cursor among them.
    pub cursor: usize,
    /// Lines of the merged sheet that were on screen, of all.
    pub seen: (usize, usize),
}

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct MemberView {
    /// Its number in the batch, from 1.
    pub number: usize,
    /// Whether the cursor is on it.
    pub selected: bool,
    /// What it acts on.
    pub target: Text,
    /// Why it cannot be decided, or how far its decision is.
    pub state: Text,
    /// How long it can be decided.
    pub left: Piece,
}

/// The requests that are read together.
#[must_use]
pub fn batch(state: &State, now: Moment) -> Option<BatchView> {
    let batch = state.batch.as_deref()?;
    let members = (0..).zip(&batch.members);
    Some(BatchView {
        title: title(batch),
        advice: advice(batch, &state.keys),
        members: members
            .map(|(index, member)| member_view(batch, index, member, now))
            .collect(),
        cursor: batch.cursor,
        about: about(batch, now),
        seen: (batch.attention.lines(), batch.attention.of_lines()),
    })
}

fn title(batch: &Batch) -> Text {
    if let Some(why) = batch.why_not() {
        let tone = if batch.shape.is_none() {
            Tone::Faint
        } else {
            Tone::Bad
        };
        let mut text = vec![Piece::new(
            format!("{} requests: ", batch.members.len()),
            Tone::Strong,
        )];
        // What the sheets say is escaped by them already.
        text.extend(super::piece::escaped(&why, tone));
        return text;
    }
    let first = batch.members.first().and_then(|member| member.detail.reading());
    let Some(summary) = first.map(|reading| &reading.summary) else {
        return Text::new();
    };
    vec![
        Piece::new(
            format!("{} requests of one shape: ", batch.members.len()),
            Tone::Strong,
        ),
        Piece::new(
            format!(
                "agent {} asks for {} in {}  ",
                summary.agent,
                summary.kind.title(),
                summary.environment
            ),
            Tone::Plain,
        ),
        risk(summary.severity),
    ]
}

fn advice(batch: &Batch, keys: &KeyNames) -> Text {
    let count = |wanted: fn(&Member) -> bool| batch.members.iter().filter(|member| wanted(member)).count();
    let (done, failed) = (
        count(Member::is_decided),
        count(|member| matches!(member.progress, Progress::Failed(_))),
    );
    let all = batch.members.len();
    let line = |text: String, tone| vec![Piece::new(text, tone)];
    if done == all {
        line(
            format!("✓ All {all} are decided, each by a signature of its own. Esc closes this."),
            Tone::Good,
        )
    } else if failed > 0 {
        line(
            format!(
                "! {done} of {all} decided, {failed} not; {} or {} tries the rest again.",
                keys.approve, keys.deny
            ),
            Tone::Warn,
        )
    } else if batch.why_not().is_some() {
        line(
            format!(
                "{} takes the one under the cursor out; Enter reads it by itself; Esc goes back.",
                keys.mark
            ),
            Tone::Faint,
        )
    } else if batch.attention.is_whole() {
        line(
            format!(
                "✓ All was on screen. {} approves, {} denies: one reason, one signature each.",
                keys.approve, keys.deny
            ),
            Tone::Good,
        )
    } else {
        line(
            "Below, what is common stands once; what differs stands once for each.".to_owned(),
            Tone::Faint,
        )
    }
}

fn about(batch: &Batch, now: Moment) -> Text {
    let Some(member) = batch.members.get(batch.cursor) else {
        return Text::new();
    };
    let mut state = member_view(batch, batch.cursor, member, now).state;
    if !state.is_empty() && member.detail.reading().is_some() {
        state.insert(0, Piece::new(format!("{:>2} ", batch.cursor + 1), Tone::Match));
        return state;
    }
    Text::new()
}

fn member_view(batch: &Batch, index: usize, member: &Member, now: Moment) -> MemberView {
    let reading = member.detail.reading();
    let why_not = member.detail.why_not(now).filter(|_| !member.is_decided());
    let bad = |text: String| vec![Piece::new(text, Tone::Bad)];
    let good = |text: String| vec![Piece::new(text, Tone::Good)];
    let wait = |text: &str| vec![Piece::new(text, Tone::Faint)];
    let state = match &member.progress {
        Progress::Signing => wait("… signing"),
        Progress::Sent => wait("… signed and sent; no answer yet"),
        Progress::Committed => wait("✓ stored by the backend; not in the log yet"),
        Progress::Logged { index, size } => good(format!("✓ in the log: entry {index} of {size}")),
        Progress::Kept(why) => labelled("! signed, kept here: ", Tone::Warn, foreign(why, Tone::Plain)),
        Progress::Carried(why) => labelled("✓ signed: ", Tone::Good, foreign(why, Tone::Plain)),
        Progress::Failed(why) => labelled("✗ not decided: ", Tone::Bad, foreign(why, Tone::Plain)),
        Progress::Writing => match why_not {
            Some(why) if reading.is_some() => bad(format!("✗ {why}")),
            Some(why) => wait(&why),
            None => Text::new(),
        },
    };
    MemberView {
        number: index + 1,
        selected: index == batch.cursor,
        target: reading.map_or_else(
            || vec![Piece::new(member.detail.id.to_string(), Tone::Faint)],
            |reading| foreign(&reading.summary.target, Tone::Plain),
        ),
        state,
        left: reading.map_or_else(
            || Piece::new("–", Tone::Faint),
            |reading| left(reading.summary.expires_at, now.wall),
        ),
    }
}

fn labelled(label: &str, tone: Tone, text: Text) -> Text {
    let mut out = vec![Piece::new(label, tone)];
    out.extend(text);
    out
}

/// A line of the merged sheet: beside what is not the same for all stands whose it is.
pub(super) fn merged_line(batch: &Batch, index: usize) -> Option<PaneLine> {
    let at = *batch.lines().get(index)?;
    let member = batch.members.get(at.member.unwrap_or(0))?;
    let text = sheet_line(&member.detail.reading()?.sheet, at.line)?;
    let gutter = match at.member {
        None => Piece::new("   ", Tone::Faint),
        Some(member) => Piece::new(format!("{:>2} ", member + 1), Tone::Match),
    };
    Some(PaneLine {
        gutter: vec![gutter],
        ..PaneLine::bare(text)
    })
}

/// The lines at which something differs, or a change or a finding begins.
pub fn batch_landmarks(batch: &Batch) -> Vec<usize> {
    let begins = |index: usize| {
        let at = batch.lines().get(index)?;
        let line = batch.line(*at)?;
        let differs = at.member == Some(0);
        let starts = matches!(line.role, LineRole::Hunk)
            || matches!(line.role, LineRole::Finding(_)) && !line.text.starts_with(' ');
        Some(differs || starts)
    };
    (0..batch.lines().len())
        .filter(|index| begins(*index) == Some(true))
        .collect()
}

/// The ceremony of a batch: what is signed next, and what is still missing.
pub(super) fn batch_ceremony(batch: &Batch, ceremony: &Ceremony, now: Moment) -> Option<CeremonyView> {
    let all = batch.members.len();
    let next = batch.next();
    let shown = next.unwrap_or(all.saturating_sub(1));
    let reading = batch.members.get(shown)?.detail.reading()?;
    let requirements = batch.requirements(ceremony, now);
    let busy = batch
        .members
        .iter()
        .position(|member| member.progress == Progress::Signing);
    let mut title = verdict(ceremony.verdict);
    title.text = format!("{} {} of {all}, one signature each", title.text, shown + 1);
    let countersign_protocol::decision::Attention::Shown { lines, of_lines, .. } = batch.stated(shown, now)
    else {
        return None;
    };
    Some(CeremonyView {
        request: reading.id.to_string(),
        view_digest: reading.view_digest.to_string(),
        grave: ceremony.is_grave(reading),
        confirming: ceremony.awaited.is_some(),
        reasons: reasons(ceremony, next.is_some()),
        verdict: title,
        signed: {
            let mut all = signed(reading, lines as usize, of_lines as usize);
            all.extend(presence(ceremony));
            all
        },
        difference: Vec::new(),
        instead: None,
        first: 0,
        rewritable: false,
        check_words: reading.check_words.join(" "),
        fields: if next.is_some() {
            fields(ceremony)
        } else {
            Vec::new()
        },
        presets: next.is_some() && ceremony.verdict == Verdict::Deny,
        ready: busy.is_none() && next.is_some() && requirements.iter().all(|requirement| requirement.met),
        requirements: requirements
            .into_iter()
            .map(|Requirement { text, met }| (met, text))
            .collect(),
        notice: ceremony.notice.as_ref().map(|notice| foreign(notice, Tone::Bad)),
        progress: busy
            .map(|at| vec![Piece::new(format!("… signing {} of {all}", at + 1), Tone::Faint)])
            .into_iter()
            .collect(),
        over: false,
        can_call_off: busy.is_some(),
    })
}
