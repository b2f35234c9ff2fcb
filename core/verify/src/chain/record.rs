//! The log of the evidence: every statement under one checkpoint, none of the request's own hidden.

use std::collections::BTreeMap;

use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::decision::{SeenCheckpoint, Verdict};
use countersign_protocol::identity::RequestId;
use countersign_protocol::log::{Commitment, EntryType, Leaf, origin};
use countersign_protocol::moment::Timestamp;

use super::request::Asked;
use super::trust::Trust;
use super::{LogView, Pinned, Problem, Purpose};
use crate::log::{CheckedSegment, check_seen};

/// What the log says about the evidence's statements.
pub(super) struct Record {
    pub view: LogView,
    leaves: BTreeMap<u64, Leaf>,
}

pub(super) fn open(
    evidence: &Evidence,
    pinned: &Pinned,
    trust: &Trust,
    asked: &Asked,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) -> Record {
    let mut record = Record {
        view: LogView {
            origin: origin(trust.root.id()),
            ..LogView::default()
        },
        leaves: BTreeMap::new(),
    };
    let (Some(segment), Some(index)) = (&evidence.log, evidence.request.index) else {
        if purpose != Purpose::Review {
            problems.push(Problem::new(
                "not-logged",
                "the request does not stand in the log",
            ));
        }
        return record;
    };
    let asked_after = asked.proposal.checkpoint;
    let start = asked_after.map_or(index, |seen| seen.size.min(index));
    match trust.segment(segment, start, index) {
        Ok(CheckedSegment { checkpoint, leaves }) => {
            record.view.checkpoint = Some(checkpoint);
            record.view.request_index = Some(index);
            record.leaves = in_time(leaves);
            record.view.newest_leaf = record.leaves.last_key_value().map(|(_, leaf)| leaf.at);
            check_pin(evidence, pinned, &checkpoint, purpose, problems);
            check_asked_after(evidence, asked_after, index, &checkpoint, problems);
            record.check_statements(evidence, trust, asked, problems);
            record.check_nothing_hidden(evidence, asked, start, problems);
            check_amended_before(evidence, index, purpose, problems);
        }
        Err(error) => problems.push(Problem::new("log", error)),
    }
    record
}

/// No leaf is older than one that stands before it, whatever time was written into it.
fn in_time(leaves: Vec<(u64, Leaf)>) -> BTreeMap<u64, Leaf> {
    let mut latest = Timestamp::from_millis(0);
    let mut settled = BTreeMap::new();
    for (index, mut leaf) in leaves {
        latest = latest.max(leaf.at);
        leaf.at = latest;
        settled.insert(index, leaf);
    }
    settled
}

/// What was amended stands in the log before what came of it. A reviewer may look before all is logged.
fn check_amended_before(evidence: &Evidence, start: u64, purpose: Purpose, problems: &mut Vec<Problem>) {
    let before = |index: Option<u64>| match index {
        Some(index) => index < start,
        None => purpose == Purpose::Review,
    };
    if !evidence
        .amended
        .iter()
        .all(|amended| before(amended.amendment.index))
    {
        problems.push(Problem::new(
            "not-logged",
            "an amendment that this request follows from does not stand in the log before it",
        ));
    }
}

/// The pinned checkpoint must be a prefix of this log. Evidence of the past may be older than the pin.
fn check_pin(
    evidence: &Evidence,
    pinned: &Pinned,
    checkpoint: &SeenCheckpoint,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) {
    let Some(seen) = pinned.checkpoint else { return };
    if seen.size > checkpoint.size {
        if purpose != Purpose::Audit {
            problems.push(Problem::new(
                "log-behind",
                "the log is shown at an older size than was seen here; fetch again",
            ));
        }
        return;
    }
    if let Err(error) = check_seen(&seen, checkpoint, &evidence.consistency) {
        problems.push(Problem::new("log-fork", error));
    }
}

/// What the guard had read of the log when it asked is the beginning of this one, and the request stands behind it. A backend
/// could else log a request once more, behind a denial, and show the log from there on.
fn check_asked_after(
    evidence: &Evidence,
    asked_after: Option<SeenCheckpoint>,
    index: u64,
    checkpoint: &SeenCheckpoint,
    problems: &mut Vec<Problem>,
) {
    let Some(seen) = asked_after else { return };
    if let Err(error) = check_seen(&seen, checkpoint, &evidence.consistency) {
        problems.push(Problem::new("log-fork", error));
    } else if index < seen.size {
        problems.push(Problem::new(
            "log-fork",
            "the request stands in the log where its guard had seen something else",
        ));
    }
}

