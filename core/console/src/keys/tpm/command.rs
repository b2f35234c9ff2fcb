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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tpm2_protocol::frame::{
        TpmCreateResponse, TpmGetCapabilityResponse, TpmNvReadResponse, TpmSignResponse,
        TpmStartAuthSessionResponse,
    };

    use super::*;
    use crate::keys::tpm::object;

    /// Gives scripted answers and keeps what was asked.
    struct Script {
        answers: Vec<Vec<u8>>,
        asked: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Transport for Script {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
            self.asked.lock().unwrap().push(command.to_vec());
            if self.answers.is_empty() {
                return Err(TransportError::Broken("script".to_owned()));
            }
            Ok(self.answers.remove(0))
        }
    }

    fn script(answers: Vec<Vec<u8>>) -> (Tpm, Arc<Mutex<Vec<Vec<u8>>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Script {
            answers,
            asked: Arc::clone(&asked),
        };
        (Tpm::new(Box::new(script)), asked)
    }

    fn code(code: u32) -> Vec<u8> {
        [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat()
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// `TPM2_GetCapability` answered with one property.
    fn property(tag: u32, value: u32) -> Vec<u8> {
        let body = [
            0_u32.to_be_bytes(),
            6_u32.to_be_bytes(),
            1_u32.to_be_bytes(),
            tag.to_be_bytes(),
            value.to_be_bytes(),
        ];
        let mut frame = unhex("8001 0000001f 00000000");
        frame.extend([0]);
        frame.extend(body.concat().iter().skip(4));
        let size = u32::try_from(frame.len()).unwrap().to_be_bytes();
        frame.splice(2..6, size);
        frame
    }

    #[test]
    fn frames_are_those_of_the_specification() {
        let (mut tpm, asked) = script(vec![code(0x101)]);
        assert!(object::counters(&mut tpm).is_err());
        assert_eq!(
            asked.lock().unwrap()[0],
            unhex("8001 00000016 0000017a 00000006 00000200 00000001")
        );

        let (mut tpm, asked) = script(vec![code(0x101)]);
        assert!(object::storage_key(&mut tpm).is_err());
        let create_primary = "8002 00000043 00000131 40000001 00000009 40000009 0000 01 0000
            0004 0000 0000 001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000";
        assert_eq!(asked.lock().unwrap()[0], unhex(create_primary));

        let (mut tpm, asked) = script(vec![code(0)]);
        tpm.flush(0x8000_0001).unwrap();
        assert_eq!(asked.lock().unwrap()[0], unhex("8001 0000000e 00000165 80000001"));
    }

    #[test]
    fn again_means_the_same_bytes_again_and_not_for_ever() {
        let answers = vec![
            code(0x922),
            code(0x908),
            code(0x90a),
            property(0x200, 0x200),
            property(0x20e, 2),
            property(0x20f, 3),
            property(0x210, 1000),
        ];
        let (mut tpm, asked) = script(answers);
        let counters = object::counters(&mut tpm).unwrap();
        assert!(counters.is_locked);
        assert_eq!((counters.attempts().left, counters.interval), (1, 1000));
        let asked = asked.lock().unwrap();
        assert!(asked[..4].iter().all(|frame| *frame == asked[0]));

        let (mut tpm, asked) = script(vec![code(0x922); 100]);
        assert!(object::counters(&mut tpm).is_err());
        assert_eq!(asked.lock().unwrap().len(), 41);
    }

    #[test]
    fn a_wrong_pin_is_never_sent_twice() {
        // TPM_RC_AUTH_FAIL about session 1, and TPM_RC_LOCKOUT.
        for refusal in [0x98e, 0x921] {
            let (mut tpm, asked) = script(vec![code(refusal); 5]);
            assert!(object::storage_key(&mut tpm).is_err());
            assert_eq!(asked.lock().unwrap().len(), 1);
        }
    }

    #[test]
    fn what_a_command_made_is_flushed_however_it_ends() {
        let (mut tpm, asked) = script(vec![code(0), code(0)]);
        tpm.remember(0x8000_0000);
        tpm.remember(0x0200_0000);
        drop(tpm);
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0], unhex("8001 0000000e 00000165 02000000"));
        assert_eq!(asked[1], unhex("8001 0000000e 00000165 80000000"));
    }

    #[test]
    fn an_answer_without_the_proof_of_its_session_is_refused() {
        let no_proof = unhex("8001 0000000c 00000000 0000");
        let refused = read::<TpmSignResponse>(TpmCc::Sign, &no_proof, &mut [Auth::Empty]);
        assert!(matches!(refused, Err(TpmFault::Malformed(_))));
        let for_nobody = unhex("8002 00000010 00000000 00000002 0000");
        let refused = read::<TpmNvReadResponse>(TpmCc::NvRead, &for_nobody, &mut []);
        assert!(matches!(refused, Err(TpmFault::Malformed(_))));
    }

    proptest! {
        #[test]
        fn foreign_answers_never_panic_and_cut_ones_are_refused(body in proptest::collection::vec(any::<u8>(), 0..300), tag in 1_u8..=2) {
            let size = u32::try_from(HEADER + body.len()).unwrap().to_be_bytes();
            let frame = [&[0x80, tag], &size[..], &[0, 0, 0, 0], &body].concat();
            let _ = read::<TpmSignResponse>(TpmCc::Sign, &frame, &mut [Auth::Empty]);
            let _ = read::<TpmCreateResponse>(TpmCc::Create, &frame, &mut [Auth::Empty]);
            let _ = read::<TpmNvReadResponse>(TpmCc::NvRead, &frame, &mut [Auth::Empty]);
            let _ = read::<TpmGetCapabilityResponse>(TpmCc::GetCapability, &frame, &mut []);
            let _ = read::<TpmStartAuthSessionResponse>(TpmCc::StartAuthSession, &frame, &mut []);
            for end in 0..frame.len() {
                prop_assert!(read::<TpmSignResponse>(TpmCc::Sign, &frame[..end], &mut [Auth::Empty]).is_err());
            }
        }
    }
}
