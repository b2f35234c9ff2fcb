//! One signed HTTP call: address, certificates, attempts, problems.
//!
//! Off loopback only https is spoken; redirects are never followed, since a signature names one authority. Every
//! call is safe to repeat: reads are, and what changes something carries an `Idempotency-Key` that names its
//! bytes. Only failures that may pass are tried again, with growing, jittered pauses; `Retry-After` is honoured.
//! Problems are RFC 9457 documents.

mod call;
mod error;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::api::{PROBLEM_TYPE, Problem};
use countersign_protocol::authn::{self, Parts};
use countersign_protocol::signed::SignError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Certificate, Method, Response, StatusCode, Url};

use crate::http::{Options, SharedSigner};

use call::Authentication;
pub(crate) use call::Call;
pub use error::ClientError;
pub(crate) use error::unreadable;

/// The longest problem document that is read, in bytes.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How an attempt ended, when not well.
struct Failure {
    error: ClientError,
    /// Whether it may pass, and when the backend wants to be asked again.
    again: Option<Duration>,
    may_pass: bool,
}

impl Failure {
    fn lasting(error: ClientError) -> Self {
        Self {
            error,
            again: None,
            may_pass: false,
        }
    }
}

/// The way to one backend.
#[derive(Clone)]
pub(crate) struct Transport {
    base: Url,
    shown: String,
    client: reqwest::Client,
    signer: Option<SharedSigner>,
    pub(crate) options: Arc<Options>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("url", &self.shown)
            .field("signed", &self.signer.is_some())
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(
        url: &str,
        signer: Option<SharedSigner>,
        options: Options,
    ) -> Result<Self, ClientError> {
        let base = address(url)?;
        // Another part of the process may have installed it already; it is the same one then.
        drop(rustls::crypto::ring::default_provider().install_default());
        let extra = match &options.ca_file {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .referer(false);
        // On loopback no certificate is looked at, and a machine without any must still work.
        builder = if base.scheme() == "http" {
            builder.no_proxy().tls_certs_only(Vec::new())
        } else {
            builder.https_only(true).tls_certs_merge(extra)
        };
        let client = builder.build().map_err(|error| ClientError::Unreachable {
            doing: "prepare the connection",
            url: url.to_owned(),
            problem: causes(&error),
        })?;
        Ok(Self {
            shown: base.as_str().trim_end_matches('/').to_owned(),
            base,
            client,
            signer,
            options: Arc::new(options),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.shown
    }

    /// Sends a call until it succeeds, or fails for good, and gives the answer's body.
    pub(crate) async fn send(&self, call: &Call) -> Result<Vec<u8>, ClientError> {
        let mut attempt = 1;
        loop {
            let failure = match tokio::time::timeout(self.options.timeout, self.attempt(call)).await {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(failure)) => failure,
                Err(_) => Failure {
                    error: self.unreachable(call, "it took too long"),
                    again: None,
                    may_pass: true,
                },
            };
            let pause = failure.again.unwrap_or_else(|| backoff(attempt));
            let spent = attempt >= self.options.attempts || pause > self.options.longest_pause;
            if !failure.may_pass || spent {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, attempt, pause_ms = pause.as_millis(), "backend call is tried again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Opens a call whose answer is read piece by piece.
    pub(crate) async fn open(&self, call: &Call) -> Result<Response, ClientError> {
        let opened = tokio::time::timeout(self.options.timeout, self.respond(call)).await;
        match opened {
            Ok(answer) => answer.map_err(|failure| failure.error),
            Err(_) => Err(self.unreachable(call, "it took too long")),
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Vec<u8>, Failure> {
        let response = self.respond(call).await?;
        self.body(call, response, call.limit).await
    }

    async fn respond(&self, call: &Call) -> Result<Response, Failure> {
        let request = self.build(call).map_err(Failure::lasting)?;
        let response = self.client.execute(request).await.map_err(|error| Failure {
            error: self.unreachable(call, &causes(&error)),
            again: None,
            may_pass: true,
        })?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(call, response).await)
        }
    }

    fn build(&self, call: &Call) -> Result<reqwest::Request, ClientError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}{}",
            self.base.path().trim_end_matches('/'),
            call.path
        ));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|_| ClientError::Body {
                doing: call.doing,
                problem: format!("header `{name}` holds characters that no header may"),
            })?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        for (name, value) in &call.headers {
            put(name, value)?;
        }
        match (&self.signer, call.authentication) {
            (_, Authentication::Never) | (None, Authentication::IfPossible) => {}
            (None, Authentication::Required) => return Err(ClientError::NoKey { doing: call.doing }),
            (Some(signer), _) => {
                let signed = authn::sign(
                    &Parts {
                        method: call.method.as_str(),
                        authority: &authority(&url),
                        path: url.path(),
                        query: url.query().unwrap_or(""),
                        body: &call.body,
                    },
                    signer.as_ref(),
                    crate::now().millis() / 1000,
                    &nonce(call.doing)?,
                )
                .map_err(|source| ClientError::Sign {
                    doing: call.doing,
                    source,
                })?;
                put("content-digest", &signed.content_digest)?;
                put("signature-input", &signed.signature_input)?;
                put("signature", &signed.signature)?;
            }
        }
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION"))),
        );
        let mut request = reqwest::Request::new(call.method.clone(), url);
        *request.headers_mut() = headers;
        if call.method != Method::GET {
            *request.body_mut() = Some(call.body.clone().into());
        }
        Ok(request)
    }

    async fn body(&self, call: &Call, mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| Failure {
                error: self.unreachable(call, &causes(&error)),
                again: None,
                may_pass: true,
            })?;
            let Some(chunk) = chunk else {
                return Ok(body);
            };
            if body.len() + chunk.len() > limit {
                return Err(Failure::lasting(unreadable(
                    call.doing,
                    &self.shown,
                    &format!("it is longer than {limit} bytes"),
                )));
            }
            body.extend_from_slice(&chunk);
        }
    }

    async fn refusal(&self, call: &Call, response: Response) -> Failure {
        let status = response.status();
        let again = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next().map(str::trim) == Some(PROBLEM_TYPE));
        let body = match self.body(call, response, MAX_PROBLEM_BYTES).await {
            Ok(body) if is_problem => body,
            Ok(_) | Err(_) => Vec::new(),
        };
        let error = match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused {
                doing: call.doing,
                status: status.as_u16(),
                code: problem.code().to_owned(),
                title: problem.title.clone(),
                detail: problem.detail,
            },
            Err(_) => ClientError::Refused {
                doing: call.doing,
                status: status.as_u16(),
                code: format!("http-{}", status.as_u16()),
                title: format!("`{}` answered {status} without saying why", self.shown),
                detail: None,
            },
        };
        Failure {
            error,
            again,
            may_pass: matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
        }
    }

    fn unreachable(&self, call: &Call, problem: &str) -> ClientError {
        ClientError::Unreachable {
            doing: call.doing,
            url: self.shown.clone(),
            problem: problem.to_owned(),
        }
    }
}

