//! A time limit for calls that may wait for a prompt, a device or a person.
//!
//! The call runs on a thread of its own and is left behind when its time is over: nothing here can end it, but
//! nobody waits for it any more, and whatever it still gives is dropped.

use std::io::{Error, ErrorKind, Read};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Why a call gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impatience {
    /// Its time was over.
    TimedOut,
    /// Its thread could not start, or ended early.
    Ended,
}

/// Gives what `call` gives, if it does within `limit`.
///
/// # Errors
/// [`Impatience`] says why there is nothing.
pub fn within<T: Send + 'static>(
    name: &str,
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Impatience> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        // Nobody waits any more when the time was over.
        .spawn(move || drop(sender.send(call())))
        .map_err(|_| Impatience::Ended)?;
    receiver.recv_timeout(limit).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Impatience::TimedOut,
        mpsc::RecvTimeoutError::Disconnected => Impatience::Ended,
    })
}

/// A stream that can be told when its next read has to end.
pub trait Limited: Read {
    /// The next read ends after so long at most.
    ///
    /// # Errors
    /// What the system says.
    fn limit(&self, left: Duration) -> std::io::Result<()>;
}

/// Reads what comes before `deadline`, at least one byte.
///
/// # Errors
/// `TimedOut` or `WouldBlock` when nothing came in time, `UnexpectedEof` when nothing will.
pub fn read_by(stream: &mut impl Limited, buffer: &mut [u8], deadline: Instant) -> std::io::Result<usize> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::from(ErrorKind::TimedOut));
        }
        stream.limit(left)?;
        match stream.read(buffer) {
            Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gives_its_answer_or_is_left_behind() {
        assert_eq!(within("t", Duration::from_secs(5), || 7), Ok(7));
        let slow = || std::thread::sleep(Duration::from_secs(2));
        assert_eq!(
            within("t", Duration::from_millis(20), slow),
            Err(Impatience::TimedOut)
        );
    }
}
