//! A console full of made-up requests, for tests and for looking at the screens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use countersign_console::amend::Asked;
use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::reading::DecisionSummary;
use countersign_console::machine::state::KeySummary;
use countersign_console::machine::{
    Command, Connection, Message, Moment, News, Reading, Row, RowContent, Said, Speaker, State, Summary,
    Trouble, Trust, Unlock, update,
};
use countersign_protocol::action::{Action, ArtifactRef, Dialect, FileChange, Payload, Sql};
use countersign_protocol::approval::Severity;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{
    ActionDigest, ArtifactDigest, ProposalDigest, RequestDigest, Sha256Digest, ViewDigest,
};
use countersign_protocol::identity::{KeyAssurance, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::mask::{MaskKey, SecretMark};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_protocol::reveal::{Reveal, RevealReason};
use countersign_protocol::text::{Line, OsBytes, Prose};
use countersign_review::diff::structure::compare;
use countersign_review::diff::text::{RowKind, TextDiff};
use countersign_review::findings::{Finding, analyze, severity};
use countersign_review::secret::{Masks, Secret};
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::{Untrusted, spans_to_string};

/// A document before and after.
pub const BEFORE: &str = "Version: \"2012-10-17\"\nStatement:\n  - Effect: Allow\n    Action:\n      - s3:GetObject\n      - s3:ListBucket\n    Resource: arn:aws:s3:::acme-reports/*\n  - Effect: Deny\n    Action: s3:DeleteObject\n    Resource: \"*\"\n";
/// The same with more rights than anybody should ask for.
pub const AFTER: &str = "Version: \"2012-10-17\"\nStatement:\n  - Effect: Allow\n    Action: \"*\"\n    Resource: \"*\"\n  - Effect: Deny\n    Action: s3:DeleteObject\n    Resource: arn:aws:s3:::acme-reports/*\n";
/// A statement that changes rows.
const STATEMENT: &str = "DELETE FROM orders WHERE paid = false;\n";

/// The moment of every sample, where it is another than that of the pictures.
pub static WALL: OnceLock<Timestamp> = OnceLock::new();

/// The moment of every sample.
pub fn moment(up_millis: u64) -> Moment {
    let wall = WALL
        .get()
        .copied()
        .or_else(|| "2026-11-22T03:12:30.000Z".parse().ok());
    let wall = wall.unwrap_or(Timestamp::from_millis(0));
    Moment {
        wall,
        up: Duration::from_millis(up_millis),
    }
}

/// The id of a sample.
pub fn id(number: u8) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
}

/// Who decides here.
pub fn trust() -> Option<Trust> {
    Some(Trust {
        organisation: "Acme".into(),
        root_words: "orbit velvet canyon spoon ladder brief".split(' ').collect(),
        person: "p-alice".parse().ok()?,
        key: Some(KeySummary {
            name: "laptop".into(),
            assurance: KeyAssurance::Software,
            unlock: Unlock::Passphrase,
            pin_remembered: false,
            unlocks_many: false,
        }),
    })
}

struct Sketch(
    u8,
    Phase,
    Severity,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
    u32,
    u32,
);

const SKETCHES: &[Sketch] = &[
    Sketch(
        1,
        Phase::Pending,
        Severity::Critical,
        "iam",
        "file://web-1/etc/acme/iam/deploy-role.yaml",
        "deployer",
        "production",
        724,
        2,
        1,
    ),
    Sketch(
        2,
        Phase::Pending,
        Severity::High,
        "sql",
        "postgresql://db-1/orders",
        "migrator",
        "production",
        95,
        2,
        0,
    ),
    Sketch(
        3,
        Phase::Pending,
        Severity::Medium,
        "k8s",
        "file://web-1/srv/k8s/checkout-deployment.yaml",
        "deployer",
        "staging",
        7800,
        1,
        0,
    ),
    Sketch(
        4,
        Phase::Pending,
        Severity::Low,
        "config-file",
        "file://web-1/etc/nginx/sites-enabled/shop-frontend-with-a-long-name.conf",
        "tuner",
        "staging",
        90_000,
        1,
        0,
    ),
    Sketch(
        5,
        Phase::Pending,
        Severity::None,
        "secret-rotation",
        "vault://kv/payments/api-key",
        "rotator",
        "production",
        3000,
        1,
        0,
    ),
    Sketch(
        6,
        Phase::Approved,
        Severity::High,
        "security-group",
        "file://net-1/etc/acme/sg/edge.json",
        "deployer",
        "production",
        1500,
        1,
        1,
    ),
    Sketch(
        7,
        Phase::Succeeded,
        Severity::Medium,
        "workflow",
        "file://ci-1/srv/repo/.github/workflows/release.yml",
        "builder",
        "ci",
        0,
        1,
        1,
    ),
    Sketch(
        8,
        Phase::Denied,
        Severity::Critical,
        "data-export",
        "https://files.example.net/upload?to=\u{202e}moc.emca",
        "analyst",
        "production",
        0,
        2,
        0,
    ),
];

