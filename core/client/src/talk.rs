//! Questions, answers and who looks: what passes beside the evidence. Never a fact to decide on.

use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::{AnswerBody, AnswerText, AskBody, QuestionText, Talk};
use reqwest::Method;

use crate::http::{Backend, encode};
use crate::transport::{Call, ClientError};

impl Backend {
    /// What was said about a request.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn talk(&self, id: RequestId) -> Result<Talk, ClientError> {
        self.read(Call::get(
            "fetch the questions",
            format!("/v1/requests/{id}/talk"),
        ))
        .await
    }

    /// Asks the agent of an open request. The same question again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn ask(&self, id: RequestId, text: QuestionText) -> Result<Talk, ClientError> {
        let doing = "ask";
        let body = encode(doing, &AskBody { text })?;
        self.read(Call::post(doing, format!("/v1/requests/{id}/questions"), body))
            .await
    }

    /// Passes the agent's answer to a question on. The same answer again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn answer(&self, id: RequestId, number: u32, text: AnswerText) -> Result<Talk, ClientError> {
        let doing = "answer";
        let body = encode(doing, &AnswerBody { text })?;
        let path = format!("/v1/requests/{id}/questions/{number}/answer");
        self.read(Call::post(doing, path, body)).await
    }

    /// Says that a request is on the screen here. The backend believes it for 30 seconds.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn look(&self, id: RequestId) -> Result<(), ClientError> {
        self.looking("say who looks", Method::PUT, id).await
    }

    /// Says that a request is no longer on the screen here.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn leave(&self, id: RequestId) -> Result<(), ClientError> {
        self.looking("say who left", Method::DELETE, id).await
    }

    async fn looking(&self, doing: &'static str, method: Method, id: RequestId) -> Result<(), ClientError> {
        self.done(Call::bare(doing, method, format!("/v1/requests/{id}/looking")))
            .await
    }
}
