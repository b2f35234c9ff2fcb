//! Questions to agents, their answers, and who looks.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::Talk;
use rusqlite::Connection;

use super::{json, parse, parse_id};
use crate::authn::Authenticated;
use crate::engine::Caller;
use crate::idempotency::once;
use crate::problem::Refused;
use crate::router::App;
use crate::store::row;

/// `GET /v1/requests/{id}/talk`.
///
/// # Errors
/// [`Refused`] when it is not there or not the caller's.
pub async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    told(&app, &asked.caller, parse_id(&id)?).await
}

/// `POST /v1/requests/{id}/questions`.
///
/// # Errors
/// [`Refused`] says why it is not asked.
pub async fn ask(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .ask(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        told(&app, &asked.caller, id).await
    })
    .await
}

/// `POST /v1/requests/{id}/questions/{number}/answer`.
///
/// # Errors
/// [`Refused`] says why it is not taken.
pub async fn answer(
    State(app): State<App>,
    Path((id, number)): Path<(String, String)>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    let number = number
        .parse()
        .map_err(|_| Refused::not_found(format!("`{number}` is not the number of a question")))?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .answer(asked.caller.clone(), id, number, parse(&asked.body)?)
            .await?;
        told(&app, &asked.caller, id).await
    })
    .await
}

/// `PUT /v1/requests/{id}/looking`.
///
/// # Errors
/// [`Refused`] when it is not there, or a guard says so.
pub async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<StatusCode, Refused> {
    let id = parse_id(&id)?;
    let Caller::Person { person, key } = asked.caller else {
        return Err(Refused::not_allowed("only people look"));
    };
    let there = app
        .engine()
        .store()
        .read(move |conn| -> Result<_, Refused> { Ok(row::request(conn, &id)?.is_some()) })
        .await?;
    if !there {
        return Err(nothing(&id));
    }
    app.presence().look(key, person, id);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/requests/{id}/looking`.
///
/// # Errors
/// [`Refused`] when the id is none.
pub async fn leave(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<StatusCode, Refused> {
    app.presence().leave(asked.caller.key(), parse_id(&id)?);
    Ok(StatusCode::NO_CONTENT)
}

async fn told(app: &App, caller: &Caller, id: RequestId) -> Result<Response, Refused> {
    let guard = caller.guard().cloned();
    let read = move |conn: &Connection| -> Result<_, Refused> {
        row::request(conn, &id)?
            .filter(|entry| guard.as_ref().is_none_or(|guard| entry.guard == *guard))
            .ok_or_else(|| nothing(&id))?;
        Ok(Talk {
            remarks: row::talk(conn, &id)?,
        })
    };
    json(StatusCode::OK, &app.engine().store().read(read).await?)
}

fn nothing(id: &RequestId) -> Refused {
    Refused::not_found(format!("there is no request `{id}` that is yours to see"))
}
