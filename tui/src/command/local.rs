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
use countersign_review::sheet::drift::Record;
use countersign_review::text::Untrusted;

use super::failure::Failure;
use super::{console, file, inspect, session};
use crate::cli::Inspect;
use crate::screen;

pub async fn run(config: Option<&Path>, options: Inspect) -> Result<(), Failure> {
    let (_, found) = session::configuration(config)?;
    let look = console::look(&found.terminal)?;
    let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"local files")));
    screen::run(Files { options }, State::local(id), look)
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
    options: Inspect,
}

impl Desk for Files {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Err(nothing())
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        Err(nothing())
    }

    async fn open(&self, id: RequestId) -> Result<Reading, Trouble> {
        let (before, after) = (self.options.before.clone(), self.options.after.clone());
        let kind = self.options.kind.clone();
        // Large files take time; the screen is there meanwhile. A thread of its own, which nobody waits for when
        // the person leaves.
        let (done, read) = tokio::sync::oneshot::channel();
        let baseline = self.options.baseline.clone();
        std::thread::spawn(move || {
            let files = [baseline.as_deref(), before.as_deref()];
            done.send(self::read(id, files, &after, kind)).is_ok()
        });
        let ended = |_| Trouble::new("internal", "reading the files ended early");
        read.await.map_err(ended)?
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

fn read(
    id: RequestId,
    [baseline, before]: [Option<&Path>; 2],
    after: &Path,
    kind: Option<String>,
) -> Result<Reading, Trouble> {
    let failed = |failure: Failure| Trouble::new("file", failure.message());
    let old = before.map(file::read).transpose().map_err(failed)?;
    let new = file::read(after).map_err(failed)?;
    let approved = baseline.map(file::read).transpose().map_err(failed)?;
    let kind = inspect::kind::kind_of(kind.as_deref(), &new).map_err(failed)?;
    let mut found = findings::analyze(kind.id(), old.as_deref(), &new);
    let drift = inspect::drift_of(kind, approved.as_deref(), old.as_deref(), &new);
    if let Some(drift) = &drift {
        found = findings::with_drift(found, drift);
    }
    let found = worst_first(found);
    let title = name(after);
    let digest = Sha256Digest::of(&new);
    let document = ChangedDocument::compare(kind.id(), title.bytes(), old, Some(new));
    let Some(document) = document else {
        return Err(Trouble::new(
            "too-large",
            "the files are too large to be compared exactly",
        ));
    };
    let from = before.map_or_else(|| "nothing".to_owned(), |path| name(path).escaped());
    Ok(Reading {
        id,
        change: 0,
        summary: summary(kind, &title, &found)?,
        request_digest: RequestDigest::new(digest),
        action_digest: ActionDigest::new(digest),
        view_digest: ViewDigest::new(digest),
        check_words: Vec::new(),
        sentence: format!(
            "{from} \u{2192} {}: local files, nothing to decide.",
            title.escaped()
        ),
        sheet: Arc::from([]),
        changes: vec![document],
        drift: drift.map(|drift| Drifted {
            approved: None,
            record: Some(Arc::new(Record::from(&drift))),
        }),
        findings: found,
        facts: Vec::new(),
        problems: Vec::new(),
        policies: Vec::new(),
        eligible: Vec::new(),
        excluded: Vec::new(),
        decisions: Vec::new(),
        talk: Vec::new(),
        logged: None,
        copy: None,
    })
}

fn worst_first(mut found: Vec<findings::Finding>) -> Vec<findings::Finding> {
    found.sort_by_key(|finding| (!finding.counts(), std::cmp::Reverse(finding.severity)));
    found
}

fn summary(kind: Kind, title: &Untrusted, found: &[findings::Finding]) -> Result<Summary, Trouble> {
    let unnamed = || Trouble::new("internal", "a name of this program is not good");
    Ok(Summary {
        phase: Phase::Pending,
        severity: Severity::from_level(i64::from(findings::severity(found).number())),
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
    })
}

/// A path as text from outside.
fn name(path: &Path) -> Untrusted {
    Untrusted::from(path.as_os_str().as_bytes())
}
