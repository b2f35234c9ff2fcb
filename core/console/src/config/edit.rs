//! Writing into the configuration file. What people wrote in it stays as it is, and where a file is written in a way that
//! can't be changed line by line, it is left alone.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_client::durable;

use super::desktop::DESKTOP_KEYS;
use super::{Config, ConfigError, ConfiguredKey, Desktop, check_name, read};

impl Config {
    /// Puts an organisation into the file: backend, root, person and certificate file of `self`, where the file has
    /// none. What people wrote in it stays as it is.
    ///
    /// # Errors
    /// [`ConfigError::Taken`] when the file names another organisation or person; others when it cannot be written.
    pub fn join(&self, path: &Path) -> Result<(), ConfigError> {
        let text = read(path)?.unwrap_or_default();
        let known = Self::parse(path, &text)?;
        let taken = |what| ConfigError::Taken {
            path: path.to_owned(),
            what,
        };
        if known.root.is_some() && known.root != self.root {
            return Err(taken("root"));
        }
        if known.person.is_some() && known.person != self.person {
            return Err(taken("person"));
        }
        let missing = Self {
            backend: self.backend.clone().filter(|_| known.backend.is_none()),
            root: self.root.filter(|_| known.root.is_none()),
            person: self.person.clone().filter(|_| known.person.is_none()),
            ca_file: self.ca_file.clone().filter(|_| known.ca_file.is_none()),
            keys: BTreeMap::new(),
            ..Self::default()
        };
        let lines = toml::to_string(&missing).map_err(|error| malformed(path, error.to_string()))?;
        // Before everything else: these keys belong to no table.
        let text = format!("{lines}{text}");
        Self::parse(path, &text)?;
        replace(path, &text)
    }

    /// Puts how the desktop console is into the file. What people wrote beside that stays as it is.
    ///
    /// # Errors
    /// [`ConfigError`] when the file is written in a way that this can't change, or cannot be written.
    pub fn keep_desktop(path: &Path, desktop: &Desktop) -> Result<(), ConfigError> {
        let values = toml::to_string(desktop).map_err(|error| malformed(path, error.to_string()))?;
        let wanted = |config: &mut Self| config.desktop = *desktop;
        put(path, "desktop", DESKTOP_KEYS, &values, wanted)
    }

    /// Puts into the file whether the PIN or passphrase of a key is remembered. The PIN itself is never in it.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no such key, the file is written in a way that this can't change, or cannot be
    /// written.
    pub fn keep_pin_remembered(path: &Path, name: &str, remembered: bool) -> Result<(), ConfigError> {
        let value = if remembered { "pin_remembered = true\n" } else { "" };
        let wanted = |config: &mut Self| {
            if let Some(key) = config.keys.get_mut(name) {
                key.pin_remembered = remembered;
            }
        };
        put(path, &format!("keys.{name}"), &["pin_remembered"], value, wanted)
    }

    /// Adds a key to the file. What people wrote in it stays as it is.
    ///
    /// # Errors
    /// [`ConfigError`] when there is a key of that name, or the file cannot be written.
    pub fn add_key(path: &Path, name: &str, key: &ConfiguredKey) -> Result<(), ConfigError> {
        check_name(name).map_err(|problem| malformed(path, format!("key name `{name}` {problem}")))?;
        let text = read(path)?.unwrap_or_default();
        if Self::parse(path, &text)?.keys.contains_key(name) {
            return Err(ConfigError::KeyExists(name.to_owned()));
        }
        let table = toml::to_string(key).map_err(|error| malformed(path, error.to_string()))?;
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        // A table at the end is right whatever stands before it.
        let text = format!("{text}{gap}\n[keys.{name}]\n{table}");
        Self::parse(path, &text)?;
        replace(path, &text)
    }
}

/// Puts values into a table of the file, in place of what it says by these keys. `change` does the same to what was
/// read: the two have to agree.
fn put(
    path: &Path,
    table: &str,
    keys: &[&str],
    values: &str,
    change: impl FnOnce(&mut Config),
) -> Result<(), ConfigError> {
    let text = read(path)?.unwrap_or_default();
    let mut wanted = Config::parse(path, &text)?;
    change(&mut wanted);
    let text = with_values(&text, table, keys, values);
    // Written in another way than as a table of lines, it is left to whoever wrote it.
    if Config::parse(path, &text).ok() != Some(wanted) {
        let problem = format!("`{table}` is not written as a table of lines; change it in an editor");
        return Err(malformed(path, problem));
    }
    replace(path, &text)
}

fn replace(path: &Path, text: &str) -> Result<(), ConfigError> {
    durable::replace(path, text.as_bytes()).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })
}

fn malformed(path: &Path, problem: String) -> ConfigError {
    ConfigError::Malformed {
        path: path.to_owned(),
        problem,
    }
}

