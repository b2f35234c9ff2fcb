//! The configuration file of a reviewer: `config.toml`.
//!
//! ```toml
//! backend = "https://countersign.example.com"
//! root = "…64 hexadecimal digits…"
//! person = "alex"
//! ca_file = "/etc/ssl/example-ca.pem"   # only where the system does not know the authority
//!
//! [keys.review]
//! provider = "software"
//! role = "reviewer"
//! id = "…64 hexadecimal digits…"
//! at = "device:/dev/tpmrm0"             # only where a device is not in its usual place
//! pin_remembered = true                 # as `countersign keys remember-pin` writes it; the PIN is in the keyring
//!
//! [presence]
//! tell = false                          # do not tell others which request is open here
//!
//! [terminal]
//! theme = "light"                       # auto, 16, dark, light, none
//! notify = true                         # let the terminal tell of new requests (OSC 9); or "osc777"
//!
//! [terminal.colours]
//! added = "#5fd787"                     # other colours for what the theme paints
//!
//! [terminal.keys]
//! down = ["j", "Down"]
//!
//! [desktop]
//! notify = false                        # do not tell of new requests
//! quiet_hours = "22:00-07:00"           # tell of none between these times of day
//! tray = false                          # no icon in the tray
//! ```
//!
//! Unknown keys are errors that name the nearest known one. `COUNTERSIGN_BACKEND` overrides `backend`.

mod desktop;
mod edit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_protocol::digest::{KeyId, RootId};
use countersign_protocol::identity::{PersonId, Role};
use serde::{Deserialize, Serialize};

use desktop::DESKTOP_KEYS;
pub use desktop::{Density, Desktop, QuietHours, WindowTheme, Zoom};

/// The longest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
const TOP_KEYS: &[&str] = &[
    "backend", "root", "person", "ca_file", "keys", "presence", "terminal", "desktop",
];
const PRESENCE_KEYS: &[&str] = &["tell"];
const TERMINAL_KEYS: &[&str] = &["theme", "notify", "keys", "colours"];
const KEY_KEYS: &[&str] = &["provider", "role", "id", "at", "pin_remembered"];

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The backend's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The organisation's pinned root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootId>,
    /// Who decides here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// A PEM file of certificate authorities to trust besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Signing keys by their names on this machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, ConfiguredKey>,
    /// What others are told of this console.
    #[serde(default, skip_serializing_if = "Presence::is_default")]
    pub presence: Presence,
    /// How the terminal console looks and is driven.
    #[serde(default, skip_serializing_if = "Terminal::is_default")]
    pub terminal: Terminal,
    /// How the desktop console tells of itself.
    #[serde(default, skip_serializing_if = "Desktop::is_default")]
    pub desktop: Desktop,
}

/// What others are told of this console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Presence {
    /// Whether the backend is told which request is open on the screen.
    pub tell: bool,
}

impl Default for Presence {
    fn default() -> Self {
        Self { tell: true }
    }
}

impl Presence {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the terminal console looks and is driven.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminal {
    /// The colours.
    #[serde(default)]
    pub theme: ThemeName,
    /// Whether and how the terminal is asked to tell of new requests.
    #[serde(default)]
    pub notify: Notify,
    /// Other keys for what the console does, by its names; the console checks them.
    #[serde(default)]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Other colours for what the theme paints, by its names; the console checks them.
    #[serde(default)]
    pub colours: BTreeMap<String, String>,
}

/// How a terminal is asked to tell of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NotifyForm", into = "NotifyForm")]
pub enum Notify {
    /// It isn't.
    #[default]
    Off,
    /// By OSC 9, as iTerm2, Windows Terminal, foot, kitty and others take it.
    Osc9,
    /// By OSC 777, as rxvt-unicode and VTE take it.
    Osc777,
}

/// A switch, or the word for a way.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NotifyForm {
    Switch(bool),
    Word(String),
}

impl TryFrom<NotifyForm> for Notify {
    type Error = &'static str;

    fn try_from(form: NotifyForm) -> Result<Self, Self::Error> {
        match form {
            NotifyForm::Switch(false) => Ok(Self::Off),
            NotifyForm::Switch(true) => Ok(Self::Osc9),
            NotifyForm::Word(word) if word == "osc9" => Ok(Self::Osc9),
            NotifyForm::Word(word) if word == "osc777" => Ok(Self::Osc777),
            NotifyForm::Word(_) => Err("`notify` is true, false, \"osc9\" or \"osc777\""),
        }
    }
}

