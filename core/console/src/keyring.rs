//! The keyring of the operating system: the Secret Service, by way of the `keyring` crate.
//!
//! Every call runs on a thread of its own and is given up after a while, so that no console hangs on a prompt of
//! the system that nobody sees. Where no keyring can be reached, that is an error that says what to do; there is
//! no other place for a key.

use std::time::Duration;

use keyring::v1::{Entry, Error};
use zeroize::Zeroizing;

use crate::patience::{Impatience, within};

/// The service name of every item.
const SERVICE: &str = "countersign";
/// The largest item; some systems keep no larger one.
pub const MAX_ITEM_BYTES: usize = 2048;
/// How long a call may take: long enough to answer a prompt of the system.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the keyring gave or kept nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no session bus.
    #[error(
        "no keyring can be reached: there is no D-Bus session; log in to a desktop session, or start one with `dbus-run-session -- bash`"
    )]
    NoSessionBus,
    /// There is a bus, but no keyring on it.
    #[error(
        "no keyring can be reached: no Secret Service runs in this session; install and start `gnome-keyring` (or KWallet, KeePassXC)"
    )]
    NoService,
    /// It is locked, or was never unlocked.
    #[error(
        "the keyring is locked; unlock it (log in to the desktop session, or `gnome-keyring-daemon --unlock`) and try again"
    )]
    Locked,
    /// There is no such item.
    #[error(
        "the keyring holds no item `{0}`; it may be another user's or another machine's key: `countersign keys list` shows what is configured"
    )]
    Missing(String),
    /// The item is too large for every system.
    #[error("{0} bytes are too large for an item of the keyring (2048 at most)")]
    TooLarge(usize),
    /// No answer came.
    #[error("the keyring did not answer within {} seconds; look for a window of the system that asks for a password", .0.as_secs())]
    TimedOut(Duration),
    /// Something else.
    #[error("keyring: {0}")]
    Other(String),
}

/// Whether a keyring can be reached and asked.
///
/// # Errors
/// [`KeyringError`] says why not, and what to do.
pub fn probe() -> Result<(), KeyringError> {
    match get("probe") {
        Ok(_) | Err(KeyringError::Missing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Keeps an item under a name, replacing an older one.
///
/// # Errors
/// [`KeyringError`] says why not, and what to do.
pub fn set(name: &str, item: &[u8]) -> Result<(), KeyringError> {
    if item.len() > MAX_ITEM_BYTES {
        return Err(KeyringError::TooLarge(item.len()));
    }
    let item = Zeroizing::new(item.to_vec());
    on_own_thread(name, PATIENCE, move |entry| entry.set_secret(&item))
}

/// Gives an item.
///
/// # Errors
/// [`KeyringError`] says why not, and what to do.
pub fn get(name: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    on_own_thread(name, PATIENCE, |entry| entry.get_secret().map(Zeroizing::new))
}

/// Forgets an item.
///
/// # Errors
/// [`KeyringError`] says why not, and what to do.
pub fn delete(name: &str) -> Result<(), KeyringError> {
    on_own_thread(name, PATIENCE, Entry::delete_credential)
}

fn on_own_thread<T: Send + 'static>(
    name: &str,
    patience: Duration,
    call: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, KeyringError> {
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() && !has_default_bus() {
        return Err(KeyringError::NoSessionBus);
    }
    let item = name.to_owned();
    let run = move || {
        Entry::new(SERVICE, &item)
            .and_then(|entry| call(&entry))
            .map_err(|error| explain(&error, &item))
    };
    within("keyring", patience, run).unwrap_or_else(|why| {
        Err(match why {
            Impatience::TimedOut => KeyringError::TimedOut(patience),
            Impatience::Ended => KeyringError::Other("its thread ended early".to_owned()),
        })
    })
}

/// The bus that systemd puts where no variable names one.
fn has_default_bus() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR")
        .is_some_and(|folder| std::path::Path::new(&folder).join("bus").exists())
}

/// The library keeps causes as text of another library; these are the ones met in practice.
fn explain(error: &Error, item: &str) -> KeyringError {
    let whole = match error {
        Error::NoDefaultStore => match Entry::store_status() {
            Err(reason) => format!("{reason:?}"),
            Ok(()) => String::new(),
        },
        error => format!("{error:?}"),
    };
    let says = |words: &[&str]| words.iter().any(|word| whole.contains(word));
    match error {
        Error::NoEntry => KeyringError::Missing(item.to_owned()),
        Error::TooLong(..) => KeyringError::TooLarge(MAX_ITEM_BYTES),
        _ if says(&["ServiceUnknown", "Spawn.", "NameHasNoOwner", "Unavailable"]) => KeyringError::NoService,
        Error::NoStorageAccess(_) => KeyringError::Locked,
        _ if says(&["Connection", "InputOutput", "Address", "Handshake"]) => KeyringError::NoSessionBus,
        error => KeyringError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True under `tests/with-keyring`, which brings a private and unlocked keyring.
    pub(crate) fn has_keyring() -> bool {
        let private = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
        if !private {
            eprintln!("skipped: no session bus; run under tests/with-keyring");
        }
        private
    }

    #[test]
    fn items_are_kept_and_forgotten() {
        if !has_keyring() {
            return;
        }
        probe().unwrap();
        assert_eq!(get("test/none"), Err(KeyringError::Missing("test/none".into())));
        set("test/one", b"\x00secret\xff").unwrap();
        assert_eq!(get("test/one").unwrap().as_slice(), b"\x00secret\xff");
        set("test/one", b"other").unwrap();
        assert_eq!(get("test/one").unwrap().as_slice(), b"other");
        delete("test/one").unwrap();
        assert!(matches!(get("test/one"), Err(KeyringError::Missing(_))));
    }

    #[test]
    fn large_items_are_refused_before_anything_is_asked() {
        assert_eq!(
            set("test/large", &[0; MAX_ITEM_BYTES + 1]),
            Err(KeyringError::TooLarge(2049))
        );
    }

    #[test]
    fn without_a_session_bus_nothing_is_kept_anywhere() {
        if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || has_default_bus() {
            eprintln!("skipped: there is a session bus");
            return;
        }
        assert_eq!(probe(), Err(KeyringError::NoSessionBus));
        assert_eq!(set("test/none", b"x"), Err(KeyringError::NoSessionBus));
    }

    #[test]
    fn a_call_that_hangs_is_given_up() {
        if !has_keyring() {
            return;
        }
        let patience = Duration::from_millis(50);
        let answer = on_own_thread("test/slow", patience, |_| {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        });
        assert_eq!(answer, Err(KeyringError::TimedOut(patience)));
    }

    #[test]
    fn causes_are_told_apart() {
        let access = |text: &str| Error::NoStorageAccess(text.to_owned().into());
        let failure = |text: &str| Error::PlatformFailure(text.to_owned().into());
        assert_eq!(explain(&access("Prompt"), "a"), KeyringError::Locked);
        assert_eq!(explain(&access("NoResult"), "a"), KeyringError::Locked);
        assert_eq!(
            explain(&failure("Zbus(Connection(NotFound))"), "a"),
            KeyringError::NoSessionBus
        );
        assert_eq!(
            explain(&failure("org.freedesktop.DBus.Error.ServiceUnknown"), "a"),
            KeyringError::NoService
        );
        assert_eq!(explain(&Error::NoEntry, "a"), KeyringError::Missing("a".into()));
        assert!(matches!(explain(&failure("odd"), "a"), KeyringError::Other(_)));
    }
}
