//! The backend's two keys, each in a file that only its owner reads.
//!
//! `backend.key` (ECDSA P-256) signs requests and grants, `log.key` (Ed25519) signs checkpoints; neither can sign
//! the other's statements, and neither can decide anything. PKCS#8 in PEM (RFC 5958), mode 0600.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_protocol::identity::{Algorithm, PublicKey};
use countersign_protocol::signed::{SignError, Signer};
use ed25519_dalek::Signer as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rand_core::OsRng;

/// The file that holds the key for requests and grants.
pub const BACKEND_KEY: &str = "backend.key";
/// The file that holds the key for checkpoints.
pub const LOG_KEY: &str = "log.key";
/// The largest key file that is read, in bytes.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("key file `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others could read it.
    #[error("key file `{0}` must be owned by this user with mode 0600; run `chmod 600` on it")]
    Open(PathBuf),
    /// Not a key.
    #[error("key file `{0}` holds no PKCS#8 key of the expected algorithm")]
    Malformed(PathBuf),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(getrandom::Error),
}

/// The key that signs requests and grants.
pub struct BackendKey {
    secret: p256::ecdsa::SigningKey,
    public: PublicKey,
}

/// The key that signs checkpoints.
#[derive(Clone)]
pub struct LogKey {
    secret: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl std::fmt::Debug for BackendKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BackendKey({:?})", self.public)
    }
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKey({:?})", self.public)
    }
}

impl BackendKey {
    /// Makes a key and writes it to `path`, which must not exist.
    ///
    /// # Errors
    /// [`KeyError`] when the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let secret = p256::ecdsa::SigningKey::random(&mut OsRng);
        let pem = secret.to_pkcs8_pem(LineEnding::LF);
        let key = Self::of(secret, path)?;
        create(path, pem.map_err(|_| malformed(path))?.as_bytes())?;
        Ok(key)
    }

    /// Reads the key from an owner-only file.
    ///
    /// # Errors
    /// [`KeyError`] when others could read it or it holds something else.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let secret = p256::ecdsa::SigningKey::from_pkcs8_pem(&load(path)?).map_err(|_| malformed(path))?;
        Self::of(secret, path)
    }

    fn of(secret: p256::ecdsa::SigningKey, path: &Path) -> Result<Self, KeyError> {
        let spki = secret
            .verifying_key()
            .to_public_key_der()
            .map_err(|_| malformed(path))?;
        let public =
            PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).map_err(|_| malformed(path))?;
        Ok(Self { secret, public })
    }
}

impl Signer for BackendKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: p256::ecdsa::Signature =
            p256::ecdsa::signature::Signer::try_sign(&self.secret, message)
                .map_err(|error| SignError::Key(error.into()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

impl LogKey {
    /// Makes a key and writes it to `path`, which must not exist.
    ///
    /// # Errors
    /// [`KeyError`] when the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::generate(&mut OsRng);
        let pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(|_| malformed(path))?;
        create(path, pem.as_bytes())?;
        Ok(Self::of(secret))
    }

    /// Reads the key from an owner-only file.
    ///
    /// # Errors
    /// [`KeyError`] when others could read it or it holds something else.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::from_pkcs8_pem(&load(path)?).map_err(|_| malformed(path))?;
        Ok(Self::of(secret))
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The signer of a log's notes: the key's name is the log's origin.
    #[must_use]
    pub fn note_signer(&self, origin: &str) -> NoteSigner {
        let encoded = [&[1], self.secret.verifying_key().as_bytes().as_slice()].concat();
        NoteSigner {
            name: origin.to_owned(),
            id: signed_note::key_id(origin, &encoded),
            secret: self.secret.clone(),
        }
    }

    /// The verifier key line of the log (C2SP signed-note).
    #[must_use]
    pub fn verifier_key(&self, origin: &str) -> String {
        signed_note::new_ed25519_verifier_key(origin, &self.secret.verifying_key())
    }

    fn of(secret: ed25519_dalek::SigningKey) -> Self {
        let public = PublicKey::ed25519(secret.verifying_key().as_bytes());
        Self { secret, public }
    }
}

/// Signs the notes of one log.
pub struct NoteSigner {
    name: String,
    id: u32,
    secret: ed25519_dalek::SigningKey,
}

impl std::fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NoteSigner({}, {:08x})", self.name, self.id)
    }
}

impl signed_note::Signer for NoteSigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.secret.try_sign(message)?.to_bytes().to_vec())
    }
}

/// 32 random bytes.
///
/// # Errors
/// [`KeyError::Random`] when the system has none to give.
pub fn random() -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(bytes)
}

fn malformed(path: &Path) -> KeyError {
    KeyError::Malformed(path.to_owned())
}

fn create(path: &Path, pem: &[u8]) -> Result<(), KeyError> {
    let failed = |error| KeyError::File {
        path: path.to_owned(),
        error,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(pem).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

fn load(path: &Path) -> Result<String, KeyError> {
    let failed = |error| KeyError::File {
        path: path.to_owned(),
        error,
    };
    let file = fs::File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    let own = meta.uid() == rustix::process::geteuid().as_raw();
    if !own || meta.mode() & 0o077 != 0 || !meta.is_file() {
        return Err(KeyError::Open(path.to_owned()));
    }
    let mut pem = String::new();
    file.take(MAX_KEY_BYTES)
        .read_to_string(&mut pem)
        .map_err(failed)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_are_read_back_and_sign() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(BACKEND_KEY);
        let made = BackendKey::create(&path).unwrap();
        let key = BackendKey::load(&path).unwrap();
        assert_eq!(key.public_key(), made.public_key());
        assert!(key.public_key().accepts(b"m", &key.sign(b"m").unwrap()));
        assert!(BackendKey::create(&path).is_err(), "a key is never overwritten");
        assert!(LogKey::load(&path).is_err(), "a key has one algorithm");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(LOG_KEY);
        LogKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(LogKey::load(&path), Err(KeyError::Open(_))));
    }
}
