//! What is read of a request: made of what was verified, for both consoles.

use std::sync::Arc;

use countersign_protocol::action::Payload;
use countersign_protocol::context::Fact;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::PersonId;
use countersign_protocol::reveal::Reveal;
use countersign_protocol::talk::Remark;
use countersign_verify::Chain;

use super::key::weak_key;
use crate::amend::Asked;
use crate::config::Config;
use crate::inbox::Opened;
use crate::machine::document::ChangedDocument;
use crate::machine::reading::{Copy, DecisionSummary};
use crate::machine::{Drifted, Reading, Said, Speaker, Summary, Trouble};

/// From so many bytes on, the lines of a document are shown before its structure is compared.
const LARGE: usize = 1 << 20;

/// All that is read of a request.
pub(crate) fn reading(opened: &Opened, config: &Config, person: &PersonId) -> Result<Reading, Trouble> {
    readable(opened, config, person).map(compared)
}

/// Whether a request is so large that its lines are shown before the structures of its documents are compared.
pub(super) fn is_large(reading: &Reading) -> bool {
    reading.changes.iter().any(|change| change.bytes() > LARGE)
}

/// What is read of a request before the structures of its documents are compared, marked as not complete: the sheet, the
/// lines, all that was verified.
pub(super) fn readable(opened: &Opened, config: &Config, person: &PersonId) -> Result<Reading, Trouble> {
    let problems: Vec<Trouble> = opened
        .report
        .problems
        .iter()
        .map(|problem| Trouble::new(problem.code, problem.message.as_str()))
        .collect();
    let Some(chain) = &opened.report.chain else {
        return Err(refused(&problems));
    };
    let approved_by = chain
        .state
        .counted(opened.at)
        .map(|vote| vote.person.clone())
        .collect();
    let code = countersign_review::checkcode::words(chain.sheet.view_digest().sha256().as_bytes());
    Ok(Reading {
        id: chain.request.id,
        weak_key: weak_key(chain, config, person, opened.at),
        change: opened.record.change,
        summary: Summary::of(&chain.request, chain.state.phase(), approved_by, person),
        request_digest: chain.request.request_digest(),
        action_digest: chain.request.action_digest,
        view_digest: chain.sheet.view_digest(),
        check_words: code.iter().map(|word| (*word).to_owned()).collect(),
        sentence: chain.sheet.sentence().to_owned(),
        sheet: Arc::clone(chain.sheet.lines()),
        asked: Some(Arc::new(Asked::of(chain, &opened.record.evidence))),
        amends: chain.proposal.amends.as_ref().map(|amends| amends.request),
        followed: opened.record.followed,
        changes: changes(chain),
        complete: false,
        masks: Arc::clone(chain.sheet.masks()),
        drift: chain.request.approved.as_ref().map(|approved| Drifted {
            approved: Some(approved.clone()),
            record: chain.judgement.drift.clone().map(Arc::new),
        }),
        findings: worst_first(chain),
        facts: facts(chain),
        problems,
        policies: chain
            .request
            .rule
            .policies
            .iter()
            .map(|policy| policy.raw().into())
            .collect(),
        eligible: chain.request.rule.eligible.iter().cloned().collect(),
        excluded: chain.request.excluded.iter().cloned().collect(),
        decisions: decisions(chain, &chain.directory),
        talk: talk(&opened.record.talk, &chain.directory),
        reveals: reveals(opened, chain),
        logged: chain
            .log
            .request_index
            .zip(chain.log.checkpoint.map(|checkpoint| checkpoint.size)),
        copy: opened.as_of.map(|as_of| Copy {
            as_of: Some(as_of),
            troubles: Vec::new(),
        }),
    })
}

/// The same with the structures of its documents compared. That may take long.
pub(super) fn compared(reading: Reading) -> Reading {
    let kind = reading.summary.kind.id();
    let changes = reading.changes.into_iter();
    Reading {
        changes: changes.map(|change| change.compared(kind)).collect(),
        complete: true,
        ..reading
    }
}

fn worst_first(chain: &Chain) -> Vec<countersign_review::findings::Finding> {
    let mut findings = chain.findings.clone();
    findings.sort_by_key(|finding| (!finding.counts(), std::cmp::Reverse(finding.severity)));
    findings
}

fn facts(chain: &Chain) -> Vec<Fact> {
    let observed = chain.proposal.observed.iter();
    observed.chain(chain.request.context.iter()).cloned().collect()
}

fn decisions(chain: &Chain, directory: &TrustedDirectory) -> Vec<DecisionSummary> {
    let known =
        |checked: &countersign_verify::CheckedDecision| directory.person(&checked.vote.person).is_some();
    chain
        .decisions
        .iter()
        .filter(|checked| checked.void.is_none() && known(checked))
        .map(|checked| DecisionSummary {
            reviewer: checked.vote.person.clone(),
            verdict: checked.vote.verdict,
            reason: checked.decision.reason.raw().into(),
            revealed: checked.decision.revealed,
            pin_remembered: checked.decision.pin_remembered,
            assurance: checked.vote.assurance,
            at: checked.vote.decided_at,
        })
        .collect()
}

/// What people of the directory saw unmasked.
fn reveals(opened: &Opened, chain: &Chain) -> Vec<Reveal> {
    let known = |reveal: &&Reveal| chain.directory.person(&reveal.person).is_some();
    opened.record.reveals.iter().filter(known).cloned().collect()
}

/// What was said. It stands beside the evidence, so nothing of it was verified but that the directory names who asks.
fn talk(remarks: &[Remark], directory: &TrustedDirectory) -> Vec<Said> {
    let said = |remark: &Remark| match remark {
        Remark::Question {
            number,
            person,
            text,
            at,
        } => Said {
            number: *number,
            speaker: match directory.person(person) {
                Some(_) => Speaker::Person(person.clone()),
                None => Speaker::Stranger,
            },
            text: text.raw().into(),
            at: *at,
        },
        Remark::Answer { to, text, at } => Said {
            number: *to,
            speaker: Speaker::Agent,
            text: text.raw().into(),
            at: *at,
        },
    };
    remarks.iter().map(said).collect()
}

/// The documents that change, line by line, as they stand on the sheet.
fn changes(chain: &Chain) -> Vec<ChangedDocument> {
    let masks = chain.sheet.masks();
    let named = documents(&chain.proposal.action.payload).into_iter();
    named
        .zip(chain.sheet.documents())
        .map(|((title, exists), shown)| {
            ChangedDocument::new(title, Arc::clone(&shown.diff))
                .existing(exists)
                .with_covers(masks, Arc::clone(&shown.covers))
        })
        .collect()
}

/// What the documents of a payload are called, in the order of the sheet, and which of their states exist.
fn documents(payload: &Payload) -> Vec<(&[u8], [bool; 2])> {
    match payload {
        Payload::FileChange(change) => {
            let exists = [change.before.is_some(), change.after.is_some()];
            vec![(change.path.as_bytes(), exists)]
        }
        Payload::Sql(_) => vec![(b"statement", [false, true])],
        Payload::Exec(exec) => {
            let stdin = exec.stdin.iter().map(|_| b"standard input".as_slice());
            let operands = exec.operands.iter().map(|operand| operand.path.as_bytes());
            stdin
                .chain(operands)
                .map(|title| (title, [false, true]))
                .collect()
        }
    }
}

fn refused(problems: &[Trouble]) -> Trouble {
    let all: Vec<String> = problems.iter().map(|problem| problem.message.escaped()).collect();
    let message = format!("the evidence is refused: {}", all.join("; "));
    Trouble::new("refused", message.as_str())
}
