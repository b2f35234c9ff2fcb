//! `countersign export`, `review` and `import`: requests out to a machine without a network, decisions back.

use std::path::Path;

use countersign_client::key_file;
use countersign_console::decide::{Intent, signing_key};
use countersign_console::inbox::Inbox;
use countersign_console::machine::State;
use countersign_console::machine::driver::Desk;
use countersign_console::offline::desk::FileDesk;
use countersign_console::offline::evidence::{EvidenceDesk, EvidenceError};
use countersign_console::offline::export as exporting;
use countersign_console::offline::import as importing;
use countersign_console::offline::review::{FileReview, FileRow};
use countersign_protocol::decision::{Attention, SeenCheckpoint, Verdict};
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use serde_json::{Value, json};

use super::failure::{Code, Failure};
use super::{console, output, passphrase, reveal, session};
use crate::cli::{Export, Review};
use crate::screen::{self, Outcome};

/// The most requests that are exported when none are named.
const MAX_REQUESTS: usize = 1000;

pub async fn export(config: Option<&Path>, options: Export) -> Result<(), Failure> {
    let (home, _) = session::configuration(config)?;
    let inbox = session::inbox(config)?;
    let login = key_file::load(&home.login_key())?;
    let ids = match options.ids.as_slice() {
        [] => waiting(&inbox).await?,
        named => named.to_vec(),
    };
    if ids.is_empty() {
        return Err(Failure::new(
            Code::NotFound,
            "no request waits for decisions",
            "name the requests to export, as `countersign list` prints them",
        ));
    }
    let seen = options
        .seen
        .iter()
        .map(|text| checkpoint(text))
        .collect::<Result<Vec<_>, _>>()?;
    let all = ids.len();
    let written = exporting::export(&home, &inbox, &login, &ids, &seen, &options.output, |done| {
        if all > 20 && done % 20 == 0 {
            output::problem(&format!("{done} of {all} requests"));
        }
    })
    .await?;
    output::say(&format!(
        "wrote {} requests, {} bytes, to {}; open it with `countersign review FILE`, bring it back, then `countersign import FILE`",
        written.requests,
        written.bytes,
        output::shown(options.output.as_os_str().as_encoded_bytes())
    ))
}

