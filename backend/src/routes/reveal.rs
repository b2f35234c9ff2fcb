//! Who has the secrets of a request revealed.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_protocol::reveal::Reveals;
use rusqlite::Connection;

use super::{json, parse, parse_id};
use crate::authn::Authenticated;
use crate::idempotency::once;
use crate::problem::Refused;
use crate::router::App;
use crate::store::row;

/// `POST /v1/requests/{id}/reveals`.
///
/// # Errors
/// [`Refused`] says why it is not recorded.
pub async fn record(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Authenticated,
) -> Result<Response, Refused> {
    let id = parse_id(&id)?;
    once(app.engine().store(), &asked, async {
        app.engine()
            .reveal(asked.caller.clone(), id, parse(&asked.body)?)
            .await?;
        let read = move |conn: &Connection| -> Result<_, Refused> {
            Ok(Reveals {
                reveals: row::reveals(conn, &id)?,
            })
        };
        json(StatusCode::OK, &app.engine().store().read(read).await?)
    })
    .await
}
