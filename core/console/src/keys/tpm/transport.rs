//! How command and response frames reach a TPM: a device file, or a TCP port of this machine.
//!
//! A frame is a tag (2 bytes), its own size (4), a code (4) and a body (TPM 2.0 Library, Part 1, section 18). What
//! comes back is foreign: its size is checked before it is believed, a short or a late one breaks the connection for
//! good, so that an answer is never taken for the one to a later command.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::patience::{Limited, read_by};

/// The largest frame; no TPM takes or gives a larger one.
pub const MAX_FRAME: usize = 4096;
/// The smallest frame: the header alone.
pub const HEADER: usize = 10;
/// How long one command may take; making a key can take a slow TPM half a minute.
const PATIENCE: Duration = Duration::from_secs(45);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Why a frame did not come through.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// There is no TPM there.
    #[error("there is no TPM at `{at}`: {source}")]
    Missing {
        /// Where it was looked for.
        at: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It went away.
    #[error("the TPM at `{at}` went away: {source}")]
    Gone {
        /// Where it was.
        at: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No whole answer came in time.
    #[error("the TPM at `{at}` gave no whole answer within {} seconds", .limit.as_secs())]
    Late {
        /// Where it is.
        at: String,
        /// The limit.
        limit: Duration,
    },
    /// What came is no frame.
    #[error("the TPM at `{at}` answered with {problem}")]
    Malformed {
        /// Where it is.
        at: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// An earlier answer was lost, so that the next one could be taken for another's.
    #[error("the connection to the TPM at `{0}` is broken by an earlier failure")]
    Broken(String),
}

/// Where a TPM is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A device file.
    Device(PathBuf),
    /// A port of this machine that takes raw frames, as a software TPM does.
    Tcp(SocketAddr),
}

/// A text that names no TPM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no TPM: write `device:/dev/tpmrm0` or `tcp:127.0.0.1:2321` (this machine only)")]
pub struct AddressError(String);

impl Default for Address {
    /// The kernel's resource-managed device.
    fn default() -> Self {
        Self::Device(PathBuf::from("/dev/tpmrm0"))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("device:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Device(path))
            } else {
                Err(wrong())
            };
        }
        let address: SocketAddr = text
            .strip_prefix("tcp:")
            .and_then(|address| address.replace("localhost", "127.0.0.1").parse().ok())
            .ok_or_else(wrong)?;
        // Over a network anybody could answer in the TPM's place.
        if address.ip().is_loopback() {
            Ok(Self::Tcp(address))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "device:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// What carries one command to a TPM and its answer back.
pub trait Transport: Send {
    /// Sends a command frame and gives the one response frame.
    ///
    /// # Errors
    /// [`TransportError`]; afterwards every call fails.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;
}

/// Reaches the TPM at an address.
///
/// # Errors
/// [`TransportError::Missing`] where there is none.
pub fn connect(address: &Address) -> Result<Box<dyn Transport>, TransportError> {
    let missing = |source| TransportError::Missing {
        at: address.to_string(),
        source,
    };
    match address {
        Address::Device(path) => {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .map_err(missing)?;
            Ok(Box::new(Stream::new(address, file, PATIENCE)))
        }
        Address::Tcp(socket) => {
            let stream = TcpStream::connect_timeout(socket, CONNECT_PATIENCE).map_err(missing)?;
            stream.set_nodelay(true).map_err(missing)?;
            stream.set_write_timeout(Some(PATIENCE)).map_err(missing)?;
            Ok(Box::new(Stream::new(address, stream, PATIENCE)))
        }
    }
}

impl Limited for TcpStream {
    fn limit(&self, left: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

impl Limited for File {
    /// The kernel bounds every command of a device by itself.
    fn limit(&self, _: Duration) -> std::io::Result<()> {
        Ok(())
    }
}

struct Stream<S> {
    at: String,
    stream: S,
    limit: Duration,
    broken: bool,
}

impl<S: Write + Limited> Stream<S> {
    fn new(at: &Address, stream: S, limit: Duration) -> Self {
        Self {
            at: at.to_string(),
            stream,
            limit,
            broken: false,
        }
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let deadline = Instant::now() + self.limit;
        self.stream
            .write_all(command)
            .and_then(|()| self.stream.flush())
            .map_err(|source| self.failed(source))?;
        let mut frame = Vec::with_capacity(MAX_FRAME);
        let mut buffer = [0; MAX_FRAME];
        loop {
            let got =
                read_by(&mut self.stream, &mut buffer, deadline).map_err(|source| self.failed(source))?;
            frame.extend(buffer.iter().take(got));
            match whole(&frame) {
                Ok(true) => return Ok(frame),
                Ok(false) => {}
                Err(problem) => {
                    return Err(TransportError::Malformed {
                        at: self.at.clone(),
                        problem,
                    });
                }
            }
        }
    }

    fn late(&self) -> TransportError {
        TransportError::Late {
            at: self.at.clone(),
            limit: self.limit,
        }
    }

    fn failed(&self, source: std::io::Error) -> TransportError {
        match source.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.late(),
            _ => TransportError::Gone {
                at: self.at.clone(),
                source,
            },
        }
    }
}

impl<S: Read + Write + Limited + Send> Transport for Stream<S> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if self.broken {
            return Err(TransportError::Broken(self.at.clone()));
        }
        let answer = self.exchange(command);
        self.broken = answer.is_err();
        answer
    }
}

/// Whether these bytes are one whole frame.
///
/// # Errors
/// What makes them no frame, however many more come.
pub fn whole(bytes: &[u8]) -> Result<bool, &'static str> {
    let Some([a, b, c, d]) = bytes.get(2..6).and_then(|size| <[u8; 4]>::try_from(size).ok()) else {
        return Ok(false);
    };
    let size = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if size < HEADER {
        Err("a frame that is shorter than its header")
    } else if size > MAX_FRAME {
        Err("a frame that is longer than any TPM's")
    } else if bytes.len() > size {
        Err("more bytes than its frame says")
    } else {
        Ok(bytes.len() == size)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A peer that reads one command and then does as told.
    fn peer(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Stream<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut command = [0; HEADER];
            stream.read_exact(&mut command).unwrap();
            answer(&mut stream);
        });
        let stream = TcpStream::connect(address).unwrap();
        Stream::new(&Address::Tcp(address), stream, Duration::from_millis(300))
    }

    const GOOD: [u8; HEADER] = [0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0];

    #[test]
    fn a_frame_comes_in_pieces_or_at_once() {
        let mut whole = peer(|stream| stream.write_all(&GOOD).unwrap());
        assert_eq!(whole.transmit(&GOOD).unwrap(), GOOD);
        let mut pieces = peer(|stream| {
            for byte in GOOD {
                stream.write_all(&[byte]).unwrap();
                stream.flush().unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        assert_eq!(pieces.transmit(&GOOD).unwrap(), GOOD);
    }

    #[test]
    fn short_late_and_malformed_answers_break_the_connection_for_good() {
        let mut short = peer(|stream| stream.write_all(&GOOD[..7]).unwrap());
        assert!(matches!(short.transmit(&GOOD), Err(TransportError::Gone { .. })));
        assert!(matches!(short.transmit(&GOOD), Err(TransportError::Broken(_))));

        let mut late = peer(|stream| {
            std::thread::sleep(Duration::from_millis(900));
            let _ = stream.write_all(&GOOD);
        });
        assert!(matches!(late.transmit(&GOOD), Err(TransportError::Late { .. })));
        std::thread::sleep(Duration::from_millis(800));
        // The answer to the first command is there by now, and must not pass for one to the second.
        assert!(matches!(late.transmit(&GOOD), Err(TransportError::Broken(_))));

        // One byte at a time must not stretch the limit.
        let mut dripping = peer(|stream| {
            for _ in 0..9 {
                let _ = stream.write_all(&[0x80]);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        assert!(dripping.transmit(&GOOD).is_err());

        for (size, extra) in [(9_u32, 0), (0, 0), (4097, 0), (u32::MAX, 0), (10, 1)] {
            let mut bad = peer(move |stream| {
                let mut frame = GOOD.to_vec();
                frame[2..6].copy_from_slice(&size.to_be_bytes());
                frame.extend(std::iter::repeat_n(0, extra));
                let _ = stream.write_all(&frame);
                std::thread::sleep(Duration::from_millis(50));
            });
            assert!(
                matches!(bad.transmit(&GOOD), Err(TransportError::Malformed { .. })),
                "{size}"
            );
        }
    }

    #[test]
    fn addresses_name_this_machine_only() {
        assert_eq!(
            "tcp:127.0.0.1:2321".parse::<Address>().unwrap().to_string(),
            "tcp:127.0.0.1:2321"
        );
        assert!("tcp:[::1]:2321".parse::<Address>().is_ok());
        assert!("tcp:localhost:2321".parse::<Address>().is_ok());
        assert_eq!(
            "device:/dev/tpmrm0".parse::<Address>().unwrap(),
            Address::default()
        );
        for bad in [
            "",
            "tcp:",
            "tcp:192.0.2.1:2321",
            "tcp:0.0.0.0:1",
            "device:tpm",
            "/dev/tpm0",
            "tcp:host:1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_device_is_a_missing_one() {
        let nowhere = Address::Device(PathBuf::from("/dev/countersign-no-such-tpm"));
        assert!(matches!(connect(&nowhere), Err(TransportError::Missing { .. })));
    }
}
