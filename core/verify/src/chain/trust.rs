//! Root, directories and policies of the evidence, against the pin.

use std::sync::Arc;

use countersign_policy::PolicySet;
use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::kept::Kept;
use countersign_protocol::log::{Commitment, EntryType, LogSegment};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::root::{RootError, TrustedRoot};
use countersign_protocol::signed::{Envelope, Predicate, SignatureError, Verified};

use super::{Pinned, Problem, Purpose};
use crate::account::Step;
use crate::log::{CheckedSegment, LogError, check_segment};

/// The most versions of directory or policy that one request may live through.
const MAX_VERSIONS: usize = 256;
/// The largest directories and policies that are kept.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

pub(super) struct Trust {
    pub root: Arc<TrustedRoot>,
    /// The roots before the newest, newest first. What they signed for stays proven when owners or services change.
    earlier: Vec<TrustedRoot>,
    pub directories: Versions<Arc<TrustedDirectory>>,
    pub policies: Versions<Policy>,
    /// What the log has to hold of the evidence's directories, and of its policies.
    pub committed: [Vec<Commitment>; 2],
}

/// The version a request was made under, and every newer one, in order.
pub(super) struct Versions<T> {
    pub of_request: T,
    newer: Vec<(Option<u64>, T)>,
}

impl<T> Versions<T> {
    /// The newest in the evidence.
    pub(super) fn newest(&self) -> &T {
        self.newer.last().map_or(&self.of_request, |(_, item)| item)
    }

    /// The one that was current for what stands in the log at `index`; the newest for what does not yet.
    pub(super) fn current_at(&self, index: Option<u64>) -> &T {
        let Some(index) = index else { return self.newest() };
        let earlier = self
            .newer
            .iter()
            .rev()
            .find(|(logged, _)| logged.is_some_and(|logged| logged < index));
        earlier.map_or(&self.of_request, |(_, item)| item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.of_request).chain(self.newer.iter().map(|(_, item)| item))
    }
}

pub(super) struct Policy {
    pub bundle: TrustedBundle,
    pub set: Arc<PolicySet>,
}

/// Root, directories and policies of the evidence. Most requests of a queue and of an archive stand on the same
/// ones, byte for byte; those that were verified last are kept.
pub(super) fn open(evidence: &Evidence, pinned: &Pinned, purpose: Purpose) -> Result<Arc<Trust>, Problem> {
    static OPENED: Kept<Basis, Trust> = Kept::new();
    let open = || verified(evidence, pinned, purpose);
    if Basis::size(evidence) > MAX_KEPT_BYTES {
        return open().map(Arc::new);
    }
    let audit = purpose == Purpose::Audit;
    OPENED.or_compute(
        |basis| basis.is(evidence, pinned, audit),
        || Basis::of(evidence, pinned, audit),
        open,
    )
}

/// Root, directory version and policy version that were seen.
type Seen = (Option<Sha256Digest>, u64, u64);

const fn seen(pinned: &Pinned) -> Seen {
    (pinned.root_seen, pinned.directory_seen, pinned.policy_seen)
}

/// All that [`verified`] goes by.
struct Basis {
    root: RootId,
    seen: Seen,
    audit: bool,
    roots: Vec<Envelope>,
    directories: Vec<Logged>,
    policies: Vec<Logged>,
}

impl Basis {
    fn of(evidence: &Evidence, pinned: &Pinned, audit: bool) -> Self {
        Self {
            root: pinned.root,
            seen: seen(pinned),
            audit,
            roots: evidence.roots.clone(),
            directories: evidence.directories.clone(),
            policies: evidence.policies.clone(),
        }
    }

    fn is(&self, evidence: &Evidence, pinned: &Pinned, audit: bool) -> bool {
        self.root == pinned.root
            && self.seen == seen(pinned)
            && self.audit == audit
            && self.roots == evidence.roots
            && self.directories == evidence.directories
            && self.policies == evidence.policies
    }

