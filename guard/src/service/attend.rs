//! A client's side of waiting: output as it comes, the end when it comes, and what its going away means.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::bundle::Artifact;
use countersign_protocol::identity::RequestId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::listen::{Caller, Client, refused};
use super::talk::Questions;
use super::{Job, Service, raised};
use crate::record::{Entry, Stage, Tails};
use crate::run::Piece;
use crate::socket::{Answer, Ended, LARGE_BYTES, Output, WaitCall};

impl Service {
    pub(super) async fn wait(self: &Arc<Self>, mut client: Client, caller: &Caller, wait: &WaitCall) {
        let id = wait.request;
        match self.own_entry(caller, id) {
            Ok(_) => {
                // A request without a job is over, or the service is about to stop.
                let job = self.job(id).unwrap_or_else(|| {
                    let job = Job::new(None);
                    job.over.send_replace(true);
                    job
                });
                self.attend(client, id, &job, None, wait.wait_ms, Leaving::ChangesNothing)
                    .await;
            }
            Err(ended) => client.end(ended).await,
        }
    }

    pub(super) async fn withdraw_ticket(
        self: &Arc<Self>,
        mut client: Client,
        caller: &Caller,
        id: RequestId,
    ) {
        let ended = match self.own_entry(caller, id) {
            Ok(_) => match self.withdraw(id, "the agent withdrew it") {
                Ok(()) => Ended {
                    request: Some(id),
                    ..Ended::apart("withdrawn", "withdrawn", 0, "it will not run")
                },
                Err(error) => Ended {
                    request: Some(id),
                    ..refused(&error.to_string())
                },
            },
            Err(ended) => ended,
        };
        client.end(ended).await;
    }

    /// The request, when this agent asked for it. Others learn nothing, not even that it exists.
    pub(super) fn own_entry(&self, caller: &Caller, id: RequestId) -> Result<Entry, Ended> {
        match self.journal.entry(id) {
            Ok(Some(entry)) if entry.agent == caller.agent => Ok(entry),
            Ok(_) => Err(Ended {
                request: Some(id),
                ..refused("this agent has no such request at this guard")
            }),
            Err(error) => Err(Ended {
                request: Some(id),
                ..Ended::apart("unavailable", "guard-broken", 78, &error.to_string())
            }),
        }
    }

    /// Stands by a client until its request is over, its time is up, or it goes away.
    pub(super) async fn attend(
        self: &Arc<Self>,
        mut client: Client,
        id: RequestId,
        job: &Job,
        mut pieces: Option<mpsc::Receiver<Piece>>,
        wait_ms: Option<u64>,
        leaving: Leaving,
    ) {
        let mut over = job.over.subscribe();
        let mut questions = Questions::of(id, job);
        let until = wait_ms.map(|wait| Instant::now() + Duration::from_millis(wait));
        loop {
            tokio::select! {
                biased;
                Some(piece) = next(&mut pieces) => {
                    if !client.tell(&answer(piece)).await {
                        return;
                    }
                }
                () = raised(&mut over) => break,
                question = questions.next() => {
                    if !client.tell(&question).await {
                        return;
                    }
                }
                () = at(until) => return client.end(pending(id)).await,
                () = Client::gone(&mut client.read) => {
                    if matches!(leaving, Leaving::Withdraws)
                        && self.withdraw(id, "the agent went away while it waited").is_ok()
                    {
                        tracing::info!(request = %id, "withdrawn: its client went away");
                    }
                    return;
                }
            }
        }
        let rest = match &mut pieces {
            Some(pieces) => std::iter::from_fn(|| pieces.try_recv().ok()).collect(),
            None => self.kept_output(id),
        };
        for piece in rest {
            if !client.tell(&answer(piece)).await {
                return;
            }
        }
        client.end(self.ended(id)).await;
    }

    fn kept_output(&self, id: RequestId) -> Vec<Piece> {
        let tails = self.journal.tails(id).unwrap_or_else(|error| {
            tracing::error!(request = %id, %error, "kept output cannot be read");
            Tails::default()
        });
        let pieces = |bytes: &[u8], piece: fn(Vec<u8>) -> Piece| -> Vec<Piece> {
            bytes
                .chunks(LARGE_BYTES)
                .map(|part| piece(part.to_vec()))
                .collect()
        };
        let mut all = pieces(&tails.stdout, Piece::Stdout);
        all.extend(pieces(&tails.stderr, Piece::Stderr));
        all
    }

    /// How a request ended, as the journal says.
    fn ended(&self, id: RequestId) -> Ended {
        match self.journal.entry(id) {
            Ok(Some(Entry { end: Some(end), .. })) => self.with_counter(
                id,
                Ended {
                    request: Some(id),
                    ..Ended::apart(end.phase.word(), end.phase.word(), end.code, &end.message)
                },
            ),
            // The service stops: what waits goes on with the next start, what ran is unknown then.
            Ok(Some(entry)) => Ended {
                exit: if entry.stage == Stage::Waiting { 75 } else { 70 },
                message: "the guard stopped meanwhile; ask again with `countersign-guard wait`".to_owned(),
                ..pending(id)
            },
            Ok(None) | Err(_) => Ended {
                request: Some(id),
                ..Ended::apart("unknown", "unknown", 70, "the journal does not say how it ended")
            },
        }
    }
}

/// What it means that a client goes away.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaving {
    /// Nobody wants it any more.
    Withdraws,
    /// It goes on.
    ChangesNothing,
}

pub(super) fn pending(id: RequestId) -> Ended {
    let message = format!("still waits for approval; `countersign-guard wait {id}` gives the result");
    Ended {
        request: Some(id),
        ..Ended::apart("pending", "pending", 75, &message)
    }
}

fn answer(piece: Piece) -> Answer {
    match piece {
        Piece::Stdout(bytes) => Answer::Stdout(Output {
            bytes: Artifact(bytes),
        }),
        Piece::Stderr(bytes) => Answer::Stderr(Output {
            bytes: Artifact(bytes),
        }),
    }
}

async fn next(pieces: &mut Option<mpsc::Receiver<Piece>>) -> Option<Piece> {
    match pieces {
        Some(pieces) => pieces.recv().await,
        None => std::future::pending().await,
    }
}

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
