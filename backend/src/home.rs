//! The backend's home: keys, database, remembered checkpoint, and a lock, since two writers would fork the log.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::canonical;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::Role;
use countersign_protocol::log::{EntryType, origin};
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Keys as _, Signer as _};
use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};

use crate::clock;
use crate::key::{BACKEND_KEY, BackendKey, LOG_KEY, LogKey};
use crate::log::{self, Log, checkpoint};
use crate::store::row::{self, Filing, Sort};
use crate::store::{self, schema};
use crate::trust::{Policy, ROOT, Trust};

/// The largest trust document that is read, in bytes.
const MAX_TRUST: usize = 64 * 1024 * 1024;

/// A home that no other process works in.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Takes an existing home for this process alone.
    ///
    /// # Errors
    /// When it is not there or another process works in it.
    pub fn take(path: &Path) -> anyhow::Result<Self> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("home `{}` cannot be used", path.display()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .with_context(|| format!("another `countersignd` works in `{}`", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Makes the folder where it is missing, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("home `{}` cannot be made", path.display()))?;
        Self::take(path)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the home.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.file(store::FILE)
    }

    /// The home's two keys.
    ///
    /// # Errors
    /// When one is missing or others could read it.
    pub fn keys(&self) -> anyhow::Result<(BackendKey, LogKey)> {
        Ok((
            BackendKey::load(&self.file(BACKEND_KEY))?,
            LogKey::load(&self.file(LOG_KEY))?,
        ))
    }

    /// Opens what a serving backend works on: a database that continues what was signed, and its trust.
    ///
    /// # Errors
    /// When the home is not initialised, was rolled back, or its root names other keys.
    pub fn open(&self) -> anyhow::Result<(Connection, Log, Trust, BackendKey, LogKey)> {
        if !self.database().exists() {
            bail!(
                "`{}` is not initialised; run `countersignd init --home DIR --trust FILE`",
                self.path.display()
            );
        }
        let (backend, log_key) = self.keys()?;
        let (conn, trust) = self.open_store()?;
        check_names(&trust.root, &backend, &log_key)?;
        let log = self.open_log(&conn, &trust, &log_key)?;
        Ok((conn, log, trust, backend, log_key))
    }

    /// Opens the store and what the organisation signed about itself.
    ///
    /// # Errors
    /// When another version of this program wrote it, or a document does not hold.
    pub fn open_store(&self) -> anyhow::Result<(Connection, Trust)> {
        let conn = store::open(&self.database())?;
        let (found, known) = (schema::version(&conn)?, schema::newest());
        if found < known {
            return Err(store::StoreError::Outdated { found, known }.into());
        }
        if found > known {
            return Err(store::StoreError::Newer { found, known }.into());
        }
        let trust = Trust::load(&conn)?;
        Ok((conn, trust))
    }

    /// Opens the log over its store.
    ///
    /// # Errors
    /// When the store does not continue what was signed.
    pub fn open_log(&self, conn: &Connection, trust: &Trust, log_key: &LogKey) -> anyhow::Result<Log> {
        let verifiers = trust.log_verifiers()?;
        Ok(Log::open(
            &self.path,
            conn,
            log_key,
            &origin(trust.root.id()),
            &verifiers,
        )?)
    }

    /// Stores an organisation's first documents, and logs them.
    ///
    /// # Errors
    /// When they do not hold, or the home holds others already.
    pub fn initialise(&self, document: &[u8]) -> anyhow::Result<TrustedRoot> {
        let document: TrustDocument =
            canonical::parse_within(document, MAX_TRUST).context("trust document is refused")?;
        let root = check_document(&document)?;
        let (backend, log_key) = self.keys()?;
        check_names(&root, &backend, &log_key)?;
        let mut conn = store::open(&self.database())?;
        restrict(&self.database())?;
        schema::migrate(&mut conn)?;
        if row::meta(&conn, ROOT)?.is_some() {
            bail!(
                "`{}` is initialised already; new documents go to `/v1/trust`",
                self.path.display()
            );
        }
        let last = self.file(log::LAST);
        let name = origin(root.id());
        if last.exists() && checkpoint::remembered(&last, &[log_key.verifier_key(&name)])?.size > 0 {
            bail!(
                "`{}` remembers a log that is not here; restore its database instead",
                last.display()
            );
        }
        Log::create(&self.path, &log_key, &name)?;
        let change = conn.transaction()?;
        row::set_meta(&change, ROOT, &root.id().to_string())?;
        file_document(&change, &document, &root)?;
        change.commit()?;
        let mut log = Log::open(&self.path, &conn, &log_key, &name, &[log_key.verifier_key(&name)])?;
        log.sequence(&mut conn, clock::now())?;
        Ok(root)
    }
}

/// Keeps a file to its owner.
///
/// # Errors
/// When its mode cannot be set.
pub fn restrict(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("`{}` cannot be kept to its owner", path.display()))
}

fn check_document(document: &TrustDocument) -> anyhow::Result<TrustedRoot> {
    let now = clock::now();
    let first = document
        .roots
        .first()
        .context("the trust document holds no root")?;
    let root = TrustedRoot::follow(&TrustedRoot::id_of(first), &document.roots)?;
    root.check_fresh(now)?;
    TrustedDirectory::accept(&root, &document.directory, 0)?.check_fresh(now)?;
    let policy = Policy::load(TrustedBundle::accept(&root, &document.policy, 0)?)?;
    policy.bundle.check_fresh(now)?;
    if document.log_origin != origin(root.id()) {
        bail!(
            "the trust document names log `{}`, but this organisation's is `{}`",
            document.log_origin,
            origin(root.id())
        );
    }
    Ok(root)
}

/// Refuses keys that a root does not name.
///
/// # Errors
/// Names the first such key.
pub fn check_names(root: &TrustedRoot, backend: &BackendKey, log_key: &LogKey) -> anyhow::Result<()> {
    for (file, id, role) in [
        (BACKEND_KEY, backend.public_key().id(), Role::Backend),
        (LOG_KEY, log_key.public_key().id(), Role::Log),
    ] {
        if root.key(&id, role).is_none() {
            bail!(
                "the root does not name the key in `{file}` ({id}); the owners have to sign a root that does, and \
                 `countersignd rotate` puts keys that were made with `keygen --next` in their place"
            );
        }
    }
    Ok(())
}

fn file_document(conn: &Connection, document: &TrustDocument, root: &TrustedRoot) -> anyhow::Result<()> {
    let now = clock::now();
    let file = |sort, entry, version, envelope: &Envelope| {
        let filing = Filing {
            sort,
            request: None,
            version: Some(version),
            envelope,
            entry: Some(entry),
        };
        row::file(conn, &filing, now)
    };
    for (version, envelope) in (1..).zip(&document.roots) {
        file(Sort::Root, EntryType::Root, version, envelope)?;
    }
    let directory = TrustedDirectory::accept(root, &document.directory, 0)?;
    file(
        Sort::Directory,
        EntryType::Directory,
        directory.version,
        directory.envelope(),
    )?;
    let policy = TrustedBundle::accept(root, &document.policy, 0)?;
    file(Sort::Policy, EntryType::Policy, policy.version, policy.envelope())?;
    Ok(())
}
