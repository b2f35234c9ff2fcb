//! The transparency log, open to all (C2SP tlog-tiles).

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::api::ConsistencyAnswer;
use serde::Deserialize;

use super::json;
use crate::log::path::{TILE_WIDTH, Tile};
use crate::log::tree::Tree;
use crate::problem::Refused;
use crate::router::App;
use crate::store::StoreError;

/// `GET /log/checkpoint`.
pub async fn checkpoint(State(app): State<App>) -> Response {
    let checkpoint = app.engine().store().published().checkpoint;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, checkpoint.note.clone()).into_response()
}

/// `GET /log/tile/<L>/<N>[.p/<W>]` and `/log/tile/entries/<N>[.p/<W>]`.
///
/// # Errors
/// [`Refused`] when there is no such tile.
pub async fn tile(State(app): State<App>, Path(path): Path<String>) -> Result<Response, Refused> {
    let missing = || Refused::not_found("the log has no such tile");
    let tile = Tile::parse(&path).ok_or_else(missing)?;
    let store = app.engine().store();
    let size = store.published().checkpoint.size;
    let bytes = store
        .read(move |conn| -> Result<_, StoreError> { Ok(Tree(conn).tile(&tile, size)?) })
        .await?
        .ok_or_else(missing)?;
    let cache = if tile.width == TILE_WIDTH {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=60"
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, cache),
    ];
    Ok((headers, bytes).into_response())
}

/// The sizes between which consistency is asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    from: u64,
    to: u64,
}

/// `GET /v1/log/consistency?from=N&to=M`.
///
/// # Errors
/// [`Refused`] when the log has no such sizes.
pub async fn consistency(
    State(app): State<App>,
    sizes: Result<Query<Sizes>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(Sizes { from, to }) = sizes.map_err(|_| Refused::malformed("the query is `from=N&to=M`"))?;
    let store = app.engine().store();
    if from > to || to > store.published().checkpoint.size {
        return Err(Refused::not_found("the log has no such sizes"));
    }
    let proof = store
        .read(move |conn| -> Result<_, StoreError> { Ok(Tree(conn).consistency(from, to)?) })
        .await?;
    json(StatusCode::OK, &ConsistencyAnswer { proof })
}
