//! Work on a store outside of serving: verifying, migrating, backing up, restoring.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use countersign_protocol::log::{Commitment, Leaf, Salt, origin};
use countersign_protocol::signed::Envelope;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use tlog_tiles::{Hash, HashReader, record_hash, stored_hashes_for_record_hash, tree_hash};

use crate::home::{Home, restrict};
use crate::log::tree::uint;
use crate::log::{self, checkpoint};
use crate::store::{self, schema};
use crate::trust::Trust;

/// What was found in a store that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Findings {
    /// Leaves under the newest checkpoint.
    pub leaves: u64,
    /// Leaves that wait for their index.
    pub waiting: u64,
    /// Checkpoints whose signature and root hash hold.
    pub checkpoints: u64,
}

/// Hashes the whole log again, compares it with every signed checkpoint, and opens every commitment.
///
/// # Errors
/// At the first thing that does not hold.
pub fn verify(home: &Path) -> anyhow::Result<Findings> {
    let conn = read_only(&home.join(store::FILE))?;
    let sound: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        bail!("the database file is damaged: {sound}");
    }
    // Read before the database: a backend that is serving meanwhile only grows it.
    let remembered = std::fs::read_to_string(home.join(log::LAST)).context("remembered checkpoint")?;
    let snapshot = conn.unchecked_transaction()?;
    let trust = Trust::load(&snapshot)?;
    let verifiers = trust.log_verifiers()?;
    let open = |note: &str| {
        checkpoint::Checkpoint::open(note, &verifiers).context("a checkpoint is not signed by this log")
    };
    let remembered = open(&remembered).context("remembered checkpoint")?;
    let hashes = hash_again(&snapshot)?;
    let leaves = hashes.leaves;
    let root = |size: u64| -> anyhow::Result<Hash> {
        if size > leaves {
            bail!(
                "a checkpoint of size {size} was signed, but there are only {leaves} leaves: the log was cut"
            );
        }
        Ok(tree_hash(size, &hashes)?)
    };
    if root(remembered.size)?.0 != *remembered.root_hash.as_bytes() {
        bail!(
            "the log does not contain the checkpoint of size {} that was signed",
            remembered.size
        );
    }
    let mut checkpoints = 0;
    let mut newest = 0;
    let mut rows = snapshot.prepare("SELECT note FROM checkpoints ORDER BY size")?;
    let mut found = rows.query([])?;
    while let Some(row) = found.next()? {
        let signed = open(&row.get::<_, String>(0)?)?;
        if root(signed.size)?.0 != *signed.root_hash.as_bytes() {
            bail!(
                "the log does not contain its own checkpoint of size {}",
                signed.size
            );
        }
        checkpoints += 1;
        newest = signed.size;
    }
    if newest != leaves {
        bail!("the newest checkpoint has size {newest}, but {leaves} leaves have an index");
    }
    let waiting: i64 = snapshot.query_row("SELECT count(*) FROM leaves WHERE idx IS NULL", [], |row| {
        row.get(0)
    })?;
    Ok(Findings {
        leaves,
        waiting: uint(waiting),
        checkpoints,
    })
}

/// Brings a store to this program's schema.
///
/// # Errors
/// When a newer program wrote it.
pub fn migrate(home: &Home) -> anyhow::Result<(usize, usize)> {
    if !home.database().exists() {
        bail!("there is no store here; run `countersignd init --home DIR --trust FILE`");
    }
    let mut conn = store::open(&home.database())?;
    let before = schema::version(&conn)?;
    schema::migrate(&mut conn)?;
    Ok((before, schema::version(&conn)?))
}

/// Copies the store to a new file while it may be in use.
///
/// # Errors
/// When the file exists already or cannot be written.
pub fn backup(home: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        bail!("`{}` exists already; a backup never overwrites", to.display());
    }
    let from = read_only(&home.join(store::FILE))?;
    copy(&from, to)
}

