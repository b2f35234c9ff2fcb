//! Keys that an SSH agent holds: in memory, in a password manager, on a device behind it.
//!
//! Nothing proves to us where such a key is or what its holder did, so its presence counts as none. It signs in the
//! form of OpenSSH ([`countersign_protocol::sshsig`]), in the namespace of decisions and for them alone. The two
//! messages that are needed of the agent's protocol (draft-ietf-sshm-ssh-agent) are written here.

use std::io::{ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{Presence, PublicKey, Role};
use countersign_protocol::signed::{SignError, Signer};
use countersign_protocol::sshsig;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Asks, Attempts, KeyError, KeyProvider, NewKey, ReviewerKey, item};
use crate::config::Provider;
use crate::keyring;
use crate::patience::{Limited, read_by};

/// How long an agent may take to list its keys.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to sign: somebody may have to confirm.
const PATIENCE_TO_SIGN: Duration = Duration::from_secs(120);
/// The largest message that is read from an agent.
pub const MAX_MESSAGE: usize = 256 * 1024;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// The provider.
#[derive(Debug, Clone)]
pub struct SshAgent {
    socket: PathBuf,
}

/// One item of the keyring: which key it is, and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    schema: String,
    role: Role,
    key: PublicKey,
}

/// A key in an agent.
#[derive(Debug, Clone)]
struct AgentKey {
    socket: PathBuf,
    item: Item,
}

/// A key that an agent says it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The key, where it is of a kind that signs decisions.
    pub key: Option<PublicKey>,
    /// The key as SSH carries it.
    pub blob: Vec<u8>,
    /// What its owner calls it.
    pub comment: String,
}

impl SshAgent {
    /// The agent behind a socket.
    ///
    /// # Errors
    /// [`KeyError::NoAgent`] where none is named.
    pub fn at(socket: Option<&str>) -> Result<Self, KeyError> {
        let socket = socket
            .map(PathBuf::from)
            .ok_or_else(|| KeyError::NoAgent("SSH_AUTH_SOCK is not set".to_owned()))?;
        Ok(Self { socket })
    }
}

impl KeyProvider for SshAgent {
    fn provider(&self) -> Provider {
        Provider::SshAgent
    }

    fn asks(&self) -> Asks {
        Asks::Confirmation
    }

    fn probe(&self) -> Result<(), KeyError> {
        keyring::probe()?;
        identities(&self.socket).map(|_| ())
    }

    /// Takes a key that the agent holds into use: an agent makes none.
    fn create(&self, wanted: &NewKey<'_>) -> Result<Box<dyn ReviewerKey>, KeyError> {
        if wanted.role != Role::Reviewer {
            return Err(KeyError::Unsupported(
                "a key in an SSH agent signs decisions and nothing else; choose another provider".to_owned(),
            ));
        }
        keyring::probe()?;
        let mut found = identities(&self.socket)?;
        found.retain(|identity| identity.key.is_some());
        if let Some(select) = wanted.select {
            found.retain(|identity| identity.comment == select || fingerprint(&identity.blob) == select);
        }
        let key = match found.as_slice() {
            [Identity { key: Some(key), .. }] => key.clone(),
            [] => {
                return Err(KeyError::NoneFits(
                    "the SSH agent holds no such key of a kind that signs decisions (`ecdsa-sha2-nistp256`, `ssh-ed25519`); add one with `ssh-add`"
                        .to_owned(),
                ));
            }
            several => {
                return Err(KeyError::Several {
                    what: "keys in the agent",
                    found: several
                        .iter()
                        .map(|identity| format!("{} ({})", fingerprint(&identity.blob), identity.comment))
                        .collect(),
                });
            }
        };
        let item = item::store(&Item {
            schema: <Item as item::Item>::SCHEMA.to_owned(),
            role: wanted.role,
            key,
        })?;
        Ok(Box::new(AgentKey {
            socket: self.socket.clone(),
            item,
        }))
    }

    fn open(&self, id: &KeyId) -> Result<Box<dyn ReviewerKey>, KeyError> {
        Ok(Box::new(AgentKey {
            socket: self.socket.clone(),
            item: item::load(id)?,
        }))
    }

    /// Forgets which key it was; the agent keeps it.
    fn delete(&self, id: &KeyId) -> Result<(), KeyError> {
        Ok(keyring::delete(&item::name(id))?)
    }
}

impl item::Item for Item {
    const SCHEMA: &'static str = "countersign/ssh-agent-key/v1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl ReviewerKey for AgentKey {
    fn public_key(&self) -> &PublicKey {
        &self.item.key
    }

    fn role(&self) -> Role {
        self.item.role
    }

    fn kept_in(&self) -> String {
        format!("SSH agent ({})", fingerprint(&sshsig::key_blob(&self.item.key)))
    }

    fn asks(&self) -> Asks {
        Asks::Confirmation
    }

    fn presence(&self) -> Presence {
        Presence::None
    }

    /// Nobody counts; but whether the agent holds the key is known before anything is read.
    fn attempts(&self) -> Result<Option<Attempts>, KeyError> {
        let blob = sshsig::key_blob(&self.item.key);
        let held = identities(&self.socket)?
            .iter()
            .any(|identity| identity.blob == blob);
        if held {
            Ok(None)
        } else {
            Err(KeyError::NotInAgent(fingerprint(&blob)))
        }
    }

    fn unlock(&self, _: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError> {
        Ok(Box::new(self.clone()))
    }
}

impl Signer for AgentKey {
    fn public_key(&self) -> &PublicKey {
        &self.item.key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.signature(message)?)
    }
}

