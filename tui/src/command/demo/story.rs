//! The story in text: each agent asks, two reviewers look, one request is denied, the rest runs, and the evidence
//! of each is verified offline by the code of `countersign verify`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_console::decide::{Intent, Sent, decide};
use countersign_console::inbox::{Inbox, Opened};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::request::Phase;
use countersign_verify::Chain;
use secrecy::SecretString;

use super::PASSPHRASE;
use super::case::Case;
use super::stage::Stage;
use crate::command::failure::{Code, Failure};
use crate::command::output::{self, shown};
use crate::command::{file, verify};

/// How long any step may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// The case that is denied.
const DENIED: &str = "s3";

pub async fn tell(stage: &mut Stage, cases: &[Case]) -> Result<(), Failure> {
    stage.introduce()?;
    output::say(
        "The demonstration plays both reviewers: where a console would count the lines that were on screen,",
    )?;
    output::say("it claims that all were.")?;
    let mut seen = BTreeSet::new();
    let mut last = None;
    for (number, case) in (1..).zip(cases) {
        output::say("")?;
        output::say(&format!(
            "== {number} of {}: {}",
            cases.len(),
            shown(case.spec.title.as_str())
        ))?;
        let evidence = act(stage, case, &mut seen).await?;
        // The one that is named in the end is of an action that ran.
        if last.is_none() || case.spec.kind != DENIED {
            last = Some(evidence);
        }
    }
    let path = last.ok_or_else(|| Failure::usage("there are no cases", ""))?;
    output::say("")?;
    output::say("Every request was reviewed, ran once or not at all.")?;
    say_how_to_verify(stage, &path)?;
    output::say(&path.display().to_string())
}

fn say_how_to_verify(stage: &Stage, path: &Path) -> Result<(), Failure> {
    let root = stage.evidence.join("root.txt");
    file::write(&root, format!("{}\n", stage.root).as_bytes())?;
    output::say("Its evidence verifies offline, by the root alone:")?;
    output::say(&format!(
        "  countersign verify {} --trust {}",
        path.display(),
        root.display()
    ))
}

/// Writes the evidence of everything that was decided in the console, and says how it is verified.
pub async fn hand_out_evidence(stage: &Stage) -> Result<(), Failure> {
    let mut last = None;
    for row in stage.you.rows(None, 100).await? {
        let ends = matches!(
            row.phase,
            Phase::Denied
                | Phase::Claimed
                | Phase::Executing
                | Phase::Succeeded
                | Phase::Failed
                | Phase::Partial
                | Phase::Unknown
        );
        if ends {
            let evidence = ended(stage, row.id).await?;
            let path = stage.evidence.join(format!("{}.json", row.id));
            file::write_json(&path, &evidence)?;
            output::say(&format!("evidence: {}", path.display()))?;
            last = Some(path);
        }
    }
    let Some(path) = last else {
        output::say("Nothing was decided, so there is no evidence to keep.")?;
        // Only where it is empty; a folder of the caller's may hold more.
        drop(std::fs::remove_dir(&stage.evidence));
        return Ok(());
    };
    say_how_to_verify(stage, &path)
}

async fn act(stage: &mut Stage, case: &Case, seen: &mut BTreeSet<RequestId>) -> Result<PathBuf, Failure> {
    output::say(&format!(
        "{} asks; it says: {}",
        shown(case.spec.agent.as_str()),
        shown(case.spec.reason.as_str())
    ))?;
    if let Some(ticket) = &case.spec.ticket {
        output::say(&format!("ticket: {}", shown(ticket.as_str())))?;
    }
    let asking = stage.ask(case)?;
    let id = arrived(stage, case, asking, seen).await?;
    let opened = stage.you.fetch(id).await?;
    let chain = believed(&opened)?;
    describe(chain)?;
    let verdict = if case.spec.kind == DENIED {
        Verdict::Deny
    } else {
        Verdict::Approve
    };
    let two = chain.request.rule.approvals > 1;
    decided(&stage.you, chain, verdict).await?;
    if verdict == Verdict::Approve && two {
        // The colleague looks with their own console and verifies everything anew.
        let opened = stage.robin.fetch(id).await?;
        decided(&stage.robin, believed(&opened)?, verdict).await?;
    }
    let code = stage.answer(asking, LIMIT).await?;
    let expected = if verdict == Verdict::Deny { 77 } else { 0 };
    output::say(&format!("the guard answered its agent with exit code {code}"))?;
    if code != expected {
        let said = std::fs::read_to_string(stage.agent_output(case)).unwrap_or_default();
        return Err(Failure::new(
            Code::No,
            format!("expected exit code {expected}; the guard said: {said}"),
            "",
        ));
    }
    look_at(stage, case)?;
    let evidence = ended(stage, id).await?;
    let path = stage.evidence.join(format!("{}.json", case.spec.id));
    file::write_json(&path, &evidence)?;
    judged(stage, &path)?;
    Ok(path)
}

