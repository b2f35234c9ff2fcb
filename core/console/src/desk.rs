//! The desk of a reviewer: what the machine of both consoles wants done, done with inbox, keys and outbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_client::now;
use countersign_client::trust::{TrustError, Trusted};
use countersign_client::watch::Event;
use countersign_protocol::action::Payload;
use countersign_protocol::api::ChangeSubject;
use countersign_protocol::context::Fact;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence, RequestId, Role};
use countersign_protocol::mask::SecretMark;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_protocol::reveal::Reveal;
use countersign_protocol::talk::{Looking, QuestionText, Remark};
use countersign_review::text::Untrusted;
use countersign_verify::Chain;
use tokio::sync::oneshot;

use crate::amend::{Asked, amend_unless};
use crate::backlog::Backlog;
use crate::config::{Config, ConfiguredKey, Provider};
use crate::decide::{self, DecideError, Intent, Sent};
use crate::inbox::{Inbox, InboxError, Opened, Row as InboxRow};
use crate::keys::{self, Asks, KeyError, remembered};
use crate::machine::document::ChangedDocument;
use crate::machine::driver::Desk;
use crate::machine::message::Room;
use crate::machine::reading::{Copy, DecisionSummary};
use crate::machine::state::{KeyStanding, KeySummary};
use crate::machine::{
    Connection, Drifted, News, Order, Page, Part, Progress, Reading, Row, RowContent, Said, Speaker, Summary,
    Trouble, Trust, Unlock,
};
use crate::outbox::Standing;
use crate::reveal;

/// How often others are told that a request is still on the screen; the backend believes it for 30 seconds.
const LOOK_PAUSE: Duration = Duration::from_secs(20);
/// How often the outbox is looked after.
const OUTBOX_PAUSE: Duration = Duration::from_secs(15);
/// From so many bytes on, the lines of a document are shown before its structure is compared.
const LARGE: usize = 1 << 20;
/// How many requests are fetched before somebody asks for them.
const MAX_READY: usize = 20;

/// A desk over an inbox.
#[derive(Debug, Clone)]
pub struct ReviewerDesk {
    inbox: Inbox,
    backlog: Arc<Backlog>,
    surface: &'static str,
}

impl ReviewerDesk {
    /// A desk for a surface: `tui` or `desktop`.
    #[must_use]
    pub fn new(inbox: Inbox, surface: &'static str) -> Self {
        let backlog = Arc::new(Backlog::new(inbox.clone()));
        Self {
            inbox,
            backlog,
            surface,
        }
    }
}

impl Desk for ReviewerDesk {
    async fn trust(&self) -> Result<Trust, Trouble> {
        let trusted = match self.inbox.refresh_trust().await {
            // Offline the console still shows whom it trusts.
            Err(InboxError::Client(_)) => self
                .inbox
                .store()
                .trusted()
                .map_err(|error| trouble_of_trust(&error))?,
            other => other.map_err(|error| trouble(&error))?,
        };
        Ok(trust_of(&trusted, self.inbox.config(), self.inbox.person()))
    }

    async fn load(&self, tell: impl Fn(Page) + Send + Sync) -> Result<(), Trouble> {
        let waiting = Mutex::new(Vec::new());
        let key = self.own_assurance();
        let tell = |rows: Vec<InboxRow>, part, more, room| {
            let open = rows.iter().filter(|row| row.phase == Phase::Pending);
            if let Ok(mut waiting) = waiting.lock() {
                let more = MAX_READY.saturating_sub(waiting.len());
                waiting.extend(open.map(|row| (row.id, row.change)).take(more));
            }
            tell(Page {
                rows: rows.into_iter().map(|row| self.row(row, key)).collect(),
                part,
                more,
                room,
            });
        };
        match self.backlog.load(&tell).await {
            Ok(()) => {
                let waiting = waiting.into_inner().unwrap_or_default();
                self.make_ready(&waiting).await;
                Ok(())
            }
            Err(InboxError::Client(error)) if error.is_unreachable() => {
                // What was seen before is shown until the backend is back.
                let copies = self.inbox.rows_of_copies().await.unwrap_or_default();
                if !copies.is_empty() {
                    tell(copies, Part::Newer, false, Room::default());
                }
                Err(trouble(&error.into()))
            }
            Err(error) => Err(trouble(&error)),
        }
    }

