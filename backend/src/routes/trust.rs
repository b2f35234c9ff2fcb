//! The organisation's roots, directory and policy: open to read, renewed by the owners' signatures alone.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::api::{EnvelopeBody, TrustDocument};
use countersign_protocol::canonical;
use countersign_protocol::log::origin;

use super::json;
use crate::engine::Document;
use crate::problem::Refused;
use crate::router::App;

/// `GET /v1/trust`.
///
/// # Errors
/// [`Refused`] when the answer cannot be written.
pub async fn show(State(app): State<App>) -> Result<Response, Refused> {
    let trust = app.engine().trust();
    json(
        StatusCode::OK,
        &TrustDocument {
            roots: trust.roots.clone(),
            directory: trust.directory.envelope().clone(),
            policy: trust.policy.bundle.envelope().clone(),
            log_origin: origin(trust.root.id()),
        },
    )
}

/// `POST /v1/trust/root`.
///
/// # Errors
/// [`Refused`] says why the document is not taken.
pub async fn renew_root(State(app): State<App>, body: Bytes) -> Result<StatusCode, Refused> {
    renew(&app, Document::Root, &body).await
}

/// `POST /v1/trust/directory`.
///
/// # Errors
/// [`Refused`] says why the document is not taken.
pub async fn renew_directory(State(app): State<App>, body: Bytes) -> Result<StatusCode, Refused> {
    renew(&app, Document::Directory, &body).await
}

/// `POST /v1/trust/policy`.
///
/// # Errors
/// [`Refused`] says why the document is not taken.
pub async fn renew_policy(State(app): State<App>, body: Bytes) -> Result<StatusCode, Refused> {
    renew(&app, Document::Policy, &body).await
}

async fn renew(app: &App, document: Document, body: &[u8]) -> Result<StatusCode, Refused> {
    let body: EnvelopeBody = canonical::parse_within(body, 2 * canonical::MAX_BYTES)
        .map_err(|error| Refused::malformed(format!("body {error}")))?;
    app.engine().renew(document, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
