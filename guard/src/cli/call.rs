//! What every subcommand but `serve` and `keygen` does: one call to the service, and what comes of it shown.
//!
//! It holds no key and decides nothing; the service does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use countersign_protocol::identity::{RequestId, RequestIdError};
use tokio::net::UnixStream;

use super::result::{conclude, tell_checks};
use super::{MISCONFIGURED, Show, misconfigured};
use crate::intercept::InterceptError;
use crate::print::{Stream, complain, pass, say};
use crate::socket::{
    AcceptCall, Answer, Asking, Call, Checked, Ended, MAX_ANSWER_BYTES, SocketError, Talked, receive, send,
};
use crate::talk;

/// The guard or the backend cannot be reached.
const UNAVAILABLE: u8 = 69;

/// Reads a ticket first; what is none is refused without asking anybody.
pub(super) fn with_ticket(ticket: &str, json: bool, then: impl FnOnce(RequestId) -> ExitCode) -> ExitCode {
    match ticket.parse() {
        Ok(request) => then(request),
        Err(error) => {
            let error: RequestIdError = error;
            conclude(
                &Ended::apart("refused", "misconfigured", MISCONFIGURED, &error.to_string()),
                json,
            )
        }
    }
}

/// Gathers a call, sends it to the service, and shows what comes.
pub(super) fn call(
    socket: Option<PathBuf>,
    show: Show,
    gather: impl FnOnce() -> Result<Call, InterceptError>,
) -> ExitCode {
    let Some(socket) = socket else {
        let message = "no guard is named; give `--socket PATH` or set COUNTERSIGN_GUARD_SOCKET";
        return conclude(
            &Ended::apart("refused", "misconfigured", MISCONFIGURED, message),
            show.json,
        );
    };
    let call = match gather() {
        Ok(call) => call,
        Err(error) => {
            return conclude(
                &Ended::apart("refused", "misconfigured", MISCONFIGURED, &error.to_string()),
                show.json,
            );
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return misconfigured(&error.to_string()),
    };
    match runtime.block_on(converse(&socket, &call, show)) {
        Ok(code) => code,
        Err(error) => {
            let message = format!(
                "{error}; does the guard service run, and is its socket `{}`?",
                socket.display()
            );
            conclude(
                &Ended::apart("unavailable", "guard-unreachable", UNAVAILABLE, &message),
                show.json,
            )
        }
    }
}

/// Has one call answered; then, where the agent said so beforehand, accepts what was proposed instead.
async fn converse(socket: &Path, call: &Call, show: Show) -> Result<ExitCode, SocketError> {
    let wait_ms = match call {
        Call::Exec(call) => call.asking.wait_ms,
        Call::Apply(call) => call.asking.wait_ms,
        Call::Sql(call) => call.asking.wait_ms,
        Call::Accept(call) => call.asking.wait_ms,
        Call::Wait(_) | Call::Withdraw(_) | Call::Questions(_) | Call::Answer(_) | Call::Doctor(_) => None,
    };
    let mut said = ask_once(socket, call, show).await?;
    for _ in 0..show.accepts {
        let Said::Ended(Ended {
            request: Some(request),
            counter: Some(_),
            ..
        }) = &said
        else {
            break;
        };
        let accept = Call::Accept(AcceptCall {
            request: *request,
            asking: Asking {
                wait_ms,
                ..Asking::default()
            },
        });
        if let (Said::Ended(ended), false) = (&said, show.json) {
            conclude(ended, false);
        }
        said = ask_once(socket, &accept, show).await?;
    }
    Ok(match said {
        Said::Ended(ended) => conclude(&ended, show.json),
        Said::Checked(checked) => tell_checks(&checked, show.json),
        Said::Talked(talked) => talk::tell_talk(&talked, show.json),
    })
}

/// The last word of the service.
enum Said {
    Ended(Ended),
    Checked(Checked),
    Talked(Talked),
}

async fn ask_once(socket: &Path, call: &Call, show: Show) -> Result<Said, SocketError> {
    let mut stream = UnixStream::connect(socket).await?;
    // A service that refuses may close before it has read all; its answer is there to be read all the same.
    let mut sent = send(&mut stream, call).await;
    let mut request = None;
    loop {
        let answer = match receive(&mut stream, MAX_ANSWER_BYTES).await {
            Ok(answer) => answer,
            // What was held may have run by now.
            Err(SocketError::Closed | SocketError::Broken(_)) if request.is_some() => {
                let message =
                    "the guard went away; `countersign-guard wait` gives the result when it is back";
                let ended = Ended {
                    request,
                    ..Ended::apart("unavailable", "guard-unreachable", UNAVAILABLE, message)
                };
                return Ok(Said::Ended(ended));
            }
            Err(error) => return std::mem::replace(&mut sent, Ok(())).and(Err(error)),
        };
        match answer {
            Answer::Asked(asked) => {
                request = Some(asked.request);
                if show.ticket {
                    say(&asked.request.to_string());
                } else if !show.json {
                    complain(&format!("request {} is held until it is decided", asked.request));
                }
            }
            Answer::Question(asked) => talk::tell_question(&asked, show.json),
            Answer::Talked(talked) => return Ok(Said::Talked(talked)),
            Answer::Stdout(output) => pass(Stream::Stdout, &output.bytes.0),
            Answer::Stderr(output) => pass(Stream::Stderr, &output.bytes.0),
            Answer::Ended(ended) => return Ok(Said::Ended(ended)),
            Answer::Checked(checked) => return Ok(Said::Checked(checked)),
        }
    }
}
