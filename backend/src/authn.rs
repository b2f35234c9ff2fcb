//! Who sends an HTTP request: the signature of RFC 9421 by a key of the current directory.
//!
//! People sign with their login key, guards with their guard key. Nothing else tells who somebody is: no name in a
//! body or header is believed. Reads the body, since the signature covers it; the cheap checks come first.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts as RequestParts;
use axum::http::{HeaderMap, StatusCode, header};
use countersign_protocol::api::MAX_BODY_BYTES;
use countersign_protocol::authn::{self, AuthnError, Claim, Headers, Parts};
use countersign_protocol::digest::KeyId;
use countersign_protocol::directory::{DirectoryKey, KeyHolder};
use countersign_protocol::enrolment::{EnrolmentRecord, MAX_BODY};
use countersign_protocol::identity::{PublicKey, Role};
use countersign_protocol::moment::Timestamp;

use crate::clock;
use crate::engine::Caller;
use crate::limit;
use crate::problem::Refused;
use crate::router::App;
use crate::store::row;
use crate::trust::Trust;

/// The longest body that carries no artifacts, in bytes.
const MAX_PLAIN_BODY: usize = 8 * 1024 * 1024;
/// The most nonces that are remembered; beyond them nobody is let in until the oldest run out.
const MAX_NONCES: usize = 200_000;

/// An HTTP request whose sender is known.
#[derive(Debug)]
pub struct Authenticated {
    /// Who sent it.
    pub caller: Caller,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its path.
    pub path: String,
    /// Its body, as it was signed.
    pub body: Bytes,
}

impl FromRequest<App> for Authenticated {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let trust = app.engine().trust();
        let (parts, body) = request.into_parts();
        let (headers, claim) = claimed(&parts.headers)?;
        let key = key_of(&trust, &claim, clock::now())?;
        let limit = longest(parts.uri.path());
        let body = prove(app, &parts, body, limit, &headers, &claim, &key.key).await?;
        let caller = match key.holder {
            KeyHolder::Person(person) => Caller::Person {
                person,
                key: claim.key,
            },
            KeyHolder::Guard(guard) => Caller::Guard {
                guard,
                key: claim.key,
            },
        };
        Ok(Self {
            caller,
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            body,
        })
    }
}

/// A call by who has an enrolment code. Not a [`Caller`]: a code opens its own enrolment and nothing else.
#[derive(Debug)]
pub struct Candidate {
    /// The code's key.
    pub code: KeyId,
    /// The body, as it was signed.
    pub body: Bytes,
}

impl FromRequest<App> for Candidate {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let (headers, claim) = claimed(&parts.headers)?;
        let code = claim.key;
        let read = move |conn: &rusqlite::Connection| row::enrolment(conn, &code, clock::now());
        let found: Option<EnrolmentRecord> = app.engine().store().read(read).await?;
        let record =
            found.ok_or_else(|| not_now("no enrolment is open for this code, or its time is over"))?;
        let body = prove(app, &parts, body, MAX_BODY, &headers, &claim, &record.code).await?;
        Ok(Self { code, body })
    }
}

fn claimed(headers: &HeaderMap) -> Result<(Headers, Claim), Refused> {
    let headers = signature_headers(headers)?;
    let claim = authn::claim(&headers.signature_input).map_err(|error| unauthenticated(&error))?;
    Ok((headers, claim))
}

/// Reads the body and proves that the call was signed by `key`, now, and once.
async fn prove(
    app: &App,
    parts: &RequestParts,
    body: Body,
    limit: usize,
    headers: &Headers,
    claim: &Claim,
    key: &PublicKey,
) -> Result<Bytes, Refused> {
    let now = clock::now();
    let skew = app.engine().trust().policy.bundle.limits.skew();
    check_created(claim, now, skew)?;
    let body = limit::read(body, limit).await?;
    let authority = authority(parts)?;
    let signed = Parts {
        method: parts.method.as_str(),
        authority: &authority,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        body: &body,
    };
    authn::verify(&signed, headers, claim, key).map_err(|error| unauthenticated(&error))?;
    app.nonces().take(claim, now, skew)?;
    app.rates().take(&claim.key)?;
    Ok(body)
}

/// Nonces that were used, for as long as the times they came with are accepted.
#[derive(Debug)]
pub struct Nonces {
    used: Mutex<BTreeMap<(u64, KeyId, String), ()>>,
    /// Before this second nothing is accepted: what came before this process started is not remembered.
    since: u64,
}

