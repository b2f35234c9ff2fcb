//! Why a key cannot be used, each with what to do next.

use std::time::Duration;

use countersign_protocol::signed::SignError;

use crate::keyring::KeyringError;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The keyring gave or kept nothing.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// This build has no such provider.
    #[error(
        "keys of provider `{0}` are not on this build; it has `tpm`, `pkcs11`, `ssh-agent` and `software`"
    )]
    NotOnThisBuild(&'static str),
    /// The provider cannot do this.
    #[error("{0}")]
    Unsupported(String),
    /// It is not said where the device is, or not in words that are understood.
    #[error("{0}")]
    Setting(String),
    /// Several keys or tokens would do.
    #[error("there are several {what}; choose one with `--select`: {}", .found.join(", "))]
    Several {
        /// Of what.
        what: &'static str,
        /// Which.
        found: Vec<String>,
    },
    /// No key or token does.
    #[error("{0}")]
    NoneFits(String),
    /// The passphrase is not the key's.
    #[error("the passphrase is wrong; nothing was signed")]
    WrongPassphrase,
    /// The PIN is not the key's.
    #[error("the PIN is wrong; nothing was signed{}", attempts_left(*.left))]
    WrongPin {
        /// How many tries are left, where the device says so.
        left: Option<u32>,
    },
    /// The TPM takes no PIN for a while.
    #[error(
        "the TPM takes no PIN after too many wrong ones; it forgets one within {seconds} seconds, while it is switched on: wait, or let its administrator clear the lock"
    )]
    LockedOut {
        /// After how many seconds at most it takes one again.
        seconds: u32,
    },
    /// What unlocks the key is not remembered, or not any more.
    #[error(
        "no {0} is remembered for this key: type it, or have it remembered again by `countersign keys remember-pin`"
    )]
    NotRemembered(&'static str),
    /// What is remembered is not tried when that could lock the device.
    #[error("one PIN attempt is left, and a remembered PIN never uses the last attempt: type it")]
    LastAttempt,
    /// What was remembered did not sign; it is not there any more.
    #[error("{0}; what was remembered is forgotten now and not tried again: type it")]
    Forgotten(Box<KeyError>),
    /// The token takes no PIN any more.
    #[error(
        "the token's PIN is blocked after too many wrong ones; its security officer can set a new one with the unblocking PIN (PUK)"
    )]
    PinBlocked,
    /// The passphrase is too weak to protect a key.
    #[error("a passphrase needs at least {0} characters")]
    WeakPassphrase(usize),
    /// The PIN is too short to protect a key.
    #[error("a PIN needs at least {0} characters")]
    WeakPin(usize),
    /// The device is not there.
    #[error(
        "{0}; if it is another one, name it with `COUNTERSIGN_TPM`, and be in the group that may open it (`tss`)"
    )]
    NoTpm(String),
    /// The device went away in between.
    #[error("{0}; nothing was signed: try again")]
    DeviceGone(String),
    /// The blob in the keyring belongs to another TPM.
    #[error(
        "this key belongs to another TPM, or this TPM was cleared since it was made; it can't be moved: make a new one with `countersign keys create --provider tpm`, and let an owner replace the old one"
    )]
    OtherTpm,
    /// The token is not there.
    #[error("the token `{0}` is not there; put it in and try again")]
    TokenRemoved(String),
    /// The token is there, the key is not.
    #[error(
        "the token `{0}` does not hold this key any more; make a new one, and let an owner replace the old one"
    )]
    KeyRemoved(String),
    /// No agent can be reached.
    #[error("no SSH agent can be reached: {0}; start one, and set SSH_AUTH_SOCK to its socket")]
    NoAgent(String),
    /// The agent does not hold the key.
    #[error("the SSH agent does not hold the key `{0}`; add it (`ssh-add`) and try again")]
    NotInAgent(String),
    /// The agent did not sign.
    #[error("the SSH agent did not sign; it may be locked, or the request was declined there")]
    AgentDeclined,
    /// The device did not answer in time.
    #[error("{what} did not answer within {} seconds; nothing was signed: look whether it waits for a touch, a confirmation or a PIN of its own", .limit.as_secs())]
    TimedOut {
        /// What.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The device did something else than it should.
    #[error("{0}")]
    Device(String),
    /// The item in the keyring is not what it should be.
    #[error(
        "the keyring's item `{item}` is damaged ({problem}); make a new key and ask an owner to replace the old one in the directory"
    )]
    Damaged {
        /// The item.
        item: String,
        /// What is wrong.
        problem: String,
    },
    /// The key cannot be made.
    #[error("no key can be made: {0}")]
    Make(String),
}

impl From<KeyError> for SignError {
    fn from(error: KeyError) -> Self {
        Self::Key(Box::new(error))
    }
}

impl KeyError {
    /// Finds out what a key said when it did not sign.
    ///
    /// # Errors
    /// Gives the error back where no key said anything.
    pub fn of(error: SignError) -> Result<Self, SignError> {
        match error {
            SignError::Key(cause) => match cause.downcast::<Self>() {
                Ok(found) => Ok(*found),
                Err(other) => Err(SignError::Key(other)),
            },
            SignError::Encode(_) => Err(error),
        }
    }
}

fn attempts_left(left: Option<u32>) -> String {
    match left {
        None => String::new(),
        Some(0) => "; no attempt is left, and it is locked now".to_owned(),
        Some(1) => "; 1 attempt is left before it is locked".to_owned(),
        Some(left) => format!("; {left} attempts are left before it is locked"),
    }
}
