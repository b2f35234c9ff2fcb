//! Enrolment on both machines: the candidate's claim, and the owner's judgement of it.
//!
//! The backend relays. What it hands on is judged here against the code that only the two know, and what comes out is
//! a directory for the owners to sign. An assurance follows from evidence that was checked, never from a word.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::durable;
use countersign_client::key_file::FileSigner;
use countersign_protocol::attestation::{self, Claim, KeyAttestation};
use countersign_protocol::canonical;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{Directory, DirectoryKey, KeyHolder};
use countersign_protocol::enrolment::{
    self, CREDENTIAL_TYPE, Code, EnrolmentClaim, EnrolmentRecord, LIFE, is_signed,
};
use countersign_protocol::identity::{KeyAssurance, PersonId, Role, TeamId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::signed::{Envelope, Signer as _};
use serde::{Deserialize, Serialize};

use crate::keys::tpm::credential;
use crate::organisation::{Arrival, admit};

/// How long a key that is replaced still counts, so that nobody is without one meanwhile.
pub const OVERLAP: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// The schema name of the file of invitations.
const SCHEMA: &str = "countersign/invitations/v1";

/// Why an enrolment does not go on.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The invitations cannot be kept.
    #[error("the invitations in `{}`: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// There is no randomness, or a key did not work.
    #[error("{0}")]
    Make(String),
    /// The claim cannot be accepted.
    #[error("{0}")]
    Refused(String),
}

/// The code's key, which owner and candidate both hold.
///
/// # Errors
/// [`EnrolError::Make`] for one code in 2^32 whose key is none.
pub fn code_key(code: &Code) -> Result<FileSigner, EnrolError> {
    FileSigner::from_seed(&code.seed())
        .ok_or_else(|| EnrolError::Make("this code is none; draw another one".to_owned()))
}

/// One invitation, as the owner who made it keeps it. Never leaves the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The code.
    code: String,
    /// For whom.
    pub person: PersonId,
    /// The teams they are to be in.
    pub teams: Vec<TeamId>,
    /// Until when.
    pub expires_at: Timestamp,
    /// The secret that their TPM was asked to open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Invitation {
    /// Draws a code.
    ///
    /// # Errors
    /// [`EnrolError::Make`] without randomness.
    pub fn draw(person: PersonId, teams: Vec<TeamId>, now: Timestamp) -> Result<(Self, Code), EnrolError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| EnrolError::Make(error.to_string()))?;
        let code = Code::new(bits);
        let invitation = Self {
            code: code.to_string(),
            person,
            teams,
            // The clocks differ a little.
            expires_at: now.after(LIFE.saturating_sub(std::time::Duration::from_secs(300))),
            secret: None,
        };
        Ok((invitation, code))
    }

    /// The code.
    ///
    /// # Errors
    /// [`EnrolError::Make`] when the file was damaged.
    pub fn code(&self) -> Result<Code, EnrolError> {
        self.code
            .parse()
            .map_err(|error: enrolment::CodeError| EnrolError::Make(error.to_string()))
    }

    /// The credential for checked evidence, signed by the code's key. The secret in it is remembered.
    ///
    /// # Errors
    /// [`EnrolError`] when it cannot be made.
    pub fn challenge(&mut self, claim: &EnrolmentClaim) -> Result<Envelope, EnrolError> {
        let make = |error: &dyn std::fmt::Display| EnrolError::Make(error.to_string());
        let evidence = claim
            .evidence
            .as_ref()
            .ok_or_else(|| EnrolError::Make("there is no evidence to make a challenge from".to_owned()))?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| make(&error))?;
        let credential = credential::make(evidence, &secret).map_err(|error| make(&error))?;
        let bytes = canonical::to_bytes(&credential).map_err(|error| make(&error))?;
        let key = code_key(&self.code()?)?;
        let envelope = enrolment::sign(CREDENTIAL_TYPE, bytes, &[&key]).map_err(|error| make(&error))?;
        self.secret = Some(STANDARD.encode(secret));
        Ok(envelope)
    }
}

