//! The routes: each reads a body or a query, asks the engine or the store, and writes the answer.

pub mod enrolment;
pub mod health;
pub mod log;
pub mod proposal;
pub mod request;
pub mod reveal;
pub mod talk;
pub mod trust;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::api::MAX_BODY_BYTES;
use countersign_protocol::canonical;
use countersign_protocol::identity::RequestId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Refused;

/// Reads a body as strict JSON.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    canonical::parse_within(body, MAX_BODY_BYTES).map_err(|error| Refused::malformed(format!("body {error}")))
}

fn parse_id(text: &str) -> Result<RequestId, Refused> {
    text.parse()
        .map_err(|error: countersign_protocol::identity::RequestIdError| {
            Refused::not_found(error.to_string())
        })
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Refused> {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Refused::unavailable("the answer cannot be written")
    })?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
