//! How commands fail: a promised exit code, what went wrong, what to do.

use std::process::ExitCode;

use countersign_client::ClientError;
use countersign_client::key_file::KeyFileError;
use countersign_client::trust::TrustError;
use countersign_console::config::ConfigError;
use countersign_console::decide::DecideError;
use countersign_console::enrolment::EnrolError;
use countersign_console::home::NoHome;
use countersign_console::inbox::InboxError;
use countersign_console::keys::KeyError;
use countersign_console::offline::export::ExportError;
use countersign_console::offline::file::FileError;
use countersign_console::offline::import::ImportError;
use countersign_console::offline::review::ReviewError;
use countersign_console::organisation::OrganisationError;
use countersign_console::reveal::RevealError;
use countersign_protocol::request::Refusal;
use countersign_protocol::signed::SignError;

use super::output;

/// The exit codes of `countersign`. They are a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The answer is no: invalid evidence, denied, not eligible.
    No = 1,
    /// Wrong use, or not configured.
    Usage = 2,
    /// Not found.
    NotFound = 3,
    /// Refused by a safety rule.
    Refused = 4,
    /// The backend cannot be reached.
    Unreachable = 5,
    /// Key or keyring cannot be used.
    Key = 6,
    /// What was seen is no longer what would be signed.
    Stale = 7,
}

/// Why a command did not do it.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    hint: String,
}

impl Failure {
    /// A failure by its exit code.
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Wrong use, or not configured.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::Usage, message, hint)
    }

    /// The answer is no. What was said already says why.
    pub fn no(message: impl Into<String>) -> Self {
        Self::new(Code::No, message, "")
    }

    /// Something that this machine should be able to do.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message, "")
    }

    /// Prints it to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        for problem in self.problems() {
            output::problem(&problem);
        }
        ExitCode::from(self.code as u8)
    }

    /// What is printed: what happened, and what to do.
    pub fn problems(&self) -> Vec<String> {
        let said = [("countersign", &self.message), ("hint", &self.hint)];
        let said = said.into_iter().filter(|(_, text)| !text.is_empty());
        said.map(|(who, text)| format!("{who}: {text}")).collect()
    }

    /// The exit code.
    #[cfg(test)]
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error.to_string(), "")
    }
}

impl From<NoHome> for Failure {
    fn from(error: NoHome) -> Self {
        Self::usage(error.to_string(), "")
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(
            error.to_string(),
            "`countersign doctor` looks at the whole configuration",
        )
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match error.status() {
            _ if error.is_unreachable() => Code::Unreachable,
            Some(404) => Code::NotFound,
            Some(401) => Code::Key,
            Some(409) => Code::Stale,
            Some(403) => Code::Refused,
            Some(_) => Code::No,
            None => match error {
                ClientError::Sign { .. } | ClientError::NoKey { .. } => Code::Key,
                ClientError::Unreadable { .. } => Code::Unreachable,
                _ => Code::Usage,
            },
        };
        let hint = error.hint();
        Self::new(code, error.to_string(), hint)
    }
}

