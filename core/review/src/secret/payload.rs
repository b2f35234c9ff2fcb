//! The secrets of what would run: of its documents, arguments and variables.

use std::collections::BTreeMap;

use countersign_protocol::action::{Action, ArtifactRef, EnvVar, Payload};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::mask::MaskKey;
use countersign_protocol::proposal::Proposal;

use crate::diff::text::Bytes;

use super::{Learnt, Masks, assignment};

impl Masks {
    /// The masks of a request, under the key that is sealed in it.
    #[must_use]
    pub fn of_request(
        request: &ApprovalRequest,
        proposal: &Proposal,
        artifacts: &BTreeMap<ArtifactDigest, Artifact>,
    ) -> Self {
        Self::of_actions(&[&proposal.action], artifacts, request.mask_key)
    }

    /// The masks of actions of one kind that are shown together.
    #[must_use]
    pub fn of_actions(
        actions: &[&Action],
        artifacts: &BTreeMap<ArtifactDigest, Artifact>,
        key: Option<MaskKey>,
    ) -> Self {
        let kind = actions.first().map_or("", |action| action.kind.id());
        let mut learnt = Learnt::default();
        for action in actions {
            learn(&mut learnt, kind, &action.payload, artifacts);
        }
        Self::knowing(kind, key, learnt)
    }

    /// The value of an environment variable as it is shown.
    #[must_use]
    pub fn variable(&self, name: &[u8], value: &[u8]) -> String {
        match variable_secret(&self.kind, name, value).filter(|_| !self.shows_all) {
            Some(secret) => self.form(secret, None),
            None => self.escaped(value),
        }
    }

    /// Whether the name of a variable says that its value is a secret.
    #[must_use]
    pub fn is_variable(&self, name: &[u8], value: &[u8]) -> bool {
        !self.shows_all && variable_secret(&self.kind, name, value).is_some()
    }

    /// Whether the argument before says that this one is a secret.
    #[must_use]
    pub fn is_option(&self, argv: &[&[u8]], index: usize) -> bool {
        !self.shows_all && option(&self.kind, argv, index).is_some()
    }

    /// One of several arguments as it is shown.
    #[must_use]
    pub fn argument(&self, argv: &[&[u8]], index: usize) -> String {
        match option(&self.kind, argv, index).filter(|_| !self.shows_all) {
            Some(secret) => self.form(secret, None),
            None => self.escaped(argv.get(index).copied().unwrap_or_default()),
        }
    }
}

/// Adds the secrets of a payload to those that are known.
fn learn(learnt: &mut Learnt, kind: &str, payload: &Payload, artifacts: &BTreeMap<ArtifactDigest, Artifact>) {
    let bytes = |artifact: &ArtifactRef| artifacts.get(&artifact.digest).map(|artifact| &artifact.0[..]);
    let mut searched: Vec<Bytes> = documents(payload).filter_map(bytes).map(Bytes::from).collect();
    if let Payload::Exec(exec) = payload {
        searched.extend(exec.argv.iter().map(|argument| argument.as_bytes().into()));
        searched.extend(
            exec.env
                .iter()
                .map(|EnvVar { value, .. }| value.as_bytes().into()),
        );
        let argv: Vec<&[u8]> = exec
            .argv
            .iter()
            .map(countersign_protocol::text::OsBytes::as_bytes)
            .collect();
        let options = (0..argv.len()).filter_map(|index| option(kind, &argv, index));
        let variables = exec.env.iter().filter_map(|variable| {
            variable_secret(kind, variable.name.as_bytes(), variable.value.as_bytes())
        });
        learnt.known.extend(options.chain(variables).map(<[u8]>::to_vec));
    }
    learnt.documents(kind, searched);
}

/// The documents that the payload names.
fn documents(payload: &Payload) -> Box<dyn Iterator<Item = &ArtifactRef> + '_> {
    match payload {
        Payload::FileChange(change) => Box::new(change.before.iter().chain(&change.after)),
        Payload::Sql(sql) => Box::new(std::iter::once(&sql.statement)),
        Payload::Exec(exec) => Box::new(
            exec.stdin
                .iter()
                .chain(exec.operands.iter().map(|operand| &operand.content)),
        ),
    }
}

/// The argument behind an option that names a secret.
fn option<'a>(kind: &str, argv: &[&'a [u8]], index: usize) -> Option<&'a [u8]> {
    let name = argv.get(index.checked_sub(1)?)?.strip_prefix(b"-")?;
    let value = argv.get(index)?;
    (!name.contains(&b'=') && !value.starts_with(b"-")).then_some(())?;
    variable_secret(kind, name, value)
}

fn variable_secret<'a>(kind: &str, name: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let least = assignment::least(kind, name)?;
    assignment::is_literal(value, least).then_some(value)
}
