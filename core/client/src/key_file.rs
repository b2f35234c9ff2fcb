//! Signing keys in owner-only files: guard, backend and login keys. Never a reviewer's.
//!
//! PKCS#8 in PEM (RFC 5958, RFC 7468), P-256 only. A file that others may read, or that is a link, is refused.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_protocol::identity::{Algorithm, PublicKey};
use countersign_protocol::signed::{SignError, Signer};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The longest key file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be opened or written.
    #[error("key file `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// There is a key already.
    #[error("key file `{}` is there already; move it away first if it really is to be replaced", .0.display())]
    Exists(PathBuf),
    /// Others may read it.
    #[error("key file `{}` may be read by others (mode {mode:o}); make it yours alone: chmod 600 '{}'", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("key file `{}` belongs to user {owner}, and this is user {user}; run as its owner or make a key of your own", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who reads.
        user: u32,
    },
    /// It is a link or a device.
    #[error("key file `{}` is a link or no plain file; put the key itself there", .0.display())]
    NotPlain(PathBuf),
    /// It holds something else.
    #[error("key file `{}` holds no P-256 key in PKCS#8 PEM", .0.display())]
    NotAKey(PathBuf),
    /// The system gives no randomness, or the key cannot be written.
    #[error("no key can be made: {0}")]
    Make(String),
}

/// A signing key that was read from a file. The secret is wiped when it is dropped.
pub struct FileSigner {
    secret: SigningKey,
    public: PublicKey,
}

impl std::fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileSigner").field(&self.public).finish()
    }
}

impl FileSigner {
    /// The key of a seed that is kept elsewhere, as an enrolment code keeps one. Nothing for the few seeds that are no
    /// key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(seed).ok().and_then(Self::new)
    }

    fn new(secret: SigningKey) -> Option<Self> {
        let spki = secret.verifying_key().to_public_key_der().ok()?;
        let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).ok()?;
        Some(Self { secret, public })
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: p256::ecdsa::Signature = self
            .secret
            .try_sign(message)
            .map_err(|error| SignError::Key(error.into()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Makes a new key and writes it to a file that only its owner may read. An existing file is left alone.
///
/// # Errors
/// [`KeyFileError`] says why not.
pub fn create(path: &Path) -> Result<FileSigner, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    let secret = loop {
        getrandom::fill(seed.as_mut_slice()).map_err(|error| KeyFileError::Make(error.to_string()))?;
        // Fails for the few numbers that are no key; the next ones are asked for then.
        if let Ok(secret) = SigningKey::from_slice(seed.as_slice()) {
            break secret;
        }
    };
    let pem = secret
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| KeyFileError::Make(error.to_string()))?;
    write_new(path, pem.as_bytes())?;
    FileSigner::new(secret).ok_or_else(|| KeyFileError::NotAKey(path.to_owned()))
}

/// Reads a key from a file that only its owner may read.
///
/// # Errors
/// [`KeyFileError`] says why not.
pub fn load(path: &Path) -> Result<FileSigner, KeyFileError> {
    let pem = read_private(path)?;
    SigningKey::from_pkcs8_pem(&pem)
        .ok()
        .and_then(FileSigner::new)
        .ok_or_else(|| KeyFileError::NotAKey(path.to_owned()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => KeyFileError::File {
            path: path.to_owned(),
            source,
        },
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(path)
        .map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let failed = |source| KeyFileError::File {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_follow())
        .open(path)
        .map_err(|error| {
            if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
                KeyFileError::NotPlain(path.to_owned())
            } else {
                failed(error)
            }
        })?;
    // Asked of the open file, so that what is checked is what is read.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() || found.len() > MAX_FILE_BYTES {
        return Err(KeyFileError::NotPlain(path.to_owned()));
    }
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user {
        return Err(KeyFileError::Owner {
            path: path.to_owned(),
            owner: found.uid(),
            user,
        });
    }
    if found.mode() & 0o077 != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode: found.mode() & 0o7777,
        });
    }
    let mut pem = Zeroizing::new(String::with_capacity(8 * 1024));
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut pem)
        .map_err(|_| KeyFileError::NotAKey(path.to_owned()))?;
    Ok(pem)
}

fn no_follow() -> i32 {
    // A pipe in place of the file must not hold the program up: it is opened without waiting and then refused.
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_key_is_read_back_and_signs() {
        let folder = folder();
        let path = folder.path().join("guard.key");
        let made = create(&path).unwrap();
        let read = load(&path).unwrap();
        assert_eq!(made.public_key(), read.public_key());
        assert!(read.public_key().accepts(b"m", &made.sign(b"m").unwrap()));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(matches!(create(&path), Err(KeyFileError::Exists(_))));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        let folder = folder();
        let path = folder.path().join("k");
        create(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o602] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = load(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Open { .. }));
            assert!(error.to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn links_folders_and_other_contents_are_refused() {
        let folder = folder();
        let path = folder.path().join("k");
        create(&path).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(load(&link), Err(KeyFileError::NotPlain(_))));
        assert!(matches!(create(&link), Err(KeyFileError::Exists(_))));
        assert!(matches!(load(folder.path()), Err(KeyFileError::NotPlain(_))));
        assert!(matches!(
            load(&folder.path().join("none")),
            Err(KeyFileError::File { .. })
        ));
        std::fs::write(
            &path,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(matches!(load(&path), Err(KeyFileError::NotAKey(_))));
        std::fs::write(&path, [0xff; 100]).unwrap();
        assert!(matches!(load(&path), Err(KeyFileError::NotAKey(_))));
    }
}