    /// In bytes of payload.
    fn size(evidence: &Evidence) -> usize {
        let logged = evidence.directories.iter().chain(&evidence.policies);
        let envelopes = evidence.roots.iter().chain(logged.map(|logged| &logged.envelope));
        envelopes.map(|envelope| envelope.payload.len()).sum()
    }
}

fn verified(evidence: &Evidence, pinned: &Pinned, purpose: Purpose) -> Result<Trust, Problem> {
    let refused = |error: RootError| match error {
        RootError::NotPinned { .. } | RootError::Missing => Problem::new("untrusted-root", error),
        other => Problem::new("invalid-root", other),
    };
    let root = TrustedRoot::follow(&pinned.root, &evidence.roots).map_err(refused)?;
    // Each root names the one before it, so a chain that holds this one holds all before it too.
    let holds = |seen: Sha256Digest| evidence.roots.iter().any(|root| root.payload_digest() == seen);
    if !pinned.root_seen.is_none_or(holds) {
        return Err(Problem::new(
            "older-root",
            "evidence leaves out a root that was seen here, or holds another one in its place",
        ));
    }
    let mut earlier = Vec::new();
    for length in (1..evidence.roots.len()).rev() {
        let chain = evidence.roots.get(..length).unwrap_or_default();
        earlier.push(TrustedRoot::follow(&pinned.root, chain).map_err(refused)?);
    }
    let mut trust = Unfinished { root, earlier };
    let directories = trust.directories(evidence, pinned, purpose)?;
    let policies = trust.policies(evidence, pinned, purpose)?;
    // What a guard or a reviewer goes by now, the newest root has to vouch for.
    if purpose != Purpose::Audit {
        trust.earlier.clear();
    }
    Ok(Trust {
        root: Arc::new(trust.root),
        earlier: trust.earlier,
        directories,
        policies,
        committed: [
            commitments(&evidence.directories)?,
            commitments(&evidence.policies)?,
        ],
    })
}

fn commitments(all: &[Logged]) -> Result<Vec<Commitment>, Problem> {
    let commitment = |logged: &Logged| Commitment::to(&logged.envelope, &logged.salt);
    let commitments: Result<_, _> = all.iter().map(commitment).collect();
    commitments.map_err(|error| Problem::new("log", error))
}

/// Roots whose directories and policies are not yet read.
struct Unfinished {
    root: TrustedRoot,
    earlier: Vec<TrustedRoot>,
}

impl Unfinished {
    fn directories(
        &self,
        evidence: &Evidence,
        pinned: &Pinned,
        purpose: Purpose,
    ) -> Result<Versions<Arc<TrustedDirectory>>, Problem> {
        let accept = |logged: &Logged, seen: u64, newest: bool| {
            under(self.roots(newest, purpose), |root| {
                TrustedDirectory::accept(root, &logged.envelope, seen)
            })
            .map(Arc::new)
            .map_err(|error| Problem::new("invalid-directory", error))
        };
        let (first, rest) = split("directory", &evidence.directories)?;
        let of_request = accept(first, 0, rest.is_empty())?;
        let mut versions = Versions {
            of_request,
            newer: Vec::new(),
        };
        for (place, logged) in rest.iter().enumerate() {
            let next = accept(logged, versions.newest().version + 1, place + 1 == rest.len())?;
            versions.newer.push((logged.index, next));
        }
        let (found, seen) = (versions.newest().version, pinned.directory_seen);
        if found < seen {
            return Err(older("older-directory", "directory", found, seen));
        }
        Ok(versions)
    }

