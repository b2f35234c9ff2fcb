//! Enrolments: owners open, list, answer and close them; who has a code claims and activates.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::api::EnvelopeBody;
use countersign_protocol::canonical;
use countersign_protocol::digest::KeyId;
use countersign_protocol::enrolment::{ActivationBody, EnrolmentList, EnrolmentRecord, InviteBody, MAX_BODY};
use serde::de::DeserializeOwned;

use super::json;
use crate::authn::{Authenticated, Candidate};
use crate::clock;
use crate::problem::Refused;
use crate::router::App;
use crate::store::{StoreError, row};

/// `POST /v1/enrolments`.
///
/// # Errors
/// [`Refused`] says why it is not opened.
pub async fn invite(State(app): State<App>, asked: Authenticated) -> Result<Response, Refused> {
    let body: InviteBody = read(&asked.body)?;
    json(
        StatusCode::CREATED,
        &app.engine().invite(&asked.caller, body).await?,
    )
}

/// `GET /v1/enrolments`.
///
/// # Errors
/// [`Refused`] when an owner does not ask.
pub async fn list(State(app): State<App>, asked: Authenticated) -> Result<Response, Refused> {
    app.engine().owner(&asked.caller)?;
    let read = |conn: &rusqlite::Connection| row::enrolments(conn, clock::now());
    let enrolments = app.engine().store().read(read).await?;
    json(StatusCode::OK, &EnrolmentList { enrolments })
}

/// `POST /v1/enrolments/{code}/credential`.
///
/// # Errors
/// [`Refused`] says why it is not taken.
pub async fn challenge(
    State(app): State<App>,
    Path(code): Path<String>,
    asked: Authenticated,
) -> Result<StatusCode, Refused> {
    let body: EnvelopeBody = read(&asked.body)?;
    app.engine()
        .challenge_enrolment(&asked.caller, code_of(&code)?, body.envelope)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/enrolments/{code}`.
///
/// # Errors
/// [`Refused`] when an owner does not ask.
pub async fn close(
    State(app): State<App>,
    Path(code): Path<String>,
    asked: Authenticated,
) -> Result<StatusCode, Refused> {
    app.engine()
        .close_enrolment(&asked.caller, code_of(&code)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/enrolment`: the one of the code that signed the call.
///
/// # Errors
/// [`Refused`] when it is not there.
pub async fn show(State(app): State<App>, asked: Candidate) -> Result<Response, Refused> {
    let code = asked.code;
    let read = move |conn: &rusqlite::Connection| -> Result<Option<EnrolmentRecord>, StoreError> {
        row::enrolment(conn, &code, clock::now())
    };
    let found = app.engine().store().read(read).await?;
    json(
        StatusCode::OK,
        &found.ok_or_else(|| Refused::not_found("the enrolment is over"))?,
    )
}

/// `POST /v1/enrolment/claim`.
///
/// # Errors
/// [`Refused`] says why it is not taken.
pub async fn claim(State(app): State<App>, asked: Candidate) -> Result<StatusCode, Refused> {
    let body: EnvelopeBody = read(&asked.body)?;
    app.engine().claim_enrolment(asked.code, body.envelope).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/enrolment/activation`.
///
/// # Errors
/// [`Refused`] says why it is not taken.
pub async fn activate(State(app): State<App>, asked: Candidate) -> Result<StatusCode, Refused> {
    let body: ActivationBody = read(&asked.body)?;
    app.engine().activate_enrolment(asked.code, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    canonical::parse_within(body, MAX_BODY).map_err(|error| Refused::malformed(format!("body {error}")))
}

fn code_of(text: &str) -> Result<KeyId, Refused> {
    text.parse()
        .map_err(|_| Refused::not_found(format!("`{text}` names no enrolment")))
}
