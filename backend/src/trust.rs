//! The organisation's roots, directories and policies, all versions, each checked against the root.
//!
//! Nothing here comes from configuration: it is read from the store and verified again at every start.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_policy::PolicySet;
use countersign_protocol::digest::{DirectoryDigest, PolicyDigest, RootId};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Predicate, SignatureError, Signed, Verified};
use countersign_verify::log::verifier_key;
use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::row::{self, Sort};

/// The word under which the store keeps the pinned root.
pub const ROOT: &str = "root";

/// Why there is no trust to work under.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was initialised.
    #[error("this home was not initialised; run `countersignd init --home DIR --trust FILE`")]
    Missing,
    /// A document does not hold.
    #[error("{0}")]
    Refused(String),
}

/// A policy bundle that is loaded.
#[derive(Debug)]
pub struct Policy {
    /// The signed bundle.
    pub bundle: TrustedBundle,
    /// Its compiled policies.
    pub set: Arc<PolicySet>,
}

impl Policy {
    /// Loads a bundle.
    ///
    /// # Errors
    /// [`TrustError::Refused`] names every problem of its policies.
    pub fn load(bundle: TrustedBundle) -> Result<Self, TrustError> {
        let set = PolicySet::load(&bundle).map_err(|error| TrustError::Refused(error.to_string()))?;
        Ok(Self { bundle, set })
    }
}

/// Everything the organisation signed about itself.
#[derive(Debug)]
pub struct Trust {
    /// The roots, from the first on.
    pub roots: Vec<Envelope>,
    /// The newest root.
    pub root: TrustedRoot,
    /// The newest directory.
    pub directory: Arc<TrustedDirectory>,
    /// The newest policy.
    pub policy: Arc<Policy>,
    /// The roots before the newest, newest first: what they named signed the statements and checkpoints of their time.
    earlier: Vec<TrustedRoot>,
    /// Whether the newest root bears the newest directory and policy out.
    current: Result<(), String>,
    directories: BTreeMap<DirectoryDigest, Arc<TrustedDirectory>>,
    policies: BTreeMap<PolicyDigest, Arc<Policy>>,
}

impl Trust {
    /// Reads and verifies everything.
    ///
    /// # Errors
    /// [`TrustError`] at the first document that does not hold.
    pub fn load(conn: &Connection) -> Result<Self, TrustError> {
        let pinned: RootId = row::meta(conn, ROOT)?
            .ok_or(TrustError::Missing)?
            .parse()
            .map_err(|_| TrustError::Refused("the pinned root cannot be read".to_owned()))?;
        let envelopes = |sort| -> Result<Vec<Envelope>, StoreError> {
            Ok(row::versions(conn, sort, 0)?
                .into_iter()
                .map(|kept| kept.envelope)
                .collect())
        };
        let roots = envelopes(Sort::Root)?;
        // A document of the past was signed by the owners of its time.
        let mut chain = Vec::new();
        for known in 1..=roots.len() {
            chain.push(follow(&pinned, roots.get(..known).unwrap_or_default())?);
        }
        let root = chain.last().cloned().ok_or(TrustError::Missing)?;
        let mut directories = Vec::new();
        for envelope in envelopes(Sort::Directory)? {
            directories.push(Arc::new(accept(&chain, |root| {
                TrustedDirectory::accept(root, &envelope, 0)
            })?));
        }
        let mut policies = Vec::new();
        for envelope in envelopes(Sort::Policy)? {
            let bundle = accept(&chain, |root| TrustedBundle::accept(root, &envelope, 0))?;
            policies.push(Arc::new(Policy::load(bundle)?));
        }
        let directory = directories.last().cloned().ok_or(TrustError::Missing)?;
        let policy = policies.last().cloned().ok_or(TrustError::Missing)?;
        let current = TrustedDirectory::accept(&root, directory.envelope(), 0)
            .map_err(|error| error.to_string())
            .and(TrustedBundle::accept(&root, policy.bundle.envelope(), 0).map_err(|error| error.to_string()))
            .map(|_| ());
        Ok(Self {
            roots,
            root,
            earlier: chain.into_iter().rev().skip(1).collect(),
            directory,
            policy,
            current,
            directories: directories.into_iter().map(|one| (one.digest(), one)).collect(),
            policies: policies
                .into_iter()
                .map(|one| (one.bundle.digest(), one))
                .collect(),
        })
    }

    /// The directory with this digest, of whatever version.
    #[must_use]
    pub fn directory_named(&self, digest: &DirectoryDigest) -> Option<&Arc<TrustedDirectory>> {
        self.directories.get(digest)
    }

    /// The policy with this digest, of whatever version.
    #[must_use]
    pub fn policy_named(&self, digest: &PolicyDigest) -> Option<&Arc<Policy>> {
        self.policies.get(digest)
    }

    /// Verifies a statement of this backend: by its key of today, or by one that an earlier root named.
    ///
    /// # Errors
    /// [`SignatureError`] of the newest root, when none accepts it.
    pub fn verify_own<T: Predicate>(&self, envelope: &Envelope) -> Result<Verified<T>, SignatureError> {
        let signed = Signed::<T>::from(envelope.clone());
        let earlier = || self.earlier.iter().find_map(|root| signed.verify(root).ok());
        signed
            .verify(&self.root)
            .or_else(|refusal| earlier().ok_or(refusal))
    }

    /// The verifier keys of the log, of today and of before (C2SP signed-note).
    ///
    /// # Errors
    /// [`TrustError::Refused`] when a root names a log key that is none.
    pub fn log_verifiers(&self) -> Result<Vec<String>, TrustError> {
        let mut lines = Vec::new();
        for root in std::iter::once(&self.root).chain(&self.earlier) {
            for key in root.log_keys() {
                let line = verifier_key(root, key).map_err(|error| TrustError::Refused(error.to_string()))?;
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        Ok(lines)
    }

    /// Refuses when root, directory or policy have run out or no longer stand under the newest root.
    ///
    /// # Errors
    /// [`TrustError::Refused`] says which.
    pub fn check_current(&self, now: Timestamp) -> Result<(), TrustError> {
        let refused = |why: String| TrustError::Refused(why);
        self.current.clone().map_err(refused)?;
        self.root
            .check_fresh(now)
            .map_err(|error| refused(error.to_string()))?;
        self.directory
            .check_fresh(now)
            .map_err(|error| refused(error.to_string()))?;
        self.policy
            .bundle
            .check_fresh(now)
            .map_err(|error| refused(error.to_string()))
    }

    /// Whether both know the same newest documents.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.roots.len() == other.roots.len()
            && self.directory.digest() == other.directory.digest()
            && self.policy.bundle.digest() == other.policy.bundle.digest()
    }
}

fn follow(pinned: &RootId, roots: &[Envelope]) -> Result<TrustedRoot, TrustError> {
    TrustedRoot::follow(pinned, roots).map_err(|error| TrustError::Refused(error.to_string()))
}

fn accept<T, E: std::fmt::Display>(
    chain: &[TrustedRoot],
    accept: impl Fn(&TrustedRoot) -> Result<T, E>,
) -> Result<T, TrustError> {
    let mut why = "there is no root".to_owned();
    for root in chain.iter().rev() {
        match accept(root) {
            Ok(accepted) => return Ok(accepted),
            Err(error) => why = error.to_string(),
        }
    }
    Err(TrustError::Refused(why))
}
