//! A question to the agent, while it is written. It asks, and nothing else: nothing is signed by it.

use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::QuestionText;
use countersign_review::text::Untrusted;

/// A question while it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// About which request.
    pub request: RequestId,
    /// It.
    pub text: String,
    /// Whether it is on its way.
    pub sending: bool,
    /// What to know about the last try.
    pub notice: Option<Untrusted>,
}

impl Question {
    pub(super) const fn new(request: RequestId) -> Self {
        Self {
            request,
            text: String::new(),
            sending: false,
            notice: None,
        }
    }

    /// How many more bytes it may have.
    #[must_use]
    pub fn room(&self) -> usize {
        QuestionText::MAX.saturating_sub(self.text.len())
    }

    pub(super) fn write(&mut self, c: char) {
        if !c.is_control() && !self.sending && c.len_utf8() <= self.room() {
            self.text.push(c);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.write(if c.is_control() { ' ' } else { c });
        }
    }

    /// The question to send, where there is one; from then on it is on its way.
    pub(super) fn send(&mut self) -> Option<String> {
        let text = self.text.trim();
        if text.is_empty() || self.sending {
            return None;
        }
        self.sending = true;
        self.notice = None;
        Some(text.to_owned())
    }
}
