//! Root, directories and policies of the evidence, against the pin.

use countersign_policy::PolicySet;
use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::root::{RootError, TrustedRoot};

use super::{Pinned, Problem};

/// The most versions of directory or policy that one request may live through.
const MAX_VERSIONS: usize = 256;

pub(super) struct Trust {
    pub root: TrustedRoot,
    pub directories: Versions<TrustedDirectory>,
    pub policies: Versions<Policy>,
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

    pub(super) fn into_request_and_newest(mut self) -> (T, T)
    where
        T: Clone,
    {
        let newest = self
            .newer
            .pop()
            .map_or_else(|| self.of_request.clone(), |(_, item)| item);
        (self.of_request, newest)
    }
}

#[derive(Clone)]
pub(super) struct Policy {
    pub bundle: TrustedBundle,
    pub set: PolicySet,
}

pub(super) fn open(evidence: &Evidence, pinned: &Pinned) -> Result<Trust, Problem> {
    let root = TrustedRoot::follow(&pinned.root, &evidence.roots).map_err(|error| match error {
        RootError::NotPinned { .. } | RootError::Missing => Problem::new("untrusted-root", error),
        other => Problem::new("invalid-root", other),
    })?;
    let directories = directories(&root, evidence, pinned)?;
    let policies = policies(&root, evidence, pinned)?;
    Ok(Trust {
        root,
        directories,
        policies,
    })
}

fn directories(
    root: &TrustedRoot,
    evidence: &Evidence,
    pinned: &Pinned,
) -> Result<Versions<TrustedDirectory>, Problem> {
    let refused = |error| Problem::new("invalid-directory", error);
    let accept =
        |logged: &Logged, seen| TrustedDirectory::accept(root, &logged.envelope, seen).map_err(refused);
    let (first, rest) = split("directory", &evidence.directories)?;
    let of_request = accept(first, 0)?;
    let mut versions = Versions {
        of_request,
        newer: Vec::new(),
    };
    for logged in rest {
        let next = accept(logged, versions.newest().version + 1)?;
        versions.newer.push((logged.index, next));
    }
    let newest = versions.newest();
    if newest.version < pinned.directory_seen {
        return Err(Problem::new(
            "older-directory",
            format!(
                "evidence ends with directory version {}, but version {} was seen here",
                newest.version, pinned.directory_seen
            ),
        ));
    }
    Ok(versions)
}

fn policies(root: &TrustedRoot, evidence: &Evidence, pinned: &Pinned) -> Result<Versions<Policy>, Problem> {
    let accept = |logged: &Logged, seen| {
        let bundle = TrustedBundle::accept(root, &logged.envelope, seen)
            .map_err(|error| Problem::new("invalid-policy", error))?;
        let set = PolicySet::load(&bundle).map_err(|error| Problem::new("invalid-policy", error))?;
        Ok(Policy { bundle, set })
    };
    let (first, rest) = split("policy", &evidence.policies)?;
    let of_request = accept(first, 0)?;
    let mut versions = Versions {
        of_request,
        newer: Vec::new(),
    };
    for logged in rest {
        let next = accept(logged, versions.newest().bundle.version + 1)?;
        versions.newer.push((logged.index, next));
    }
    let newest = versions.newest();
    if newest.bundle.version < pinned.policy_seen {
        return Err(Problem::new(
            "older-policy",
            format!(
                "evidence ends with policy version {}, but version {} was seen here",
                newest.bundle.version, pinned.policy_seen
            ),
        ));
    }
    Ok(versions)
}

fn split<'a>(what: &str, all: &'a [Logged]) -> Result<(&'a Logged, &'a [Logged]), Problem> {
    if all.len() > MAX_VERSIONS {
        return Err(Problem::new(
            "too-large",
            format!("evidence holds more than {MAX_VERSIONS} versions of the {what}"),
        ));
    }
    all.split_first()
        .ok_or_else(|| Problem::new("incomplete", format!("evidence holds no {what}")))
}

impl Trust {
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