    async fn ask(&self, request: RequestId, text: String) -> Result<(), Trouble> {
        let text = QuestionText::new(text).map_err(|error| Trouble::new("too-long", error.to_string()))?;
        let asked = self.inbox.backend().ask(request, text).await;
        asked.map(drop).map_err(|error| trouble(&error.into()))
    }

    async fn reveal(
        &self,
        request: RequestId,
        secret: Option<SecretMark>,
        reason: String,
    ) -> Result<(), Trouble> {
        reveal::record(&self.inbox, request, secret, &reason)
            .await
            .map_err(|error| error.trouble())
    }

    async fn look(&self, request: RequestId) {
        while self.inbox.config().presence.tell {
            // Offline, nobody is told; that is no trouble.
            let _ = self.inbox.backend().look(request).await;
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn leave(&self, request: RequestId) {
        if self.inbox.config().presence.tell {
            let _ = self.inbox.backend().leave(request).await;
        }
    }

    async fn open(&self, id: RequestId) -> Result<Reading, Trouble> {
        self.open_in_parts(id, |_| ()).await
    }

    async fn open_in_parts(
        &self,
        id: RequestId,
        early: impl Fn(Reading) + Send + Sync,
    ) -> Result<Reading, Trouble> {
        let opened = self.inbox.fetch_or_copy_unkept(id).await;
        let opened = Arc::new(opened.map_err(|error| trouble(&error))?);
        let (inbox, read) = (self.inbox.clone(), Arc::clone(&opened));
        let (part, parts) = oneshot::channel();
        let whole = tokio::task::spawn_blocking(move || {
            reading(&read, inbox.config(), inbox.person(), |early| {
                // Nobody waits for it once the person left.
                let _ = part.send(early);
            })
        });
        if let Ok(part) = parts.await {
            early(part);
        }
        // It is kept while it is read, also by somebody who has left it already.
        let inbox = self.inbox.clone();
        tokio::spawn(async move { inbox.keep(&opened).await });
        whole
            .await
            .map_err(|_| Trouble::new("internal", "reading the request ended early"))?
    }

    async fn key(&self) -> Result<Option<KeyStanding>, Trouble> {
        let directory = self.inbox.store().trusted().ok().map(|trusted| trusted.directory);
        let Ok((_, key)) = decide::signing_key(self.inbox.config(), directory.as_ref(), None) else {
            return Ok(None);
        };
        let asked = tokio::task::spawn_blocking(move || key_standing(&key));
        match asked.await {
            Ok(Ok(standing)) => Ok(Some(standing)),
            Ok(Err(error)) => Err(Trouble::new("key", error.to_string().as_str())),
            Err(_) => Err(Trouble::new("internal", "asking the key ended early")),
        }
    }

    async fn decide(&self, mut order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Signing);
        let secret = order.take_secret();
        let intent = Intent {
            request: order.request,
            view_digest: order.view_digest,
            request_digest: Some(order.request_digest),
            action_digest: Some(order.action_digest),
            verdict: order.verdict,
            reason: order.reason,
            attention: order.attention,
            revealed: order.revealed,
            surface: self.surface,
            key: None,
        };
        let sent = match order.instead {
            None => {
                decide::decide_unless(&self.inbox, intent, secret, &order.calling_off, || {
                    report(Progress::Sent);
                })
                .await
            }
            Some((wanted, shown)) => {
                amend_unless(
                    &self.inbox,
                    intent,
                    wanted,
                    Some(shown),
                    secret,
                    &order.calling_off,
                    || report(Progress::Sent),
                )
                .await
            }
        };
        let progress = match sent {
            Ok(Sent::Logged { index, size, .. }) => Progress::Logged { index, size },
            Ok(Sent::Stored { .. }) => Progress::Committed,
            Ok(Sent::Kept(error)) => Progress::Kept(told(&error, error.hint())),
            Err(error) => Progress::Failed(error.to_string().as_str().into()),
        };
        report(progress);
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tokio::join!(self.watch_changes(&tell), self.watch_outbox(&tell));
    }
}

impl ReviewerDesk {
    /// Fetches the first of what waits, so that it can be read when the link is gone.
    async fn make_ready(&self, waiting: &[(RequestId, u64)]) {
        for (id, change) in waiting {
            let known = self.inbox.copies().copy(*id);
            if known.is_some_and(|copy| copy.record.change >= *change) {
                continue;
            }
            if let Err(error) = self.inbox.fetch(*id).await {
                tracing::debug!(%error, "a request is not made ready");
                return;
            }
        }
    }