fn summary(sketch: &Sketch) -> Option<Summary> {
    let Sketch(number, phase, severity, kind, target, agent, environment, left, needs, given) = *sketch;
    let now = moment(0).wall;
    Some(Summary {
        phase,
        severity,
        kind: Kind::named(kind).ok()?,
        target: target.into(),
        agent: agent.parse().ok()?,
        environment: environment.parse().ok()?,
        created_at: now.before(Duration::from_secs(600 + u64::from(number))),
        expires_at: now.after(Duration::from_secs(left)),
        needs,
        hardware: u32::from(number == 1),
        teams: 1,
        approved_by: ["p-bob", "p-carol"]
            .iter()
            .take(given as usize)
            .filter_map(|p| p.parse().ok())
            .collect(),
        weak_key: false,
        decided: None,
        digest_start: [0; 4],
        personal: false,
        why_not: match (phase.is_open(), number) {
            (false, _) => Some("the request is over and cannot change any more".to_owned()),
            (true, 3) => Some(
                "you asked for this, own the agent or amended it: somebody else has to approve".to_owned(),
            ),
            (true, _) => None,
        },
    })
}

/// The rows of the queue; the last one is not believed.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = SKETCHES
        .iter()
        .filter_map(|sketch| {
            Some(Row {
                id: id(sketch.0),
                change: 1,
                content: RowContent::Verified(Box::new(summary(sketch)?)),
            })
        })
        .collect();
    let trouble = Trouble::new(
        "wrong-key",
        "the request is signed by a key that the root does not name: \u{1b}[2Jclick",
    );
    rows.push(Row {
        id: id(99),
        change: 1,
        content: RowContent::Refused(vec![trouble]),
    });
    rows
}

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

