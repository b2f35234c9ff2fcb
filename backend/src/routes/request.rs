//! The queue: listing, reading, deciding, watching.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::api::{MAX_PAGE, RequestPage, RequestRow};
use countersign_protocol::identity::{AgentId, RequestId};
use countersign_protocol::request::Phase;
use serde::Deserialize;

use super::{json, parse, parse_id};
use crate::authn::Authenticated;
use crate::engine::Caller;
use crate::idempotency::once;
use crate::problem::Refused;
use crate::router::App;
use crate::store::row::{self, Entry, Wanted};
use crate::{clock, evidence, watch as changes};

/// What a page of the queue is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    state: Option<String>,
    agent: Option<AgentId>,
    after: Option<u64>,
    limit: Option<u32>,
}

/// `GET /v1/requests?state=&agent=&after=&limit=`.
///
/// # Errors
/// [`Refused`] when the query is not in the form of the API.
pub async fn list(
    State(app): State<App>,
    query: Result<Query<PageQuery>, QueryRejection>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let Query(query) = query.map_err(|error| Refused::malformed(error.body_text()))?;
    let phase = query.state.as_deref().filter(|state| !state.is_empty());
    let phase = phase
        .map(|word| {
            Phase::named(word).ok_or_else(|| Refused::malformed(format!("`{word}` is no state of a request")))
        })
        .transpose()?;
    let limit = query.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let wanted = Wanted {
        guard: asked.caller.guard().cloned(),
        phase,
        agent: query.agent,
        before: query.after,
        limit: limit + 1,
    };
    app.engine().sweep().await?;
    let page = app
        .engine()
        .store()
        .read(move |conn| -> Result<_, Refused> {
            let mut entries = row::page(conn, &wanted)?;
            let more = entries.len() > usize::try_from(limit).unwrap_or(usize::MAX);
            entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let next = entries.last().filter(|_| more).map(|entry| entry.seq.to_string());
            let now = clock::now();
            let rows = entries.into_iter().map(|entry| {
                Ok(RequestRow {
                    id: entry.id,
                    phase: entry.state.phase(),
                    change: entry.change,
                    request: evidence::request_envelope(conn, &entry.id)?,
                    approved_by: entry
                        .state
                        .standing(now)
                        .map(|vote| vote.person.clone())
                        .collect(),
                })
            });
            Ok(RequestPage {
                requests: rows.collect::<Result<_, Refused>>()?,
                next,
            })
        })
        .await?;
    json(StatusCode::OK, &page)
}

/// `GET /v1/requests/{id}`.
///
/// # Errors
/// [`Refused`] when it is not there or not the caller's.
pub async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    record(&app, &asked.caller, id, StatusCode::OK).await
}

/// `POST /v1/requests/{id}/decisions`.
///
/// # Errors
/// [`Refused`] says why the decision does not count.
pub async fn decide(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .decide(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        record(&app, &asked.caller, id, StatusCode::OK).await
    })
    .await
}

/// `GET /v1/watch`.
///
/// # Errors
/// [`Refused`] when `Last-Event-ID` is no number.
pub async fn watch(State(app): State<App>, asked: Authenticated) -> Result<Response, Refused> {
    let store = app.engine().store().clone();
    let after = changes::start(&asked.headers, store.published().change)?;
    Ok(changes::stream(store, asked.caller.guard().cloned(), after).into_response())
}

/// The record of a request, as far as `caller` may see it. What ran out meanwhile is closed first.
pub(super) async fn record(
    app: &App,
    caller: &Caller,
    id: RequestId,
    status: StatusCode,
) -> Result<Response, Refused> {
    let (store, guard) = (app.engine().store(), caller.guard().cloned());
    let read = move |store: &crate::store::Store| {
        let (guard, checkpoint) = (guard.clone(), store.published().checkpoint);
        let task = store.clone();
        async move {
            task.read(move |conn| -> Result<_, Refused> {
                let entry = row::request(conn, &id)?
                    .filter(|entry| guard.as_ref().is_none_or(|own| entry.guard == *own));
                match entry {
                    Some(entry) if has_run_out(&entry) => Ok(None),
                    Some(entry) => Ok(Some(evidence::record(conn, &checkpoint, &entry)?)),
                    None => Err(Refused::not_found(format!(
                        "there is no request `{id}` that is yours to see"
                    ))),
                }
            })
            .await
        }
    };
    let record = match read(store).await? {
        Some(record) => Some(record),
        None => {
            app.engine().sweep().await?;
            read(store).await?
        }
    };
    let record =
        record.ok_or_else(|| Refused::unavailable("the request has run out and could not be closed"))?;
    json(status, &record)
}

fn has_run_out(entry: &Entry) -> bool {
    entry.state.phase().is_open() && clock::now() >= entry.state.terms().expires_at
}
