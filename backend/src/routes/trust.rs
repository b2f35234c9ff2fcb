//! The organisation's roots, directory and policy: open to read, renewed by the owners' signatures alone.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::api::{EnvelopeBody, TrustDocument};
use countersign_protocol::canonical;
use countersign_protocol::log::origin;

use super::json;
use crate::engine::Document;
use crate::limit;
use crate::problem::Refused;
use crate::router::App;

/// The longest document that is read, in bytes.
const MAX_DOCUMENT: usize = 2 * canonical::MAX_BYTES;

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
pub async fn renew_root(State(app): State<App>, request: Request) -> Result<StatusCode, Refused> {
    renew(&app, Document::Root, request).await
}

/// `POST /v1/trust/directory`.
///
/// # Errors
/// [`Refused`] says why the document is not taken.
pub async fn renew_directory(State(app): State<App>, request: Request) -> Result<StatusCode, Refused> {
    renew(&app, Document::Directory, request).await
}

/// `POST /v1/trust/policy`.
///
/// # Errors
/// [`Refused`] says why the document is not taken.
pub async fn renew_policy(State(app): State<App>, request: Request) -> Result<StatusCode, Refused> {
    renew(&app, Document::Policy, request).await
}

async fn renew(app: &App, document: Document, request: Request) -> Result<StatusCode, Refused> {
    let body = limit::read(request.into_body(), MAX_DOCUMENT).await?;
    let body: EnvelopeBody = canonical::parse_within(&body, MAX_DOCUMENT)
        .map_err(|error| Refused::malformed(format!("body {error}")))?;
    app.engine().renew(document, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
