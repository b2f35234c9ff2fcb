//! The backend's stream of changes: server-sent events, resumed where it broke off.
//!
//! Reads the event stream of the HTML standard (section 9.2) strictly and within limits. A stream that shows no
//! sign of life is opened anew. Changes are hints to look again, never facts: what changed is fetched and
//! verified.

use std::collections::VecDeque;
use std::time::Duration;

use countersign_protocol::api::Change;
use countersign_protocol::canonical;
use countersign_protocol::talk::Looking;
use reqwest::Response;

use crate::transport::{Call, ClientError, Transport, backoff, unreadable};

/// The longest line or event, in bytes.
const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The longest pause before a broken stream is opened anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const DOING: &str = "watch for changes";

/// Something to know about the watched backend.
#[derive(Debug)]
pub enum Event {
    /// The stream is open. Whoever shows a list fetches it again now.
    Connected,
    /// Something changed.
    Changed(Change),
    /// Others look at a request, or left it. All who look are told anew after [`Event::Connected`].
    Looking(Looking),
    /// The stream broke. It is opened anew by the next call.
    Lost {
        /// What happened.
        error: ClientError,
        /// How long the next call waits first.
        again_in: Duration,
    },
}

/// A watched backend.
#[derive(Debug)]
pub struct Watch {
    transport: Transport,
    after: Option<u64>,
    stream: Option<Stream>,
    failures: u32,
    pause: Duration,
}

#[derive(Debug)]
struct Stream {
    response: Response,
    parser: Parser,
    ready: VecDeque<Message>,
}

impl Watch {
    pub(crate) const fn new(transport: Transport, after: Option<u64>) -> Self {
        Self {
            transport,
            after,
            stream: None,
            failures: 0,
            pause: Duration::ZERO,
        }
    }

    /// The number of the last change that was seen.
    #[must_use]
    pub const fn last_seen(&self) -> Option<u64> {
        self.after
    }

    /// Waits for the next thing to know. May be dropped while it waits; nothing is lost by it.
    pub async fn next(&mut self) -> Event {
        let event = match self.stream.take() {
            Some(stream) => self.follow(stream).await,
            None => self.connect().await,
        };
        event.unwrap_or_else(|error| {
            self.failures = self.failures.saturating_add(1);
            self.pause = backoff(self.failures).min(LONGEST_PAUSE);
            Event::Lost {
                error,
                again_in: self.pause,
            }
        })
    }

