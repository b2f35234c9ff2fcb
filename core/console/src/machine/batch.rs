//! Several requests of one shape, read as one and decided one by one.
//!
//! What makes one shape is defined in [`countersign_review::likeness`]. All sheets are read merged: what is the same
//! stands once, what differs stands once for each, so a line of a sheet was on screen when its line of the merged
//! sheet was. Each request still gets a decision and a signature of its own.

use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::{self, Verdict};
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;
use countersign_review::likeness::{Shape, ShapeLine};
use countersign_review::sheet::SheetLine;
use countersign_review::text::Untrusted;

use super::Moment;
use super::attention::{Attention, Position};
use super::ceremony::{Ceremony, Progress, Requirement};
use super::effect::{CallingOff, Order};
use super::state::{Detail, DetailContent, Summary};

/// The most requests in a batch: more are not read, they are waved through.
pub const MAX_MEMBERS: usize = 20;
/// The longest sheet of a batch, in lines.
pub const MAX_LINES: usize = 2000;

/// Several requests that are decided together.
#[derive(Debug)]
pub struct Batch {
    /// The requests, in the order of the queue.
    pub members: Vec<Member>,
    /// The one that Enter opens.
    pub cursor: usize,
    /// What they have in common, or why they have none; nothing while they are fetched.
    pub shape: Option<Result<Shape, String>>,
    /// The sheets that were compared.
    compared: Vec<ViewDigest>,
    /// What of the merged sheet was on screen.
    pub attention: Attention,
    /// The first line on screen.
    pub top: Position,
    /// When they were all there.
    pub opened: Duration,
}

/// One request of a batch.
#[derive(Debug)]
pub struct Member {
    /// It, as it is read.
    pub detail: Detail,
    /// How far its decision is.
    pub progress: Progress,
}

/// Why a request cannot be in a batch; nothing where it can.
#[must_use]
pub fn why_alone(summary: &Summary, now: Moment) -> Option<String> {
    if summary.severity >= Severity::High {
        Some(format!(
            "a {} risk is decided by itself, after its whole sheet",
            summary.severity.word()
        ))
    } else if let Some(why) = &summary.why_not {
        Some(why.clone())
    } else if now.wall >= summary.expires_at {
        Some("it has expired".to_owned())
    } else {
        None
    }
}

impl Member {
    /// Whether its decision was made.
    #[must_use]
    pub const fn is_decided(&self) -> bool {
        !matches!(self.progress, Progress::Writing | Progress::Failed(_))
    }
}

impl Batch {
    pub(super) fn new(ids: &[RequestId], now: Moment) -> Self {
        let member = |id: &RequestId| Member {
            detail: Detail::new(*id, now),
            progress: Progress::Writing,
        };
        Self {
            members: ids.iter().map(member).collect(),
            cursor: 0,
            shape: None,
            compared: Vec::new(),
            attention: Attention::default(),
            top: Position::default(),
            opened: now.up,
        }
    }

    /// The line of a merged sheet.
    #[must_use]
    pub fn line(&self, at: ShapeLine) -> Option<&SheetLine> {
        let member = self.members.get(at.member.unwrap_or(0))?;
        member.detail.reading()?.sheet.get(at.line)
    }

    /// The merged sheet, where there is one.
    #[must_use]
    pub fn lines(&self) -> &[ShapeLine] {
        match &self.shape {
            Some(Ok(shape)) => shape.lines(),
            _ => &[],
        }
    }

    /// What names the merged sheet, so that nothing is marked as seen on another.
    #[must_use]
    pub fn view_digest(&self) -> Option<ViewDigest> {
        Some(self.members.first()?.detail.reading()?.view_digest)
    }

    /// Compares the sheets once all are there. Nothing of the merged sheet was on screen yet.
    pub(super) fn compare(&mut self, now: Moment) {
        self.shape = None;
        self.compared = self.sheets();
        self.attention = Attention::default();
        self.top = Position::default();
        let mut sheets = Vec::with_capacity(self.members.len());
        for (number, member) in (1..).zip(&self.members) {
            match &member.detail.content {
                DetailContent::Loading => return,
                DetailContent::Failed(trouble) => {
                    let why = trouble.message.escaped();
                    self.shape = Some(Err(format!(
                        "request {number} could not be read: {why}; x takes it out"
                    )));
                    return;
                }
                DetailContent::Read(reading) if !reading.problems.is_empty() => {
                    self.shape = Some(Err(format!(
                        "the evidence of request {number} is not valid; x takes it out"
                    )));
                    return;
                }
                DetailContent::Read(reading) if reading.sheet.len() > MAX_LINES => {
                    self.shape = Some(Err(format!(
                        "the sheet of request {number} is too long for a batch"
                    )));
                    return;
                }
                DetailContent::Read(reading) => sheets.push(reading.sheet.as_ref()),
            }
        }
        self.shape = Some(Shape::of(&sheets).map_err(|unlike| unlike.to_string()));
        let merged: Vec<SheetLine> = self
            .lines()
            .iter()
            .filter_map(|at| self.line(*at))
            .cloned()
            .collect();
        self.attention = Attention::new(&merged);
        self.opened = now.up;
    }

