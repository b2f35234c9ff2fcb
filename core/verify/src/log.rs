//! Checkpoints and proofs of the transparency log.
//!
//! Signed notes and checkpoints follow C2SP signed-note and tlog-checkpoint, hashing and proofs RFC 6962 section
//! 2.1, by way of `signed_note` and `tlog_tiles`. Does not fetch and does not write: the backend writes the log.

use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::{Algorithm, PublicKey};
use countersign_protocol::log::{ConsistencyProof, Leaf, LogSegment, LoggedLeaf, origin};
use countersign_protocol::root::TrustedRoot;
use signed_note::{Note, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, check_record, check_tree, record_hash};

/// The longest proof that is read; a tree of 2^63 leaves needs 63 hashes.
const MAX_PROOF: usize = 64;
/// The largest checkpoint that is read, in bytes.
const MAX_CHECKPOINT: usize = 65_536;

/// What is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The checkpoint is not the log's.
    #[error("checkpoint is not signed by this organisation's log: {0}")]
    Checkpoint(String),
    /// A leaf is not under the checkpoint.
    #[error("leaf {0} is not under the checkpoint")]
    Inclusion(u64),
    /// Leaves are missing in between.
    #[error("the log's leaves have a gap after {0}")]
    Gap(u64),
    /// A leaf is not in the form of this log.
    #[error("leaf {0} cannot be read")]
    Leaf(u64),
    /// A checkpoint that somebody saw is not a prefix of this log: it forked or was cut.
    #[error(
        "the log is not the one that was seen at size {0}: it has been rewritten or forked; keep both files and tell the owners"
    )]
    Fork(u64),
    /// Nothing proves that this log continues a checkpoint that somebody saw. It may, or not.
    #[error(
        "nothing here proves that the log continues the one that was seen at size {0}: fetch it again, or ask for one with that proof"
    )]
    Unproven(u64),
}

/// The verifier key line of a log key (C2SP signed-note).
///
/// # Errors
/// [`LogError::Checkpoint`] when the key is not Ed25519.
pub fn verifier_key(root: &TrustedRoot, key: &PublicKey) -> Result<String, LogError> {
    let name = origin(root.id());
    let typed = typed(key)?;
    let id = signed_note::key_id(&name, &typed);
    Ok(format!("{name}+{id:08x}+{}", base64_of(&typed)))
}

/// A log key as signed notes have it.
fn typed(key: &PublicKey) -> Result<Vec<u8>, LogError> {
    let raw = key.raw().filter(|_| key.algorithm() == Algorithm::Ed25519);
    let raw = raw.ok_or_else(|| LogError::Checkpoint("the log key is not Ed25519".to_owned()))?;
    // Algorithm byte 0x01 is Ed25519.
    Ok([&[0x01], raw].concat())
}

/// Verifies signed notes by the library that verifies everything else.
struct LogKey {
    name: String,
    id: u32,
    key: PublicKey,
}

impl LogKey {
    fn new(root: &TrustedRoot, key: &PublicKey) -> Result<Self, LogError> {
        let name = origin(root.id());
        Ok(Self {
            id: signed_note::key_id(&name, &typed(key)?),
            name,
            key: key.clone(),
        })
    }
}

impl Verifier for LogKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.accepts(message, signature)
    }
}

/// Opens a signed checkpoint.
///
/// # Errors
/// [`LogError::Checkpoint`] when it is not this organisation's log that signed it.
pub fn open_checkpoint(text: &str, root: &TrustedRoot) -> Result<SeenCheckpoint, LogError> {
    let refused = |why: &dyn std::fmt::Display| LogError::Checkpoint(why.to_string());
    if text.len() > MAX_CHECKPOINT {
        return Err(refused(&"it is too long"));
    }
    let mut verifiers: Vec<Box<dyn Verifier>> = Vec::new();
    for key in root.log_keys() {
        verifiers.push(Box::new(LogKey::new(root, key)?));
    }
    let note = Note::from_bytes(text.as_bytes()).map_err(|error| refused(&error))?;
    note.verify(&VerifierList::new(verifiers))
        .map_err(|error| refused(&error))?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|error| refused(&error))?;
    if checkpoint.origin() != origin(root.id()) {
        return Err(refused(&"it names another origin"));
    }
    Ok(SeenCheckpoint {
        size: checkpoint.size(),
        root_hash: Sha256Digest::from_bytes(checkpoint.hash().0),
    })
}

