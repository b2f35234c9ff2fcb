//! What went wrong, in words for people and one for programs.

use countersign_client::trust::TrustError;
use countersign_review::text::Untrusted;

use crate::decide::DecideError;
use crate::inbox::InboxError;
use crate::machine::Trouble;

pub(super) fn told(what: &dyn std::fmt::Display, hint: &str) -> Untrusted {
    Untrusted::from(format!("{what}; {hint}").as_str())
}

pub(crate) fn trouble_of_trust(error: &TrustError) -> Trouble {
    let code = if error.is_alarm() { "alarm" } else { "trust" };
    Trouble::new(code, error.to_string().as_str())
}

pub(crate) fn trouble(error: &InboxError) -> Trouble {
    match error {
        InboxError::Client(error) => Trouble::new(error.code(), told(error, error.hint())),
        InboxError::Trust(error) => trouble_of_trust(error),
        InboxError::Config(_) | InboxError::LoginKey(_) => {
            Trouble::new("not-configured", error.to_string().as_str())
        }
        InboxError::Overtaken(_) => Trouble::new("superseded", error.to_string().as_str()),
        InboxError::Outbox(_) | InboxError::OtherRequest { .. } => {
            Trouble::new("alarm", error.to_string().as_str())
        }
    }
}

/// The word for a decision that failed, for programs.
#[must_use]
pub const fn code_of(error: &DecideError) -> &'static str {
    match error {
        DecideError::Inbox(_) => "inbox",
        DecideError::Unverified(_) => "unverified",
        DecideError::Stale(_) => "stale",
        DecideError::Refused(_) => "refused",
        DecideError::Reason(_) => "reason",
        DecideError::Config(_) => "not-configured",
        DecideError::WhichKey(_) => "which-key",
        DecideError::KeyNotEnrolled(_) => "key-not-enrolled",
        DecideError::Key(_) => "key",
        DecideError::Draft(_) => "draft",
        DecideError::Sign(_) => "sign",
        DecideError::Outbox(_) => "outbox",
        DecideError::BackendRefused(_) => "backend-refused",
        DecideError::CalledOff => "called-off",
        DecideError::Suppressed => "alarm",
    }
}
