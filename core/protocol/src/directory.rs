//! The signed directory: people, teams, keys, guards, agents, environments.
//!
//! Directory owners sign it; everybody else only reads it. It says which key is whose, what each key may sign,
//! who owns which agent, and how an environment is derived from what a guard observed. No name in a message is
//! ever believed against it.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::attestation::Attestations;
use crate::digest::{DirectoryDigest, KeyId, RootId, Sha256Digest};
use crate::identity::{
    AgentId, EnvironmentId, GuardId, KeyAssurance, PersonId, Presence, PublicKey, Role, TeamId,
};
use crate::kind::Kind;
use crate::moment::Timestamp;
use crate::root::TrustedRoot;
use crate::signed::{Envelope, Keys, Predicate, SignatureError, Signed, Subject, Verified};
use crate::text::Line;

/// A directory statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The organisation.
    pub root: RootId,
    /// One more each time; a lower one than was seen before is refused.
    pub version: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// After this it is refused.
    pub expires_at: Timestamp,
    /// Humans.
    pub people: Vec<Person>,
    /// Groups of humans.
    pub teams: Vec<Team>,
    /// Automations.
    pub agents: Vec<Agent>,
    /// Guard services.
    pub guards: Vec<Guard>,
    /// Places where actions take effect.
    pub environments: Vec<Environment>,
    /// How a place is derived from a target; the first rule that fits counts.
    pub environment_rules: Vec<EnvironmentRule>,
    /// Keys of people and guards.
    pub keys: Vec<DirectoryKey>,
    /// What proves that keys are in hardware.
    #[serde(default, skip_serializing_if = "Attestations::is_empty")]
    pub attestations: Attestations,
}

/// A human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The opaque id that statements use.
    pub id: PersonId,
    /// The name that consoles show; it never leaves the directory.
    pub display: Line,
    /// Teams the person is in.
    pub teams: BTreeSet<TeamId>,
    /// Whether the person is on call.
    #[serde(default)]
    pub on_call: bool,
    /// Accounts elsewhere that are this same human, such as `github:alice`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<Line>,
}

/// A group of humans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub display: Line,
}

/// An automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub display: Line,
    /// The humans who answer for it; they may not approve what it asks.
    pub owners: BTreeSet<PersonId>,
    /// The team it works for.
    pub team: TeamId,
    /// The guards that may speak for it.
    pub guards: BTreeSet<GuardId>,
}

/// A guard service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Its id.
    pub id: GuardId,
    /// Its name.
    pub display: Line,
}

/// A place where actions take effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub display: Line,
    /// How strict it is; what no rule matches goes to the strictest.
    pub strictness: u32,
    /// Whether people may supervise their own agents here. It is supervision, not a boundary.
    #[serde(default)]
    pub personal: bool,
    /// Whether a guard may run as the agent's own user here.
    #[serde(default)]
    pub allow_same_user: bool,
}

/// One rule that derives an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRule {
    /// Where the action then takes effect.
    pub environment: EnvironmentId,
    /// A pattern over the observed target; `*` stands for any run of characters.
    pub target: Line,
    /// The kinds it is for; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<Kind>,
    /// The guards it is for; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub guards: BTreeSet<GuardId>,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHolder {
    /// A human.
    Person(PersonId),
    /// A guard service.
    Guard(GuardId),
}

/// One key of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryKey {
    /// The public key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: Role,
    /// Whose it is.
    pub holder: KeyHolder,
    /// How it is kept.
    pub assurance: KeyAssurance,
    /// The most presence that a signature by it can prove.
    pub presence: Presence,
    /// From when it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// When it stopped counting early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

