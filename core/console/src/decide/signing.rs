//! A prepared decision is signed: the last step, in which a key is used.

use countersign_protocol::amendment::Amendment;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::Decision;
use countersign_protocol::identity::{Presence, Role};
use countersign_protocol::signed::{Envelope, SignError, Signed, Signer};

use crate::config::ConfiguredKey;
use crate::keys::{self, KeyError, Secret, remembered};
use crate::outbox::Item;

use super::{DecideError, Instead, Prepared};

/// Signs what was prepared. Whether somebody was present is what the key can prove, and nothing where its PIN is remembered.
pub(crate) fn sign(
    prepared: Prepared,
    configured: &ConfiguredKey,
    secret: &Secret,
) -> Result<Item, DecideError> {
    let key = keys::open(configured)?;
    if key.role() != Role::Reviewer {
        return Err(DecideError::WhichKey(
            "this key was not made to sign decisions".to_owned(),
        ));
    }
    // Whatever the configuration says, or said when this program was started: what lies in the keyring is told.
    let pin_remembered = configured.pin_remembered || remembered::is_kept(key.as_ref())?;
    let presence = if pin_remembered {
        Presence::None
    } else {
        prepared.decision.presence.min(key.presence())
    };
    let decision = Decision {
        presence,
        pin_remembered,
        ..prepared.decision
    };
    let (request, verdict) = (decision.request, decision.verdict);
    let (statement, brought) = Statement::of(decision, prepared.instead);
    let signed = match secret {
        Secret::Given(given) => key
            .unlock(given)
            .map_err(SignError::from)
            .and_then(|signer| statement.seal(signer.as_ref())),
        Secret::Remembered if configured.pin_remembered => {
            remembered::sign(key.as_ref(), |signer| statement.seal(signer))
        }
        Secret::Remembered => Err(KeyError::NotRemembered(key.asks().word()).into()),
    };
    let envelope =
        signed.map_err(|error| KeyError::of(error).map_or_else(DecideError::Sign, DecideError::Key))?;
    let item = Item::new(request, verdict, envelope, prepared.now);
    Ok(match brought {
        Some(artifacts) => item.amending(artifacts),
        None => item,
    })
}

/// What is signed: a decision, or a denial with what it proposes instead.
enum Statement {
    Decision(Box<Decision>),
    Amendment(Box<Amendment>),
}

impl Statement {
    /// The statement, and the bytes that it brings along.
    fn of(denial: Decision, instead: Option<Instead>) -> (Self, Option<Vec<Artifact>>) {
        match instead {
            None => (Self::Decision(Box::new(denial)), None),
            Some(Instead {
                action,
                until,
                artifacts,
            }) => {
                let amendment = Amendment {
                    denial,
                    action,
                    until,
                };
                (Self::Amendment(Box::new(amendment)), Some(artifacts))
            }
        }
    }

    fn seal(&self, signer: &dyn Signer) -> Result<Envelope, SignError> {
        Ok(match self {
            Self::Decision(decision) => Signed::seal(decision.as_ref(), &[signer])?.into_envelope(),
            Self::Amendment(amendment) => Signed::seal(amendment.as_ref(), &[signer])?.into_envelope(),
        })
    }
}
