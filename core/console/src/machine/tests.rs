//! What the machine promises about signing, unit by unit and for any sequence of messages.

mod batch;
mod counter;
mod driving;
mod news;
mod outside;
mod parts;
mod queue;
mod reveal;
mod sequences;
mod signing;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::{Attention as Stated, Verdict};
use countersign_protocol::digest::{ActionDigest, ProposalDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_protocol::identity::{KeyAssurance, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_review::sheet::{LineRole, SheetLine};
use proptest::prelude::*;

use super::message::Step;
use super::state::{DetailContent, KeySummary};
use super::*;

const LINES: usize = 12;

fn moment(up: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(1_000_000 + up),
        up: Duration::from_millis(up),
    }
}

fn id(number: u8) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
}

fn summary(severity: Severity) -> Summary {
    Summary {
        phase: Phase::Pending,
        severity,
        kind: Kind::named("iam").unwrap(),
        target: "file://web-1/etc/role.yaml".into(),
        agent: "deployer".parse().unwrap(),
        environment: "production".parse().unwrap(),
        created_at: Timestamp::from_millis(1),
        expires_at: Timestamp::from_millis(900_000_000),
        needs: 1,
        hardware: 0,
        teams: 1,
        approved_by: vec![],
        personal: false,
        why_not: None,
        weak_key: false,
        decided: None,
        digest_start: [0; 4],
    }
}

fn reading(number: u8, severity: Severity) -> Box<Reading> {
    let line = |at| SheetLine {
        role: LineRole::Context,
        text: format!("line {at} of the sheet"),
    };
    let digest = |name: &str| Sha256Digest::of(format!("{name}{number}").as_bytes());
    Box::new(Reading {
        id: id(number),
        weak_key: None,
        change: 1,
        summary: summary(severity),
        request_digest: RequestDigest::new(digest("request")),
        action_digest: ActionDigest::new(digest("action")),
        view_digest: ViewDigest::new(digest("view")),
        check_words: vec![],
        sentence: String::new(),
        asked: None,
        amends: None,
        followed: None,
        sheet: (0..LINES).map(line).collect::<Arc<[_]>>(),
        changes: vec![],
        drift: None,
        masks: Arc::default(),
        findings: vec![],
        facts: vec![],
        complete: true,
        problems: vec![],
        policies: vec![],
        eligible: vec![],
        excluded: vec![],
        decisions: vec![],
        talk: vec![],
        reveals: vec![],
        logged: Some((1, 2)),
        copy: None,
    })
}

fn rows(numbers: &[u8]) -> Vec<Row> {
    let row = |number: &u8| Row {
        id: id(*number),
        change: 1,
        content: RowContent::Verified(Box::new(summary(Severity::High))),
    };
    numbers.iter().map(row).collect()
}

fn trust() -> Trust {
    let key = KeySummary {
        name: "k".into(),
        assurance: KeyAssurance::Software,
        unlock: Unlock::Passphrase,
        pin_remembered: false,
        unlocks_many: false,
    };
    Trust {
        organisation: "Acme".into(),
        root_words: vec![],
        person: "p-alice".parse().unwrap(),
        key: Some(key),
    }
}

fn tell(state: &mut State, command: Command, up: u64) -> Vec<Effect> {
    update(state, Message::Command(command), moment(up))
}

fn hear(state: &mut State, news: News, up: u64) -> Vec<Effect> {
    update(state, Message::News(news), moment(up))
}

/// A console that reads request 1.
fn opened(severity: Severity) -> State {
    let mut state = State::queue();
    assert_eq!(start(&mut state).len(), 3);
    hear(&mut state, News::Trust(Ok(Box::new(trust()))), 0);
    hear(&mut state, News::Queue(Ok(rows(&[1, 2, 3]))), 0);
    tell(&mut state, Command::Select(id(1)), 900);
    let effects = tell(&mut state, Command::Enter, 1000);
    assert!(
        matches!(effects[..], [Effect::Open(open), Effect::Look(Some(look))] if open == id(1) && look == open)
    );
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(reading(1, severity)),
        },
        1000,
    );
    state
}

fn see_all(state: &mut State) {
    let view = reading(1, Severity::High).view_digest;
    tell(
        state,
        Command::Saw(
            view,
            Position::default(),
            Position {
                line: LINES,
                character: 0,
            },
        ),
        1100,
    );
}

fn write(state: &mut State, text: &str, up: u64) {
    for c in text.chars() {
        tell(state, Command::Write(c), up);
    }
}

/// A console that lacks nothing but the chord, at 3000 ms.
fn ready() -> State {
    let mut state = opened(Severity::Critical);
    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    write(&mut state, "reviewed", 2500);
    tell(&mut state, Command::StepField(Step::Next), 2500);
    write(&mut state, "role.yaml", 2500);
    tell(&mut state, Command::StepField(Step::Next), 2500);
    write(&mut state, "secret", 2500);
    state
}

fn order(effects: Vec<Effect>) -> Option<Box<Order>> {
    effects.into_iter().find_map(|effect| {
        if let Effect::Decide(order) = effect {
            Some(order)
        } else {
            None
        }
    })
}