/// Puts a backup in the place of the store, if it continues everything that was ever signed. The store before is kept.
///
/// # Errors
/// When the log signed more than the backup holds, or something else; or when the store that an earlier restore kept is
/// still there.
pub fn restore(home: &Home, from: &Path) -> anyhow::Result<()> {
    let (_, log_key) = home.keys()?;
    let source = read_only(from)?;
    if schema::version(&source)? != schema::newest() {
        bail!(
            "the backup has another schema version than this program; restore it with the program that made it"
        );
    }
    let trust = Trust::load(&source)?;
    let mut verifiers = trust.log_verifiers()?;
    verifiers.push(log_key.verifier_key(&origin(trust.root.id())));
    let remembered = checkpoint::remembered(&home.file(log::LAST), &verifiers)?;
    log::check_contains(&source, &remembered)?;
    let (place, next, kept) = (
        home.database(),
        home.file("store.restoring"),
        home.file("store.before-restore"),
    );
    if kept.exists() {
        bail!(
            "`{}`, which an earlier restore kept, is still there; move it away first",
            kept.display()
        );
    }
    if next.exists() {
        std::fs::remove_file(&next)?;
    }
    copy(&source, &next)?;
    if place.exists() {
        // Folds the write-ahead log into the old file, so that the kept one is whole.
        store::open(&place)?.pragma_update(None, "journal_mode", "DELETE")?;
        std::fs::rename(&place, &kept)?;
    }
    std::fs::rename(&next, &place)?;
    std::fs::File::open(home.path())?.sync_all()?;
    Ok(())
}

fn read_only(path: &Path) -> anyhow::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("store `{}` cannot be opened", path.display()))?;
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

fn copy(from: &Connection, to: &Path) -> anyhow::Result<()> {
    let mut target = Connection::open(to)?;
    restrict(to)?;
    Backup::new(from, &mut target)?.run_to_completion(256, Duration::ZERO, None)?;
    target.close().map_err(|(_, error)| error)?;
    std::fs::File::open(to)?.sync_all()?;
    let folder = to
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// The tree's hashes as they follow from the leaves.
struct Hashes {
    leaves: u64,
    all: Vec<Hash>,
}

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            usize::try_from(*index)
                .ok()
                .and_then(|index| self.all.get(index))
                .copied()
        };
        indexes
            .iter()
            .map(|index| hash(index).ok_or(tlog_tiles::Error::IndexesNotInTree))
            .collect()
    }
}

fn hash_again(conn: &Connection) -> anyhow::Result<Hashes> {
    let mut hashes = Hashes {
        leaves: 0,
        all: Vec::new(),
    };
    let mut rows = conn.prepare(
        "SELECT l.idx, l.bytes, s.envelope, s.salt FROM leaves l JOIN statements s ON s.id = l.statement \
         WHERE l.idx IS NOT NULL ORDER BY l.idx",
    )?;
    let mut stored = conn.prepare("SELECT hash FROM hashes ORDER BY idx")?;
    let mut kept = stored.query([])?;
    let mut found = rows.query([])?;
    while let Some(row) = found.next()? {
        let index = uint(row.get(0)?);
        if index != hashes.leaves {
            bail!("leaf {} is missing", hashes.leaves);
        }
        let bytes: Vec<u8> = row.get(1)?;
        check_commitment(
            index,
            &bytes,
            &row.get::<_, Vec<u8>>(2)?,
            &row.get::<_, String>(3)?,
        )?;
        for hash in stored_hashes_for_record_hash(index, record_hash(&bytes), &hashes)? {
            let kept: Option<Vec<u8>> = kept.next()?.map(|row| row.get(0)).transpose()?;
            if kept.as_deref() != Some(hash.0.as_slice()) {
                bail!("a hash that was stored for leaf {index} is not the one that follows from the leaves");
            }
            hashes.all.push(hash);
        }
        hashes.leaves += 1;
    }
    if kept.next()?.is_some() {
        bail!("there are hashes of leaves that are not there: the log was cut");
    }
    Ok(hashes)
}

fn check_commitment(index: u64, leaf: &[u8], envelope: &[u8], salt: &str) -> anyhow::Result<()> {
    let leaf = Leaf::from_bytes(leaf).with_context(|| format!("leaf {index}"))?;
    let envelope = Envelope::from_json(envelope).with_context(|| format!("the statement of leaf {index}"))?;
    let salt: Salt = serde_json::from_str(salt).with_context(|| format!("the salt of leaf {index}"))?;
    if Commitment::to(&envelope, &salt)? == leaf.commitment {
        Ok(())
    } else {
        bail!("the statement of leaf {index} is not the one the log committed to")
    }
}