    fn sheets(&self) -> Vec<ViewDigest> {
        let readings = self.members.iter().filter_map(|member| member.detail.reading());
        readings.map(|reading| reading.view_digest).collect()
    }

    /// Whether the sheets that were compared are still those that are read.
    pub(super) fn is_compared(&self) -> bool {
        self.shape.is_some() && self.compared == self.sheets()
    }

    /// Why nothing can be decided together.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        match &self.shape {
            Some(Ok(_)) if !self.is_compared() => Some("a sheet is another one now".to_owned()),
            None => Some("the requests are still being verified".to_owned()),
            Some(Err(why)) => Some(format!("they are not of one shape: {why}")),
            Some(Ok(_)) => None,
        }
    }

    /// The next request to be signed.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        let waits = |member: &Member| member.progress.is_writing();
        self.members.iter().position(waits)
    }

    /// Everything that has to be true before the next one is signed.
    #[must_use]
    pub fn requirements(&self, ceremony: &Ceremony, now: Moment) -> Vec<Requirement> {
        let mut all = Vec::new();
        let mut need = |met, text: String| all.push(Requirement { text, met });
        if let Some(why) = self.why_not() {
            need(false, why);
        }
        if let Some((number, why)) = self.next().and_then(|at| {
            let member = self.members.get(at)?;
            Some((at + 1, member.detail.why_not(now)?))
        }) {
            need(false, format!("request {number}: {why}"));
        }
        if ceremony.verdict == Verdict::Approve {
            let (seen, of) = (self.attention.lines(), self.attention.of_lines());
            need(
                self.attention.is_whole(),
                format!("all that is common and all that differs was on screen ({seen} of {of} lines)"),
            );
        }
        all.extend(ceremony.written_requirements());
        all
    }

    /// Why the key at hand will not do for one of those that are not decided.
    #[must_use]
    pub fn weak_key(&self) -> Option<String> {
        let open = self
            .members
            .iter()
            .zip(1..)
            .filter(|(member, _)| !member.is_decided());
        let mut weak = open.filter_map(|(member, number)| {
            let why = member.detail.reading()?.weak_key.as_ref()?;
            Some(format!("request {number}: {why}"))
        });
        weak.next()
    }

    /// What was on screen of one member's sheet: in the merged sheet, or by itself.
    #[must_use]
    pub fn stated(&self, at: usize, now: Moment) -> decision::Attention {
        let Some(member) = self.members.get(at) else {
            return Attention::default().statement(Duration::ZERO);
        };
        let own = |line: &ShapeLine| line.member.is_none_or(|own| own == at);
        let merged = self.lines().iter().enumerate().filter(|(_, line)| own(line));
        let alone = &member.detail.attention;
        let seen = merged
            .filter(|(index, line)| self.attention.saw(*index) || alone.saw(line.line))
            .count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        decision::Attention::Shown {
            lines: number(seen),
            of_lines: number(alone.of_lines()),
            seconds: number(
                usize::try_from(now.up.saturating_sub(self.opened).as_secs()).unwrap_or(usize::MAX),
            ),
        }
    }

    /// The order to sign the next decision, where everything that has to be true is. One order, one decision and one
    /// signature each; where the key allows one unlocking for many, `many` keeps what unlocks it for the next.
    pub(super) fn order(&mut self, ceremony: &mut Ceremony, many: bool, now: Moment) -> Option<Order> {
        let met = self
            .requirements(ceremony, now)
            .iter()
            .all(|requirement| requirement.met);
        let at = self.next()?;
        if !met || self.is_signing() {
            return None;
        }
        let attention = self.stated(at, now);
        let member = self.members.get_mut(at)?;
        let passphrase = if many {
            ceremony.passphrase.copy()
        } else {
            std::mem::take(&mut ceremony.passphrase)
        };
        let reading = member.detail.reading()?;
        ceremony.calling_off = CallingOff::default();
        let calling_off = ceremony.calling_off.clone();
        let order = Order::of(
            reading,
            ceremony.verdict,
            &ceremony.reason,
            attention,
            (ceremony.unlock, passphrase),
            calling_off,
        );
        member.progress = Progress::Signing;
        Some(order)
    }

    /// Gives up, with the reason, what cannot be decided any more, so that it does not hold up the others. Says
    /// whether it did: the next one was not on screen then, and is not signed by the same chord.
    pub(super) fn give_up(&mut self, now: Moment) -> bool {
        let next = self.next();
        while let Some(member) = self.next().and_then(|at| self.members.get_mut(at)) {
            let Some(why) = member.detail.why_not(now) else {
                break;
            };
            member.progress = Progress::Failed(Untrusted::from(format!("not signed: {why}").as_str()));
        }
        self.next() != next
    }

    /// Whether a signature is being made.
    #[must_use]
    pub fn is_signing(&self) -> bool {
        self.members
            .iter()
            .any(|member| member.progress == Progress::Signing)
    }
}