/// Waits until the request of an asking is in the queue.
async fn arrived(
    stage: &mut Stage,
    case: &Case,
    asking: usize,
    seen: &mut BTreeSet<RequestId>,
) -> Result<RequestId, Failure> {
    let mut waited = Duration::ZERO;
    while waited < LIMIT {
        let rows = stage.you.rows(Some(Phase::Pending), 100).await?;
        if let Some(row) = rows.iter().find(|row| !seen.contains(&row.id)) {
            seen.insert(row.id);
            return Ok(row.id);
        }
        if let Some(code) = stage.answered(asking)? {
            let said = std::fs::read_to_string(stage.agent_output(case)).unwrap_or_default();
            return Err(Failure::new(
                Code::No,
                format!("the guard held nothing for review; it ended with {code}: {said}"),
                "",
            ));
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
    Err(Failure::new(Code::No, "the request did not arrive in time", ""))
}

fn believed(opened: &Opened) -> Result<&Chain, Failure> {
    match opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) {
        Some(chain) => Ok(chain),
        None => {
            let problems: Vec<String> = opened
                .report
                .problems
                .iter()
                .map(|problem| format!("{}: {}", problem.code, problem.message))
                .collect();
            Err(Failure::new(
                Code::Refused,
                format!("the evidence does not hold: {}", problems.join("; ")),
                "",
            ))
        }
    }
}

fn describe(chain: &Chain) -> Result<(), Failure> {
    output::say(&format!(
        "request {}: {}",
        chain.request.id,
        chain.sheet.sentence()
    ))?;
    for finding in chain.findings.iter().filter(|finding| finding.counts()) {
        output::say(&format!(
            "  [{}] {}: {}",
            finding.severity.level(),
            finding.rule.as_str(),
            shown(finding.explanation.as_str())
        ))?;
    }
    let rule = &chain.request.rule;
    output::say(&format!(
        "  risk {}; takes {} approval(s) from {} team(s)",
        chain.request.severity.word(),
        rule.approvals,
        rule.teams
    ))?;
    output::say(&format!("  check code: {}", chain.sheet.check_code()))
}

async fn decided(inbox: &Inbox, chain: &Chain, verdict: Verdict) -> Result<(), Failure> {
    let reason = match verdict {
        Verdict::Approve => "Demonstration: seen in full, the target is thrown away.",
        Verdict::Deny => "Demonstration: this opens every customer's statements to the world.",
    };
    let sent = decide(
        inbox,
        intent(chain, verdict, reason),
        SecretString::from(PASSPHRASE.to_owned()).into(),
        || {},
    )
    .await?;
    let state = match sent {
        Sent::Logged { size, .. } => format!("signed, and proven to be in the log of {size} entries"),
        Sent::Stored { .. } => "signed and stored".to_owned(),
        Sent::Kept(error) => return Err(error.into()),
    };
    let word = match verdict {
        Verdict::Approve => "approves",
        Verdict::Deny => "denies",
    };
    output::say(&format!("{} {word}: {state}", inbox.person()))
}

fn intent(chain: &Chain, verdict: Verdict, reason: &str) -> Intent {
    let lines = u32::try_from(chain.sheet.lines().len()).unwrap_or(u32::MAX);
    Intent {
        request: chain.request.id,
        view_digest: chain.sheet.view_digest(),
        request_digest: Some(chain.request.request_digest()),
        action_digest: Some(chain.request.action_digest),
        verdict,
        reason: reason.to_owned(),
        attention: Attention::Shown {
            lines,
            of_lines: lines,
            seconds: 1,
        },
        revealed: false,
        surface: "demo",
        key: None,
    }
}

/// Looks at the target itself, not at what anybody says of it.
fn look_at(stage: &Stage, case: &Case) -> Result<(), Failure> {
    let target = stage.target(case);
    let spec = &case.spec;
    if let Some(database) = spec.files.schema.as_ref().map(|_| &target) {
        return count_rows(database);
    }
    if spec.exec.is_some() {
        let left = count_files(&target)?;
        return output::say(&format!(
            "the folder holds {left} of {} files now",
            spec.tree.len()
        ));
    }
    let (Some(after), before) = (&spec.files.after, &spec.files.before) else {
        return Ok(());
    };
    let found = std::fs::read(&target).unwrap_or_default();
    let state = if found == case.file(after)? {
        "is exactly what was approved"
    } else if before
        .as_ref()
        .is_some_and(|before| case.file(before).is_ok_and(|before| before == found))
    {
        "is untouched"
    } else {
        return Err(Failure::new(
            Code::No,
            format!("`{}` is neither what was nor what was approved", target.display()),
            "",
        ));
    };
    output::say(&format!("the target {state} ({} bytes)", found.len()))
}

fn count_rows(path: &Path) -> Result<(), Failure> {
    let broken = |error: rusqlite::Error| Failure::new(Code::No, format!("the database: {error}"), "");
    let database = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(broken)?;
    let mut names = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .map_err(broken)?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(broken)?;
    for name in names.iter().filter(|name| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }) {
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))
            .map_err(broken)?;
        output::say(&format!("the database's table {name} holds {rows} rows now"))?;
    }
    Ok(())
}

