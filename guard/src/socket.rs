//! The local protocol between the thin client and the service.
//!
//! Each message is its length as four bytes, big-endian, then one strict JSON document. A client sends one
//! [`Call`] and reads [`Answer`]s until [`Answer::Ended`], [`Answer::Checked`] or [`Answer::Talked`]. Who calls is told by the kernel
//! (`SO_PEERCRED`), never by a message. Closing the connection while the request waits withdraws it, unless a
//! ticket was asked for.

use std::time::Duration;

use countersign_protocol::bundle::Artifact;
use countersign_protocol::canonical::{self, EncodeError, ParseError};
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::talk::{AnswerText, Remark, Talk};
use countersign_protocol::text::{Line, OsBytes, Prose};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The most bytes of standard input that are captured.
pub const MAX_STDIN_BYTES: usize = 8 * 1024 * 1024;
/// The most bytes of all operand files together.
pub const MAX_OPERAND_BYTES: usize = 16 * 1024 * 1024;
/// The largest document that a file change may write, and the largest script.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;
/// The largest message from a client: base64 of stdin and operands, and room for the rest.
pub const MAX_CALL_BYTES: usize = 36 * 1024 * 1024;
/// The largest message to a client.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// A larger message than this waits for its turn.
pub const LARGE_BYTES: usize = 1024 * 1024;
/// How long a client may take to send its call.
pub const CALL_TIME: Duration = Duration::from_secs(30);

/// What a client wants.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Call {
    /// Run a process.
    Exec(ExecCall),
    /// Change a file.
    Apply(ApplyCall),
    /// Run a database script.
    Sql(SqlCall),
    /// Ask for what a reviewer proposed instead.
    Accept(AcceptCall),
    /// The end of an earlier request.
    Wait(WaitCall),
    /// Withdraw an earlier request.
    Withdraw(TicketCall),
    /// What reviewers asked about an earlier request.
    Questions(TicketCall),
    /// Answer a question about an earlier request.
    Answer(AnswerCall),
    /// Check the guard.
    Doctor(Empty),
}

/// Nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// What comes with every asking.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// Why.
    #[serde(default)]
    pub reason: Prose,
    /// On whose behalf. It only adds to the people who may not approve.
    #[serde(default)]
    pub initiators: Vec<Line>,
    /// How long the client waits, in milliseconds; absent for as long as it takes.
    #[serde(default)]
    pub wait_ms: Option<u64>,
    /// Whether the client goes away at once with a ticket.
    #[serde(default)]
    pub ticket: bool,
}

/// A process as the client sees it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecCall {
    /// The command line, the program first.
    pub argv: Vec<OsBytes>,
    /// The client's working directory.
    pub cwd: OsBytes,
    /// The client's environment; the service drops what it does not allow.
    pub env: Vec<(OsBytes, OsBytes)>,
    /// Standard input, when it is no terminal.
    #[serde(default)]
    pub stdin: Option<Artifact>,
    /// Files that arguments name.
    #[serde(default)]
    pub operands: Vec<OperandCall>,
    /// Why, for whom, how long.
    pub asking: Asking,
}

/// A file that an argument names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperandCall {
    /// The argument's index.
    pub argument: u32,
    /// The file's absolute path.
    pub path: OsBytes,
    /// Its bytes as the client read them.
    pub content: Artifact,
}

/// A file change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyCall {
    /// The kind of document.
    pub kind: Line,
    /// The file's absolute path.
    pub path: OsBytes,
    /// The new content; absent to remove the file.
    #[serde(default)]
    pub after: Option<Artifact>,
    /// Why, for whom, how long.
    pub asking: Asking,
}

/// A database script.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlCall {
    /// The database's name in the service's configuration.
    pub database: Line,
    /// The script.
    pub script: Artifact,
    /// More rows changed roll it back.
    pub max_rows: u64,
    /// Why, for whom, how long.
    pub asking: Asking,
}

/// Accepting a counter-proposal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptCall {
    /// The request that was denied with it.
    pub request: RequestId,
    /// Why, for whom, how long.
    pub asking: Asking,
}

/// Waiting for a ticket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitCall {
    /// The request.
    pub request: RequestId,
    /// How long, in milliseconds; absent for as long as it takes.
    #[serde(default)]
    pub wait_ms: Option<u64>,
}

/// A ticket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketCall {
    /// The request.
    pub request: RequestId,
}

/// An answer to a reviewer's question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerCall {
    /// The request.
    pub request: RequestId,
    /// The number of the question; absent for the only one that waits.
    #[serde(default)]
    pub question: Option<u32>,
    /// The answer. Reviewers see it as a claim of the agent.
    pub text: AnswerText,
}

/// What the service says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// The request is held for reviewers.
    Asked(Asked),
    /// A reviewer asks something about it.
    Question(Questioned),
    /// The process wrote to standard output.
    Stdout(Output),
    /// The process wrote to standard error.
    Stderr(Output),
    /// The last message of a call.
    Ended(Ended),
    /// The last message of [`Call::Doctor`].
    Checked(Checked),
    /// The last message of [`Call::Questions`] and of a [`Call::Answer`] that was passed on.
    Talked(Talked),
}

/// A request that is held.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its id, which is the ticket.
    pub request: RequestId,
}

/// A question that waits for an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questioned {
    /// The request.
    pub request: RequestId,
    /// The question.
    pub remark: Remark,
}

/// What was said about a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Talked {
    /// The request.
    pub request: RequestId,
    /// It.
    pub talk: Talk,
}

