//! Time passes: what ran out is closed, and answers that nobody will ask for again are forgotten.

use std::time::Duration;

use countersign_protocol::request::Event;

use super::{Engine, moment, refused};
use crate::log::tree::int;
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row;

/// How long an answer under an idempotency key is kept.
const KEEP_ANSWERS: Duration = Duration::from_secs(48 * 3600);

impl Engine {
    /// Lets time pass over every open request.
    ///
    /// # Errors
    /// [`Refused`] when the store fails or the clock is wrong.
    pub async fn sweep(&self) -> Result<(), Refused> {
        self.store().write(sweep).await
    }
}

fn sweep(conn: &Pending<'_>) -> Result<(), Refused> {
    let now = moment(conn)?;
    for mut entry in row::open_requests(conn)? {
        let (state, _) = entry.state.apply(Event::TimePassed, now).map_err(refused)?;
        if state != entry.state {
            let (id, phase) = (entry.id, state.phase());
            conn.once_durable(
                move || tracing::info!(request = %id, phase = phase.word(), "time moved a request on"),
            );
            row::update_request(conn, &mut entry, state, now)?;
        }
    }
    conn.execute(
        "DELETE FROM idempotency WHERE at < ?1",
        [int(now.before(KEEP_ANSWERS).millis())],
    )?;
    Ok(())
}
