//! What guards do: propose, withdraw, fetch the grant, start, account.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::{parse, parse_id, request};
use crate::authn::Authenticated;
use crate::idempotency::once;
use crate::problem::Refused;
use crate::router::App;

/// `POST /v1/proposals`.
///
/// # Errors
/// [`Refused`] says why it is not held.
pub async fn propose(State(app): State<App>, asked: Authenticated) -> Result<Response, Refused> {
    once(app.engine().store(), &asked, async {
        let body = asked.body.clone();
        // With its artifacts the body may take a while to read.
        let body = tokio::task::spawn_blocking(move || parse(&body))
            .await
            .map_err(|_| Refused::unavailable("reading the body failed"))??;
        let id = app.engine().propose(asked.caller.clone(), body).await?;
        request::record(&app, &asked.caller, id, StatusCode::CREATED).await
    })
    .await
}

/// `POST /v1/verdicts`.
///
/// # Errors
/// [`Refused`] says why they are not recorded.
pub async fn record_verdicts(State(app): State<App>, asked: Authenticated) -> Result<Response, Refused> {
    once(app.engine().store(), &asked, async {
        app.engine()
            .record_verdicts(asked.caller.clone(), parse(&asked.body)?)
            .await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// `POST /v1/requests/{id}/withdrawal`.
///
/// # Errors
/// [`Refused`] says why it is not taken back.
pub async fn withdraw(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .withdraw(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        request::record(&app, &asked.caller, id, StatusCode::OK).await
    })
    .await
}

/// `POST /v1/requests/{id}/grant`.
///
/// # Errors
/// [`Refused`] says why nothing may run.
pub async fn grant(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    if !asked.body.is_empty() {
        return Err(Refused::malformed("the body has to be empty"));
    }
    once(app.engine().store(), &asked, async {
        app.engine().grant(asked.caller.clone(), id).await?;
        request::record(&app, &asked.caller, id, StatusCode::OK).await
    })
    .await
}

/// `POST /v1/requests/{id}/start`.
///
/// # Errors
/// [`Refused`] when no grant is held.
pub async fn start(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .start(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// `POST /v1/requests/{id}/receipt`.
///
/// # Errors
/// [`Refused`] says why it is not taken.
pub async fn account(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .account(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        request::record(&app, &asked.caller, id, StatusCode::OK).await
    })
    .await
}
