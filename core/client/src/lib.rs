//! The backend over HTTP, the stream of its changes, service keys in files, and the trust store on disk.
//!
//! Consoles and guards both stand on this crate. It does the talking and the remembering; whether evidence is
//! good is judged by `countersign-verify`, and nothing that comes from the network is believed here without it.

pub mod durable;
mod enrolment;
pub mod http;
pub mod key_file;
mod reveal;
mod talk;
pub mod transport;
pub mod trust;
pub mod watch;

pub use http::{Backend, Options, RequestFilter};
pub use transport::ClientError;

use countersign_protocol::moment::Timestamp;

/// The time of this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
