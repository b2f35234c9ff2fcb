//! Whether the process lives, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;

use crate::clock;
use crate::problem::Refused;
use crate::router::App;
use crate::store::StoreError;
use crate::store::row;

/// `GET /livez`.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: store, log, clock and trust.
///
/// # Errors
/// [`Refused`] names the first that does not hold.
pub async fn ready(State(app): State<App>) -> Result<(StatusCode, &'static str), Refused> {
    let store = app.engine().store();
    if !store.published().healthy {
        return Err(Refused::unavailable("the log cannot be written"));
    }
    let newest = store
        .read(row::newest_leaf)
        .await
        .map_err(|_: StoreError| Refused::unavailable("the store cannot be read"))?;
    let now = clock::now();
    if newest.is_some_and(|newest| newest.since(now).as_secs() > 5) {
        return Err(Refused::unavailable("the clock stands behind the log"));
    }
    app.engine()
        .trust()
        .check_current(now)
        .map_err(|error| Refused::unavailable(error.to_string()))?;
    Ok((StatusCode::OK, "ok\n"))
}