    fn policies(
        &self,
        evidence: &Evidence,
        pinned: &Pinned,
        purpose: Purpose,
    ) -> Result<Versions<Policy>, Problem> {
        let accept = |logged: &Logged, seen: u64, newest: bool| {
            let bundle = under(self.roots(newest, purpose), |root| {
                TrustedBundle::accept(root, &logged.envelope, seen)
            })
            .map_err(|error| Problem::new("invalid-policy", error))?;
            let set = PolicySet::load(&bundle).map_err(|error| Problem::new("invalid-policy", error))?;
            Ok(Policy { bundle, set })
        };
        let (first, rest) = split("policy", &evidence.policies)?;
        let of_request = accept(first, 0, rest.is_empty())?;
        let mut versions = Versions {
            of_request,
            newer: Vec::new(),
        };
        for (place, logged) in rest.iter().enumerate() {
            let next = accept(
                logged,
                versions.newest().bundle.version + 1,
                place + 1 == rest.len(),
            )?;
            versions.newer.push((logged.index, next));
        }
        let (found, seen) = (versions.newest().bundle.version, pinned.policy_seen);
        if found < seen {
            return Err(older("older-policy", "policy", found, seen));
        }
        Ok(versions)
    }

    /// The roots that may have signed a version: for the newest one that somebody goes by now, the newest alone.
    fn roots(&self, newest: bool, purpose: Purpose) -> (&TrustedRoot, &[TrustedRoot]) {
        let now = newest && purpose != Purpose::Audit;
        (&self.root, if now { &[] } else { &self.earlier })
    }
}

/// Asks the newest root, then the others; gives the newest's refusal when none accepts.
fn under<'a, T, E>(
    (newest, earlier): (&'a TrustedRoot, &'a [TrustedRoot]),
    accept: impl Fn(&TrustedRoot) -> Result<T, E>,
) -> Result<T, E> {
    accept(newest).or_else(|refusal| earlier.iter().find_map(|root| accept(root).ok()).ok_or(refusal))
}

fn older(code: &'static str, what: &str, found: u64, seen: u64) -> Problem {
    Problem::new(
        code,
        format!("evidence ends with {what} version {found}, but version {seen} was seen here"),
    )
}

fn split<'a>(what: &str, all: &'a [Logged]) -> Result<(&'a Logged, &'a [Logged]), Problem> {
    let step = if what == "policy" {
        Step::Policy
    } else {
        Step::Directory
    };
    if all.len() > MAX_VERSIONS {
        let message = format!("evidence holds more than {MAX_VERSIONS} versions of the {what}");
        return Err(Problem::new("too-large", message).at(step));
    }
    all.split_first()
        .ok_or_else(|| Problem::new("incomplete", format!("evidence holds no {what}")).at(step))
}

impl Trust {
    /// Verifies a statement of the backend: by its key of today, or, looking back, by one it had before.
    pub(super) fn verify<T: Predicate>(&self, envelope: &Envelope) -> Result<Verified<T>, SignatureError> {
        under((&self.root, &self.earlier), |root| envelope.verify(root))
    }

    /// Checks the log by its key of today, or, looking back, by one it had before. A key that a later root took out
    /// vouches for no tree that is seen to hold that root.
    pub(super) fn segment(
        &self,
        segment: &LogSegment,
        start: u64,
        request: u64,
    ) -> Result<CheckedSegment, LogError> {
        check_segment(segment, &self.root, start).or_else(|refusal| {
            let of_its_time = |root: &TrustedRoot| {
                let checked = check_segment(segment, root, start).ok()?;
                let since = checked
                    .leaves
                    .iter()
                    .filter(|(index, leaf)| *index >= request && leaf.entry == EntryType::Root);
                let newer = u64::try_from(since.count()).unwrap_or(u64::MAX);
                (newer < root.root().version).then_some(checked)
            };
            self.earlier.iter().find_map(of_its_time).ok_or(refusal)
        })
    }

    pub(super) fn check_fresh(&self, as_of: Timestamp, problems: &mut Vec<Problem>) {
        if let Err(error) = self.root.check_fresh(as_of) {
            problems.push(Problem::new("expired-root", error));
        }
        if let Err(error) = self.directories.newest().check_fresh(as_of) {
            problems.push(Problem::new("expired-directory", error));
        }
        if let Err(error) = self.policies.newest().bundle.check_fresh(as_of) {
            problems.push(Problem::new("expired-policy", error));
        }
    }
}
