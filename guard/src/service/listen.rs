//! Takes calls in from the socket. Who calls is told by the kernel; what is not configured is nobody.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt};
use std::sync::Arc;

use countersign_protocol::identity::AgentId;
use countersign_protocol::proposal::Isolation;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use super::{Service, ServiceError};
use crate::socket::{
    Answer, CALL_TIME, Call, Ended, LARGE_BYTES, MAX_CALL_BYTES, SocketError, receive_body, receive_length,
    send,
};

/// Who calls, as the kernel says.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The agent.
    pub(super) agent: AgentId,
    /// Its user.
    pub(super) uid: u32,
    /// How far this service is apart from it.
    pub(super) isolation: Isolation,
}

/// The connection to a client.
pub(super) struct Client {
    pub(super) read: OwnedReadHalf,
    pub(super) write: OwnedWriteHalf,
}

impl Client {
    /// Sends an answer; says whether the client took it. One that is gone, or stopped reading, is no problem of the
    /// request's.
    pub(super) async fn tell(&mut self, answer: &Answer) -> bool {
        match tokio::time::timeout(CALL_TIME, send(&mut self.write, answer)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "client is gone");
                false
            }
            Err(_) => {
                tracing::debug!("client stopped reading");
                false
            }
        }
    }

    /// Sends the last answer of a connection.
    pub(super) async fn end(&mut self, ended: Ended) {
        // Whether it arrives or not, there is nothing more to say.
        let _ = self.tell(&Answer::Ended(ended)).await;
    }

    /// Returns when the client has closed the connection, or says something it has no right to say.
    pub(super) async fn gone(read: &mut OwnedReadHalf) {
        let mut byte = [0; 1];
        // End of file, an error and a stray byte all mean that this client is no longer waiting.
        let _ = read.read(&mut byte).await;
    }
}

impl Service {
    pub(super) async fn listen(self: &Arc<Self>) -> Result<(), ServiceError> {
        let path = &self.config.socket;
        let problem = |source| ServiceError::Socket {
            path: path.clone(),
            source,
        };
        // The home's lock is held, so a socket that is there was left by a service that is no more.
        if std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
            std::fs::remove_file(path).map_err(problem)?;
        }
        let listener = UnixListener::bind(path).map_err(problem)?;
        // Every user may connect; who is nobody is refused by the kernel's word.
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).map_err(problem)?;
        crate::print::say(&format!("listening {}", path.display()));
        loop {
            let Ok(permit) = self.connections.clone().acquire_owned().await else {
                return Ok(());
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let service = self.clone();
                    tokio::spawn(async move {
                        service.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "connection could not be taken");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: UnixStream) {
        let caller = self.identify(&stream);
        let (read, write) = stream.into_split();
        let mut client = Client { read, write };
        let caller = match caller {
            Ok(caller) => caller,
            Err(ended) => return client.end(ended).await,
        };
        let call = match tokio::time::timeout(CALL_TIME, self.receive(&mut client.read)).await {
            Ok(Ok(call)) => call,
            Ok(Err(SocketError::Closed)) => return,
            Ok(Err(error)) => return client.end(refused(&error.to_string())).await,
            Err(_) => {
                return client.end(refused("the call took too long to send")).await;
            }
        };
        tracing::info!(agent = %caller.agent, uid = caller.uid, call = name(&call), "call");
        match call {
            Call::Exec(_) | Call::Apply(_) | Call::Sql(_) => self.ask(client, &caller, call).await,
            Call::Accept(call) => self.accept(client, &caller, call).await,
            Call::Wait(wait) => self.wait(client, &caller, &wait).await,
            Call::Withdraw(ticket) => self.withdraw_ticket(client, &caller, ticket.request).await,
            Call::Questions(ticket) => self.questions(client, &caller, ticket.request).await,
            Call::Answer(answer) => self.answer(client, &caller, answer).await,
            Call::Doctor(_) => {
                let checked = self.doctor(&caller).await;
                // The last answer, arrived or not.
                let _ = client.tell(&Answer::Checked(checked)).await;
            }
        }
    }

    fn identify(&self, stream: &UnixStream) -> Result<Caller, Ended> {
        let peer = rustix::net::sockopt::socket_peercred(stream)
            .map_err(|_| refused("the kernel does not say who calls"))?;
        let uid = peer.uid.as_raw();
        let Some(agent) = self.config.agent_of(uid) else {
            tracing::warn!(uid, "a user that is no agent called");
            return Err(refused(&format!(
                "user {uid} is no agent of this guard; its configuration names agents under `[[agents]]`"
            )));
        };
        let isolation = if uid == self.own_user {
            Isolation::None
        } else {
            Isolation::SeparateUser
        };
        if isolation == Isolation::None && !self.config.same_user {
            return Err(Ended::apart(
                "refused",
                "same-user",
                78,
                "the guard runs as the agent's own user; run it as another one, or set `same_user = true`",
            ));
        }
        Ok(Caller {
            agent: agent.clone(),
            uid,
            isolation,
        })
    }

    async fn receive(&self, read: &mut OwnedReadHalf) -> Result<Call, SocketError> {
        let length = receive_length(read, MAX_CALL_BYTES).await?;
        let _turn = if length > LARGE_BYTES {
            self.large.acquire().await.ok()
        } else {
            None
        };
        receive_body(read, length).await
    }
}

/// An end before there was a request.
pub(super) fn refused(message: &str) -> Ended {
    Ended::apart("refused", "refused", 77, message)
}

const fn name(call: &Call) -> &'static str {
    match call {
        Call::Exec(_) => "exec",
        Call::Apply(_) => "apply",
        Call::Sql(_) => "sql",
        Call::Accept(_) => "accept",
        Call::Wait(_) => "wait",
        Call::Withdraw(_) => "withdraw",
        Call::Questions(_) => "questions",
        Call::Answer(_) => "answer",
        Call::Doctor(_) => "doctor",
    }
}