async fn waiting(inbox: &Inbox) -> Result<Vec<RequestId>, Failure> {
    inbox.refresh_trust().await?;
    let rows = inbox.rows(Some(Phase::Pending), MAX_REQUESTS).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn checkpoint(text: &str) -> Result<SeenCheckpoint, Failure> {
    let read = text.split_once(':').and_then(|(size, hash)| {
        Some(SeenCheckpoint {
            size: size.parse().ok()?,
            root_hash: hash.parse().ok()?,
        })
    });
    read.ok_or_else(|| {
        Failure::usage(
            format!("`{}` is not a checkpoint", output::shown(text)),
            "it is the log's size, a colon and its root hash",
        )
    })
}

pub async fn review(config: Option<&Path>, options: Review) -> Result<(), Failure> {
    let (home, found) = session::configuration(config)?;
    let look = console::look(&found.terminal)?;
    if options.opens_screen() {
        match EvidenceDesk::open(&home, found.clone(), &options.file) {
            Ok(evidence) => {
                let state = evidence.state();
                return on_screen(evidence, state, look, "`countersign verify FILE`").await;
            }
            // An exported file is a line for each thing in it; what is wrong with it is said below.
            Err(EvidenceError::NoEvidence(_) | EvidenceError::TooLarge) => {}
            Err(error) => return Err(Failure::no(error.to_string())),
        }
    }
    let review = FileReview::open(&home, found, &options.file, options.into.clone())?;
    if let Some(id) = options.show {
        return show(&review, id, &options);
    }
    if options.clear.reveal {
        return Err(Failure::usage(
            "`--reveal` shows the secrets of one request",
            "name it: `countersign review FILE --show ID --reveal --reason TEXT`",
        ));
    }
    if options.json || options.plain {
        return list(&review, options.json);
    }
    let chosen = match (options.approve, options.deny) {
        (Some(id), _) => Some((id, Verdict::Approve)),
        (None, Some(id)) => Some((id, Verdict::Deny)),
        (None, None) => None,
    };
    if let Some((id, verdict)) = chosen {
        return decide(&review, id, verdict, &options);
    }
    let desk = FileDesk::new(review, "tui");
    on_screen(desk, State::queue(), look, "`countersign review FILE --plain`").await
}

async fn on_screen<D: Desk>(desk: D, state: State, look: screen::Look, instead: &str) -> Result<(), Failure> {
    let outcome = screen::run(desk, state, look)
        .await
        .map_err(|error| Failure::usage(format!("{error:#}"), format!("without a terminal use {instead}")))?;
    match outcome {
        Outcome::Ended(signal) => Err(Failure::new(Code::No, format!("ended by signal {signal}"), "")),
        _ => Ok(()),
    }
}

fn show(review: &FileReview, id: RequestId, options: &Review) -> Result<(), Failure> {
    let opened = review.fetch(id)?;
    let problems = &opened.report.problems;
    match opened.report.chain.as_ref().filter(|_| problems.is_empty()) {
        Some(chain) => {
            output::write(chain.sheet.text().as_bytes())?;
            if options.clear.reveal {
                let why = options.reason.as_deref().unwrap_or_default();
                reveal::of_file(review, &opened, chain, options.clear.mark, why)?;
            }
            Ok(())
        }
        None => {
            output::problem("countersign: the evidence of this request does not hold:");
            for problem in problems {
                output::problem(&format!("  {}: {}", problem.code, problem.message));
            }
            Err(Failure::no(""))
        }
    }
}

fn list(review: &FileReview, as_json: bool) -> Result<(), Failure> {
    let rows = review.rows()?;
    let exported = review.exported();
    if as_json {
        return output::json(&json!({
            "schema": "countersign/offline-review/v1",
            "exported_at": exported.map(|(at, _)| at.to_string()),
            "exported_by": exported.map(|(_, by)| by),
            "requests": rows.iter().map(|row| document(review, row)).collect::<Vec<_>>(),
            "troubles": review.troubles().map(|trouble| trouble.escaped()).collect::<Vec<_>>(),
        }));
    }
    match exported {
        Some((at, by)) => output::say(&format!("exported at {at} by {by}"))?,
        None => output::say("no valid seal: its age is not known")?,
    }
    for trouble in review.troubles() {
        output::say(&format!("! {}", trouble.escaped()))?;
    }
    for row in &rows {
        let what = match &row.request {
            Ok(request) => format!(
                "{} in {} [{}]{}",
                output::shown(request.target.raw()),
                request.environment,
                request.severity.word(),
                if row.decided { ", decided here" } else { "" }
            ),
            Err(problem) => format!("refused: {}", output::shown(problem.as_str())),
        };
        output::say(&format!("{} {what}", row.id))?;
    }
    Ok(())
}

fn document(review: &FileReview, row: &FileRow) -> Value {
    let opened = review.fetch(row.id);
    let chain = opened
        .as_ref()
        .ok()
        .and_then(|opened| opened.report.chain.as_ref().filter(|_| opened.report.is_valid()));
    let problems: Vec<String> = match &opened {
        Ok(opened) => opened
            .report
            .problems
            .iter()
            .map(|problem| output::shown(problem.message.as_str()))
            .collect(),
        Err(error) => vec![output::shown(error.to_string().as_str())],
    };
    json!({
        "id": row.id,
        "view_digest": chain.map(|chain| chain.sheet.view_digest()),
        "target": chain.map(|chain| chain.request.target.raw().to_owned()),
        "risk": chain.map(|chain| chain.request.severity.word()),
        "decided": row.decided,
        "problems": problems,
    })
}

fn decide(review: &FileReview, id: RequestId, verdict: Verdict, options: &Review) -> Result<(), Failure> {
    let view_digest = match options.view_digest {
        Some(seen) => seen,
        None => current(review, id)?,
    };
    let intent = Intent {
        request: id,
        view_digest,
        request_digest: None,
        action_digest: None,
        verdict,
        reason: options.reason.clone().unwrap_or_default(),
        attention: Attention::None,
        revealed: false,
        surface: "command-line",
        key: options.key.clone(),
    };
    let directory = review.trusted().ok().map(|trusted| trusted.directory);
    let (_, key) = signing_key(review.config(), directory.as_ref(), intent.key.as_deref())?;
    let secret = passphrase::of_signing_key(&key, &options.pin)?;
    review.decide(&intent, &secret, || ())?;
    output::say(&format!(
        "{}: signed and written to {}; it counts once that file is imported",
        verdict.word(),
        output::shown(review.into_file().as_os_str().as_encoded_bytes())
    ))
}

/// Saying no needs no sheet; it is bound to the one in the file.
fn current(review: &FileReview, id: RequestId) -> Result<ViewDigest, Failure> {
    let opened = review.fetch(id)?;
    match opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) {
        Some(chain) => Ok(chain.sheet.view_digest()),
        None => Err(Failure::new(
            Code::Refused,
            "the evidence of this request does not hold, so nothing is signed about it",
            "`countersign review FILE --show ID` says what is wrong",
        )),
    }
}