impl AgentKey {
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        // Also the way to tell a missing key from a declined one.
        self.attempts()?;
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &sshsig::key_blob(&self.item.key));
        put(&mut request, &sshsig::to_sign(message));
        request.extend(0_u32.to_be_bytes());
        let answer = exchange(&self.socket, &request, PATIENCE_TO_SIGN)?;
        let signature = sshsig::wrap(&self.item.key, &read_signature(&answer)?);
        if self.item.key.accepts(message, &signature) {
            Ok(signature)
        } else {
            Err(KeyError::Device(
                "the SSH agent made a signature that does not verify".to_owned(),
            ))
        }
    }
}

/// `SHA256:…`, as OpenSSH shows keys.
fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

fn identities(socket: &Path) -> Result<Vec<Identity>, KeyError> {
    read_identities(&exchange(socket, &[REQUEST_IDENTITIES], PATIENCE)?)
}

/// Reads an agent's list of keys.
///
/// # Errors
/// [`KeyError::Device`] when it is none.
pub fn read_identities(answer: &[u8]) -> Result<Vec<Identity>, KeyError> {
    let malformed =
        || KeyError::Device("the SSH agent answered with something that is no list of keys".to_owned());
    let Some((&IDENTITIES_ANSWER, mut rest)) = answer.split_first() else {
        return Err(malformed());
    };
    let (count, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
    rest = after;
    let mut found = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let blob = take(&mut rest).ok_or_else(malformed)?.to_vec();
        let comment = take(&mut rest).ok_or_else(malformed)?;
        found.push(Identity {
            key: sshsig::read_key(&blob),
            blob,
            comment: countersign_review::text::Untrusted::from(comment).escaped(),
        });
    }
    if rest.is_empty() {
        Ok(found)
    } else {
        Err(malformed())
    }
}

/// Reads an agent's signature.
///
/// # Errors
/// [`KeyError::AgentDeclined`] when it gave none.
pub fn read_signature(answer: &[u8]) -> Result<Vec<u8>, KeyError> {
    let Some((&SIGN_RESPONSE, mut rest)) = answer.split_first() else {
        return Err(KeyError::AgentDeclined);
    };
    match take(&mut rest) {
        Some(signature) if rest.is_empty() => Ok(signature.to_vec()),
        _ => Err(KeyError::Device(
            "the SSH agent answered with something that is no signature".to_owned(),
        )),
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (string, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(string)
}

fn put(message: &mut Vec<u8>, string: &[u8]) {
    message.extend(u32::try_from(string.len()).unwrap_or(u32::MAX).to_be_bytes());
    message.extend(string);
}

impl Limited for UnixStream {
    fn limit(&self, left: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

fn exchange(socket: &Path, message: &[u8], limit: Duration) -> Result<Vec<u8>, KeyError> {
    let missing = |error: std::io::Error| KeyError::NoAgent(format!("`{}`: {error}", socket.display()));
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => KeyError::TimedOut {
            what: "the SSH agent",
            limit,
        },
        _ => KeyError::DeviceGone(format!("the SSH agent went away: {error}")),
    };
    let mut stream = UnixStream::connect(socket).map_err(missing)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut framed = Vec::new();
    put(&mut framed, message);
    stream.write_all(&framed).map_err(failed)?;
    let deadline = Instant::now() + limit;
    let mut read_exactly = |length: usize| {
        let mut bytes = vec![0; length];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            done += read_by(&mut stream, rest, deadline).map_err(failed)?;
        }
        Ok(bytes)
    };
    let length = read_exactly(4)?.try_into().map_or(0, u32::from_be_bytes);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 || length > MAX_MESSAGE {
        return Err(KeyError::Device(
            "the SSH agent answered with a message of an impossible length".to_owned(),
        ));
    }
    read_exactly(length)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[(&[u8], &str)]) -> Vec<u8> {
        let mut answer = vec![IDENTITIES_ANSWER];
        answer.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
        for (blob, comment) in entries {
            put(&mut answer, blob);
            put(&mut answer, comment.as_bytes());
        }
        answer
    }

    #[test]
    fn lists_are_read_whole_or_not_at_all() {
        let answer = list(&[(b"\0\0\0\x07ssh-rsa", "old"), (b"x", "y")]);
        let found = read_identities(&answer).unwrap();
        assert_eq!(
            (found.len(), found[0].key.is_none(), found[1].comment.as_str()),
            (2, true, "y")
        );
        for end in 0..answer.len() {
            assert!(read_identities(&answer[..end]).is_err());
        }
        assert!(read_identities(&[answer, vec![0]].concat()).is_err());
        assert!(matches!(read_signature(&[5]), Err(KeyError::AgentDeclined)));
        assert!(read_signature(&[SIGN_RESPONSE, 0, 0, 0, 9, 1]).is_err());
    }

    #[test]
    fn a_silent_dripping_or_boasting_agent_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                if index == 1 {
                    let _ = stream.write_all(&u32::MAX.to_be_bytes());
                }
                std::thread::sleep(Duration::from_millis(600));
            }
        });
        let limit = Duration::from_millis(200);
        assert!(matches!(
            exchange(&socket, &[11], limit),
            Err(KeyError::TimedOut { .. })
        ));
        assert!(matches!(
            exchange(&socket, &[11], Duration::from_secs(5)),
            Err(KeyError::Device(_))
        ));
        let nowhere = folder.path().join("none");
        assert!(matches!(
            exchange(&nowhere, &[11], limit),
            Err(KeyError::NoAgent(_))
        ));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_identities(&bytes);
            let _ = read_signature(&bytes);
        }
    }
}
