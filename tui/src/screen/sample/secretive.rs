//! A request whose document holds secrets.

use std::sync::Arc;
use std::time::Duration;

use countersign_console::amend::Asked;
use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::{Command, Message, News, Reading, State, Summary, update};
use countersign_protocol::action::{Action, ArtifactRef, FileChange, Payload};
use countersign_protocol::approval::Severity;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::{ArtifactDigest, Sha256Digest, ViewDigest};
use countersign_protocol::kind::Kind;
use countersign_protocol::mask::{MaskKey, SecretMark};
use countersign_protocol::reveal::{Reveal, RevealReason};
use countersign_protocol::text::{Line, OsBytes};
use countersign_review::diff::text::TextDiff;
use countersign_review::secret::{Masks, Secret};
use countersign_review::sheet::SheetLine;

use super::alike::{ALIKE, alike};
use super::reading::change;
use super::{id, moment, queue};

/// The number of the sample whose document holds secrets.
pub const SECRETIVE: u8 = 30;

/// A request whose document holds secrets: a rotated token, a private key, a password that is hostile.
pub fn secrets() -> Option<Reading> {
    let key: String = (0..30)
        .map(|n| format!("  MIIline{n}abcDEF0123456789\n"))
        .collect();
    let file = |token: &str| {
        format!(
            "service: billing\ntoken: {token}\npassword: \"pw-\u{202e}1a2b3c4d5e\"\nkey: |\n  \
             -----BEGIN RSA PRIVATE KEY-----\n{key}  -----END RSA PRIVATE KEY-----\nretries: 3\n"
        )
    };
    let (before, after) = (
        file("ghp_0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f"),
        file("ghp_9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e"),
    );
    let sample = alike(ALIKE.start)?;
    let path = "/etc/billing/app.yaml";
    let target = format!("file://web-1{path}");
    let masks = Arc::new(Masks::of_documents(
        "config-file",
        Some(MaskKey::from_random([7; 32])),
        &[before.as_bytes(), after.as_bytes()],
    ));
    let diff = TextDiff::new(before.as_bytes(), after.as_bytes()).ok()?;
    let mut sheet: Vec<SheetLine> = sample.sheet.iter().take(10).cloned().collect();
    sheet.extend(change(&diff).into_iter().map(|(role, text)| SheetLine {
        role,
        text: masks.quoting(&text),
    }));
    let document = ChangedDocument::compare(
        "config-file",
        path.as_bytes(),
        Some(before.clone().into_bytes()),
        Some(after.clone().into_bytes()),
    )?;
    let reveal = |person: &str, reason: &str, secret| {
        Some(Reveal {
            person: person.parse().ok()?,
            at: moment(0).wall.before(Duration::from_secs(240)),
            reason: RevealReason::new(reason).ok()?,
            secret,
        })
    };
    let mark = masks.secrets().first().and_then(Secret::mark);
    let reveals = [
        reveal("p-bob", "compare it with the vault", mark),
        reveal("p-dan", "is the old key in use anywhere else?", None),
    ];
    let digest = |name: &str| Sha256Digest::of(format!("{name}{SECRETIVE}").as_bytes());
    Some(Reading {
        id: id(SECRETIVE),
        view_digest: ViewDigest::new(digest("view")),
        sentence: format!("Agent deployer for p-carol asks to change {target} in staging."),
        sheet: sheet.into(),
        changes: vec![document.with_masks(&masks)],
        masks,
        reveals: reveals.into_iter().flatten().collect(),
        asked: asked_change(path, &before, &after).map(Arc::new),
        summary: Summary {
            severity: Severity::Medium,
            target: target.as_str().into(),
            ..sample.summary
        },
        ..sample
    })
}

/// A console that reads it.
pub fn secretive() -> State {
    let mut state = queue();
    update(
        &mut state,
        Message::Command(Command::Open(id(SECRETIVE))),
        moment(1000),
    );
    if let Some(reading) = secrets() {
        let news = News::Opened {
            id: id(SECRETIVE),
            result: Ok(Box::new(reading)),
        };
        update(&mut state, Message::News(news), moment(1100));
    }
    state
}

/// That it is recorded that secrets of it are revealed.
pub fn recorded(state: &mut State, secret: Option<SecretMark>) {
    let news = News::Revealed {
        request: id(SECRETIVE),
        secret,
        result: Ok(()),
    };
    update(state, Message::News(news), moment(4100));
}

/// A document that is to be changed.
fn asked_change(path: &str, before: &str, after: &str) -> Option<Asked> {
    let payload = Payload::FileChange(FileChange {
        path: OsBytes::new(path),
        before: Some(ArtifactRef::of(before.as_bytes())),
        after: Some(ArtifactRef::of(after.as_bytes())),
        mode: None,
    });
    Some(Asked {
        action: Action {
            kind: Kind::named("config-file").ok()?,
            environment: "staging".parse().ok()?,
            target: Line::new(format!("file://web-1{path}")).ok()?,
            payload,
        },
        expires_at: moment(0).wall.after(Duration::from_secs(900)),
        artifacts: [before, after]
            .map(|text| {
                (
                    ArtifactDigest::of(text.as_bytes()),
                    Artifact(text.as_bytes().to_vec()),
                )
            })
            .into(),
    })
}