impl DirectoryKey {
    /// Whether the key counts at `at`.
    ///
    /// # Errors
    /// [`KeyProblem`] says why it does not.
    pub fn check_at(&self, at: Timestamp) -> Result<(), KeyProblem> {
        let id = self.key.id();
        if at < self.not_before {
            return Err(KeyProblem::Early(id, self.not_before));
        }
        if at >= self.not_after {
            return Err(KeyProblem::Late(id, self.not_after));
        }
        match &self.revoked {
            Some(revocation) if at >= revocation.effective() => {
                Err(KeyProblem::Revoked(id, revocation.effective()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The early end of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Decisions logged at or after this are void.
    pub at: Timestamp,
    /// When the key is known to have been in other hands; decisions logged at or after this are void too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// Why.
    pub reason: Line,
}

impl Revocation {
    /// The first moment at which nothing by the key counts.
    #[must_use]
    pub fn effective(&self) -> Timestamp {
        self.compromised_since.map_or(self.at, |since| since.min(self.at))
    }
}

impl Predicate for Directory {
    const TYPE: &'static str = "https://countersign.dev/attestation/directory/v1";
    const ROLE: Role = Role::DirectoryOwner;

    fn subject(&self) -> Subject {
        Subject::new("root", *self.root.sha256())
    }
}

impl Directory {
    /// Refuses a directory that contradicts itself or the root, before anybody signs it.
    ///
    /// # Errors
    /// [`DirectoryError`] names what does not fit.
    pub fn check(&self, root: &TrustedRoot) -> Result<(), DirectoryError> {
        if self.root != *root.id() {
            return Err(DirectoryError::OtherRoot);
        }
        check::check(self, root).map_err(|problem| DirectoryError::Malformed {
            version: self.version,
            problem,
        })
    }
}

/// Why a directory is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Not signed by its owners, or not readable.
    #[error("directory: {0}")]
    Signature(#[from] SignatureError),
    /// For another organisation.
    #[error("directory is of another organisation")]
    OtherRoot,
    /// Older than one seen before.
    #[error(
        "directory version {found} is older than version {seen} seen before; ask the owners for the newest"
    )]
    Older {
        /// The version given.
        found: u64,
        /// The highest seen.
        seen: u64,
    },
    /// Run out.
    #[error("directory version {version} expired at {at}; a directory owner has to sign a new one")]
    Expired {
        /// The version.
        version: u64,
        /// When.
        at: Timestamp,
    },
    /// Breaks a rule of its own.
    #[error("directory version {version}: {problem}")]
    Malformed {
        /// The version.
        version: u64,
        /// Which rule, with the offending name.
        problem: String,
    },
}

/// Why a key does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Not in the directory in that role.
    #[error("key `{0}` is not in the directory in this role")]
    Unknown(KeyId),
    /// Not yet valid.
    #[error("key `{0}` is valid only from {1}")]
    Early(KeyId, Timestamp),
    /// No longer valid.
    #[error("key `{0}` was valid until {1}")]
    Late(KeyId, Timestamp),
    /// Revoked, or in other hands.
    #[error("key `{0}` is revoked from {1} on")]
    Revoked(KeyId, Timestamp),
}

/// A directory that was checked against the root.
#[derive(Debug, Clone)]
pub struct TrustedDirectory {
    directory: Verified<Directory>,
    keys: BTreeMap<(KeyId, Role), PublicKey>,
}

impl TrustedDirectory {
    /// Accepts a directory that its owners signed, that keeps its rules, and that is not older than `seen`.
    /// Whether it has expired is asked apart, since evidence is judged as of its own time.
    ///
    /// # Errors
    /// [`DirectoryError`] says why not.
    pub fn accept(root: &TrustedRoot, envelope: &Envelope, seen: u64) -> Result<Self, DirectoryError> {
        let signed = Signed::<Directory>::from(envelope.clone());
        let directory = signed.verify_threshold(root, root.threshold(Role::DirectoryOwner))?;
        if directory.version < seen {
            return Err(DirectoryError::Older {
                found: directory.version,
                seen,
            });
        }
        directory.check(root)?;
        let keys = directory
            .keys
            .iter()
            .map(|key| ((key.key.id(), key.role), key.key.clone()))
            .collect();
        Ok(Self { directory, keys })
    }

    /// Refuses when it has run out.
    ///
    /// # Errors
    /// [`DirectoryError::Expired`].
    pub fn check_fresh(&self, now: Timestamp) -> Result<(), DirectoryError> {
        let (version, at) = (self.directory.version, self.directory.expires_at);
        if now < at {
            Ok(())
        } else {
            Err(DirectoryError::Expired { version, at })
        }
    }

    /// Its digest, as requests bind it.
    #[must_use]
    pub fn digest(&self) -> DirectoryDigest {
        DirectoryDigest::new(*self.directory.digest())
    }

    /// The envelope it came in.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        self.directory.envelope()
    }

    /// The key record with this id, when it serves `role` and counts at `at`.
    ///
    /// # Errors
    /// [`KeyProblem`] says why it does not.
    pub fn key_at(&self, id: &KeyId, role: Role, at: Timestamp) -> Result<&DirectoryKey, KeyProblem> {
        let found = self
            .directory
            .keys
            .iter()
            .find(|key| key.role == role && key.key.id() == *id);
        let key = found.ok_or(KeyProblem::Unknown(*id))?;
        key.check_at(at).map(|()| key)
    }

    /// The person with this id.
    #[must_use]
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.directory.people.iter().find(|person| person.id == *id)
    }