pub async fn import(config: Option<&Path>, file: &Path, as_json: bool) -> Result<(), Failure> {
    let (home, _) = session::configuration(config)?;
    let inbox = session::inbox(config)?;
    inbox.refresh_trust().await?;
    let summary = importing::import(&home, &inbox, file, |imported| {
        if !as_json {
            // Told as it happens: what was taken is taken, even when the rest fails.
            drop(output::say(&line(imported)));
        }
    })
    .await?;
    let refused = summary
        .decisions
        .iter()
        .filter(|imported| imported.outcome.is_err())
        .count();
    if as_json {
        output::json(&json!({
            "schema": "countersign/import/v1",
            "decisions": summary.decisions.iter().map(imported).collect::<Vec<_>>(),
            "reveals": summary.reveals,
            "troubles": summary.troubles.iter().map(countersign_review::text::Untrusted::escaped).collect::<Vec<_>>(),
        }))?;
    } else {
        for revealed in &summary.reveals {
            let said = reveal::said(&revealed.reveal);
            output::say(&format!("{}: the file says, unsigned: {said}", revealed.request))?;
        }
        for trouble in &summary.troubles {
            output::say(&format!("! {}", trouble.escaped()))?;
        }
        if summary.decisions.is_empty() {
            output::say("there is no decision in this file")?;
        }
    }
    if refused > 0 {
        return Err(Failure::no(format!(
            "{refused} of {} decisions were not taken",
            summary.decisions.len()
        )));
    }
    Ok(())
}

fn line(imported: &importing::Imported) -> String {
    let who = imported
        .reviewer
        .as_ref()
        .map_or_else(|| "somebody".to_owned(), ToString::to_string);
    match &imported.outcome {
        Ok(taken) => {
            let place = taken.index.map_or_else(
                || "not in the log yet".to_owned(),
                |index| format!("entry {index} in the log"),
            );
            format!(
                "{} by {who}: taken, {place}; the request {}",
                imported.request,
                taken.phase.said()
            )
        }
        Err(refused) => format!(
            "{} by {who}: refused: {}",
            imported.request,
            output::shown(refused.to_string().as_str())
        ),
    }
}

fn imported(imported: &importing::Imported) -> Value {
    let (taken, refused) = match &imported.outcome {
        Ok(taken) => (Some(taken), None),
        Err(refused) => (None, Some(refused)),
    };
    json!({
        "request": imported.request,
        "reviewer": imported.reviewer,
        "taken": taken.is_some(),
        "log_index": taken.and_then(|taken| taken.index),
        "state": taken.map(|taken| taken.phase.word()),
        "code": refused.map(importing::Refused::code),
        "why": refused.map(|refused| output::shown(refused.to_string().as_str())),
    })
}
