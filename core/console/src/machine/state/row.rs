//! A request as a row of the queue, and in short.

use countersign_protocol::api::Decided;
use countersign_protocol::approval::{ApprovalRequest, Severity};
use countersign_protocol::digest::ActionDigest;
use countersign_protocol::identity::{AgentId, EnvironmentId, KeyAssurance, PersonId, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Phase, Refusal};
use countersign_review::text::Untrusted;

use super::trust::Trouble;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The request.
    pub id: RequestId,
    /// The backend's number of its newest change.
    pub change: u64,
    /// What is known of it.
    pub content: RowContent,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowContent {
    /// Its request statement is signed by the pinned backend.
    Verified(Box<Summary>),
    /// It is not believed.
    Refused(Vec<Trouble>),
}

/// A request in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Where it stands.
    pub phase: Phase,
    /// How bad it is.
    pub severity: Severity,
    /// What sort of change it is.
    pub kind: Kind,
    /// What it acts on.
    pub target: Untrusted,
    /// Who asks.
    pub agent: AgentId,
    /// Where it takes effect.
    pub environment: EnvironmentId,
    /// When it was held.
    pub created_at: Timestamp,
    /// After this nothing can be decided.
    pub expires_at: Timestamp,
    /// Approvals it takes at the least.
    pub needs: u32,
    /// How many of them with a hardware key.
    pub hardware: u32,
    /// From how many teams.
    pub teams: u32,
    /// Who approved so far.
    pub approved_by: Vec<PersonId>,
    /// Whether it is supervision of one's own agent, not four eyes.
    pub personal: bool,
    /// Why this person cannot decide it, where that is so.
    pub why_not: Option<String>,
    /// Whether an approval by the key of this machine would not count, as far as the request itself tells.
    pub weak_key: bool,
    /// Who decided so far, as the backend says.
    pub decided: Option<Decided>,
    /// How the digest of the action begins, to find it by.
    pub digest_start: DigestStart,
}

/// The first bytes of a digest.
pub type DigestStart = [u8; 4];

impl Row {
    /// The request in short, where it is believed.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        match &self.content {
            RowContent::Verified(summary) => Some(summary),
            RowContent::Refused(_) => None,
        }
    }
}

impl Summary {
    /// Sums up a verified request for `me`.
    #[must_use]
    pub fn of(request: &ApprovalRequest, phase: Phase, approved_by: Vec<PersonId>, me: &PersonId) -> Self {
        let why_not = if !phase.is_open() {
            Some(Refusal::Over)
        } else if request.excluded.contains(me) {
            Some(Refusal::Excluded)
        } else if approved_by.contains(me) {
            Some(Refusal::AlreadyVoted)
        } else if !request.rule.eligible.contains(me) {
            Some(Refusal::NotEligible)
        } else {
            None
        };
        Self {
            phase,
            severity: request.severity,
            kind: request.kind,
            target: request.target.raw().into(),
            agent: request.agent.clone(),
            environment: request.environment.clone(),
            created_at: request.created_at,
            expires_at: request.expires_at,
            needs: request.rule.approvals,
            hardware: request.rule.hardware,
            teams: request.rule.teams,
            approved_by,
            personal: request.personal,
            why_not: why_not.map(|refusal| refusal.to_string()),
            weak_key: false,
            decided: None,
            digest_start: start(&request.action_digest),
        }
    }

    /// The same, with a key at hand that the directory lets count as `assurance`. A request that takes none but
    /// approvals in hardware is told apart by itself; what else policy asks of a key is known once it is opened.
    #[must_use]
    pub fn with_key(mut self, assurance: Option<KeyAssurance>) -> Self {
        let takes_hardware_alone = self.hardware >= self.needs && self.hardware > 0;
        self.weak_key =
            self.why_not.is_none() && takes_hardware_alone && assurance == Some(KeyAssurance::Software);
        self
    }

    /// What to type before this can be approved; nothing below high risk.
    ///
    /// The last part of the target, or the environment where that part cannot be typed on every keyboard.
    #[must_use]
    pub fn name_to_type(&self) -> Option<String> {
        if self.severity < Severity::High {
            return None;
        }
        let target = self.target.utf8().unwrap_or_default().trim_end_matches('/');
        let last = target.rsplit('/').next().unwrap_or_default();
        let typable =
            !last.is_empty() && last.len() <= 40 && last.bytes().all(|byte| byte.is_ascii_graphic());
        Some(if typable {
            last.to_owned()
        } else {
            self.environment.to_string()
        })
    }
}

fn start(digest: &ActionDigest) -> DigestStart {
    let bytes = digest.sha256().as_bytes();
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default())
}