/// The invitations of this owner, in a file that only they may read.
#[derive(Debug)]
pub struct Invitations {
    path: PathBuf,
    /// Them.
    pub all: Vec<Invitation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    invitations: Vec<Invitation>,
}

impl Invitations {
    /// Reads them; those whose time is over are left out.
    ///
    /// # Errors
    /// [`EnrolError::File`] says why not.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, EnrolError> {
        let path = folder.join("invitations.json");
        let failed = |problem: String| EnrolError::File {
            path: path.clone(),
            problem,
        };
        let mut all = match std::fs::read(&path) {
            Ok(bytes) => {
                let stored: Stored = canonical::parse(&bytes).map_err(|error| failed(error.to_string()))?;
                if stored.schema != SCHEMA {
                    return Err(failed(format!("another schema than `{SCHEMA}`")));
                }
                stored.invitations
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error.to_string())),
        };
        all.retain(|invitation| now < invitation.expires_at);
        Ok(Self { path, all })
    }

    /// Keeps them.
    ///
    /// # Errors
    /// [`EnrolError::File`] says why not.
    pub fn keep(&self) -> Result<(), EnrolError> {
        let failed = |problem: String| EnrolError::File {
            path: self.path.clone(),
            problem,
        };
        let stored = Stored {
            schema: SCHEMA.to_owned(),
            invitations: self.all.clone(),
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| failed(error.to_string()))?;
        durable::replace(&self.path, &bytes).map_err(|error| failed(error.to_string()))
    }
}

/// How an enrolment stands, as the owner's own machine judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The person did not answer yet.
    Waiting,
    /// What came does not hold.
    Refused(String),
    /// Everything holds; there is no evidence, so the key counts as software unless the owners vouch for it.
    Unproven(Box<EnrolmentClaim>),
    /// The evidence holds; its TPM is to be challenged.
    Claimed(Box<EnrolmentClaim>),
    /// The TPM was challenged and did not answer yet.
    Challenged(Box<EnrolmentClaim>),
    /// The TPM answered: the key is in it.
    Proven(Box<EnrolmentClaim>),
    /// It is over: the owners put the key into the directory.
    Accepted(Box<EnrolmentClaim>),
}

/// Judges what the backend relayed, against the code and the directory.
#[must_use]
pub fn judge(
    record: &EnrolmentRecord,
    invitation: &Invitation,
    root: &RootId,
    directory: &Directory,
    now: Timestamp,
) -> Standing {
    match judged(record, invitation, root, directory, now) {
        Ok(standing) => standing,
        Err(why) => Standing::Refused(why),
    }
}

fn judged(
    record: &EnrolmentRecord,
    invitation: &Invitation,
    root: &RootId,
    directory: &Directory,
    now: Timestamp,
) -> Result<Standing, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let code = invitation.code().map_err(|error| text(&error))?;
    let key = code_key(&code).map_err(|error| text(&error))?;
    if record.code != *key.public_key() || record.person != invitation.person {
        return Err("the backend shows another person or code than was invited".to_owned());
    }
    let Some(envelope) = &record.claim else {
        return Ok(Standing::Waiting);
    };
    let claim = enrolment::open(envelope, key.public_key(), root, &invitation.person)
        .map_err(|error| text(&error))?;
    let own = |entry: &DirectoryKey| {
        entry.key.id() == claim.reviewer.id() && is_of(entry, &claim.person, Role::Reviewer)
    };
    if directory.keys.iter().any(own) {
        return Ok(Standing::Accepted(Box::new(claim)));
    }
    check_keys(&claim, envelope, directory, now)?;
    let Some(evidence) = &claim.evidence else {
        return Ok(Standing::Unproven(Box::new(claim)));
    };
    let about = Claim {
        root,
        person: &claim.person,
        key: &claim.reviewer,
        challenge: &code.challenge(),
    };
    attestation::check(evidence, &about, &directory.attestations, now).map_err(|error| text(&error))?;
    let claim = Box::new(claim);
    match (&invitation.secret, &record.activation) {
        (None, _) => Ok(Standing::Claimed(claim)),
        (Some(_), None) => Ok(Standing::Challenged(claim)),
        (Some(secret), Some(given)) if *secret == STANDARD.encode(&given.secret) => {
            Ok(Standing::Proven(claim))
        }
        (Some(_), Some(_)) => {
            Err("the TPM with the endorsement certificate is not the one that holds the key".to_owned())
        }
    }
}

