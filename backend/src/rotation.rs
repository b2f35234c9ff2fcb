//! New keys of the backend and its log: made beside the ones of today, put in their place once a root names them.
//!
//! Only the owners' root says which keys count. Nothing here makes a key count; it keeps the files and the root in
//! step, so that a crash at any moment is mended by doing the same again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use countersign_protocol::identity::PublicKey;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Signer as _};

use crate::clock;
use crate::engine::{follow_root, take_root};
use crate::home::{Home, check_names};
use crate::key::{BACKEND_KEY, BackendKey, LOG_KEY, LogKey};
use crate::store::pending::Pending;

/// Which of the two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The key that signs requests and grants.
    Backend,
    /// The key that signs checkpoints.
    Log,
}

/// Makes the next keys, or one of them, and gives what the next root is to name: backend's and log's.
///
/// # Errors
/// When a next key is there already, or the other key of today cannot be read.
pub fn make(home: &Path, only: Option<Which>) -> anyhow::Result<(PublicKey, PublicKey)> {
    let (backend, log) = (next(home, BACKEND_KEY), next(home, LOG_KEY));
    let wanted = [(Which::Backend, &backend), (Which::Log, &log)];
    let wanted = wanted
        .into_iter()
        .filter(|(which, _)| only.is_none_or(|only| only == *which));
    for (_, file) in wanted {
        if file.exists() {
            bail!(
                "`{}` exists already; `countersignd rotate` puts it in its place, or remove it",
                file.display()
            );
        }
    }
    let backend = match only {
        Some(Which::Log) => BackendKey::load(&chosen(home, BACKEND_KEY))?,
        _ => BackendKey::create(&backend)?,
    };
    let log = match only {
        Some(Which::Backend) => LogKey::load(&chosen(home, LOG_KEY))?,
        _ => LogKey::create(&log)?,
    };
    Ok((backend.public_key().clone(), log.public_key().clone()))
}

/// Puts the next keys in the place of those of today, under the newest root or one that is handed in, and signs the
/// log's newest tree with the log's key.
///
/// # Errors
/// When the root does not follow from the one before, or does not name these keys. Nothing is changed then.
pub fn rotate(home: &Home, root: Option<&[u8]>) -> anyhow::Result<TrustedRoot> {
    let folder = home.path();
    let backend = BackendKey::load(&chosen(folder, BACKEND_KEY))?;
    let log_key = LogKey::load(&chosen(folder, LOG_KEY))?;
    let (mut conn, mut trust) = home.open_store()?;
    let handed = root
        .map(Envelope::from_json)
        .transpose()
        .context("the root is refused")?;
    match handed {
        Some(envelope) if envelope.payload_digest() != *trust.root.root().digest() => {
            let next = follow_root(&trust, &envelope, clock::now())?;
            check_names(&next, &backend, &log_key)?;
            let change = conn.transaction()?;
            let pending = Pending::over(&change);
            let renewed = take_root(&pending, &trust, &envelope)?;
            let tell = pending.afterwards();
            change.commit()?;
            tell();
            trust = std::sync::Arc::into_inner(renewed).context("the new root is still in use")?;
        }
        _ => check_names(&trust.root, &backend, &log_key)?,
    }
    // From here the root names these keys. A crash leaves next keys behind, and this can be done again.
    for name in [BACKEND_KEY, LOG_KEY] {
        put_in_place(folder, name)?;
    }
    let mut log = home.open_log(&conn, &trust, &log_key)?;
    log.sequence(&mut conn, clock::now())?;
    Ok(trust.root)
}

fn next(home: &Path, name: &str) -> PathBuf {
    home.join(format!("{name}.next"))
}

/// The next key where there is one, else the one of today.
fn chosen(home: &Path, name: &str) -> PathBuf {
    let next = next(home, name);
    if next.exists() { next } else { home.join(name) }
}

/// The old key is gone after it: what it signed is verified by its public half.
fn put_in_place(home: &Path, name: &str) -> anyhow::Result<()> {
    let (from, to) = (next(home, name), home.join(name));
    if !from.exists() {
        return Ok(());
    }
    let failed = || format!("`{}` cannot be put in its place", from.display());
    std::fs::rename(&from, &to).with_context(failed)?;
    std::fs::File::open(home)
        .and_then(|folder| folder.sync_all())
        .with_context(failed)
}
