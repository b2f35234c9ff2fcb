//! Why a call to the backend failed, in words and as a code.

use std::path::PathBuf;

use countersign_protocol::signed::SignError;

/// Why a call to the backend failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("backend address `{url}` {problem}")]
    Address {
        /// The address given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The certificate file cannot be used.
    #[error("certificate file `{}`: {problem}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No answer came.
    #[error("cannot {doing}: no answer from `{url}` ({problem})")]
    Unreachable {
        /// What was wanted.
        doing: &'static str,
        /// The backend.
        url: String,
        /// What happened.
        problem: String,
    },
    /// The backend said no.
    #[error("cannot {doing}: {}", told(title, detail.as_deref()))]
    Refused {
        /// What was wanted.
        doing: &'static str,
        /// The HTTP status.
        status: u16,
        /// The stable code of the problem.
        code: String,
        /// The problem in a few words.
        title: String,
        /// What happened, and what to do.
        detail: Option<String>,
    },
    /// An answer came that is not of this API.
    #[error("cannot {doing}: the answer of `{url}` is not of this API ({problem})")]
    Unreadable {
        /// What was wanted.
        doing: &'static str,
        /// The backend.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The call needs a key, and none is there.
    #[error("cannot {doing}: this needs a key, and none was given")]
    NoKey {
        /// What was wanted.
        doing: &'static str,
    },
    /// The key did not sign the call.
    #[error("cannot {doing}: {source}")]
    Sign {
        /// What was wanted.
        doing: &'static str,
        /// Why not.
        source: SignError,
    },
    /// What was to be sent cannot be sent.
    #[error("cannot {doing}: the body cannot be sent ({problem})")]
    Body {
        /// What was wanted.
        doing: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

fn told(title: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{title}: {detail}"),
        None => title.to_owned(),
    }
}

impl ClientError {
    /// A stable word for programs: the problem's own code where the backend sent one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Address { .. } => "bad-address",
            Self::Certificates { .. } => "bad-certificates",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { code, .. } => code,
            Self::Unreadable { .. } => "unreadable",
            Self::NoKey { .. } => "no-key",
            Self::Sign { .. } => "not-signed",
            Self::Body { .. } => "bad-body",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Address { .. } => {
                "give the backend's address as `https://HOST`; plain http is spoken on loopback only"
            }
            Self::Certificates { .. } => "give a PEM file of certificate authorities that you may read",
            Self::Unreachable { .. } => {
                "check the address, the network and whether `countersignd` runs, then try again"
            }
            Self::Refused { status: 401, .. } => {
                "the backend does not know this key: `countersign doctor` compares it with the directory and checks the clock"
            }
            Self::Refused { status: 404, .. } => "`countersign list` shows what there is",
            Self::Refused { status: 429, .. } => "wait a little and try again",
            Self::Refused { .. } => "the message says why; nothing was changed",
            Self::Unreadable { .. } => {
                "check that the address is a Countersign backend of the same major version, and not a proxy's page"
            }
            Self::NoKey { .. } => "run `countersign login`, or `countersign-guard keygen` for a guard",
            Self::Sign { .. } => "check the key file",
            Self::Body { .. } => "send less at once",
        }
    }

    /// Whether no answer came at all.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Refused {
                    status: 502..=504,
                    ..
                }
        )
    }

    /// Whether the backend refused for a reason that asking again does not change.
    #[must_use]
    pub fn is_lasting_refusal(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status) && !matches!(status, 401 | 408 | 425 | 429))
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Address { .. }
            | Self::Certificates { .. }
            | Self::Unreachable { .. }
            | Self::Unreadable { .. }
            | Self::NoKey { .. }
            | Self::Sign { .. }
            | Self::Body { .. } => None,
        }
    }
}

pub(crate) fn unreadable(doing: &'static str, url: &str, problem: &str) -> ClientError {
    ClientError::Unreadable {
        doing,
        url: url.to_owned(),
        problem: problem.to_owned(),
    }
}
