//! `countersign inspect --tui`: local files in the panes of the console. No backend, no key, nothing to decide.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::driver::Desk;
use countersign_console::machine::{
    Drifted, News, Order, Progress, Reading, Row, State, Summary, Trouble, Trust,
};
use countersign_protocol::approval::Severity;
use countersign_protocol::digest::{ActionDigest, ProposalDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_review::findings;
use countersign_review::secret::Masks;
use countersign_review::sheet::drift::Record;
use countersign_review::text::Untrusted;
use tokio::sync::mpsc::UnboundedSender as Sender;
use tokio::sync::{mpsc, oneshot};

use super::failure::Failure;
use super::inspect::subject::Subject;
use super::{console, session};
use crate::cli::Inspect;
use crate::screen;

pub async fn run(config: Option<&Path>, options: Inspect) -> Result<(), Failure> {
    let (_, found) = session::configuration(config)?;
    let look = console::look(&found.terminal)?;
    let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"local files")));
    let files = Files {
        options: Arc::new(options),
    };
    screen::run(files, State::local(id), look)
        .await
        .map_err(|error| {
            Failure::usage(
                format!("{error:#}"),
                "without a terminal use `countersign inspect --plain`",
            )
        })?;
    Ok(())
}

/// The desk of two local files.
struct Files {
    options: Arc<Inspect>,
}

impl Desk for Files {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Err(nothing())
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        Err(nothing())
    }

    async fn open(&self, id: RequestId) -> Result<Reading, Trouble> {
        self.open_in_parts(id, |_| ()).await
    }

    async fn open_in_parts(
        &self,
        id: RequestId,
        early: impl Fn(Reading) + Send + Sync,
    ) -> Result<Reading, Trouble> {
        let options = Arc::clone(&self.options);
        // Large files take time; the screen is there meanwhile. A thread of its own, which nobody waits for when
        // the person leaves.
        let (part, mut parts) = mpsc::unbounded_channel();
        let (done, whole) = oneshot::channel();
        std::thread::spawn(move || done.send(read(id, &options, &part)).is_ok());
        while let Some(part) = parts.recv().await {
            early(part);
        }
        whole
            .await
            .map_err(|_| Trouble::new("internal", "reading the files ended early"))?
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Failed(
            "these are local files; there is nothing to decide".into(),
        ));
    }

    async fn watch(&self, _tell: impl Fn(News) + Send + Sync) {}
}

fn nothing() -> Trouble {
    Trouble::new("local", "these are local files; there is no backend")
}

/// What is read of local files, in parts: the lines as soon as they are compared, then the structure, then all.
fn read(id: RequestId, options: &Inspect, parts: &Sender<Reading>) -> Result<Reading, Trouble> {
    let failed = |failure: Failure| Trouble::new("file", failure.message());
    let subject = Subject::read(options).map_err(failed)?;
    // No line is shown before it is known what of it is masked.
    let masks = Arc::new(subject.masks(options.reveal).map_err(failed)?);
    let mut reading = lines(id, options, &subject, masks)?;
    let pass_on = |part: &Reading| {
        let told = parts.send(part.clone());
        told.map_err(|_| Trouble::new("internal", "nobody waits for it any more"))
    };
    pass_on(&reading)?;
    let changes = reading.changes.into_iter();
    reading.changes = changes
        .map(|document| document.compared(subject.kind.id()))
        .collect();
    pass_on(&reading)?;
    let drift = subject.drift();
    let found = worst_first(subject.findings(drift.as_ref()).map_err(failed)?);
    reading.summary.severity = Severity::from_level(i64::from(findings::severity(&found).number()));
    reading.findings = found;
    reading.drift = drift.map(|drift| Drifted {
        approved: None,
        record: Some(Arc::new(Record::from(&drift))),
    });
    reading.complete = true;
    Ok(reading)
}

/// The lines of local files, with nothing computed of them yet.
fn lines(id: RequestId, options: &Inspect, subject: &Subject, masks: Arc<Masks>) -> Result<Reading, Trouble> {
    let mut changes = Vec::new();
    for document in &subject.documents {
        let diff = document
            .difference()
            .map_err(|error| Trouble::new("too-large", error.to_string().as_str()))?;
        let exists = [document.before.is_some(), document.after.is_some()];
        let document = ChangedDocument::new(document.title.as_slice(), diff).existing(exists);
        changes.push(document.with_masks(&masks));
    }
    let title = subject
        .documents
        .first()
        .map_or_else(Untrusted::default, |document| document.title.as_slice().into());
    // Nothing is signed here: this stands where the digests of a request would.
    let digest = Sha256Digest::of(b"local files");
    Ok(Reading {
        id,
        weak_key: None,
        change: 0,
        summary: summary(subject.kind, &title)?,
        request_digest: RequestDigest::new(digest),
        action_digest: ActionDigest::new(digest),
        view_digest: ViewDigest::new(digest),
        check_words: Vec::new(),
        sentence: sentence(options, subject),
        asked: None,
        amends: None,
        followed: None,
        sheet: Arc::from([]),
        changes,
        masks,
        drift: None,
        findings: Vec::new(),
        facts: Vec::new(),
        complete: false,
        problems: Vec::new(),
        policies: Vec::new(),
        eligible: Vec::new(),
        excluded: Vec::new(),
        decisions: Vec::new(),
        talk: Vec::new(),
        reveals: Vec::new(),
        logged: None,
        copy: None,
    })
}

fn worst_first(mut found: Vec<findings::Finding>) -> Vec<findings::Finding> {
    found.sort_by_key(|finding| (!finding.counts(), std::cmp::Reverse(finding.severity)));
    found
}

fn summary(kind: Kind, title: &Untrusted) -> Result<Summary, Trouble> {
    let unnamed = || Trouble::new("internal", "a name of this program is not good");
    Ok(Summary {
        phase: Phase::Pending,
        severity: Severity::None,
        kind,
        target: title.clone(),
        agent: "inspect".parse().map_err(|_| unnamed())?,
        environment: "local".parse().map_err(|_| unnamed())?,
        created_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(0),
        needs: 0,
        hardware: 0,
        teams: 0,
        approved_by: Vec::new(),
        personal: false,
        why_not: None,
        weak_key: false,
        decided: None,
        digest_start: [0; 4],
    })
}

/// What is read, in one sentence.
fn sentence(options: &Inspect, subject: &Subject) -> String {
    let refused = subject.refused().map_or_else(String::new, |problem| {
        format!(" No guard would run it: {problem}.")
    });
    if let Some(asked) = &subject.action {
        return format!(
            "{} in {}: an action that nobody asked for, nothing to decide.{refused}",
            Untrusted::from(asked.action.target.raw()).escaped(),
            asked.action.environment
        );
    }
    let name = |path: &Path| Untrusted::from(path.as_os_str().as_bytes()).escaped();
    let nothing = || "nothing".to_owned();
    let from = options.before.as_deref().map_or_else(nothing, name);
    let to = options
        .after
        .as_deref()
        .or(options.file.as_deref())
        .map_or_else(nothing, name);
    format!("{from} \u{2192} {to}: local files, nothing to decide.")
}
