//! The request that is read.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Refusal;
use countersign_verify::Account;

use super::super::Moment;
use super::super::attention::{Attention, Position};
use super::super::document::{ChangedDocument, Shape};
use super::super::keys::KeyNames;
use super::super::reading::{Pane, Reading};
use super::super::seek::Seek;
use super::row::Summary;
use super::trust::Trouble;

/// The request being read.
#[derive(Debug)]
pub struct Detail {
    /// The request.
    pub id: RequestId,
    /// What came of opening it.
    pub content: DetailContent,
    /// The pane that is read.
    pub pane: Pane,
    /// The first line on screen, for each pane.
    pub tops: [Position; Pane::ALL.len()],
    /// What of the sheet was on screen.
    pub attention: Attention,
    /// When it was opened.
    pub opened: Duration,
    /// The request moved while it was read: the newer reading and what moved. Nothing is signed until the
    /// person looks again.
    pub moved: Option<(Box<Reading>, String)>,
    /// Whether a newer reading is on its way, or could not be had; nothing is signed meanwhile.
    pub checking: bool,
    /// The newest change that was heard of; an older reading is not signed.
    pub heard: u64,
    /// How changes are laid out.
    pub shape: Shape,
    /// What is searched for in the pane.
    pub search: String,
    /// Whether it is being written.
    pub searching: bool,
    /// How far the search for it is, while it is under way.
    pub seek: Option<Seek>,
    /// The finding that is pointed at.
    pub finding: usize,
    /// How often suspicious text was gone to.
    pub suspicious: usize,
    /// What changed on the sheet since this person looked at it last.
    pub since: Option<ChangedDocument>,
    /// Requests of the same target or agent.
    pub history: Vec<(RequestId, Summary)>,
    /// How often a name was copied.
    pub copied: usize,
    /// Whether these are local files: there is no sheet, and nothing to decide.
    pub local: bool,
    /// What was checked, where it is read from a file of evidence.
    pub evidence: Option<Arc<Account>>,
}

/// What came of opening a request.
#[derive(Debug)]
pub enum DetailContent {
    /// It is fetched and verified.
    Loading,
    /// It could not be had at all.
    Failed(Trouble),
    /// It can be read. Whether it is believed stands in the reading.
    Read(Box<Reading>),
}

impl Detail {
    pub(in super::super) fn new(id: RequestId, now: Moment) -> Self {
        Self {
            id,
            content: DetailContent::Loading,
            pane: Pane::Sheet,
            tops: [Position::default(); Pane::ALL.len()],
            attention: Attention::default(),
            opened: now.up,
            moved: None,
            checking: false,
            heard: 0,
            shape: Shape::default(),
            search: String::new(),
            searching: false,
            seek: None,
            finding: 0,
            suspicious: 0,
            since: None,
            history: Vec::new(),
            copied: 0,
            local: false,
            evidence: None,
        }
    }

    /// What can be read.
    #[must_use]
    pub fn reading(&self) -> Option<&Reading> {
        match &self.content {
            DetailContent::Read(reading) => Some(reading),
            DetailContent::Loading | DetailContent::Failed(_) => None,
        }
    }

    /// The panes there are, in the order of the tabs.
    #[must_use]
    pub fn panes(&self) -> Vec<Pane> {
        let there = |pane: &Pane| match pane {
            Pane::Evidence => self.evidence.is_some(),
            // Of evidence that cannot be followed, why is all there is to read.
            _ if self.evidence.is_some() && self.reading().is_none() => false,
            Pane::Since => self.since.is_some(),
            Pane::Drift => self.reading().is_some_and(|reading| reading.drift.is_some()),
            Pane::Sheet | Pane::Context | Pane::Policy | Pane::History | Pane::Talk => !self.local,
            Pane::Change | Pane::Structure | Pane::Findings | Pane::Raw => true,
        };
        Pane::ALL.into_iter().filter(there).collect()
    }

    /// Puts a line of a pane on top.
    pub(in super::super) fn go_to(&mut self, pane: Pane, line: usize) {
        if let Some(top) = self.tops.get_mut(pane.index()) {
            *top = Position { line, character: 0 };
        }
    }

    pub(in super::super) fn step_pane(&mut self, by: usize) {
        let panes = self.panes();
        let at = panes.iter().position(|pane| *pane == self.pane).unwrap_or(0);
        if let Some(pane) = panes.get((at + by % panes.len().max(1)) % panes.len().max(1)) {
            self.pane = *pane;
        }
    }

    /// The first line on screen of the pane that is read.
    #[must_use]
    pub fn top(&self) -> Position {
        self.tops.get(self.pane.index()).copied().unwrap_or_default()
    }

    /// What can be done about why nothing can be decided, where something can.
    #[must_use]
    pub fn way_out(&self, keys: &KeyNames) -> Option<String> {
        if self.moved.is_some() {
            Some(format!("; press {} to look again", keys.look_again))
        } else if self.checking {
            Some(format!("; {} tries once more", keys.refresh))
        } else {
            None
        }
    }

    /// Why nothing can be decided, where that is so; known before reading starts.
    #[must_use]
    pub fn why_not(&self, now: Moment) -> Option<String> {
        let reading = match &self.content {
            DetailContent::Loading => return Some("the request is still being verified".to_owned()),
            DetailContent::Failed(_) => return Some("the request could not be read".to_owned()),
            DetailContent::Read(reading) => reading,
        };
        if self.local {
            Some("these are local files; there is nothing to decide".to_owned())
        } else if !reading.problems.is_empty() {
            Some("the evidence is not valid; nothing can be signed".to_owned())
        } else if !reading.complete {
            Some("not all of it is computed yet".to_owned())
        } else if let Some((_, what)) = &self.moved {
            Some(what.clone())
        } else if self.checking {
            Some("the request changed and is read again".to_owned())
        } else if now.wall >= reading.summary.expires_at {
            Some(Refusal::Expired.to_string())
        } else {
            reading.summary.why_not.clone()
        }
    }
}