/// Checks one leaf under a checkpoint and reads it.
///
/// # Errors
/// [`LogError`] when it is not there or not readable.
pub fn check_inclusion(leaf: &LoggedLeaf, checkpoint: &SeenCheckpoint) -> Result<Leaf, LogError> {
    if leaf.proof.len() > MAX_PROOF {
        return Err(LogError::Inclusion(leaf.index));
    }
    let proof: Vec<Hash> = leaf.proof.iter().map(hash).collect();
    check_record(
        &proof,
        checkpoint.size,
        hash(&checkpoint.root_hash),
        leaf.index,
        record_hash(leaf.leaf.as_bytes()),
    )
    .map_err(|_| LogError::Inclusion(leaf.index))?;
    Leaf::from_bytes(leaf.leaf.as_bytes()).map_err(|_| LogError::Leaf(leaf.index))
}

/// Checks that the checkpoint `seen` is a prefix of `now`.
///
/// # Errors
/// [`LogError::Fork`] when it is not.
pub fn check_consistency(
    seen: &SeenCheckpoint,
    now: &SeenCheckpoint,
    proof: &[Sha256Digest],
) -> Result<(), LogError> {
    if seen == now || seen.size == 0 {
        return Ok(());
    }
    let fork = LogError::Fork(seen.size);
    if seen.size >= now.size || proof.len() > MAX_PROOF {
        return Err(fork);
    }
    let proof: Vec<Hash> = proof.iter().map(hash).collect();
    check_tree(
        &proof,
        now.size,
        hash(&now.root_hash),
        seen.size,
        hash(&seen.root_hash),
    )
    .map_err(|_| fork)
}

/// A segment whose every leaf was checked.
#[derive(Debug, Clone)]
pub struct CheckedSegment {
    /// The checkpoint it stands under.
    pub checkpoint: SeenCheckpoint,
    /// Its leaves by rising index.
    pub leaves: Vec<(u64, Leaf)>,
}

/// Checks a whole segment: the checkpoint's signature, every leaf, and that from `start` to the checkpoint's end
/// no leaf is missing.
///
/// # Errors
/// [`LogError`] at the first thing that is wrong.
pub fn check_segment(
    segment: &LogSegment,
    root: &TrustedRoot,
    start: u64,
) -> Result<CheckedSegment, LogError> {
    let checkpoint = open_checkpoint(&segment.checkpoint, root)?;
    let mut leaves: Vec<(u64, Leaf)> = Vec::with_capacity(segment.leaves.len());
    for logged in &segment.leaves {
        if leaves.last().is_some_and(|(last, _)| *last >= logged.index) {
            return Err(LogError::Gap(logged.index));
        }
        leaves.push((logged.index, check_inclusion(logged, &checkpoint)?));
    }
    let mut expected = start;
    for (index, _) in leaves.iter().filter(|(index, _)| *index >= start) {
        if *index != expected {
            return Err(LogError::Gap(expected.saturating_sub(1)));
        }
        expected += 1;
    }
    if expected != checkpoint.size {
        return Err(LogError::Gap(expected.saturating_sub(1)));
    }
    Ok(CheckedSegment { checkpoint, leaves })
}

/// Checks that a checkpoint somebody saw is a prefix of `now`, by one of the proofs given.
///
/// # Errors
/// [`LogError::Fork`] when it is another, [`LogError::Unproven`] when nothing shows that it is the same.
pub fn check_seen(
    seen: &SeenCheckpoint,
    now: &SeenCheckpoint,
    proofs: &[ConsistencyProof],
) -> Result<(), LogError> {
    if seen == now || seen.size == 0 {
        return Ok(());
    }
    match proofs.iter().find(|proof| proof.from == *seen) {
        None if now.size > seen.size => Err(LogError::Unproven(seen.size)),
        found => check_consistency(
            seen,
            now,
            found.map(|proof| proof.proof.as_slice()).unwrap_or_default(),
        ),
    }
}

fn hash(digest: &Sha256Digest) -> Hash {
    Hash(*digest.as_bytes())
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
