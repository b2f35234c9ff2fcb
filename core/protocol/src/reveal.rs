//! Who had masked secrets of a request shown in the clear, and why.
//!
//! A record is no statement: nobody signs it and it stands beside the evidence; who it was is known to the backend by
//! the signature of the call. What a reviewer signs says so itself ([`crate::decision::Decision::revealed`]). It binds
//! honest consoles: whoever holds a request holds its bytes.

use serde::{Deserialize, Serialize};

use crate::identity::PersonId;
use crate::mask::SecretMark;
use crate::moment::Timestamp;
use crate::proposal::Nonce;
use crate::text::Bounded;

/// The most times that one person has secrets of one request revealed.
pub const MAX_REVEALS: usize = 20;

/// Why secrets are to be shown.
pub type RevealReason = Bounded<1024>;

/// One time that secrets of a request were revealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// To whom, by the signature of the call.
    pub person: PersonId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Why, as that person says.
    pub reason: RevealReason,
    /// The one secret it was about; without it, all of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretMark>,
}

/// Every time that secrets of a request were revealed, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveals {
    /// They.
    pub reveals: Vec<Reveal>,
}

/// A revealing to be recorded before anything is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealBody {
    /// Tells this time from every other, so that a repeated call is recorded once.
    pub nonce: Nonce,
    /// Why.
    pub reason: RevealReason,
    /// The one secret to be shown; without it, all of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretMark>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_form_is_fixed_and_bounded() {
        let mut reveal = Reveal {
            person: "maria".parse().unwrap(),
            at: Timestamp::from_millis(1),
            reason: RevealReason::new("is it the old one?").unwrap(),
            secret: None,
        };
        let json = serde_json::to_string(&reveal).unwrap();
        assert_eq!(
            json,
            r#"{"person":"maria","at":"1970-01-01T00:00:00.001Z","reason":"is it the old one?"}"#
        );
        assert_eq!(serde_json::from_str::<Reveal>(&json).unwrap(), reveal);
        assert!(serde_json::from_str::<Reveal>(&json.replace("at", "on")).is_err());
        reveal.secret = Some("9f3a1c20d4e5b6a7".parse().unwrap());
        let json = serde_json::to_string(&reveal).unwrap();
        assert!(json.ends_with(r#","secret":"9f3a1c20d4e5b6a7"}"#), "{json}");
        let nonce = serde_json::to_string(&Nonce::from_random([1; 32])).unwrap();
        let long = format!(r#"{{"nonce":{nonce},"reason":"{}"}}"#, "x".repeat(1025));
        assert!(serde_json::from_str::<RevealBody>(&long).is_err());
    }
}
