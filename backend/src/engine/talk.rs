//! A person asks the agent of an open request; its guard passes the answer on.
//!
//! Nothing that is signed changes by it, no deadline moves, and both sides are bounded: talk must not become a way to
//! tire people or agents.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::talk::{
    AnswerBody, AskBody, MAX_QUESTIONS, MAX_QUESTIONS_PER_MINUTE, MAX_WAITING, Remark, answer_to, waiting,
};
use rusqlite::Connection;

use super::{Caller, Engine, moment};
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row::{self, Entry};

const MINUTE: Duration = Duration::from_secs(60);

impl Engine {
    /// Takes a question in. The same question of the same person again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it is not asked.
    pub async fn ask(&self, caller: Caller, id: RequestId, body: AskBody) -> Result<(), Refused> {
        self.store()
            .write(move |conn| ask(conn, &caller, &id, body))
            .await
    }

    /// Takes the agent's answer to question `number` in. The same answer again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it is not taken.
    pub async fn answer(
        &self,
        caller: Caller,
        id: RequestId,
        number: u32,
        body: AnswerBody,
    ) -> Result<(), Refused> {
        self.store()
            .write(move |conn| answer(conn, &caller, &id, number, body))
            .await
    }
}

fn ask(conn: &Pending<'_>, caller: &Caller, id: &RequestId, body: AskBody) -> Result<(), Refused> {
    let now = moment(conn)?;
    let Caller::Person { person, .. } = caller else {
        return Err(Refused::not_allowed("only people ask"));
    };
    if body.text.raw().trim().is_empty() {
        return Err(Refused::malformed("the question is empty"));
    }
    let mut entry = open_request(conn, caller, id, now)?;
    let talk = row::talk(conn, id)?;
    let own = |remark: &Remark| matches!(remark, Remark::Question { person: by, .. } if by == person);
    let same = |remark: &Remark| {
        own(remark) && matches!(remark, Remark::Question { text, .. } if *text == body.text)
    };
    if talk.iter().any(same) {
        return Ok(());
    }
    check_bounds(conn, person, &talk, now)?;
    let asked = talk
        .iter()
        .filter(|remark| matches!(remark, Remark::Question { .. }))
        .count();
    let remark = Remark::Question {
        number: u32::try_from(asked + 1).unwrap_or(u32::MAX),
        person: person.clone(),
        text: body.text,
        at: now,
    };
    row::say(conn, id, &remark)?;
    row::announce_again(conn, &mut entry, now)?;
    let (id, person) = (*id, person.clone());
    conn.once_durable(move || tracing::info!(request = %id, %person, "a question was asked"));
    Ok(())
}

fn check_bounds(
    conn: &Connection,
    person: &PersonId,
    talk: &[Remark],
    now: Timestamp,
) -> Result<(), Refused> {
    let waits: Vec<u32> = waiting(talk).collect();
    let (mut all, mut own) = (0, 0);
    for remark in talk {
        if let Remark::Question {
            number, person: by, ..
        } = remark
        {
            all += 1;
            own += usize::from(by == person && waits.contains(number));
        }
    }
    if all >= MAX_QUESTIONS {
        return Err(Refused::conflict(
            "too-many-questions",
            format!(
                "{MAX_QUESTIONS} questions were asked about this request; deny it and say what is unclear"
            ),
        ));
    }
    if own >= MAX_WAITING {
        return Err(Refused::conflict(
            "too-many-questions",
            format!("{MAX_WAITING} of your questions wait for an answer; wait for one, or deny"),
        ));
    }
    let (lately, first) = row::asked_since(conn, person, now.before(MINUTE))?;
    if lately >= MAX_QUESTIONS_PER_MINUTE {
        let wait = first.map_or(MINUTE, |first| first.after(MINUTE).since(now));
        return Err(Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-questions",
            "you ask too often",
            format!("{MAX_QUESTIONS_PER_MINUTE} questions a minute are taken from one person"),
        )
        .retry_after(wait.as_secs() + 1));
    }
    Ok(())
}

fn answer(
    conn: &Pending<'_>,
    caller: &Caller,
    id: &RequestId,
    number: u32,
    body: AnswerBody,
) -> Result<(), Refused> {
    let now = moment(conn)?;
    if caller.guard().is_none() {
        return Err(Refused::not_allowed(
            "only the guard that proposed passes answers on",
        ));
    }
    if body.text.raw().trim().is_empty() {
        return Err(Refused::malformed("the answer is empty"));
    }
    let mut entry = open_request(conn, caller, id, now)?;
    let talk = row::talk(conn, id)?;
    let asked = |remark: &Remark| matches!(remark, Remark::Question { number: n, .. } if *n == number);
    if !talk.iter().any(asked) {
        return Err(Refused::not_found(format!(
            "nobody asked question {number} about this request"
        )));
    }
    match answer_to(&talk, number) {
        Some(text) if *text == body.text => return Ok(()),
        Some(_) => {
            return Err(Refused::conflict(
                "answered",
                format!("question {number} is answered; an answer stays as it was given"),
            ));
        }
        None => {}
    }
    let remark = Remark::Answer {
        to: number,
        text: body.text,
        at: now,
    };
    row::say(conn, id, &remark)?;
    row::announce_again(conn, &mut entry, now)?;
    let id = *id;
    conn.once_durable(move || tracing::info!(request = %id, number, "a question was answered"));
    Ok(())
}

/// The request, while it waits for decisions. Guards are shown no other's, not even that they exist.
fn open_request(
    conn: &Connection,
    caller: &Caller,
    id: &RequestId,
    now: Timestamp,
) -> Result<Entry, Refused> {
    let own = |entry: &Entry| caller.guard().is_none_or(|guard| entry.guard == *guard);
    let entry = row::request(conn, id)?
        .filter(own)
        .ok_or_else(|| Refused::not_found(format!("there is no request `{id}` that is yours to see")))?;
    let over = !entry.state.phase().is_open() || now >= entry.state.terms().expires_at;
    if over {
        return Err(Refused::conflict(
            "over",
            format!(
                "the request {}; questions are for open ones",
                entry.state.phase().said()
            ),
        ));
    }
    Ok(entry)
}