impl From<Notify> for NotifyForm {
    fn from(notify: Notify) -> Self {
        match notify {
            Notify::Off => Self::Switch(false),
            Notify::Osc9 => Self::Switch(true),
            Notify::Osc777 => Self::Word("osc777".to_owned()),
        }
    }
}

impl Terminal {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The colours of the terminal console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeName {
    /// The sixteen colours of the terminal's own palette, or none where the environment says so.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// The sixteen colours.
    #[serde(rename = "16")]
    Sixteen,
    /// Colours for a dark background.
    #[serde(rename = "dark")]
    Dark,
    /// Colours for a light background.
    #[serde(rename = "light")]
    Light,
    /// No colours.
    #[serde(rename = "none")]
    Plain,
}

/// One signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredKey {
    /// What keeps it.
    pub provider: Provider,
    /// What it signs.
    pub role: Role,
    /// Which key it is.
    pub id: KeyId,
    /// Where its device is, where that is not the usual place: a TPM's address, a PKCS#11 module, an agent's socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether its holder chose to have its PIN or passphrase remembered. While this stands, what it signs says so,
    /// wherever the PIN came from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin_remembered: bool,
}

/// What can keep a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A passphrase-protected key in the keyring of the operating system.
    Software,
    /// A TPM 2.0.
    Tpm,
    /// A PKCS#11 token.
    Pkcs11,
    /// An SSH agent.
    SshAgent,
    /// The Secure Enclave of Apple machines.
    SecureEnclave,
    /// The TPM by way of Windows.
    WindowsTpm,
    /// A FIDO2 authenticator.
    Fido2,
}

impl Provider {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Tpm => "tpm",
            Self::Pkcs11 => "pkcs11",
            Self::SshAgent => "ssh-agent",
            Self::SecureEnclave => "secure-enclave",
            Self::WindowsTpm => "windows-tpm",
            Self::Fido2 => "fido2",
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read or written.
    #[error("configuration `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It is not TOML, or a value is not what it should be.
    #[error("configuration `{}`: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// It holds a key that nobody knows.
    #[error("configuration `{}`: unknown key `{key}`{}", path.display(), nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The known key that is most like it.
        nearest: Option<String>,
    },
    /// Something that is needed is not there.
    #[error("`{0}` is not configured; run `countersign login`")]
    Missing(&'static str),
    /// The file is somebody else's, or another organisation's.
    #[error("configuration `{}` names another {what}; one home belongs to one person of one organisation: set `COUNTERSIGN_HOME` to another folder", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// `root` or `person`.
        what: &'static str,
    },
    /// There is a key of this name.
    #[error("there is a key named `{0}` already; choose another name with `--name`")]
    KeyExists(String),
}

impl Config {
    /// Reads the file; a missing one is an empty configuration. `COUNTERSIGN_BACKEND` overrides `backend`.
    ///
    /// # Errors
    /// [`ConfigError`] says what is wrong and where.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = match read(path)? {
            Some(text) => Self::parse(path, &text)?,
            None => Self::default(),
        };
        if let Some(backend) = std::env::var("COUNTERSIGN_BACKEND")
            .ok()
            .filter(|text| !text.is_empty())
        {
            config.backend = Some(backend);
        }
        Ok(config)
    }

    /// The backend's address.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when there is none.
    pub fn backend(&self) -> Result<&str, ConfigError> {
        self.backend.as_deref().ok_or(ConfigError::Missing("backend"))
    }

    /// The pinned root.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when there is none.
    pub fn root(&self) -> Result<RootId, ConfigError> {
        self.root.ok_or(ConfigError::Missing("root"))
    }

    /// Who decides here.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when nobody is named.
    pub fn person(&self) -> Result<&PersonId, ConfigError> {
        self.person.as_ref().ok_or(ConfigError::Missing("person"))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let malformed = |error: toml::de::Error| ConfigError::Malformed {
            path: path.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        };
        let table: toml::Table = text.parse().map_err(malformed)?;
        check_keys(path, "", table.keys(), TOP_KEYS)?;
        if let Some(terminal) = table.get("terminal").and_then(toml::Value::as_table) {
            check_keys(path, "terminal.", terminal.keys(), TERMINAL_KEYS)?;
        }
        if let Some(desktop) = table.get("desktop").and_then(toml::Value::as_table) {
            check_keys(path, "desktop.", desktop.keys(), DESKTOP_KEYS)?;
        }
        if let Some(presence) = table.get("presence").and_then(toml::Value::as_table) {
            check_keys(path, "presence.", presence.keys(), PRESENCE_KEYS)?;
        }
        let keys = table.get("keys").and_then(toml::Value::as_table);
        for (name, key) in keys.into_iter().flatten() {
            if let Some(key) = key.as_table() {
                check_keys(path, &format!("keys.{name}."), key.keys(), KEY_KEYS)?;
            }
        }
        toml::from_str(text).map_err(malformed)
    }
}

fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::File {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if found.len() > MAX_BYTES => {
            return Err(failed(std::io::Error::other(
                "it is too large for a configuration",
            )));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(failed)
}

fn check_keys<'a>(
    path: &Path,
    prefix: &str,
    found: impl Iterator<Item = &'a String>,
    known: &[&str],
) -> Result<(), ConfigError> {
    for key in found {
        if !known.contains(&key.as_str()) {
            return Err(ConfigError::UnknownKey {
                path: path.to_owned(),
                key: format!("{prefix}{key}"),
                nearest: nearest(key, known).map(|near| format!("{prefix}{near}")),
            });
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = name
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if plain && (1..=32).contains(&name.len()) {
        Ok(())
    } else {
        Err("may hold 1 to 32 of `a-z`, `0-9`, `-` and `_`")
    }
}

/// The known word that takes the fewest changes, if that is few enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect();
    known
        .iter()
        .map(|candidate| (strsim::levenshtein(&word, candidate), *candidate))
        .min()
        .filter(|(changes, candidate)| *changes <= candidate.len().div_ceil(2))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one() {
        let nearest = |text: &str| match parse(text) {
            Err(ConfigError::UnknownKey { key, nearest, .. }) => (key, nearest),
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("backnd = 'x'"), ("backnd".into(), Some("backend".into())));
        assert_eq!(
            nearest("persons = 'x'"),
            ("persons".into(), Some("person".into()))
        );
        assert_eq!(
            nearest("[keys.a]\nprovidr='x'"),
            ("keys.a.providr".into(), Some("keys.a.provider".into()))
        );
        assert_eq!(
            nearest("[terminal]\nthem='dark'"),
            ("terminal.them".into(), Some("terminal.theme".into()))
        );
        assert_eq!(nearest("zzzzzzzzzzzz = 1"), ("zzzzzzzzzzzz".into(), None));
        assert!(
            parse("backnd = 'x'")
                .unwrap_err()
                .to_string()
                .contains("did you mean `backend`?")
        );
    }

    #[test]
    fn wrong_values_are_refused() {
        for bad in [
            "root = 'abc'",
            "person = 'A B'",
            "backend = 5",
            "backend =",
            "[keys.a]\nprovider='usb'\nrole='reviewer'\nid='x'",
            "[terminal]\ntheme='pink'",
            "[terminal]\nnotify='osc8'",
            "[terminal.keys]\ndown=5",
            "[terminal.colours]\nadded=5",
        ] {
            assert!(matches!(parse(bad), Err(ConfigError::Malformed { .. })), "{bad}");
        }
    }

    #[test]
    fn a_terminal_is_told_in_one_of_two_ways_or_not_at_all() {
        for (text, notify) in [
            ("", Notify::Off),
            ("notify = false", Notify::Off),
            ("notify = true", Notify::Osc9),
            ("notify = 'osc9'", Notify::Osc9),
            ("notify = 'osc777'", Notify::Osc777),
        ] {
            let config = parse(&format!("[terminal]\n{text}")).unwrap();
            assert_eq!(config.terminal.notify, notify, "{text}");
            let again = parse(&toml::to_string(&config).unwrap()).unwrap();
            assert_eq!(again, config, "{text}");
        }
    }

    #[test]
    fn what_is_missing_says_what_to_do() {
        let error = Config::default().person().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`person` is not configured; run `countersign login`"
        );
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let hours = |text: &str| QuietHours::try_from(text.to_owned());
        let night = hours("22:00-07:00").unwrap();
        assert!(
            [1320, 1439, 0, 419]
                .into_iter()
                .all(|minute| night.contains(minute))
        );
        assert!([420, 720, 1319].into_iter().all(|minute| !night.contains(minute)));
        let noon = hours("12:00-13:30").unwrap();
        assert!(noon.contains(809) && !noon.contains(810) && !noon.contains(0));
        assert_eq!(String::from(night), "22:00-07:00");
        for wrong in [
            "",
            "22-7",
            "24:00-07:00",
            "22:60-07:00",
            "22:00",
            "+2:00-07:00",
            "22:00-07:00-08:00",
        ] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
