//! Bounds: how often a key may ask, how long a body may be and take, how many connections are held at once.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use axum_server::accept::Accept;
use countersign_protocol::digest::KeyId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Refused;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How often each key may ask: a bucket that fills steadily.
#[derive(Debug)]
pub struct Rates {
    per_second: f64,
    burst: f64,
    buckets: Mutex<BTreeMap<KeyId, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    /// Lets every key ask `per_minute` times a minute, and that many at once.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let burst = f64::from(per_minute.max(1));
        Self {
            per_second: burst / 60.0,
            burst,
            buckets: Mutex::default(),
        }
    }

    /// Counts one request of a key that was verified. Only keys of the directory are ever counted.
    ///
    /// # Errors
    /// [`Refused`] with the seconds to wait.
    pub fn take(&self, key: &KeyId) -> Result<(), Refused> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: &KeyId, now: Instant) -> Result<(), Refused> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(*key).or_insert(Bucket {
            tokens: self.burst,
            at: now,
        });
        let gained = now.duration_since(bucket.at).as_secs_f64() * self.per_second;
        *bucket = Bucket {
            tokens: (bucket.tokens + gained).min(self.burst),
            at: now,
        };
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second).as_secs() + 1;
        Err(Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "this key asks too often",
            format!("try again in {wait} seconds"),
        )
        .retry_after(wait))
    }
}

/// Reads a body of at most `longest` bytes that arrives in time.
///
/// # Errors
/// [`Refused`] when it is too long or too slow.
pub async fn read(body: Body, longest: usize) -> Result<Bytes, Refused> {
    match tokio::time::timeout(BODY_TIME, to_bytes(body, longest)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the body is too large or was cut off",
            format!("a body holds at most {longest} bytes here"),
        )),
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "the body did not arrive in time",
            "send it faster",
        )),
    }
}

/// Accepts at most so many connections at once; further ones are closed.
#[derive(Debug, Clone)]
pub struct Bounded<A> {
    inner: A,
    places: Arc<Semaphore>,
}

impl<A> Bounded<A> {
    /// Bounds `inner` to `connections`.
    #[must_use]
    pub fn new(inner: A, connections: usize) -> Self {
        Self {
            inner,
            places: Arc::new(Semaphore::new(connections)),
        }
    }
}

impl<I, S, A> Accept<I, S> for Bounded<A>
where
    A: Accept<I, S> + Clone + Send + 'static,
    A::Future: Send,
    I: Send + 'static,
    S: Send + 'static,
{
    type Stream = Held<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let inner = self.inner.clone();
        Box::pin(async move {
            let place = place.map_err(|_| io::Error::other("too many connections"))?;
            let (stream, service) = inner.accept(stream, service).await?;
            Ok((
                Held {
                    stream,
                    _place: place,
                },
                service,
            ))
        })
    }
}

/// A connection that holds its place until it is closed.
#[derive(Debug)]
pub struct Held<S> {
    stream: S,
    _place: OwnedSemaphorePermit,
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::Sha256Digest;

    #[test]
    fn each_key_has_its_own_bucket_that_fills_again() {
        let rates = Rates::new(2);
        let (one, other) = (
            KeyId::new(Sha256Digest::of(b"1")),
            KeyId::new(Sha256Digest::of(b"2")),
        );
        let start = Instant::now();
        assert!(rates.take_at(&one, start).is_ok());
        assert!(rates.take_at(&one, start).is_ok());
        let refused = rates.take_at(&one, start).unwrap_err();
        assert_eq!(refused.problem().code(), "too-many-requests");
        assert!(rates.take_at(&other, start).is_ok());
        assert!(rates.take_at(&one, start + Duration::from_secs(31)).is_ok());
    }
}
