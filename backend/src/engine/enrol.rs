//! Enrolments: opened by owners, answered by who has the code, relayed as they came.
//!
//! Nothing here is believed and nothing becomes trust by it: the owners check what comes, and sign a directory.

use countersign_protocol::digest::KeyId;
use countersign_protocol::enrolment::{ActivationBody, EnrolmentRecord, InviteBody, LIFE, MAX_OPEN};
use countersign_protocol::identity::{PersonId, Role};
use countersign_protocol::signed::Envelope;
use rusqlite::Connection;
use serde::Serialize;

use super::{Caller, Engine, moment};
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row::{self, Part};

impl Engine {
    /// The owner of the directory that a caller is.
    ///
    /// # Errors
    /// [`Refused`] for everybody else.
    pub fn owner(&self, caller: &Caller) -> Result<PersonId, Refused> {
        let Caller::Person { person, .. } = caller else {
            return Err(Refused::not_allowed(
                "only an owner of the directory enrols people",
            ));
        };
        let trust = self.trust();
        let keys = &trust.root.root().keys;
        let owns = keys
            .iter()
            .any(|key| key.role == Role::DirectoryOwner && key.holder.as_ref() == Some(person));
        if owns {
            Ok(person.clone())
        } else {
            Err(Refused::not_allowed(
                "only an owner of the directory enrols people",
            ))
        }
    }

    /// Opens an enrolment.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn invite(&self, caller: &Caller, body: InviteBody) -> Result<EnrolmentRecord, Refused> {
        let owner = self.owner(caller)?;
        let trust = self.trust();
        let id = body.code.id();
        if trust.root.names(&id) || trust.directory.keys.iter().any(|key| key.key.id() == id) {
            return Err(Refused::conflict(
                "known",
                "this key is another one's; draw a new code",
            ));
        }
        self.store().write(move |conn| invite(conn, owner, body)).await
    }

    /// Forgets an enrolment.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn close_enrolment(&self, caller: &Caller, code: KeyId) -> Result<(), Refused> {
        self.owner(caller)?;
        self.store()
            .write(move |conn| -> Result<(), Refused> { Ok(row::close_enrolment(conn, &code)?) })
            .await
    }

    /// Takes in what the person claims; the caller was let in by the code's key.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn claim_enrolment(&self, code: KeyId, claim: Envelope) -> Result<(), Refused> {
        self.set_part(code, Part::Claim, claim).await
    }

    /// Takes in what the owner answers.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn challenge_enrolment(
        &self,
        caller: &Caller,
        code: KeyId,
        credential: Envelope,
    ) -> Result<(), Refused> {
        self.owner(caller)?;
        self.set_part(code, Part::Credential, credential).await
    }

    /// Takes in what the TPM gave; the caller was let in by the code's key.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn activate_enrolment(&self, code: KeyId, activation: ActivationBody) -> Result<(), Refused> {
        self.set_part(code, Part::Activation, activation).await
    }

    async fn set_part<T>(&self, code: KeyId, part: Part, value: T) -> Result<(), Refused>
    where
        T: Serialize + PartialEq + Send + 'static,
        EnrolmentRecord: Held<T>,
    {
        self.store()
            .write(move |conn| {
                let record = there(conn, &code)?;
                match Held::<T>::held(&record, part) {
                    Some(kept) if *kept == value => return Ok(()),
                    Some(_) => {
                        return Err(Refused::conflict(
                            "answered",
                            "this was sent before and stays as it was; ask an owner for a new code",
                        ));
                    }
                    None => {}
                }
                if part == Part::Activation && record.credential.is_none() {
                    return Err(Refused::conflict("too-early", "no owner has answered yet"));
                }
                Ok(row::set_part(conn, &code, part, &value)?)
            })
            .await
    }
}

/// Parts of a record by their type.
trait Held<T> {
    fn held(&self, part: Part) -> Option<&T>;
}

impl Held<Envelope> for EnrolmentRecord {
    fn held(&self, part: Part) -> Option<&Envelope> {
        match part {
            Part::Claim => self.claim.as_ref(),
            Part::Credential => self.credential.as_ref(),
            Part::Activation => None,
        }
    }
}

impl Held<ActivationBody> for EnrolmentRecord {
    fn held(&self, _: Part) -> Option<&ActivationBody> {
        self.activation.as_ref()
    }
}

fn invite(conn: &Pending<'_>, owner: PersonId, body: InviteBody) -> Result<EnrolmentRecord, Refused> {
    let now = moment(conn)?;
    if body.expires_at <= now || body.expires_at > now.after(LIFE) {
        return Err(Refused::malformed("a code is good for at most 24 hours from now"));
    }
    let record = EnrolmentRecord {
        code: body.code,
        person: body.person,
        invited_by: owner,
        expires_at: body.expires_at,
        claim: None,
        credential: None,
        activation: None,
    };
    if let Some(kept) = row::enrolment(conn, &record.code.id(), now)? {
        let same = kept.person == record.person && kept.invited_by == record.invited_by;
        return if same {
            Ok(kept)
        } else {
            Err(Refused::conflict(
                "known",
                "this code is open for somebody else; draw a new one",
            ))
        };
    }
    if row::enrolments(conn, now)?.len() >= MAX_OPEN {
        return Err(Refused::conflict(
            "too-many-enrolments",
            format!("{MAX_OPEN} enrolments are open; close some, or wait until they run out"),
        ));
    }
    row::open_enrolment(conn, &record, now)?;
    let (person, by) = (record.person.clone(), record.invited_by.clone());
    conn.once_durable(move || tracing::info!(%person, %by, "an enrolment was opened"));
    Ok(record)
}

fn there(conn: &Connection, code: &KeyId) -> Result<EnrolmentRecord, Refused> {
    let now = moment(conn)?;
    row::enrolment(conn, code, now)?
        .ok_or_else(|| Refused::not_found("there is no such enrolment, or its time is over"))
}
