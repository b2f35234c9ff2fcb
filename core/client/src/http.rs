//! The backend's HTTP API, one method for each route.
//!
//! Bodies are those of `countersign_protocol::api`; every call that needs a key is signed as
//! `countersign_protocol::authn` says. Answers are read strictly and within a limit, and are not believed: their
//! readers verify them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::api::{
    AmendBody, ConsistencyAnswer, EnvelopeBody, MAX_BODY_BYTES, MAX_PAGE, ProposeBody, RequestPage,
    RequestRecord, StartBody, TrustDocument, VerdictBatch,
};
use countersign_protocol::bundle::{Evidence, MAX_BUNDLE_BYTES};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::GrantDigest;
use countersign_protocol::identity::{AgentId, RequestId};
use countersign_protocol::log::ConsistencyProof;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Envelope, Signer};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::transport::{Call, ClientError, Transport, unreadable};
use crate::watch::Watch;

/// A signing key that many tasks may share.
pub type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// The largest answer that holds no artifacts, in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// The largest checkpoint note, in bytes.
const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// How the backend is reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one attempt of a call may take in all.
    pub timeout: Duration,
    /// How often a call is tried at most.
    pub attempts: u32,
    /// The longest pause between two attempts; a longer `Retry-After` ends the call.
    pub longest_pause: Duration,
    /// After this time without a sign of life, a watched stream is opened anew.
    pub heartbeat_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            attempts: 4,
            longest_pause: Duration::from_secs(20),
            heartbeat_timeout: Duration::from_secs(45),
        }
    }
}

/// Which requests a page is to hold.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Only those in this phase.
    pub state: Option<Phase>,
    /// Only those of this agent.
    pub agent: Option<AgentId>,
    /// Only those after this mark of an earlier page.
    pub after: Option<String>,
    /// Only those that changed after this change, in the order of their changes.
    pub since: Option<u64>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A backend.
#[derive(Debug, Clone)]
pub struct Backend {
    transport: Transport,
}

