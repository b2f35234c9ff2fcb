//! Requests of one shape, which are read together.

use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::{
    Command, Message, News, Reading, Row, RowContent, State, Summary, update,
};
use countersign_protocol::approval::Severity;
use countersign_protocol::digest::{ActionDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_review::diff::text::TextDiff;
use countersign_review::sheet::{LineRole, SheetLine};

use super::reading::{change, reading};
use super::{id, moment, queue};

/// The first number of the samples of one shape, and the one after the last.
pub const ALIKE: std::ops::Range<u8> = 20..24;

/// Requests of one shape: the same change on several hosts.
pub fn alike_rows() -> Vec<Row> {
    let row = |number| {
        Some(Row {
            id: id(number),
            change: 1,
            content: RowContent::Verified(Box::new(alike(number)?.summary)),
        })
    };
    ALIKE.filter_map(row).collect()
}

/// One of the requests of one shape.
pub fn alike(number: u8) -> Option<Reading> {
    let number = ALIKE.contains(&number).then_some(number)?;
    let host = format!("web-{}", number.checked_sub(ALIKE.start)? + 1);
    let before = "limits {\n  conns 512;\n  burst 20;\n}\n";
    let after = format!("limits {{\n  conns 1024;\n  burst 20;\n  host {host};\n}}\n");
    let sample = reading(4, "raise the limits before the sale")?;
    let target = format!("file://{host}/etc/nginx/limits.conf");
    let diff = TextDiff::new(before.as_bytes(), after.as_bytes()).ok()?;
    let digest = |name: &str| Sha256Digest::of(format!("{name}{number}").as_bytes());
    let summary = Summary {
        severity: Severity::Low,
        target: target.as_str().into(),
        ..sample.summary
    };
    let sentence = format!(
        "Agent {} for p-carol asks to change {target} ({}) in {}; it claims as reason \"raise the limits before the sale\".",
        summary.agent,
        summary.kind.title(),
        summary.environment,
    );
    let field = |text: String| (LineRole::Field, text);
    let heading = |text: &str| (LineRole::Heading, format!("# {text}"));
    let mut sheet = vec![
        heading("countersign/sheet/v1"),
        field(sentence.clone()),
        heading("request"),
        field(format!("request: {}", id(number))),
        field(format!("agent: {}", summary.agent)),
        field(format!("kind: {} ({})", summary.kind, summary.kind.title())),
        field(format!("environment: {}", summary.environment)),
        field(format!("target: {target}")),
        field("severity: low".to_owned()),
        heading("what it takes"),
        field("approvals: 1".to_owned()),
        field("may approve: p-alice, p-bob, p-dan".to_owned()),
        heading("findings (0)"),
        heading("change of a document"),
        field("path: /etc/nginx/limits.conf".to_owned()),
        field(format!(
            "before: {} bytes, SHA-256 {}",
            before.len(),
            digest("before")
        )),
        field(format!(
            "after: {} bytes, SHA-256 {}",
            after.len(),
            digest("after")
        )),
    ];
    sheet.extend(change(&diff));
    sheet.extend([
        heading("claimed by the agent"),
        (
            LineRole::Claim,
            "reason: raise the limits before the sale".to_owned(),
        ),
        (LineRole::Claim, format!("ticket: OPS-20{number}")),
        heading("bindings"),
        field(format!("action: {}", digest("action"))),
    ]);
    Some(Reading {
        id: id(number),
        request_digest: RequestDigest::new(digest("request")),
        action_digest: ActionDigest::new(digest("action")),
        view_digest: ViewDigest::new(digest("view")),
        sentence,
        sheet: sheet
            .into_iter()
            .map(|(role, text)| SheetLine { role, text })
            .collect(),
        changes: vec![ChangedDocument::new("/etc/nginx/limits.conf", diff)],
        findings: Vec::new(),
        summary,
        ..sample
    })
}

/// A console where requests of one shape are read together.
pub fn batch() -> State {
    let mut state = queue();
    update(
        &mut state,
        Message::News(News::Queue(Ok(alike_rows()))),
        moment(0),
    );
    for command in [Command::MarkAlike, Command::ReadMarked] {
        update(&mut state, Message::Command(command), moment(1000));
    }
    for number in ALIKE {
        if let Some(reading) = alike(number) {
            let result = Ok(Box::new(reading));
            let news = News::Opened {
                id: id(number),
                result,
            };
            update(&mut state, Message::News(news), moment(1100));
        }
    }
    state
}