    /// The person behind a claimed name: an id, or an account elsewhere.
    #[must_use]
    pub fn person_claimed(&self, name: &str) -> Option<&Person> {
        self.directory.people.iter().find(|person| {
            person.id.as_str() == name || person.accounts.iter().any(|account| account.raw() == name)
        })
    }

    /// The agent with this id.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.directory.agents.iter().find(|agent| agent.id == *id)
    }

    /// The guard with this id.
    #[must_use]
    pub fn guard(&self, id: &GuardId) -> Option<&Guard> {
        self.directory.guards.iter().find(|guard| guard.id == *id)
    }

    /// The environment with this id.
    #[must_use]
    pub fn environment(&self, id: &EnvironmentId) -> Option<&Environment> {
        self.directory
            .environments
            .iter()
            .find(|environment| environment.id == *id)
    }

    /// Where an action of `kind` on `target`, observed by `guard`, takes effect. What no rule matches goes to
    /// the strictest environment.
    #[must_use]
    pub fn environment_of(&self, kind: Kind, target: &str, guard: &GuardId) -> Option<&Environment> {
        let fits = |rule: &&EnvironmentRule| {
            (rule.kinds.is_empty() || rule.kinds.contains(&kind))
                && (rule.guards.is_empty() || rule.guards.contains(guard))
                && matches_pattern(rule.target.raw(), target)
        };
        match self.directory.environment_rules.iter().find(fits) {
            Some(rule) => self.environment(&rule.environment),
            None => self
                .directory
                .environments
                .iter()
                .max_by_key(|environment| environment.strictness),
        }
    }
}

impl std::ops::Deref for TrustedDirectory {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

impl Keys for TrustedDirectory {
    /// Looks a key up whether or not it counts now; ask [`TrustedDirectory::key_at`] for that.
    fn key(&self, id: &KeyId, role: Role) -> Option<&PublicKey> {
        self.keys.get(&(*id, role))
    }
}

/// Whether `text` fits `pattern`, where `*` stands for any run of characters. Linear in both but for
/// backtracking to the last star.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return text.is_empty();
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// The salted digest under which a foreign name may stand in a log record.
#[must_use]
pub fn salted(salt: &[u8; 32], text: &str) -> Sha256Digest {
    Sha256Digest::of_domain("countersign/salted/v1", &[salt, text.as_bytes()])
}

#[cfg(test)]
#[path = "directory_tests.rs"]
pub(crate) mod tests;
