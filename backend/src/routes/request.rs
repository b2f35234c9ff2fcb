//! The queue: listing, reading, deciding, watching.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::api::{Decided, MAX_PAGE, RequestPage, RequestRecord, RequestRow};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::identity::{AgentId, RequestId};
use countersign_protocol::request::{Phase, RequestState};
use rusqlite::Connection;
use serde::Deserialize;

use super::{json, parse, parse_id};
use crate::authn::Authenticated;
use crate::engine::Caller;
use crate::idempotency::once;
use crate::problem::Refused;
use crate::router::App;
use crate::store::row::{self, Entry, Wanted};
use crate::{clock, evidence, watch as changes};

/// How long an answer waits at most for the log.
const UNTIL_LOGGED: Duration = Duration::from_millis(500);

/// The most bytes of statements on one page, unless one row alone has more.
const MAX_PAGE_BYTES: usize = 6 * 1024 * 1024;

/// What a page of the queue is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    state: Option<String>,
    agent: Option<AgentId>,
    after: Option<u64>,
    since: Option<u64>,
    limit: Option<u32>,
}

/// `GET /v1/requests?state=&agent=&after=&since=&limit=`.
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
    let wanted = Wanted {
        guard: asked.caller.guard().cloned(),
        phase,
        agent: query.agent,
        before: query.after,
        since: query.since,
        limit: query.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE),
    };
    let page = match read_page(&app, wanted.clone()).await? {
        Some(page) => Some(page),
        None => {
            app.engine().sweep().await?;
            read_page(&app, wanted).await?
        }
    };
    let mut page =
        page.ok_or_else(|| Refused::unavailable("a request has run out and could not be closed"))?;
    if asked.caller.guard().is_none() {
        for row in &mut page.requests {
            row.looking = app.presence().on(&row.id);
        }
    }
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

/// `POST /v1/requests/{id}/amendment`.
///
/// # Errors
/// [`Refused`] says why the amendment does not count.
pub async fn amend(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .amend(asked.caller.clone(), id, parse(&asked.body)?)
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
    let presence = asked.caller.guard().is_none().then(|| app.presence().follow());
    Ok(changes::stream(store, asked.caller.guard().cloned(), after, presence).into_response())
}

/// A page of the queue; nothing when a request on it has run out and has to be closed first.
async fn read_page(app: &App, wanted: Wanted) -> Result<Option<RequestPage>, Refused> {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    // One more row tells whether there is another page.
    let wanted = Wanted {
        limit: wanted.limit + 1,
        ..wanted
    };
    let read = move |conn: &Connection| -> Result<_, Refused> {
        let mut entries = row::page(conn, &wanted)?;
        if entries.iter().any(has_run_out) {
            return Ok(None);
        }
        let mut more = entries.len() > limit;
        entries.truncate(limit);
        let (mut requests, mut bytes) = (Vec::with_capacity(entries.len()), 0);
        let mut place = None;
        for entry in &entries {
            let row = row_of(conn, entry)?;
            bytes += row.request.payload.len();
            // A page that would grow too long ends early; the first row is always there, so that it ends.
            if bytes > MAX_PAGE_BYTES && place.is_some() {
                more = true;
                break;
            }
            place = Some(if wanted.since.is_some() {
                entry.change
            } else {
                entry.seq
            });
            requests.push(row);
        }
        let next = place.filter(|_| more).map(|place| place.to_string());
        let change = row::last_change(conn)?;
        Ok(Some(RequestPage {
            requests,
            next,
            change,
        }))
    };
    app.engine().store().read(read).await
}

fn row_of(conn: &Connection, entry: &Entry) -> Result<RequestRow, Refused> {
    Ok(RequestRow {
        id: entry.id,
        phase: entry.state.phase(),
        change: entry.change,
        request: evidence::request_envelope(conn, &entry.id)?,
        approved_by: entry
            .state
            .counted(clock::now())
            .map(|vote| vote.person.clone())
            .collect(),
        looking: Vec::new(),
        decided: decided(&entry.state),
    })
}

fn decided(state: &RequestState) -> Option<Decided> {
    let at = state.votes().map(|vote| vote.decided_at).max()?;
    let by = state.votes().map(|vote| vote.person.clone()).collect();
    Some(Decided { at, by })
}

/// The record of a request, as far as `caller` may see it. What ran out meanwhile is closed first.
pub(super) async fn record(
    app: &App,
    caller: &Caller,
    id: RequestId,
    status: StatusCode,
) -> Result<Response, Refused> {
    let mut news = app.engine().store().news();
    news.mark_unchanged();
    let mut record = read_record(app, caller, id).await?;
    if record.is_none() {
        app.engine().sweep().await?;
        record = read_record(app, caller, id).await?;
    } else if record.as_ref().is_some_and(|record| !is_logged(&record.evidence)) {
        // What was committed this moment is logged the next: an answer that shows both spares another asking.
        let _ = tokio::time::timeout(UNTIL_LOGGED, news.changed()).await;
        record = read_record(app, caller, id).await?;
    }
    let record =
        record.ok_or_else(|| Refused::unavailable("the request has run out and could not be closed"))?;
    json(status, &record)
}

fn is_logged(evidence: &Evidence) -> bool {
    let ends = evidence
        .amendment
        .iter()
        .chain(&evidence.withdrawal)
        .chain(&evidence.grant)
        .chain(&evidence.receipt);
    std::iter::once(&evidence.request)
        .chain(&evidence.decisions)
        .chain(ends)
        .all(|logged| logged.index.is_some())
}

async fn read_record(app: &App, caller: &Caller, id: RequestId) -> Result<Option<RequestRecord>, Refused> {
    let store = app.engine().store();
    let (guard, checkpoint) = (caller.guard().cloned(), store.published().checkpoint);
    let read = move |conn: &Connection| -> Result<_, Refused> {
        let entry = row::request(conn, &id)?;
        let own = |entry: &Entry| guard.as_ref().is_none_or(|guard| entry.guard == *guard);
        match entry.filter(own) {
            Some(entry) if has_run_out(&entry) => Ok(None),
            Some(entry) => Ok(Some(evidence::record(conn, &checkpoint, &entry)?)),
            None => Err(Refused::not_found(format!(
                "there is no request `{id}` that is yours to see"
            ))),
        }
    };
    store.read(read).await
}

fn has_run_out(entry: &Entry) -> bool {
    entry.state.phase().is_open() && clock::now() >= entry.state.terms().expires_at
}