    fn row(&self, row: InboxRow, key: Option<KeyAssurance>) -> Row {
        let content = match row.request {
            Ok(request) => {
                let mut summary = Summary::of(&request, row.phase, row.approved_by, self.inbox.person());
                summary.decided = row.decided;
                RowContent::Verified(Box::new(summary.with_key(key)))
            }
            Err(problem) => {
                RowContent::Refused(vec![Trouble::new("not-signed-by-backend", problem.as_str())])
            }
        };
        Row {
            id: row.id,
            change: row.change,
            content,
        }
    }

    /// How far the directory believes the key that decides here.
    fn own_assurance(&self) -> Option<KeyAssurance> {
        let directory = self.inbox.store().trusted().ok()?.directory;
        let (_, key) = decide::signing_key(self.inbox.config(), Some(&directory), None).ok()?;
        let entry = directory.key_at(&key.id, Role::Reviewer, now()).ok()?;
        Some(entry.assurance)
    }

    /// Who else looks; only people whom the directory names.
    fn others(&self, looking: Looking) -> News {
        let trusted = self.inbox.store().trusted();
        let named = |person: &PersonId| {
            trusted
                .as_ref()
                .is_ok_and(|trusted| trusted.directory.person(person).is_some())
        };
        let me = self.inbox.person();
        let others = looking
            .people
            .into_iter()
            .filter(|person| person != me && named(person));
        News::Looking {
            request: looking.request,
            people: others.collect(),
        }
    }

    async fn watch_changes(&self, tell: &(impl Fn(News) + Send + Sync)) {
        let mut watch = self.inbox.backend().watch(None);
        loop {
            match watch.next().await {
                Event::Connected => {
                    tell(News::Connection(Connection::Live));
                    let loaded = self.load(|page| tell(News::Page(page))).await;
                    if let Err(trouble) = loaded {
                        tell(News::Queue(Err(trouble)));
                    }
                }
                Event::Changed(change) => match change.subject {
                    ChangeSubject::Request { id, .. } => tell(News::Changed {
                        id,
                        change: change.change,
                    }),
                    ChangeSubject::Trust => tell(News::Trust(self.trust().await.map(Box::new))),
                    ChangeSubject::Log { .. } => {}
                },
                Event::Looking(looking) => tell(self.others(looking)),
                Event::Lost { error, again_in } => tell(News::Connection(Connection::Retrying {
                    since: now(),
                    next: now().after(again_in),
                    why: told(&error, error.hint()),
                })),
            }
        }
    }

