//! A person is about to see secrets of a request: that is recorded first, so that nobody sees them unsaid.

use countersign_protocol::identity::RequestId;
use countersign_protocol::reveal::{MAX_REVEALS, Reveal, RevealBody};

use super::{Caller, Engine, moment};
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row;

impl Engine {
    /// Records that the caller has secrets of a request revealed. The same nonce again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it is not recorded; nothing may be shown then.
    pub async fn reveal(&self, caller: Caller, id: RequestId, body: RevealBody) -> Result<(), Refused> {
        self.store()
            .write(move |conn| reveal(conn, &caller, &id, &body))
            .await
    }
}

fn reveal(conn: &Pending<'_>, caller: &Caller, id: &RequestId, body: &RevealBody) -> Result<(), Refused> {
    let now = moment(conn)?;
    let Caller::Person { person, .. } = caller else {
        return Err(Refused::not_allowed("only people have secrets revealed"));
    };
    if body.reason.raw().trim().is_empty() {
        return Err(Refused::malformed("a reason is needed to have secrets revealed"));
    }
    let mut entry = row::request(conn, id)?
        .ok_or_else(|| Refused::not_found(format!("there is no request `{id}` that is yours to see")))?;
    let reveal = Reveal {
        person: person.clone(),
        at: now,
        reason: body.reason.clone(),
        secret: body.secret,
    };
    if !row::record_reveal(conn, id, &body.nonce, &reveal)? {
        return Ok(());
    }
    let mine = row::reveals(conn, id)?;
    // What is refused here is rolled back.
    if mine.iter().filter(|reveal| reveal.person == *person).count() > MAX_REVEALS {
        return Err(Refused::conflict(
            "too-many-reveals",
            format!("you had secrets of this request revealed {MAX_REVEALS} times; ask an owner"),
        ));
    }
    row::announce_again(conn, &mut entry, now)?;
    let (id, person) = (*id, person.clone());
    conn.once_durable(move || tracing::info!(request = %id, %person, "secrets were revealed"));
    Ok(())
}