impl Backend {
    /// A backend by its address. Nothing is sent yet. Without a signer only public routes work.
    ///
    /// # Errors
    /// [`ClientError`] when the address or the certificate file cannot be used.
    pub fn new(url: &str, signer: Option<SharedSigner>, options: Options) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::new(url, signer, options)?,
        })
    }

    /// The address it was made with.
    #[must_use]
    pub fn url(&self) -> &str {
        self.transport.url()
    }

    /// What a new member fetches to be able to check everything else.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn trust(&self) -> Result<TrustDocument, ClientError> {
        self.read(Call::get("fetch the organisation's trust", "/v1/trust").public())
            .await
    }

    /// Publishes a root that its owners signed.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn publish_root(&self, envelope: Envelope) -> Result<(), ClientError> {
        self.publish("publish the root", "/v1/trust/root", envelope).await
    }

    /// Publishes a directory that its owners signed.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn publish_directory(&self, envelope: Envelope) -> Result<(), ClientError> {
        self.publish("publish the directory", "/v1/trust/directory", envelope)
            .await
    }

    /// Publishes a policy bundle that its owners signed.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn publish_policy(&self, envelope: Envelope) -> Result<(), ClientError> {
        self.publish("publish the policy bundle", "/v1/trust/policy", envelope)
            .await
    }

    /// Proposes an action. The same proposal again gives the same request.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn propose(&self, body: &ProposeBody) -> Result<RequestRecord, ClientError> {
        self.read(Call::post("propose", "/v1/proposals", encode("propose", body)?))
            .await
    }

    /// Reports verdicts that needed no human.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn verdicts(&self, batch: &VerdictBatch) -> Result<(), ClientError> {
        let body = encode("report verdicts", batch)?;
        self.done(Call::post("report verdicts", "/v1/verdicts", body))
            .await
    }

    /// A page of the queue, newest first.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn requests(&self, filter: &RequestFilter) -> Result<RequestPage, ClientError> {
        let mut query = vec![(
            "limit".to_owned(),
            filter.limit.unwrap_or(MAX_PAGE).min(MAX_PAGE).to_string(),
        )];
        if let Some(state) = filter.state {
            query.push(("state".to_owned(), state.word().to_owned()));
        }
        if let Some(agent) = &filter.agent {
            query.push(("agent".to_owned(), agent.to_string()));
        }
        if let Some(after) = &filter.after {
            query.push(("after".to_owned(), after.clone()));
        }
        if let Some(since) = filter.since {
            query.push(("since".to_owned(), since.to_string()));
        }
        self.read(Call::get("list requests", "/v1/requests").with_query(query))
            .await
    }

    /// One request with its evidence.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn request(&self, id: RequestId) -> Result<RequestRecord, ClientError> {
        self.read(Call::get("fetch a request", format!("/v1/requests/{id}")))
            .await
    }

    /// Hands in a signed decision. The same decision again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn decide(&self, id: RequestId, decision: Envelope) -> Result<RequestRecord, ClientError> {
        self.hand_in("hand in the decision", id, "decisions", decision)
            .await
    }

    /// Hands in an amendment.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn amend(&self, id: RequestId, body: &AmendBody) -> Result<RequestRecord, ClientError> {
        let doing = "hand in the counter-proposal";
        let body = encode(doing, body)?;
        self.read(Call::post(doing, format!("/v1/requests/{id}/amendment"), body))
            .await
    }

    /// Withdraws a request.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn withdraw(&self, id: RequestId, withdrawal: Envelope) -> Result<RequestRecord, ClientError> {
        self.hand_in("withdraw the request", id, "withdrawal", withdrawal)
            .await
    }

    /// Asks for the one grant. Asking again gives the same one.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn grant(&self, id: RequestId) -> Result<RequestRecord, ClientError> {
        let path = format!("/v1/requests/{id}/grant");
        self.read(Call::post("ask for the grant", path, Vec::new())).await
    }

    /// Says that the guard starts to run a granted request.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn start(&self, id: RequestId, grant: GrantDigest) -> Result<(), ClientError> {
        let body = encode("report the start", &StartBody { grant })?;
        let path = format!("/v1/requests/{id}/start");
        self.done(Call::post("report the start", path, body)).await
    }

    /// Hands in the receipt. The same receipt again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn receipt(&self, id: RequestId, receipt: Envelope) -> Result<RequestRecord, ClientError> {
        self.hand_in("hand in the receipt", id, "receipt", receipt).await
    }

    /// The log's newest signed checkpoint, as the text of its note.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        let doing = "fetch the log's checkpoint";
        let call = Call::get(doing, "/log/checkpoint")
            .public()
            .within(MAX_CHECKPOINT_BYTES);
        String::from_utf8(self.transport.send(&call).await?)
            .map_err(|_| unreadable(doing, self.url(), "the checkpoint is not text"))
    }

    /// The proof that the log of size `from` is a prefix of the log of size `to`.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyAnswer, ClientError> {
        let query = vec![
            ("from".to_owned(), from.to_string()),
            ("to".to_owned(), to.to_string()),
        ];
        self.read(
            Call::get("fetch a proof of consistency", "/v1/log/consistency")
                .public()
                .with_query(query),
        )
        .await
    }

    /// Adds to evidence whose log stands at `shown` the proof that this continues the log as it was `seen`, where
    /// the evidence lacks it. Whether the proof holds is the verification's to say.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn bridge(
        &self,
        evidence: &mut Evidence,
        seen: Option<SeenCheckpoint>,
        shown: Option<SeenCheckpoint>,
    ) -> Result<(), ClientError> {
        let (Some(seen), Some(shown)) = (seen, shown) else {
            return Ok(());
        };
        let proven = evidence.consistency.iter().any(|proof| proof.from == seen);
        if seen.size > 0 && seen.size < shown.size && !proven {
            let proof = self.consistency(seen.size, shown.size).await?.proof;
            evidence.consistency.push(ConsistencyProof { from: seen, proof });
        }
        Ok(())
    }

    /// Watches changes, after the one with the number `after` where one is given. Connects with the first call
    /// of [`Watch::next`].
    #[must_use]
    pub fn watch(&self, after: Option<u64>) -> Watch {
        Watch::new(self.transport.clone(), after)
    }

    async fn publish(&self, doing: &'static str, path: &str, envelope: Envelope) -> Result<(), ClientError> {
        let body = encode(doing, &EnvelopeBody { envelope })?;
        self.done(Call::post(doing, path, body).signed_if_possible())
            .await
    }

    async fn hand_in(
        &self,
        doing: &'static str,
        id: RequestId,
        what: &str,
        envelope: Envelope,
    ) -> Result<RequestRecord, ClientError> {
        let body = encode(doing, &EnvelopeBody { envelope })?;
        self.read(Call::post(doing, format!("/v1/requests/{id}/{what}"), body))
            .await
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let limit = if call.is_about_a_request() {
            MAX_BUNDLE_BYTES
        } else {
            MAX_ANSWER_BYTES
        };
        let call = call.within(limit);
        let bytes = self.transport.send(&call).await?;
        countersign_protocol::canonical::parse_within(&bytes, limit)
            .map_err(|error| unreadable(call.doing, self.url(), &error.to_string()))
    }

    pub(crate) async fn done(&self, call: Call) -> Result<(), ClientError> {
        self.transport.send(&call).await.map(drop)
    }
}

impl Call {
    fn is_about_a_request(&self) -> bool {
        self.path.starts_with("/v1/requests/")
            || (self.path == "/v1/proposals" && self.method == Method::POST)
    }
}

pub(crate) fn encode<T: Serialize>(doing: &'static str, body: &T) -> Result<Vec<u8>, ClientError> {
    let bytes = serde_json::to_vec(body).map_err(|error| ClientError::Body {
        doing,
        problem: error.to_string(),
    })?;
    if bytes.len() > MAX_BODY_BYTES {
        return Err(ClientError::Body {
            doing,
            problem: format!("{} bytes are over the limit of {MAX_BODY_BYTES}", bytes.len()),
        });
    }
    Ok(bytes)
}
