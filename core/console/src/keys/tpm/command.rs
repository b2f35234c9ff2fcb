//! One command to a TPM and its answer: framing, authorization, repetition, and what is left behind.
//!
//! Bodies are `tpm2_protocol`'s. Handles that a command made are flushed when the [`Tpm`] is dropped, whatever
//! happened in between: a TPM without a resource manager has room for three keys.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tpm2_protocol::basic::{TpmHandle, TpmUint32};
use tpm2_protocol::data::{TpmCc, TpmRc, TpmRcBase, TpmSt, TpmsAuthResponse};
use tpm2_protocol::frame::{
    TpmFlushContextCommand, TpmFlushContextResponse, TpmFrame, TpmHeader, TpmResponse, TpmUnmarshalBody,
};
use tpm2_protocol::{TpmMarshal, TpmUnmarshal, TpmWriter};

use super::session::Auth;
use super::transport::{HEADER, MAX_FRAME, Transport, TransportError};

/// How often a TPM may say "again" before that is a failure.
const REPETITIONS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum TpmFault {
    /// The frame did not come through.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The TPM said no.
    #[error("the TPM refused {command:?}: {code}")]
    Refused {
        /// What was asked.
        command: TpmCc,
        /// What it answered.
        code: TpmRc,
    },
    /// What came back, or was to be sent, is not what it should be.
    #[error("the TPM answered with {0}")]
    Malformed(&'static str),
    /// The TPM's maker left no certificate in it.
    #[error(
        "this TPM holds no certificate of its endorsement key, so it can prove nothing about its keys; its maker may offer one to install"
    )]
    NoCertificate,
    /// The answer is not from the TPM that the session is with.
    #[error("the answer is not from the TPM that was asked: somebody changed it on its way")]
    Forged,
}

impl TpmFault {
    /// What the TPM answered, where it did.
    #[must_use]
    pub fn code(&self) -> Option<TpmRcBase> {
        match self {
            Self::Refused { code, .. } => Some(code.base()),
            _ => None,
        }
    }
}

/// A connection to a TPM, and what it holds for us.
pub struct Tpm {
    transport: Box<dyn Transport>,
    open: Vec<u32>,
}

impl fmt::Debug for Tpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tpm")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        for handle in std::mem::take(&mut self.open).into_iter().rev() {
            // Nothing is left to be done about one that will not go.
            drop(self.flush_now(handle));
        }
    }
}

impl Tpm {
    /// Speaks over a transport.
    #[must_use]
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            open: Vec::new(),
        }
    }

    /// Runs a command that needs no authorization.
    ///
    /// # Errors
    /// [`TpmFault`] says why it did nothing.
    pub fn plain<C: TpmFrame + TpmHeader, R: TpmUnmarshalBody>(
        &mut self,
        command: &C,
    ) -> Result<R, TpmFault> {
        self.run(command, &[], &mut [])
    }

    /// Runs a command whose handles have these names, authorized in order.
    ///
    /// # Errors
    /// [`TpmFault`] says why it did nothing.
    pub fn run<C: TpmFrame + TpmHeader, R: TpmUnmarshalBody>(
        &mut self,
        command: &C,
        names: &[&[u8]],
        auths: &mut [Auth<'_>],
    ) -> Result<R, TpmFault> {
        let code = (C::CC as u32).to_be_bytes();
        let mut parameters = written(|writer| command.marshal_parameters(writer))?;
        for auth in auths.iter_mut() {
            auth.prepare(&mut parameters)?;
        }
        let hash = sha256(&[&code, &names.concat(), &parameters]);
        let mut area = Vec::new();
        for auth in auths.iter() {
            let auth = auth.of_command(&hash)?;
            area.extend(written(|writer| auth.marshal(writer))?);
        }
        let mut body = written(|writer| command.marshal_handles(writer))?;
        if !auths.is_empty() {
            body.extend(u32::try_from(area.len()).unwrap_or(u32::MAX).to_be_bytes());
            body.extend(area);
        }
        body.extend(parameters);
        let tag = if auths.is_empty() {
            TpmSt::NoSessions
        } else {
            TpmSt::Sessions
        };
        let answer = self.exchange(C::CC, &frame(tag, code, &body)?)?;
        read(C::CC, &answer, auths)
    }

    /// Sends a frame until the TPM does more than ask for it again.
    fn exchange(&mut self, command: TpmCc, frame: &[u8]) -> Result<Vec<u8>, TpmFault> {
        let mut left = REPETITIONS;
        loop {
            let answer = self.transport.transmit(frame)?;
            let code = TpmResponse::cast(&answer)
                .and_then(TpmResponse::rc)
                .map_err(|_| TpmFault::Malformed("something that is no response"))?;
            match code.base() {
                TpmRcBase::Success => return Ok(answer),
                TpmRcBase::Retry | TpmRcBase::Yielded | TpmRcBase::Testing if left > 0 => {
                    left -= 1;
                    std::thread::sleep(PAUSE);
                }
                _ => return Err(TpmFault::Refused { command, code }),
            }
        }
    }

    /// Flushes a handle that a command made, once it is dropped.
    pub(super) fn remember(&mut self, handle: u32) {
        self.open.push(handle);
    }

    /// Flushes a handle now.
    ///
    /// # Errors
    /// [`TpmFault`] where it will not go.
    pub fn flush(&mut self, handle: u32) -> Result<(), TpmFault> {
        self.open.retain(|open| *open != handle);
        self.flush_now(handle)
    }

    fn flush_now(&mut self, handle: u32) -> Result<(), TpmFault> {
        let command = TpmFlushContextCommand {
            handles: [],
            flush_handle: TpmHandle::new(handle),
        };
        self.plain::<_, TpmFlushContextResponse>(&command).map(|_| ())
    }
}

