//! The seal of an exported file: who took which requests out, and when.
//!
//! Everything in the file is checked by itself. The seal adds that nothing was left out or put in on the way, and
//! a time that the courier cannot change. It gives no permission: it is signed with a login key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{RootId, Sha256Digest};
use crate::identity::{PersonId, RequestId, Role};
use crate::moment::Timestamp;
use crate::signed::{Predicate, Subject};

/// An export statement, signed by the login key of the person who exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The organisation.
    pub root: RootId,
    /// Who exported; the key has to be this person's.
    pub exported_by: PersonId,
    /// When.
    pub exported_at: Timestamp,
    /// The line of trust that the file begins with.
    pub trust: Sha256Digest,
    /// The line of each request.
    pub requests: BTreeMap<RequestId, Sha256Digest>,
}

impl Predicate for Export {
    const TYPE: &'static str = "https://countersign.dev/attestation/export/v1";
    const ROLE: Role = Role::Login;

    fn subject(&self) -> Subject {
        Subject::new("root", *self.root.sha256())
    }
}