impl From<RevealError> for Failure {
    fn from(error: RevealError) -> Self {
        let message = error.to_string();
        match error {
            RevealError::Inbox(error) => Self {
                message,
                ..error.into()
            },
            RevealError::Reason(_) => Self::usage(message, "`--reason TEXT` gives it"),
            RevealError::NotRecorded | RevealError::Randomness(_) => {
                Self::new(Code::Refused, message, "nothing was shown")
            }
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        let code = match error {
            TrustError::File { .. }
            | TrustError::NotPinned(_)
            | TrustError::Empty
            | TrustError::OtherRoot { .. } => Code::Usage,
            _ => Code::Refused,
        };
        let hint = if error.is_alarm() {
            "nothing is trusted until this is explained; keep the trust folder as evidence"
        } else if matches!(error, TrustError::File { .. }) {
            "what was seen of the log and the directory is remembered there; it has to be writable, with room on its disk"
        } else {
            ""
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::new(
            Code::Key,
            error.to_string(),
            "`countersign login` makes the login key",
        )
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::NotOnThisBuild(_)
            | KeyError::WeakPassphrase(_)
            | KeyError::WeakPin(_)
            | KeyError::Setting(_)
            | KeyError::Several { .. } => Code::Usage,
            _ => Code::Key,
        };
        Self::new(code, error.to_string(), "")
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        match KeyError::of(error) {
            Ok(error) => error.into(),
            Err(error) => Self::new(Code::Key, error.to_string(), ""),
        }
    }
}

impl From<EnrolError> for Failure {
    fn from(error: EnrolError) -> Self {
        Self::new(Code::Refused, error.to_string(), "")
    }
}

impl From<OrganisationError> for Failure {
    fn from(error: OrganisationError) -> Self {
        Self::usage(error.to_string(), "")
    }
}

impl From<InboxError> for Failure {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::Config(error) => error.into(),
            InboxError::LoginKey(error) => error.into(),
            InboxError::Client(error) => error.into(),
            InboxError::Trust(error) => error.into(),
            error @ InboxError::Overtaken(_) => Self::no(error.to_string()),
            error @ (InboxError::Outbox(_) | InboxError::OtherRequest { .. }) => {
                Self::new(Code::Refused, error.to_string(), "")
            }
        }
    }
}

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        let said = error.to_string();
        match error {
            DecideError::Inbox(error) => error.into(),
            DecideError::Key(error) => error.into(),
            DecideError::Config(error) => error.into(),
            DecideError::BackendRefused(error) => {
                let inner = Self::from(error);
                Self::new(inner.code, said, inner.hint)
            }
            DecideError::Stale(_) => {
                Self::new(Code::Stale, said, "`countersign show ID` prints it as it is now")
            }
            DecideError::Unverified(_) => {
                Self::new(Code::Refused, said, "tell the owners; nothing here is believed")
            }
            DecideError::Refused(Refusal::Excluded) => Self::new(Code::Refused, said, ""),
            DecideError::Refused(_) => Self::no(said),
            DecideError::Draft(_) | DecideError::Reason(_) | DecideError::WhichKey(_) => {
                Self::usage(said, "")
            }
            DecideError::CalledOff => Self::no(said),
            DecideError::KeyNotEnrolled(_) | DecideError::Sign(_) => Self::new(Code::Key, said, ""),
            DecideError::Outbox(_) => Self::new(
                Code::Refused,
                said,
                "nothing was sent: a decision is kept here first; mend that, then decide again",
            ),
            DecideError::Suppressed => Self::new(Code::Refused, said, ""),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Code::NotFound,
            FileError::NoRequest(_) => Code::NotFound,
            FileError::OtherRoot { .. } => Code::Refused,
            FileError::File { .. } | FileError::NotExported { .. } | FileError::Encode(_) => Code::Usage,
        };
        Self::new(code, error.to_string(), "")
    }
}

impl From<ReviewError> for Failure {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::File(error) => error.into(),
            ReviewError::Config(error) => error.into(),
            ReviewError::Trust(error) => error.into(),
            ReviewError::Decide(error) => Self::from(*error),
            ReviewError::Reveal(error) => error.into(),
            ReviewError::Changed(_) | ReviewError::Clock { .. } => {
                Self::new(Code::Refused, error.to_string(), "")
            }
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Inbox(error) => error.into(),
            ExportError::Client(error) => error.into(),
            ExportError::Sign(error) => error.into(),
            ExportError::Unverified { .. } => Self::new(
                Code::Refused,
                error.to_string(),
                "tell the owners; nothing here is believed",
            ),
            ExportError::File { .. } | ExportError::Carried { .. } | ExportError::Encode(_) => {
                Self::usage(error.to_string(), "")
            }
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::File(error) => error.into(),
            ImportError::Inbox(error) => error.into(),
            ImportError::Remember(error) => error.into(),
            ImportError::Outbox(error) => Self::new(Code::Refused, error.to_string(), ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> ClientError {
        ClientError::Refused {
            doing: "test",
            status,
            code: "x".to_owned(),
            title: "x".to_owned(),
            detail: None,
        }
    }

    #[test]
    fn exit_codes_are_as_promised() {
        let code = |failure: Failure| failure.code();
        assert_eq!(code(refused(404).into()), Code::NotFound);
        assert_eq!(code(refused(503).into()), Code::Unreachable);
        assert_eq!(code(refused(403).into()), Code::Refused);
        assert_eq!(code(refused(409).into()), Code::Stale);
        assert_eq!(code(DecideError::Stale("the sheet").into()), Code::Stale);
        assert_eq!(
            code(DecideError::Refused(Refusal::Excluded).into()),
            Code::Refused
        );
        assert_eq!(code(DecideError::Refused(Refusal::NotEligible).into()), Code::No);
        assert_eq!(
            code(DecideError::Key(KeyError::WrongPassphrase).into()),
            Code::Key
        );
        assert_eq!(code(KeyError::NotOnThisBuild("tpm").into()), Code::Usage);
        assert_eq!(code(ConfigError::Missing("backend").into()), Code::Usage);
        assert_eq!(code(TrustError::RootsWentBack.into()), Code::Refused);
    }
}
