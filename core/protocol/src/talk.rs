//! What people ask an agent about an open request, what it answers, and who looks.
//!
//! None of this is a statement. Nobody signs it, no digest covers it, and it stands beside the evidence of a request,
//! never in it: it can inform a person, and it can change nothing of what that person signs. Who asked is known to the
//! backend by the signature of the call; an answer is a claim of the agent, passed on by its guard.

use serde::{Deserialize, Serialize};

use crate::identity::{PersonId, RequestId};
use crate::moment::Timestamp;
use crate::text::Bounded;

/// The most questions about one request, of all people together.
pub const MAX_QUESTIONS: usize = 20;
/// The most questions of one person about one request that wait for an answer.
pub const MAX_WAITING: usize = 3;
/// The most questions that one person asks in a minute.
pub const MAX_QUESTIONS_PER_MINUTE: u64 = 6;

/// The text of a question.
pub type QuestionText = Bounded<1024>;
/// The text of an answer.
pub type AnswerText = Bounded<4096>;

/// One thing that was said. Remarks are only ever added, so that none moves once it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Remark {
    /// A person asks.
    Question {
        /// Its number within the request, from 1.
        number: u32,
        /// Who asks, by the signature of the call.
        person: PersonId,
        /// The question, as foreign as any text.
        text: QuestionText,
        /// When it came.
        at: Timestamp,
    },
    /// The agent answers, through its guard.
    Answer {
        /// The number of the question.
        to: u32,
        /// The answer: a claim of the agent.
        text: AnswerText,
        /// When it came.
        at: Timestamp,
    },
}

/// Everything that was said about a request, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Talk {
    /// It.
    pub remarks: Vec<Remark>,
}

/// A question to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskBody {
    /// It.
    pub text: QuestionText,
}

/// An answer to be given. Each question is answered once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// It.
    pub text: AnswerText,
}

/// Who has a request open on a screen, as the backend says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looking {
    /// The request.
    pub request: RequestId,
    /// Everybody who looks; nobody once all have left.
    pub people: Vec<PersonId>,
}

/// The numbers of the questions that wait for an answer, oldest first.
pub fn waiting(remarks: &[Remark]) -> impl Iterator<Item = u32> + '_ {
    remarks.iter().filter_map(|remark| match remark {
        Remark::Question { number, .. } if answer_to(remarks, *number).is_none() => Some(*number),
        Remark::Question { .. } | Remark::Answer { .. } => None,
    })
}

/// The answer to a question, where there is one.
#[must_use]
pub fn answer_to(remarks: &[Remark], number: u32) -> Option<&AnswerText> {
    remarks.iter().find_map(|remark| match remark {
        Remark::Answer { to, text, .. } if *to == number => Some(text),
        Remark::Question { .. } | Remark::Answer { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(number: u32) -> Remark {
        Remark::Question {
            number,
            person: "maria".parse().unwrap(),
            text: QuestionText::new("why now?").unwrap(),
            at: Timestamp::from_millis(1),
        }
    }

    #[test]
    fn a_question_waits_until_it_is_answered() {
        let answer = Remark::Answer {
            to: 1,
            text: AnswerText::new("because").unwrap(),
            at: Timestamp::from_millis(2),
        };
        let remarks = [question(1), question(2), answer];
        assert_eq!(waiting(&remarks).collect::<Vec<_>>(), [2]);
        assert_eq!(answer_to(&remarks, 1).unwrap().raw(), "because");
    }

    #[test]
    fn its_form_is_fixed_and_bounded() {
        let json = serde_json::to_string(&question(1)).unwrap();
        assert_eq!(
            json,
            r#"{"type":"question","number":1,"person":"maria","text":"why now?","at":"1970-01-01T00:00:00.001Z"}"#
        );
        assert!(serde_json::from_str::<Remark>(&json.replace("number", "n")).is_err());
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(1025));
        assert!(serde_json::from_str::<AskBody>(&long).is_err());
    }
}