/// The place in the log from which on nothing may be missing: behind the version that the request was made under, where
/// that is known.
fn made_under(versions: &[Logged], request: u64) -> u64 {
    let first = versions.first().and_then(|first| first.index);
    first.map_or(request, |index| index.min(request))
}

impl Record {
    /// When a statement was logged.
    pub(super) fn logged_at(&self, logged: &Logged) -> Option<Timestamp> {
        logged
            .index
            .and_then(|index| self.leaves.get(&index))
            .map(|leaf| leaf.at)
    }

    fn check_statements(
        &self,
        evidence: &Evidence,
        trust: &Trust,
        asked: &Asked,
        problems: &mut Vec<Problem>,
    ) {
        let mut check = |logged: &Logged, commitment, entries: &[EntryType], request: Option<RequestId>| {
            let Some(index) = logged.index else { return };
            let fits = self.leaves.get(&index).is_some_and(|leaf| {
                entries.contains(&leaf.entry)
                    && leaf.request == request
                    && commitment == Some(leaf.commitment)
            });
            if !fits {
                problems.push(Problem::new(
                    "log",
                    format!("leaf {index} does not stand for the statement that names it"),
                ));
            }
        };
        let [directories, policies] = &trust.committed;
        for (logged, commitment) in evidence.directories.iter().zip(directories) {
            check(logged, Some(*commitment), &[EntryType::Directory], None);
        }
        for (logged, commitment) in evidence.policies.iter().zip(policies) {
            check(logged, Some(*commitment), &[EntryType::Policy], None);
        }
        let mut check_own = |logged: &Logged, entries: &[EntryType], request| {
            let commitment = Commitment::to(&logged.envelope, &logged.salt).ok();
            check(logged, commitment, entries, Some(request));
        };
        let own = asked.request.id;
        check_own(&evidence.request, &[EntryType::Request], own);
        for logged in &evidence.decisions {
            check_own(logged, &[EntryType::Approve, EntryType::Deny], own);
        }
        for (shown, amended) in evidence.amended.iter().zip(&asked.amended) {
            check_own(&shown.amendment, &[EntryType::Amend], amended.request().id);
        }
        for (logged, entry) in [
            (&evidence.amendment, EntryType::Amend),
            (&evidence.withdrawal, EntryType::Withdraw),
            (&evidence.grant, EntryType::Grant),
            (&evidence.receipt, EntryType::Receipt),
        ] {
            if let Some(logged) = logged {
                check_own(logged, &[entry], own);
            }
        }
    }

    /// Every leaf about this request, and every newer directory and policy, must be in the evidence.
    fn check_nothing_hidden(
        &self,
        evidence: &Evidence,
        asked: &Asked,
        start: u64,
        problems: &mut Vec<Problem>,
    ) {
        let shown: Vec<u64> = [&evidence.request]
            .into_iter()
            .chain(&evidence.directories)
            .chain(&evidence.policies)
            .chain(&evidence.decisions)
            .chain(&evidence.amendment)
            .chain(&evidence.withdrawal)
            .chain(&evidence.grant)
            .chain(&evidence.receipt)
            .filter_map(|logged| logged.index)
            .collect();
        let request = self.view.request_index.unwrap_or(start);
        let (directory, policy) = (
            made_under(&evidence.directories, request),
            made_under(&evidence.policies, request),
        );
        for (index, leaf) in self.leaves.range(start..) {
            let matters = match leaf.entry {
                EntryType::Directory => *index >= directory,
                EntryType::Policy => *index >= policy,
                _ => leaf.request == Some(asked.request.id),
            };
            if matters && !shown.contains(index) {
                let what = match leaf.entry {
                    EntryType::Deny => "a denial",
                    EntryType::Amend => "a counter-proposal",
                    EntryType::Withdraw => "a withdrawal",
                    EntryType::Directory => "a newer directory",
                    EntryType::Policy => "a newer policy",
                    _ => "a statement",
                };
                problems.push(Problem::new(
                    "hidden-entry",
                    format!("the log holds {what} at leaf {index} that the evidence leaves out"),
                ));
            }
        }
    }

    /// Whether a decision's leaf says what the decision says.
    pub(super) fn says(&self, logged: &Logged, verdict: Verdict) -> bool {
        let expected = match verdict {
            Verdict::Approve => EntryType::Approve,
            Verdict::Deny => EntryType::Deny,
        };
        logged
            .index
            .and_then(|index| self.leaves.get(&index))
            .is_none_or(|leaf| leaf.entry == expected)
    }
}