impl Nonces {
    /// An empty memory that accepts nothing signed before `started`.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self {
            used: Mutex::default(),
            since: started.millis() / 1000,
        }
    }

    fn take(&self, claim: &Claim, now: Timestamp, skew: Duration) -> Result<(), Refused> {
        if claim.created < self.since {
            return Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "just-started",
                "the request was signed before this backend started",
                "sign it anew",
            )
            .retry_after(self.since - claim.created + 1));
        }
        let oldest = now.before(skew).millis() / 1000;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(entry) = used.first_entry()
            && entry.key().0 + 1 < oldest
        {
            entry.remove();
        }
        if used.len() >= MAX_NONCES {
            return Err(Refused::unavailable("too many requests at once"));
        }
        match used.insert((claim.created, claim.key, claim.nonce.clone()), ()) {
            None => Ok(()),
            Some(()) => Err(not_now("this request was received before; sign it anew")),
        }
    }
}

fn signature_headers(headers: &HeaderMap) -> Result<Headers, Refused> {
    let one = |name: &'static str| -> Result<String, Refused> {
        let mut values = headers.get_all(name).iter();
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => Ok(value.to_owned()),
            _ => Err(unauthenticated(&AuthnError::Header(name))),
        }
    };
    Ok(Headers {
        content_digest: one("Content-Digest")?,
        signature_input: one("Signature-Input")?,
        signature: one("Signature")?,
    })
}

fn key_of(trust: &Trust, claim: &Claim, now: Timestamp) -> Result<DirectoryKey, Refused> {
    let login = trust.directory.key_at(&claim.key, Role::Login, now);
    let found = login.or_else(|_| trust.directory.key_at(&claim.key, Role::Guard, now));
    found.cloned().map_err(|error| not_now(error.to_string()))
}

fn check_created(claim: &Claim, now: Timestamp, skew: Duration) -> Result<(), Refused> {
    let (now, skew) = (now.millis() / 1000, skew.as_secs());
    if claim.created <= now.saturating_add(skew) && claim.created.saturating_add(skew) >= now {
        Ok(())
    } else {
        Err(not_now(
            "the request was signed too long ago or in the future; check this machine's clock",
        ))
    }
}

/// Host and port as the client named them.
fn authority(parts: &RequestParts) -> Result<String, Refused> {
    let refused = || Refused::malformed("the request names no host");
    let named = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => {
            let host = parts.headers.get(header::HOST).ok_or_else(refused)?;
            host.to_str().map_err(|_| refused())?
        }
    };
    Ok(named.to_ascii_lowercase())
}

/// Only proposals carry artifacts.
fn longest(path: &str) -> usize {
    if path == "/v1/proposals" {
        MAX_BODY_BYTES
    } else {
        MAX_PLAIN_BODY
    }
}

fn unauthenticated(error: &AuthnError) -> Refused {
    not_now(error.to_string())
}

fn not_now(detail: impl Into<String>) -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "the request is not authenticated",
        detail,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::Sha256Digest;

    fn claim(created: u64, nonce: u8) -> Claim {
        let key = KeyId::new(Sha256Digest::of(b"key"));
        let nonce = format!("{nonce:02x}").repeat(16);
        authn::claim(&format!(
            "countersign=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\");created={created};\
             nonce=\"{nonce}\";keyid=\"{key}\";alg=\"ed25519\""
        ))
        .unwrap()
    }

    #[test]
    fn a_nonce_is_taken_once_and_forgotten_when_its_time_is_over() {
        let skew = Duration::from_secs(60);
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let nonces = Nonces::new(at(1000));
        assert!(nonces.take(&claim(1000, 1), at(1000), skew).is_ok());
        assert!(nonces.take(&claim(1000, 1), at(1001), skew).is_err());
        assert!(nonces.take(&claim(1000, 2), at(1001), skew).is_ok());
        assert!(
            nonces.take(&claim(999, 3), at(1001), skew).is_err(),
            "signed before the start"
        );
        assert!(nonces.take(&claim(1200, 4), at(1200), skew).is_ok());
        assert_eq!(nonces.used.lock().unwrap().len(), 1);
    }

    #[test]
    fn times_outside_the_skew_are_refused() {
        let skew = Duration::from_secs(60);
        let now = Timestamp::from_millis(1_000_000);
        for (created, accepted) in [
            (1000, true),
            (940, true),
            (939, false),
            (1060, true),
            (1061, false),
        ] {
            assert_eq!(
                check_created(&claim(created, 1), now, skew).is_ok(),
                accepted,
                "{created}"
            );
        }
    }
}