/// The pause after the `attempt`th failure: doubled each time, of which a random half is taken off so that
/// many clients do not come back at once.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let whole = FIRST_PAUSE * 2u32.saturating_pow(attempt.saturating_sub(1).min(6));
    let mut byte = [0];
    // Without randomness the pause is merely the whole one.
    if getrandom::fill(&mut byte).is_err() {
        return whole;
    }
    let [byte] = byte;
    whole / 2 + whole / 2 * u32::from(byte) / 255
}

fn address(text: &str) -> Result<Url, ClientError> {
    let refused = |problem| ClientError::Address {
        url: text.to_owned(),
        problem,
    };
    let url = Url::parse(text).map_err(|_| refused("is not an address"))?;
    let host = url.host_str().ok_or_else(|| refused("names no host"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "holds a user name or password; calls are signed with a key instead",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("ends in `?` or `#`; give only scheme, host and port"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(host) => Ok(url),
        "http" => Err(refused("is plain http off loopback, where anybody could listen")),
        _ => Err(refused("is neither http nor https")),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Host and port as the `Host` header has them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let refused = |problem: String| ClientError::Certificates {
        path: path.to_owned(),
        problem,
    };
    let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| refused(causes(&error)))?;
    if found.is_empty() {
        return Err(refused("holds no certificate".to_owned()));
    }
    Ok(found)
}

fn nonce(doing: &'static str) -> Result<[u8; 16], ClientError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| ClientError::Sign {
        doing,
        source: SignError::Key(format!("the system gives no randomness: {error}").into()),
    })?;
    Ok(nonce)
}

/// An error with all its causes: the outermost alone rarely says what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