/// Reads an answer that says success; checks every session's proof before anything of it is believed.
///
/// # Errors
/// [`TpmFault::Malformed`] or [`TpmFault::Forged`].
pub fn read<R: TpmUnmarshalBody>(
    command: TpmCc,
    answer: &[u8],
    auths: &mut [Auth<'_>],
) -> Result<R, TpmFault> {
    let malformed = |_| TpmFault::Malformed("a response that is malformed");
    let response = TpmResponse::cast(answer).map_err(malformed)?;
    response.validate(command).map_err(malformed)?;
    let with_sessions = response.tag().map_err(malformed)? == TpmSt::Sessions;
    if with_sessions == auths.is_empty() || R::CC != command {
        return Err(TpmFault::Malformed("a response to another command"));
    }
    let (handles, rest) = response
        .body()
        .split_at_checked(R::HANDLES.saturating_mul(4))
        .ok_or(TpmFault::Malformed("a response without its handles"))?;
    let (parameters, mut proofs) = if with_sessions {
        let (length, rest) = TpmUint32::unmarshal(rest).map_err(malformed)?;
        rest.split_at_checked(usize::try_from(length.value()).unwrap_or(usize::MAX))
            .ok_or(TpmFault::Malformed("a response that is cut"))?
    } else {
        (rest, [].as_slice())
    };
    let hash = sha256(&[&0_u32.to_be_bytes(), &(command as u32).to_be_bytes(), parameters]);
    for auth in auths {
        let (proof, rest) = TpmsAuthResponse::unmarshal(proofs).map_err(malformed)?;
        auth.check_response(&hash, &proof)?;
        proofs = rest;
    }
    if !proofs.is_empty() {
        return Err(TpmFault::Malformed("more proofs than there are sessions"));
    }
    R::unmarshal_body(handles, parameters).map_err(malformed)
}

fn frame(tag: TpmSt, code: [u8; 4], body: &[u8]) -> Result<Vec<u8>, TpmFault> {
    let size = HEADER + body.len();
    if size > MAX_FRAME {
        return Err(TpmFault::Malformed("nothing: the command is too long to be sent"));
    }
    let size = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    Ok([(tag as u16).to_be_bytes().as_slice(), &size, &code, body].concat())
}

/// What a value is on the wire.
///
/// # Errors
/// [`TpmFault::Malformed`] when it has no form on the wire.
pub fn written(
    write: impl FnOnce(&mut TpmWriter<'_>) -> tpm2_protocol::TpmResult<()>,
) -> Result<Vec<u8>, TpmFault> {
    let mut bytes = [0; MAX_FRAME];
    let mut writer = TpmWriter::new(&mut bytes);
    write(&mut writer).map_err(|_| TpmFault::Malformed("nothing: the command cannot be written"))?;
    Ok(writer.as_bytes().to_vec())
}

/// A sized buffer of the wire.
pub(super) fn buffer<const N: usize>(bytes: &[u8]) -> Result<tpm2_protocol::basic::TpmBuffer<N>, TpmFault> {
    bytes
        .try_into()
        .map_err(|_| TpmFault::Malformed("nothing: a parameter is too long"))
}

/// SHA-256 over parts.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
