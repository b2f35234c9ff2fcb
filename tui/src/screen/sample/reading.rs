//! What is read of a sample: its sheet, change, findings, facts and talk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_console::amend::Asked;
use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::reading::DecisionSummary;
use countersign_console::machine::{Reading, Said, Speaker, Summary};
use countersign_protocol::action::{Action, ArtifactRef, Dialect, FileChange, Payload, Sql};
use countersign_protocol::approval::Severity;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ArtifactDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_protocol::identity::KeyAssurance;
use countersign_protocol::kind::Kind;
use countersign_protocol::text::{Line, OsBytes, Prose};
use countersign_review::diff::structure::compare;
use countersign_review::diff::text::{RowKind, TextDiff};
use countersign_review::findings::{Finding, analyze, severity};
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::{Untrusted, spans_to_string};

use super::{SKETCHES, id, moment, summary};

/// A document before and after.
pub const BEFORE: &str = "Version: \"2012-10-17\"\nStatement:\n  - Effect: Allow\n    Action:\n      - s3:GetObject\n      - s3:ListBucket\n    Resource: arn:aws:s3:::acme-reports/*\n  - Effect: Deny\n    Action: s3:DeleteObject\n    Resource: \"*\"\n";

/// The same with more rights than anybody should ask for.
pub const AFTER: &str = "Version: \"2012-10-17\"\nStatement:\n  - Effect: Allow\n    Action: \"*\"\n    Resource: \"*\"\n  - Effect: Deny\n    Action: s3:DeleteObject\n    Resource: arn:aws:s3:::acme-reports/*\n";

/// A statement that changes rows.
const STATEMENT: &str = "DELETE FROM orders WHERE paid = false;\n";

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
pub(super) fn change(diff: &TextDiff) -> Vec<(LineRole, String)> {
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