fn count_files(folder: &Path) -> Result<usize, Failure> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        count += if path.is_dir() { count_files(&path)? } else { 1 };
    }
    Ok(count)
}

/// Waits until the request is over and the whole chain, receipt included, is proven to be logged.
async fn ended(stage: &Stage, id: RequestId) -> Result<Evidence, Failure> {
    let mut waited = Duration::ZERO;
    while waited < LIMIT {
        let record = stage.you.fetch(id).await?.record;
        let evidence = &record.evidence;
        let receipt = evidence
            .receipt
            .as_ref()
            .is_some_and(|receipt| receipt.index.is_some());
        let denied = record.phase == Phase::Denied
            && evidence.decisions.iter().all(|decision| decision.index.is_some());
        if record.phase.is_terminal() && (receipt || denied) {
            return Ok(evidence.clone());
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
    Err(Failure::new(
        Code::No,
        "the end of the request was not logged in time",
        "",
    ))
}

/// Reads the evidence back from its file and verifies it against the root alone.
fn judged(stage: &Stage, path: &Path) -> Result<(), Failure> {
    let evidence = Evidence::from_json(&file::read(path)?).map_err(|error| Failure::no(error.to_string()))?;
    let report = verify::judge(&evidence, Some(stage.root));
    output::say("evidence, verified offline:")?;
    for line in verify::text(&report) {
        output::say(&format!("  {line}"))?;
    }
    if report.is_valid() {
        Ok(())
    } else {
        Err(Failure::no("the evidence of the demonstration is not valid"))
    }
}

/// The colleague of the full-screen demonstration: approves what you approved, where it takes two.
pub async fn follow(robin: Inbox, you: PersonId) {
    loop {
        // Whatever fails now is tried again; the console shows what stands.
        drop(second(&robin, &you).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn second(robin: &Inbox, you: &PersonId) -> Result<(), Failure> {
    for row in robin.rows(Some(Phase::Pending), 100).await? {
        if row.approved_by.contains(you) && !row.approved_by.contains(robin.person()) {
            let opened = robin.fetch(row.id).await?;
            let chain = believed(&opened)?;
            let intent = intent(chain, Verdict::Approve, "Demonstration: I looked at it too.");
            decide(
                robin,
                intent,
                SecretString::from(PASSPHRASE.to_owned()).into(),
                || {},
            )
            .await?;
        }
    }
    Ok(())
}