    async fn connect(&mut self) -> Result<Event, ClientError> {
        tokio::time::sleep(self.pause).await;
        let mut call = Call::get(DOING, "/v1/watch").with_header("accept", "text/event-stream".to_owned());
        if let Some(after) = self.after {
            call = call.with_header("last-event-id", after.to_string());
        }
        let response = self.transport.open(&call).await?;
        let is_stream = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("text/event-stream"));
        if !is_stream {
            return Err(unreadable(DOING, self.transport.url(), "it is no event stream"));
        }
        self.stream = Some(Stream {
            response,
            parser: Parser::default(),
            ready: VecDeque::new(),
        });
        Ok(Event::Connected)
    }

    async fn follow(&mut self, stream: Stream) -> Result<Event, ClientError> {
        // Kept in place while waiting, so that a caller who drops the wait finds it again.
        let stream = self.stream.insert(stream);
        let url = self.transport.url();
        let refused = |problem: &str| unreadable(DOING, url, problem);
        let outcome = loop {
            if let Some(message) = stream.ready.pop_front() {
                break read(&message, self.after).map_err(|problem| refused(&problem));
            }
            let limit = self.transport.options.heartbeat_timeout;
            match tokio::time::timeout(limit, stream.response.chunk()).await {
                Err(_) => break Err(refused("no sign of life came in time")),
                Ok(Err(error)) => break Err(refused(&error.to_string())),
                Ok(Ok(None)) => break Err(refused("the stream ended")),
                Ok(Ok(Some(bytes))) => {
                    // The stream works: the next failure is the first again.
                    self.failures = 0;
                    self.pause = Duration::ZERO;
                    match stream.parser.push(&bytes) {
                        Ok(messages) => stream.ready.extend(messages),
                        Err(problem) => break Err(refused(problem)),
                    }
                }
            }
        };
        match outcome {
            Ok(event) => {
                if let Event::Changed(change) = &event {
                    self.after = Some(change.change);
                }
                Ok(event)
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }
}

fn read(message: &Message, after: Option<u64>) -> Result<Event, String> {
    if message.event.as_deref() == Some("looking") {
        let looking = canonical::parse_within(message.data.as_bytes(), MAX_EVENT_BYTES);
        return looking.map(Event::Looking).map_err(|error| error.to_string());
    }
    let change: Change = canonical::parse_within(message.data.as_bytes(), MAX_EVENT_BYTES)
        .map_err(|error| error.to_string())?;
    if message.id.as_deref() != Some(change.change.to_string().as_str()) {
        return Err("an event's id is not the number of its change".to_owned());
    }
    if after.is_some_and(|after| change.change <= after) {
        return Err("changes came out of order".to_owned());
    }
    Ok(Event::Changed(change))
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    id: Option<String>,
    event: Option<String>,
    data: String,
}

/// Cuts bytes into events. Comments are signs of life and give none.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    event: Option<String>,
    data: Vec<String>,
    size: usize,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, &'static str> {
        let mut messages = Vec::new();
        for byte in bytes {
            let follows_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => messages.extend(self.end_line()?),
                _ if self.line.len() >= MAX_EVENT_BYTES => return Err("a line of the stream is too long"),
                _ => self.line.push(*byte),
            }
        }
        Ok(messages)
    }

    fn end_line(&mut self) -> Result<Option<Message>, &'static str> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| "the stream is not UTF-8")?;
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        self.size += line.len();
        if self.size > MAX_EVENT_BYTES {
            return Err("an event of the stream is too long");
        }
        match field {
            // Comments are signs of life; they are not part of an event's size.
            "" => self.size -= line.len(),
            "data" => self.data.push(value.to_owned()),
            "id" => self.id = Some(value.to_owned()),
            "event" => self.event = Some(value.to_owned()),
            // `retry` and fields to come carry nothing that is used here.
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Message> {
        self.size = 0;
        let (id, event) = (self.id.take(), self.event.take());
        let data = std::mem::take(&mut self.data);
        (!data.is_empty()).then(|| Message {
            id,
            event,
            data: data.join("\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, data: &str) -> Message {
        Message {
            id: Some(id.to_owned()),
            event: None,
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_are_cut_wherever_the_network_cuts() {
        let text = ": hello\r\nid: 1\r\ndata: a\r\ndata:b\r\n\r\nid:2\ndata: c\n\n:\n\nid: 3\rdata: d\r\r";
        let expected = vec![message("1", "a\nb"), message("2", "c"), message("3", "d")];
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                found.extend(parser.push(chunk).unwrap());
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn endless_lines_and_events_are_refused() {
        let mut parser = Parser::default();
        assert!(parser.push(&vec![b'x'; MAX_EVENT_BYTES + 1]).is_err());
        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        assert!((0..100).any(|_| parser.push(line.as_bytes()).is_err()));
        // Signs of life may go on for ever.
        let mut parser = Parser::default();
        let comment = format!(":{}\n", "x".repeat(1000));
        assert!((0..200).all(|_| parser.push(comment.as_bytes()).is_ok()));
    }

    #[test]
    fn ids_must_be_the_changes_and_rise() {
        let data = r#"{"change":7,"subject":{"type":"trust"},"at":"2026-11-22T08:15:30.120Z"}"#;
        assert!(matches!(
            read(&message("7", data), Some(6)),
            Ok(Event::Changed(Change { change: 7, .. }))
        ));
        assert!(read(&message("8", data), None).is_err());
        assert!(read(&message("7", data), Some(7)).is_err());
        assert!(read(&message("7", "{}"), None).is_err());
    }

    #[test]
    fn who_looks_is_no_change_and_has_no_number() {
        let text = format!(
            "event: looking\ndata: {{\"request\":\"r-{}\",\"people\":[\"maria\"]}}\n\n",
            "a".repeat(26)
        );
        let messages = Parser::default().push(text.as_bytes()).unwrap();
        let Ok(Event::Looking(looking)) = read(&messages[0], Some(7)) else {
            panic!("{messages:?}")
        };
        assert_eq!(looking.people.len(), 1);
        let nobody = Message {
            data: "{}".to_owned(),
            ..messages[0].clone()
        };
        assert!(read(&nobody, None).is_err());
    }
}