    async fn watch_outbox(&self, tell: &(impl Fn(News) + Send + Sync)) {
        loop {
            match self.inbox.follow_outbox().await {
                Ok(followed) => {
                    for one in followed {
                        if let Some(progress) = progress_of(&one.standing) {
                            tell(News::Decision {
                                request: one.item.request,
                                progress,
                            });
                        }
                    }
                }
                Err(error) => tell(News::Trust(Err(trouble(&error)))),
            }
            tokio::time::sleep(OUTBOX_PAUSE).await;
        }
    }
}

/// What a key asks for, before it was asked itself.
const fn unlock_of(key: &ConfiguredKey) -> Unlock {
    if key.pin_remembered {
        return Unlock::Remembered;
    }
    match key.provider {
        Provider::Software => Unlock::Passphrase,
        Provider::Tpm | Provider::Pkcs11 | Provider::SecureEnclave | Provider::WindowsTpm => Unlock::Pin,
        Provider::SshAgent | Provider::Fido2 => Unlock::Touch,
    }
}

/// How a key stands now. Where its PIN was to be remembered and can't be used, it says why, and asks.
///
/// # Errors
/// [`KeyError`] says why it can't be used, and what to do.
pub fn key_standing(key: &ConfiguredKey) -> Result<KeyStanding, KeyError> {
    let opened = keys::open(key)?;
    let asking = |warning| KeyStanding {
        unlock: unlock_for(opened.asks()),
        warning,
    };
    let warning = |attempts: Option<keys::Attempts>| attempts.and_then(|attempts| attempts.warning());
    if !key.pin_remembered {
        return Ok(asking(warning(opened.attempts()?)));
    }
    match remembered::ready(opened.as_ref()) {
        Ok(attempts) => Ok(KeyStanding {
            unlock: Unlock::Remembered,
            warning: warning(attempts),
        }),
        Err(KeyError::LastAttempt) => Ok(asking(warning(opened.attempts()?))),
        Err(KeyError::NotRemembered(_)) => Ok(asking(Some("it is not remembered any more".to_owned()))),
        Err(error) => Err(error),
    }
}

const fn unlock_for(asks: Asks) -> Unlock {
    match asks {
        Asks::Passphrase => Unlock::Passphrase,
        Asks::Pin => Unlock::Pin,
        Asks::Confirmation => Unlock::Touch,
    }
}

/// Whom and what is trusted, as it is shown.
pub(crate) fn trust_of(trusted: &Trusted, config: &Config, person: &PersonId) -> Trust {
    let key = decide::signing_key(config, Some(&trusted.directory), None)
        .ok()
        .and_then(|(name, key)| {
            let entry = trusted.directory.key_at(&key.id, Role::Reviewer, now()).ok()?;
            Some(KeySummary {
                name: name.as_str().into(),
                assurance: entry.assurance,
                unlock: unlock_of(&key),
                pin_remembered: key.pin_remembered,
                unlocks_many: keys::provider(key.provider, key.at.as_deref())
                    .is_ok_and(|provider| provider.unlocks_many()),
            })
        });
    Trust {
        organisation: trusted.root.root().organisation.raw().into(),
        root_words: trusted.root.id().words(),
        person: person.clone(),
        key,
    }
}

fn progress_of(standing: &Result<Standing, InboxError>) -> Option<Progress> {
    match standing {
        Ok(Standing::Logged { index, size }) => Some(Progress::Logged {
            index: *index,
            size: *size,
        }),
        Ok(Standing::Stored | Standing::Unknown) => None,
        Ok(Standing::Suppressed) => Some(Progress::Failed(
            "ALARM: the backend acknowledged this decision, but does not show it; it is kept here: tell the owners".into(),
        )),
        Err(InboxError::Client(error)) if error.is_unreachable() => Some(Progress::Kept(told(error, error.hint()))),
        Err(error) => Some(Progress::Failed(error.to_string().as_str().into())),
    }
}

/// Why the key on this machine will not do for an approval, as the directory and policy say: known before anything
/// is read.
pub fn weak_key(chain: &Chain, config: &Config, person: &PersonId, now: Timestamp) -> Option<String> {
    let (name, key) = decide::signing_key(config, Some(&chain.directory), None).ok()?;
    let entry = chain.directory.key_at(&key.id, Role::Reviewer, now).ok()?;
    let presence = match key.provider {
        // Whatever holds it may ask somebody; nothing proves that it did.
        Provider::SshAgent => Presence::None,
        _ if key.pin_remembered => Presence::None,
        _ => entry.presence,
    };
    let policies = chain.refuses_key(person, entry.assurance, presence, now)?;
    let asks = match presence {
        Presence::None if key.pin_remembered => "with a remembered PIN",
        Presence::None => "without a PIN",
        Presence::Pin => "with a PIN or passphrase",
        Presence::Touch => "with a touch",
    };
    let kept = match entry.assurance {
        KeyAssurance::Software => "in software",
        KeyAssurance::HardwareUnattested => "in hardware without proof",
        KeyAssurance::HardwareAttested => "proven to be in hardware",
    };
    let policies = policies.join(", ");
    // Forgetting helps only where what the key itself can prove is enough.
    let forgetting = key.pin_remembered
        && chain
            .refuses_key(person, entry.assurance, entry.presence, now)
            .is_none();
    let next = if forgetting {
        format!("`countersign keys forget-pin {name}` has it asked for again; ")
    } else {
        String::new()
    };
    Some(format!(
        "your key ({kept}, {asks}) will not do here, by policy {policies}; {next}you can still deny"
    ))
}

fn refused(problems: &[Trouble]) -> Trouble {
    let all: Vec<String> = problems.iter().map(|problem| problem.message.escaped()).collect();
    let message = format!("the evidence is refused: {}", all.join("; "));
    Trouble::new("refused", message.as_str())
}

/// What people of the directory saw unmasked.
fn reveals(opened: &Opened, chain: &Chain) -> Vec<Reveal> {
    let known = |reveal: &&Reveal| chain.directory.person(&reveal.person).is_some();
    opened.record.reveals.iter().filter(known).cloned().collect()
}

/// What is read of a request. Where its documents are large, `early` is given the sheet and the lines before their
/// structures are compared: everything that stands there was verified.
pub(crate) fn reading(
    opened: &Opened,
    config: &Config,
    person: &PersonId,
    early: impl FnOnce(Reading),
) -> Result<Reading, Trouble> {
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
        .standing(opened.at)
        .map(|vote| vote.person.clone())
        .collect();
    let code = countersign_review::checkcode::words(chain.sheet.view_digest().sha256().as_bytes());
    let mut reading = Reading {
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
    };
    if reading.changes.iter().any(|change| change.bytes() > LARGE) {
        early(reading.clone());
    }
    let kind = chain.request.kind.id();
    let changes = reading.changes.into_iter();
    reading.changes = changes.map(|change| change.compared(kind)).collect();
    reading.complete = true;
    Ok(reading)
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

fn told(what: &dyn std::fmt::Display, hint: &str) -> Untrusted {
    Untrusted::from(format!("{what}; {hint}").as_str())
}

pub(crate) fn trouble_of_trust(error: &TrustError) -> Trouble {
    let code = if error.is_alarm() { "alarm" } else { "trust" };
    Trouble::new(code, error.to_string().as_str())
}

pub(crate) fn trouble(error: &InboxError) -> Trouble {
    match error {
        InboxError::Client(error) => Trouble::new(error.code(), told(error, error.hint())),
        InboxError::Trust(error) => trouble_of_trust(error),
        InboxError::Config(_) | InboxError::LoginKey(_) => {
            Trouble::new("not-configured", error.to_string().as_str())
        }
        InboxError::Overtaken(_) => Trouble::new("superseded", error.to_string().as_str()),
        InboxError::Outbox(_) | InboxError::OtherRequest { .. } => {
            Trouble::new("alarm", error.to_string().as_str())
        }
    }
}

/// The word for a decision that failed, for programs.
#[must_use]
pub const fn code_of(error: &DecideError) -> &'static str {
    match error {
        DecideError::Inbox(_) => "inbox",
        DecideError::Unverified(_) => "unverified",
        DecideError::Stale(_) => "stale",
        DecideError::Refused(_) => "refused",
        DecideError::Reason(_) => "reason",
        DecideError::Config(_) => "not-configured",
        DecideError::WhichKey(_) => "which-key",
        DecideError::KeyNotEnrolled(_) => "key-not-enrolled",
        DecideError::Key(_) => "key",
        DecideError::Draft(_) => "draft",
        DecideError::Sign(_) => "sign",
        DecideError::Outbox(_) => "outbox",
        DecideError::BackendRefused(_) => "backend-refused",
        DecideError::CalledOff => "called-off",
        DecideError::Suppressed => "alarm",
    }
}