fn check_keys(
    claim: &EnrolmentClaim,
    envelope: &Envelope,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), String> {
    let known = |id| directory.keys.iter().any(|entry| entry.key.id() == id);
    for key in claim.login.iter().chain([&claim.reviewer]) {
        if known(key.id()) {
            return Err(format!("key `{}` is in the directory already", key.id()));
        }
    }
    if claim.login.is_none()
        && !directory
            .keys
            .iter()
            .any(|entry| is_of(entry, &claim.person, Role::Login))
    {
        return Err("the claim brings no login key, and the directory has none of this person".to_owned());
    }
    if let Some(old) = &claim.replaces {
        let found = directory
            .keys
            .iter()
            .find(|entry| entry.key.id() == *old && is_of(entry, &claim.person, Role::Reviewer));
        let entry = found.ok_or_else(|| format!("key `{old}` is no reviewer key of this person"))?;
        if entry.revoked.is_some() || now >= entry.not_after {
            return Err(format!("key `{old}` counts no more and vouches for nothing"));
        }
        if !is_signed(envelope, &entry.key) {
            return Err(format!("key `{old}` did not sign that it is replaced"));
        }
    }
    Ok(())
}

fn is_of(entry: &DirectoryKey, person: &PersonId, role: Role) -> bool {
    entry.role == role && entry.holder == KeyHolder::Person(person.clone())
}

/// Puts accepted keys into a directory that owners are to sign. `vouched` says that the owners themselves saw that a
/// key without evidence is in hardware; evidence alone makes it attested.
///
/// # Errors
/// [`EnrolError::Refused`] while the enrolment does not stand.
pub fn accept(
    directory: &mut Directory,
    standing: &Standing,
    invitation: &Invitation,
    vouched: bool,
    now: Timestamp,
) -> Result<(), EnrolError> {
    let (claim, assurance) = match standing {
        Standing::Proven(claim) => (claim, KeyAssurance::HardwareAttested),
        Standing::Unproven(claim) if vouched => (claim, KeyAssurance::HardwareUnattested),
        Standing::Unproven(claim) => (claim, KeyAssurance::Software),
        Standing::Refused(why) => return Err(EnrolError::Refused(why.clone())),
        Standing::Accepted(_) => {
            return Err(EnrolError::Refused(
                "its key is in the directory already".to_owned(),
            ));
        }
        Standing::Waiting | Standing::Claimed(_) | Standing::Challenged(_) => {
            return Err(EnrolError::Refused(
                "the enrolment is not complete yet".to_owned(),
            ));
        }
    };
    let arrival = Arrival {
        person: &claim.person,
        display: &claim.display,
        login: claim.login.as_ref(),
        reviewer: &claim.reviewer,
        assurance,
    };
    admit(directory, &arrival, invitation.teams.iter(), now);
    if let (KeyAssurance::HardwareAttested, Some(evidence)) = (assurance, &claim.evidence) {
        directory.attestations.keys.push(KeyAttestation {
            key: claim.reviewer.id(),
            challenge: invitation.code()?.challenge(),
            at: now,
            evidence: evidence.clone(),
        });
    }
    if let Some(old) = &claim.replaces {
        let replaced = directory.keys.iter_mut().filter(|entry| entry.key.id() == *old);
        for entry in replaced {
            entry.not_after = entry.not_after.min(now.after(OVERLAP));
        }
    }
    Ok(())
}
