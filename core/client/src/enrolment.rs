//! Enrolments over HTTP: an owner signs calls with a login key, a candidate with the key of the code.

use countersign_protocol::api::EnvelopeBody;
use countersign_protocol::digest::KeyId;
use countersign_protocol::enrolment::{ActivationBody, EnrolmentList, EnrolmentRecord, InviteBody};
use countersign_protocol::signed::Envelope;
use reqwest::Method;

use crate::http::{Backend, encode};
use crate::transport::{Call, ClientError};

impl Backend {
    /// Opens an enrolment, as an owner.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn invite(&self, body: &InviteBody) -> Result<EnrolmentRecord, ClientError> {
        let doing = "invite";
        self.read(Call::post(doing, "/v1/enrolments", encode(doing, body)?))
            .await
    }

    /// Every open enrolment, for an owner. What is in them is the backend's word until it is checked.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn enrolments(&self) -> Result<EnrolmentList, ClientError> {
        self.read(Call::get("list the enrolments", "/v1/enrolments"))
            .await
    }

    /// Hands on an owner's credential.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn challenge_enrolment(&self, code: &KeyId, envelope: Envelope) -> Result<(), ClientError> {
        let doing = "answer the enrolment";
        let body = encode(doing, &EnvelopeBody { envelope })?;
        self.done(Call::post(
            doing,
            format!("/v1/enrolments/{code}/credential"),
            body,
        ))
        .await
    }

    /// Forgets an enrolment, as an owner.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn close_enrolment(&self, code: &KeyId) -> Result<(), ClientError> {
        self.done(Call::bare(
            "close the enrolment",
            Method::DELETE,
            format!("/v1/enrolments/{code}"),
        ))
        .await
    }

    /// The enrolment of the code whose key signs the calls.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn own_enrolment(&self) -> Result<EnrolmentRecord, ClientError> {
        self.read(Call::get("look at the enrolment", "/v1/enrolment"))
            .await
    }

    /// Hands on a candidate's claim.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn claim_enrolment(&self, envelope: Envelope) -> Result<(), ClientError> {
        let doing = "enrol";
        let body = encode(doing, &EnvelopeBody { envelope })?;
        self.done(Call::post(doing, "/v1/enrolment/claim", body)).await
    }

    /// Hands on what the candidate's TPM gave.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn activate_enrolment(&self, body: &ActivationBody) -> Result<(), ClientError> {
        let doing = "answer the challenge";
        self.done(Call::post(
            doing,
            "/v1/enrolment/activation",
            encode(doing, body)?,
        ))
        .await
    }
}
