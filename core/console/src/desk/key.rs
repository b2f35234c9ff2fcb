//! How the key at hand stands, and why it will not do.

use countersign_client::now;
use countersign_client::trust::Trusted;
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence, Role};
use countersign_protocol::moment::Timestamp;
use countersign_verify::Chain;

use crate::config::{Config, ConfiguredKey, Provider};
use crate::decide;
use crate::keys::{self, Asks, KeyError, remembered};
use crate::machine::state::{KeyStanding, KeySummary};
use crate::machine::{Trust, Unlock};

/// What a key asks for, before it was asked itself.
const fn unlock_of(key: &ConfiguredKey) -> Unlock {
    if key.pin_remembered {
        return Unlock::Remembered;
    }
    match key.provider {
        Provider::Software => Unlock::Passphrase,
        Provider::Tpm | Provider::Pkcs11 | Provider::SecureEnclave | Provider::WindowsTpm => Unlock::Pin,
        Provider::SshAgent | Provider::Fido2 => Unlock::Touch,
    }
}

/// How a key stands now. Where its PIN was to be remembered and can't be used, it says why, and asks.
///
/// # Errors
/// [`KeyError`] says why it can't be used, and what to do.
pub fn key_standing(key: &ConfiguredKey) -> Result<KeyStanding, KeyError> {
    let opened = keys::open(key)?;
    let asking = |warning| KeyStanding {
        unlock: unlock_for(opened.asks()),
        warning,
    };
    let warning = |attempts: Option<keys::Attempts>| attempts.and_then(|attempts| attempts.warning());
    if !key.pin_remembered {
        return Ok(asking(warning(opened.attempts()?)));
    }
    match remembered::ready(opened.as_ref()) {
        Ok(attempts) => Ok(KeyStanding {
            unlock: Unlock::Remembered,
            warning: warning(attempts),
        }),
        Err(KeyError::LastAttempt) => Ok(asking(warning(opened.attempts()?))),
        Err(KeyError::NotRemembered(_)) => Ok(asking(Some("it is not remembered any more".to_owned()))),
        Err(error) => Err(error),
    }
}

const fn unlock_for(asks: Asks) -> Unlock {
    match asks {
        Asks::Passphrase => Unlock::Passphrase,
        Asks::Pin => Unlock::Pin,
        Asks::Confirmation => Unlock::Touch,
    }
}

/// Why the key on this machine will not do for an approval, as the directory and policy say: known before anything
/// is read.
pub fn weak_key(chain: &Chain, config: &Config, person: &PersonId, now: Timestamp) -> Option<String> {
    let (name, key) = decide::signing_key(config, Some(&chain.directory), None).ok()?;
    let entry = chain.directory.key_at(&key.id, Role::Reviewer, now).ok()?;
    let presence = match key.provider {
        // Whatever holds it may ask somebody; nothing proves that it did.
        Provider::SshAgent => Presence::None,
        _ if key.pin_remembered => Presence::None,
        _ => entry.presence,
    };
    let policies = chain.refuses_key(person, entry.assurance, presence, now)?;
    let asks = match presence {
        Presence::None if key.pin_remembered => "with a remembered PIN",
        Presence::None => "without a PIN",
        Presence::Pin => "with a PIN or passphrase",
        Presence::Touch => "with a touch",
    };
    let kept = match entry.assurance {
        KeyAssurance::Software => "in software",
        KeyAssurance::HardwareUnattested => "in hardware without proof",
        KeyAssurance::HardwareAttested => "proven to be in hardware",
    };
    let policies = policies.join(", ");
    // Forgetting helps only where what the key itself can prove is enough.
    let forgetting = key.pin_remembered
        && chain
            .refuses_key(person, entry.assurance, entry.presence, now)
            .is_none();
    let next = if forgetting {
        format!("`countersign keys forget-pin {name}` has it asked for again; ")
    } else {
        String::new()
    };
    Some(format!(
        "your key ({kept}, {asks}) will not do here, by policy {policies}; {next}you can still deny"
    ))
}

/// Whom and what is trusted, as it is shown.
pub(crate) fn trust_of(trusted: &Trusted, config: &Config, person: &PersonId) -> Trust {
    let key = decide::signing_key(config, Some(&trusted.directory), None)
        .ok()
        .and_then(|(name, key)| {
            let entry = trusted.directory.key_at(&key.id, Role::Reviewer, now()).ok()?;
            Some(KeySummary {
                name: name.as_str().into(),
                assurance: entry.assurance,
                unlock: unlock_of(&key),
                pin_remembered: key.pin_remembered,
                unlocks_many: keys::provider(key.provider, key.at.as_deref())
                    .is_ok_and(|provider| provider.unlocks_many()),
            })
        });
    Trust {
        organisation: trusted.root.root().organisation.raw().into(),
        root_words: trusted.root.id().words(),
        person: person.clone(),
        key,
    }
}