/// A piece of output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The bytes.
    pub bytes: Artifact,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The request, when there is one.
    #[serde(default)]
    pub request: Option<RequestId>,
    /// A phase of a request, or `refused` or `unavailable`.
    pub state: String,
    /// A stable word for programs.
    pub code: String,
    /// The exit code for the client.
    pub exit: u8,
    /// What happened and what to do; empty where the process speaks for itself.
    pub message: String,
    /// What a reviewer proposed instead, while it can still be accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Box<Counter>>,
}

/// What a reviewer proposed instead, as the agent is told it. Foreign text throughout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// Who.
    pub amender: String,
    /// Why.
    pub reason: String,
    /// Until when it can be accepted, approved and run.
    pub until: Timestamp,
    /// What it changes about what was asked, line by line.
    pub difference: Vec<String>,
    /// How many lines that has; more than are here when it is long.
    pub lines: u64,
}

impl Ended {
    /// An end before there was a request, or apart from one.
    #[must_use]
    pub fn apart(state: &str, code: &str, exit: u8, message: &str) -> Self {
        Self {
            request: None,
            state: state.to_owned(),
            code: code.to_owned(),
            exit,
            message: message.to_owned(),
            counter: None,
        }
    }
}

/// What `doctor` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Each check.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was found, and what to do.
    pub message: String,
}

/// Why a message was not passed on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The connection broke.
    #[error("connection to the guard broke: {0}")]
    Broken(#[from] std::io::Error),
    /// The other side closed it.
    #[error("connection to the guard was closed")]
    Closed,
    /// The message is too long.
    #[error("message of {0} bytes is over the limit")]
    TooLarge(usize),
    /// The other side took too long.
    #[error("the other side took too long")]
    Slow,
    /// The message is not understood.
    #[error("message is refused {0}")]
    Malformed(#[from] ParseError),
    /// The message cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Sends one message.
///
/// # Errors
/// [`SocketError`] when it cannot be written.
pub async fn send<T: Serialize + Sync>(
    stream: &mut (impl AsyncWrite + Unpin + Send),
    message: &T,
) -> Result<(), SocketError> {
    let bytes = canonical::to_bytes(message)?;
    let length = u32::try_from(bytes.len()).map_err(|_| SocketError::TooLarge(bytes.len()))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(())
}

/// Reads the length of the next message.
///
/// # Errors
/// [`SocketError`] when it is over `limit`, or the other side closed.
pub async fn receive_length(
    stream: &mut (impl AsyncRead + Unpin + Send),
    limit: usize,
) -> Result<usize, SocketError> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(SocketError::Closed),
        read => read?,
    };
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(SocketError::TooLarge(length));
    }
    Ok(length)
}

/// Reads the message of `length` bytes.
///
/// # Errors
/// [`SocketError`] when it breaks off or is not understood.
pub async fn receive_body<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin + Send),
    length: usize,
) -> Result<T, SocketError> {
    let mut bytes = Vec::new();
    let wanted = u64::try_from(length).unwrap_or(u64::MAX);
    // Memory grows with what arrives, not with what is announced.
    let read = stream.take(wanted).read_to_end(&mut bytes).await?;
    if read < length {
        return Err(SocketError::Closed);
    }
    Ok(canonical::parse_within(&bytes, length)?)
}

/// Reads one message of at most `limit` bytes.
///
/// # Errors
/// [`SocketError`] says why not.
pub async fn receive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin + Send),
    limit: usize,
) -> Result<T, SocketError> {
    let length = receive_length(stream, limit).await?;
    receive_body(stream, length).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<Call, SocketError> {
        receive(&mut std::io::Cursor::new(bytes.to_vec()), 1024).await
    }

    fn framed(json: &str) -> Vec<u8> {
        [&u32::try_from(json.len()).unwrap().to_be_bytes(), json.as_bytes()].concat()
    }

    #[tokio::test]
    async fn a_call_arrives_as_it_was_sent() {
        let call = Call::Exec(ExecCall {
            argv: vec![OsBytes::new("true"), OsBytes::new([0xff])],
            cwd: OsBytes::new("/"),
            env: vec![(OsBytes::new("A"), OsBytes::new("1"))],
            stdin: Some(Artifact(vec![0, 1])),
            operands: vec![],
            asking: Asking::default(),
        });
        let mut bytes = Vec::new();
        send(&mut bytes, &call).await.unwrap();
        let Call::Exec(read) = read(&bytes).await.unwrap() else {
            panic!("another call")
        };
        assert_eq!(read.argv[1].as_bytes(), [0xff]);
        assert_eq!(read.stdin, Some(Artifact(vec![0, 1])));
    }

    #[tokio::test]
    async fn hostile_messages_are_refused() {
        assert!(matches!(read(&[0xff; 8]).await, Err(SocketError::TooLarge(_))));
        assert!(matches!(read(&[]).await, Err(SocketError::Closed)));
        assert!(matches!(
            read(&[0, 0, 0, 9, b'{']).await,
            Err(SocketError::Closed)
        ));
        for json in [
            "{}",
            r#"{"call":"doctor","call":"doctor"}"#,
            r#"{"call":"doctor","uid":0}"#,
            r#"{"call":"wait","request":"x"}"#,
            r#"{"call":"nothing"}"#,
        ] {
            let refused = read(&framed(json)).await;
            assert!(matches!(refused, Err(SocketError::Malformed(_))), "{json}");
        }
        assert!(read(&framed(r#"{"call":"doctor"}"#)).await.is_ok());
    }
}