/// The text of a configuration with these lines as what one of its tables says by these keys.
fn with_values(text: &str, table: &str, keys: &[&str], values: &str) -> String {
    let header = format!("[{table}]");
    let (mut out, mut inside, mut written) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let bare = line.split('#').next().unwrap_or_default().trim();
        if bare.starts_with('[') {
            inside = bare == header;
        } else if inside
            && bare
                .split_once('=')
                .is_some_and(|(key, _)| keys.contains(&key.trim()))
        {
            continue;
        }
        out.push_str(line);
        if inside && !written {
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(values);
            written = true;
        }
    }
    if !written {
        let gap = match text {
            "" => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        out = format!("{out}{gap}{header}\n{values}");
    }
    out
}

#[cfg(test)]
mod tests {
    use countersign_protocol::identity::Role;

    use super::super::{Provider, QuietHours, WindowTheme};
    use super::*;

    #[test]
    fn a_key_is_added_without_touching_what_people_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "# mine\nbackend = \"http://127.0.0.1:1\"").unwrap();
        let key = ConfiguredKey {
            provider: Provider::Software,
            role: Role::Reviewer,
            id: "ab".repeat(32).parse().unwrap(),
            at: None,
            pin_remembered: false,
        };
        Config::add_key(&path, "review", &key).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# mine\n"));
        let config = Config::load(&path).unwrap();
        assert_eq!(config.keys.get("review"), Some(&key));
        assert!(matches!(
            Config::add_key(&path, "review", &key),
            Err(ConfigError::KeyExists(_))
        ));
        for bad in ["", "a.b", "a]\n[x", "Ä"] {
            assert!(Config::add_key(&path, bad, &key).is_err(), "{bad}");
        }
        assert_eq!(
            Config::load(&folder.path().join("none")).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn joining_keeps_what_is_there_and_refuses_another_organisation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let joining = |root: &str, person: &str| Config {
            backend: Some("https://example.com".to_owned()),
            root: Some(root.repeat(32).parse().unwrap()),
            person: Some(person.parse().unwrap()),
            ..Config::default()
        };
        std::fs::write(&path, "# mine\n[keys.a]\nprovider='software'\nrole='root'\nid='").unwrap();
        let text = std::fs::read_to_string(&path).unwrap() + &"ab".repeat(32) + "'\n";
        std::fs::write(&path, text).unwrap();
        joining("cd", "alex").join(&path).unwrap();
        joining("cd", "alex").join(&path).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(
            (config.keys.len(), config.person().unwrap().as_str()),
            (1, "alex")
        );
        assert!(std::fs::read_to_string(&path).unwrap().contains("# mine"));
        assert!(matches!(
            joining("ef", "alex").join(&path),
            Err(ConfigError::Taken { what: "root", .. })
        ));
        assert!(matches!(
            joining("cd", "robin").join(&path),
            Err(ConfigError::Taken { what: "person", .. })
        ));
    }

    #[test]
    fn how_the_window_is_is_kept_without_touching_what_people_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let desktop = Desktop {
            theme: WindowTheme::Dark,
            quiet_hours: Some(QuietHours::try_from("22:00-07:00".to_owned()).unwrap()),
            ..Desktop::default()
        };
        for before in [
            "",
            "person = 'p-kim' # me",
            "[desktop] # mine\n# at night\ntray = true\nquiet_hours = \"01:00-02:00\"\n\n[presence]\ntell = false\n",
            "[desktop]",
        ] {
            std::fs::write(&path, before).unwrap();
            let (known, person) = (Config::load(&path).unwrap().presence, before.contains("# me"));
            for _ in 0..2 {
                Config::keep_desktop(&path, &desktop).unwrap();
                let kept = Config::load(&path).unwrap();
                assert_eq!((kept.desktop, kept.presence), (desktop, known), "{before}");
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.contains("# me"), person);
            assert_eq!(
                text.contains("# at night"),
                before.contains("# at night"),
                "{text}"
            );
        }
        for odd in ["desktop = { tray = false }\n", "desktop.tray = false\n"] {
            std::fs::write(&path, odd).unwrap();
            assert!(Config::keep_desktop(&path, &desktop).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), odd);
        }
    }

    #[test]
    fn that_a_pin_is_remembered_stands_with_its_key_and_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let table = |name: &str, rest: &str| {
            let id = "ab".repeat(32);
            format!("[keys.{name}] # mine\nprovider = 'tpm'\nrole = 'reviewer'\nid = '{id}'\n{rest}")
        };
        let before = table("review", "\n") + &table("other", "pin_remembered = true # long ago");
        std::fs::write(&path, &before).unwrap();
        let remembered = |name: &str| Config::load(&path).unwrap().keys[name].pin_remembered;
        for wanted in [true, true, false, false] {
            Config::keep_pin_remembered(&path, "review", wanted).unwrap();
            assert_eq!((remembered("review"), remembered("other")), (wanted, true));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        Config::keep_pin_remembered(&path, "other", false).unwrap();
        assert!(!remembered("other"));
        assert!(Config::keep_pin_remembered(&path, "none", true).is_err());
        let odd =
            "keys.a = { provider = 'tpm', role = 'reviewer', id = '".to_owned() + &"ab".repeat(32) + "' }\n";
        std::fs::write(&path, &odd).unwrap();
        assert!(Config::keep_pin_remembered(&path, "a", true).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), odd);
    }
}
