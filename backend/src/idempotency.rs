//! Answers under an `Idempotency-Key`: what was taken in and is sent again gets the same answer.
//!
//! Every operation is idempotent by itself as well; this spares a client from telling its own repetition apart. A refusal
//! is not remembered: nothing was changed by it, and its reason may go away.

use std::future::Future;

use axum::body::{Body, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_protocol::digest::Sha256Digest;
use rusqlite::{OptionalExtension as _, params};

use crate::authn::Authenticated;
use crate::clock;
use crate::log::tree::int;
use crate::problem::Refused;
use crate::store::{Store, StoreError};

/// A longer answer is not kept: the operation gives it anew.
const MAX_KEPT: usize = 1024 * 1024;
/// The longest key.
const MAX_KEY: usize = 255;

/// Answers from memory, or lets `act` answer and remembers that.
///
/// # Errors
/// [`Refused`] when the key was used for something else, or what `act` refuses.
pub async fn once<F>(store: &Store, asked: &Authenticated, act: F) -> Result<Response, Refused>
where
    F: Future<Output = Result<Response, Refused>>,
{
    let Some(key) = asked.headers.get("idempotency-key") else {
        return act.await;
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    let key = key
        .ok_or_else(|| Refused::malformed("`Idempotency-Key` is not 1 to 255 printable characters"))?
        .to_owned();
    let owner = asked.caller.key().to_string();
    let digest = Sha256Digest::of_domain(
        "countersign/idempotency/v1",
        &[asked.path.as_bytes(), &[0], &asked.body],
    );
    if let Some(kept) = recall(store, &owner, &key).await? {
        return kept.answer(&digest);
    }
    let (parts, body) = act.await?.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Refused::unavailable("the answer was cut off"))?;
    if body.len() <= MAX_KEPT {
        let media = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|media| media.to_str().ok());
        let kept = Kept {
            asked: digest.to_string(),
            status: parts.status.as_u16(),
            media: media.unwrap_or_default().to_owned(),
            body: body.to_vec(),
        };
        remember(store, owner, key, kept).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

struct Kept {
    asked: String,
    status: u16,
    media: String,
    body: Vec<u8>,
}

impl Kept {
    fn answer(self, digest: &Sha256Digest) -> Result<Response, Refused> {
        if self.asked != digest.to_string() {
            return Err(Refused::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "the idempotency key was used for another request",
                "use a new key for a new request",
            ));
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body).into_response();
        response.headers_mut().remove(header::CONTENT_TYPE);
        if let Ok(media) = self.media.parse()
            && !self.media.is_empty()
        {
            response.headers_mut().insert(header::CONTENT_TYPE, media);
        }
        Ok(response)
    }
}

async fn recall(store: &Store, owner: &str, key: &str) -> Result<Option<Kept>, StoreError> {
    let (owner, key) = (owner.to_owned(), key.to_owned());
    store
        .read(move |conn| {
            let mut rows = conn.prepare_cached(
                "SELECT asked, status, media, body FROM idempotency WHERE owner = ?1 AND key = ?2",
            )?;
            let found = rows.query_row([owner, key], |row| {
                Ok(Kept {
                    asked: row.get(0)?,
                    status: row.get(1)?,
                    media: row.get(2)?,
                    body: row.get(3)?,
                })
            });
            Ok(found.optional()?)
        })
        .await
}

async fn remember(store: &Store, owner: String, key: String, kept: Kept) -> Result<(), StoreError> {
    store
        .write(move |conn| {
            conn.prepare_cached(
                "INSERT OR IGNORE INTO idempotency (owner, key, asked, status, media, body, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                owner,
                key,
                kept.asked,
                kept.status,
                kept.media,
                kept.body,
                int(clock::now().millis())
            ])?;
            Ok(())
        })
        .await
}
