//! What reviewers ask the agent of a held request, and what it answers.
//!
//! Which agent talks is the kernel's word, as everywhere. Nothing here touches what was proposed: talk is passed on,
//! and decides nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_client::ClientError;
use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::{Remark, Talk, answer_to, waiting};
use tokio::sync::watch;

use super::listen::{Caller, Client, refused};
use super::{Job, Service};
use crate::socket::{Answer, AnswerCall, Ended, Questioned, Talked};

impl Service {
    /// Gives everything that was said about an own request.
    pub(super) async fn questions(self: &Arc<Self>, mut client: Client, caller: &Caller, id: RequestId) {
        let told = match self.own_entry(caller, id) {
            Ok(_) => self.backend.talk(id).await.map_err(|error| failed(id, &error)),
            Err(ended) => Err(ended),
        };
        conclude(&mut client, id, told).await;
    }

    /// Passes an answer on.
    pub(super) async fn answer(self: &Arc<Self>, mut client: Client, caller: &Caller, call: AnswerCall) {
        let id = call.request;
        let told = match self.own_entry(caller, id) {
            Ok(_) => self.pass_on(call).await,
            Err(ended) => Err(ended),
        };
        conclude(&mut client, id, told).await;
    }

    async fn pass_on(&self, call: AnswerCall) -> Result<Talk, Ended> {
        let id = call.request;
        let told = |error: ClientError| failed(id, &error);
        let number = match call.question {
            Some(number) => number,
            None => only_one(id, &self.backend.talk(id).await.map_err(told)?)?,
        };
        self.backend.answer(id, number, call.text).await.map_err(told)
    }

    /// Takes in what the backend told of a request, for the clients that wait for it.
    pub(super) fn heard(&self, id: RequestId, talk: &[Remark]) {
        if let Some(job) = self.job(id) {
            job.talk.send_if_modified(|known| {
                let new = known.as_slice() != talk;
                if new {
                    talk.clone_into(known);
                }
                new
            });
        }
    }
}

/// The one question that waits.
fn only_one(id: RequestId, talk: &Talk) -> Result<u32, Ended> {
    let waits: Vec<u32> = waiting(&talk.remarks).collect();
    match waits.as_slice() {
        [one] => Ok(*one),
        [] => Err(about(id, refused("no question waits for an answer"))),
        several => Err(about(
            id,
            refused(&format!(
                "{} questions wait for an answer; name one with `--question N`",
                several.len()
            )),
        )),
    }
}

async fn conclude(client: &mut Client, id: RequestId, told: Result<Talk, Ended>) {
    match told {
        Ok(talk) => {
            // The last answer, arrived or not.
            let _ = client.tell(&Answer::Talked(Talked { request: id, talk })).await;
        }
        Err(ended) => client.end(ended).await,
    }
}

fn failed(id: RequestId, error: &ClientError) -> Ended {
    let message = error.to_string();
    about(
        id,
        if error.is_lasting_refusal() {
            refused(&message)
        } else {
            Ended::apart("unavailable", "backend-unreachable", 69, &message)
        },
    )
}

fn about(id: RequestId, ended: Ended) -> Ended {
    Ended {
        request: Some(id),
        ..ended
    }
}

/// The questions that a waiting client is still to be told, each once.
pub(super) struct Questions {
    request: RequestId,
    heard: watch::Receiver<Vec<Remark>>,
    /// How many remarks were looked at. They are only ever added.
    seen: usize,
    ready: VecDeque<Remark>,
}

impl Questions {
    pub(super) fn of(request: RequestId, job: &Job) -> Self {
        let mut heard = job.talk.subscribe();
        heard.mark_changed();
        Self {
            request,
            heard,
            seen: 0,
            ready: VecDeque::new(),
        }
    }

    /// Waits for the next question without an answer. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Answer {
        loop {
            if let Some(remark) = self.ready.pop_front() {
                return Answer::Question(Questioned {
                    request: self.request,
                    remark,
                });
            }
            if self.heard.changed().await.is_err() {
                // The request is over: there is nothing more to ask.
                std::future::pending::<()>().await;
            }
            let all = self.heard.borrow_and_update();
            let waits = |remark: &&Remark| matches!(remark, Remark::Question { number, .. } if answer_to(&all, *number).is_none());
            self.ready
                .extend(all.iter().skip(self.seen).filter(waits).cloned());
            self.seen = all.len();
        }
    }
}