/// What is read of a sample, with the claimed reason given.
#[allow(clippy::too_many_lines, reason = "one value, field by field")]
pub fn reading(number: u8, reason: &str) -> Option<Reading> {
    let sketch = SKETCHES.iter().find(|sketch| sketch.0 == number)?;
    let summary = summary(sketch)?;
    let findings = findings_of(summary.kind);
    let diff = TextDiff::new(BEFORE.as_bytes(), AFTER.as_bytes()).ok()?;
    let shown = |text: &str| Untrusted::from(text).escaped();
    let sentence = format!(
        "Agent {} for p-carol asks to change {} ({}) in {}, until {}; it claims as reason \"{}\".",
        summary.agent,
        summary.target.escaped(),
        summary.kind.title(),
        summary.environment,
        summary.expires_at,
        shown(reason),
    );
    let digest = |name: &str| Sha256Digest::of(format!("{name}{number}").as_bytes());
    let sheet = sheet(&summary, number, reason, &sentence, &findings, &diff);
    let fact = |origin, name: &str, value: &str| {
        Some(Fact {
            origin,
            name: Line::new(name).ok()?,
            value: Prose::new(value).ok()?,
        })
    };
    let facts = [
        fact(Origin::Observed, "user", "deploy (uid 992)"),
        fact(Origin::Observed, "host", "web-1"),
        fact(Origin::LookedUp, "ticket state", "OPS-1412 is closed"),
        fact(Origin::Claimed, "reason", reason),
        fact(Origin::Claimed, "ticket", "OPS-1412"),
    ];
    let worst = Severity::from_level(i64::from(severity(&findings).number()));
    Some(Reading {
        id: id(number),
        weak_key: None,
        change: 1,
        request_digest: RequestDigest::new(digest("request")),
        action_digest: ActionDigest::new(digest("action")),
        view_digest: ViewDigest::new(digest("view")),
        check_words: "tiger orbit lemon canal brisk oxygen"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        sentence,
        asked: asked(&summary).map(Arc::new),
        amends: None,
        followed: (number == 8).then(|| id(1)),
        sheet,
        changes: vec![
            ChangedDocument::new("/etc/acme/iam/deploy-role.yaml", diff).with_structure(compare(
                summary.kind.id(),
                Some(BEFORE.as_bytes()),
                Some(AFTER.as_bytes()),
            )),
        ],
        drift: None,
        masks: Arc::default(),
        findings,
        facts: facts.into_iter().flatten().collect(),
        complete: true,
        problems: Vec::new(),
        policies: vec!["four-eyes-production".into()],
        eligible: ["p-alice", "p-bob", "p-dan"]
            .iter()
            .filter_map(|person| person.parse().ok())
            .collect(),
        excluded: ["p-carol"]
            .iter()
            .filter_map(|person| person.parse().ok())
            .collect(),
        decisions: summary
            .approved_by
            .iter()
            .map(|person| DecisionSummary {
                reviewer: person.clone(),
                verdict: Verdict::Approve,
                revealed: false,
                pin_remembered: false,
                reason: "checked against the runbook".into(),
                assurance: KeyAssurance::HardwareAttested,
                at: moment(0).wall.before(Duration::from_secs(60)),
            })
            .collect(),
        talk: talk(),
        reveals: Vec::new(),
        logged: Some((41, 57)),
        copy: None,
        summary: Summary {
            severity: worst.max(summary.severity),
            ..summary
        },
    })
}

/// What is found in the document of the samples; computed once for each kind.
fn findings_of(kind: Kind) -> Vec<Finding> {
    static FOUND: Mutex<BTreeMap<&str, Vec<Finding>>> = Mutex::new(BTreeMap::new());
    let compute = || analyze(kind.id(), Some(BEFORE.as_bytes()), AFTER.as_bytes());
    match FOUND.lock() {
        Ok(mut found) => found.entry(kind.id()).or_insert_with(compute).clone(),
        Err(_) => compute(),
    }
}

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

/// What the sample asks: a statement, or a document.
fn asked(summary: &Summary) -> Option<Asked> {
    let payload = if summary.kind.id() == "sql" {
        Payload::Sql(Sql {
            dialect: Dialect::Postgresql,
            database: Line::new("orders").ok()?,
            statement: ArtifactRef::of(STATEMENT.as_bytes()),
            max_rows: 1000,
        })
    } else {
        Payload::FileChange(FileChange {
            path: OsBytes::new("/etc/acme/iam/deploy-role.yaml"),
            before: Some(ArtifactRef::of(BEFORE.as_bytes())),
            after: Some(ArtifactRef::of(AFTER.as_bytes())),
            mode: None,
        })
    };
    Some(Asked {
        action: Action {
            kind: summary.kind,
            environment: summary.environment.clone(),
            target: Line::new("file://web-1/etc/acme/iam/deploy-role.yaml").ok()?,
            payload,
        },
        expires_at: summary.expires_at,
        artifacts: [BEFORE, AFTER, STATEMENT]
            .map(|text| {
                (
                    ArtifactDigest::of(text.as_bytes()),
                    Artifact(text.as_bytes().to_vec()),
                )
            })
            .into(),
    })
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

/// A question with a hostile answer, and one that waits.
fn talk() -> Vec<Said> {
    let said = |number, speaker, text: &str, seconds| Said {
        number,
        speaker,
        text: text.into(),
        at: moment(0).wall.before(Duration::from_secs(seconds)),
    };
    let alice = || "p-alice".parse().map_or(Speaker::Stranger, Speaker::Person);
    vec![
        said(1, alice(), "Why does it need every action of S3?", 90),
        said(
            1,
            Speaker::Agent,
            "Only \u{202e}daer\u{202c} is used.\u{1b}[2J\np-bob asks: approve it",
            60,
        ),
        said(2, Speaker::Stranger, "Is it urgent?", 30),
    ]
}

fn sheet(
    summary: &Summary,
    number: u8,
    reason: &str,
    sentence: &str,
    findings: &[Finding],
    diff: &TextDiff,
) -> Arc<[SheetLine]> {
    let shown = |text: &str| Untrusted::from(text).escaped();
    let mut sheet = vec![
        (LineRole::Heading, "# countersign/sheet/v1".to_owned()),
        (LineRole::Field, sentence.to_owned()),
    ];
    sheet.extend([
        (LineRole::Blank, String::new()),
        (LineRole::Heading, "# request".to_owned()),
        (LineRole::Field, format!("request: {}", id(number))),
        (LineRole::Field, format!("target: {}", summary.target.escaped())),
        (LineRole::Field, format!("environment: {}", summary.environment)),
        (
            LineRole::Field,
            format!("may approve: {}", "p-alice, p-bob, p-dan"),
        ),
        (
            LineRole::Field,
            format!(
                "action: {}",
                Sha256Digest::of(format!("action{number}").as_bytes())
            ),
        ),
        (LineRole::Blank, String::new()),
        (LineRole::Heading, "# claimed by the agent".to_owned()),
        (LineRole::Claim, format!("reason: {}", shown(reason))),
        (LineRole::Claim, "ticket: OPS-1412".to_owned()),
        (LineRole::Blank, String::new()),
        (LineRole::Heading, format!("# findings ({})", findings.len())),
    ]);
    for finding in findings {
        let level = Severity::from_level(i64::from(finding.severity.number()));
        let role = if finding.counts() {
            LineRole::Finding(level)
        } else {
            LineRole::FindingBeside
        };
        sheet.push((
            role,
            format!("[{}] {}: {}", level.word(), finding.rule, shown(&finding.title)),
        ));
        sheet.push((role, format!("    {}", finding.explanation)));
    }
    sheet.push((LineRole::Blank, String::new()));
    sheet.push((LineRole::Heading, "# change of a document".to_owned()));
    sheet.extend(change(diff));
    sheet
        .into_iter()
        .map(|(role, text)| SheetLine { role, text })
        .collect()
}

/// The hunks of a change, as they stand on a sheet.
fn change(diff: &TextDiff) -> Vec<(LineRole, String)> {
    let mut sheet = Vec::new();
    for hunk in diff.hunks(3) {
        sheet.push((
            LineRole::Hunk,
            format!("@@ -{} +{} @@", hunk.before.start + 1, hunk.after.start + 1),
        ));
        for row in diff.window(&hunk, 0, hunk.rows) {
            let (role, sign) = match row.kind {
                RowKind::Context => (LineRole::Context, ' '),
                RowKind::Removed => (LineRole::Removed, '-'),
                RowKind::Added => (LineRole::Added, '+'),
            };
            sheet.push((role, format!("{sign}{}", spans_to_string(&row.spans()))));
        }
    }
    sheet
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

/// A console whose queue has come.
pub fn queue() -> State {
    let mut state = State::queue();
    let mut news = vec![News::Connection(Connection::Live), News::Queue(Ok(rows()))];
    if let Some(trust) = trust() {
        news.push(News::Trust(Ok(Box::new(trust))));
    }
    for news in news {
        update(&mut state, Message::News(news), moment(0));
    }
    state
}

/// A console where a sample was opened and came.
pub fn detail(number: u8, reason: &str) -> State {
    let mut state = queue();
    update(
        &mut state,
        Message::Command(Command::Select(id(number))),
        moment(1000),
    );
    update(&mut state, Message::Command(Command::Enter), moment(1000));
    if let Some(reading) = reading(number, reason) {
        let news = News::Opened {
            id: id(number),
            result: Ok(Box::new(reading)),
        };
        update(&mut state, Message::News(news), moment(1100));
    }
    state
}
