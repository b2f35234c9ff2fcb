//! Reading the Merkle tree from the database: root hashes, proofs, tiles and entry bundles.

use countersign_protocol::digest::Sha256Digest;
use rusqlite::{Connection, OptionalExtension as _, params};
use tlog_tiles::{Hash, HashReader, prove_record, prove_tree, stored_hash_index, tree_hash};

use super::LogError;
use super::path::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind};

/// The tree in a database.
#[derive(Debug)]
pub struct Tree<'a>(pub &'a Connection);

impl HashReader for Tree<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let broken = |problem: String| tlog_tiles::Error::InvalidInput(problem);
        let mut rows = self
            .0
            .prepare_cached("SELECT hash FROM hashes WHERE idx = ?1")
            .map_err(|error| broken(error.to_string()))?;
        let mut hashes = Vec::with_capacity(indexes.len());
        for index in indexes {
            let bytes: Vec<u8> = rows
                .query_row([int(*index)], |row| row.get(0))
                .map_err(|error| broken(format!("hash {index}: {error}")))?;
            let bytes = bytes
                .try_into()
                .map_err(|_| broken(format!("hash {index} has another length than 32 bytes")))?;
            hashes.push(Hash(bytes));
        }
        Ok(hashes)
    }
}

impl Tree<'_> {
    /// Leaves with an index.
    ///
    /// # Errors
    /// [`LogError`] when the database fails.
    pub fn size(&self) -> Result<u64, LogError> {
        let last: Option<i64> = self
            .0
            .query_row("SELECT max(idx) FROM leaves", [], |row| row.get(0))?;
        Ok(last.map_or(0, |last| uint(last) + 1))
    }

    /// The hash of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`LogError`] when hashes are missing.
    pub fn hash(&self, size: u64) -> Result<Hash, LogError> {
        tree_hash(size, self).map_err(|error| failed(&error))
    }

    /// The same as a digest.
    ///
    /// # Errors
    /// As [`Self::hash`].
    pub fn root(&self, size: u64) -> Result<Sha256Digest, LogError> {
        Ok(Sha256Digest::from_bytes(self.hash(size)?.0))
    }

    /// The inclusion proof of a leaf in the tree of `size` (RFC 6962 section 2.1.1).
    ///
    /// # Errors
    /// [`LogError`] when the leaf is not in that tree.
    pub fn inclusion(&self, size: u64, index: u64) -> Result<Vec<Sha256Digest>, LogError> {
        Ok(digests(
            &prove_record(size, index, self).map_err(|error| failed(&error))?,
        ))
    }

    /// The consistency proof from `from` to `to` (RFC 6962 section 2.1.2). The empty tree is a prefix of all.
    ///
    /// # Errors
    /// [`LogError`] when `from` is the larger one.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Sha256Digest>, LogError> {
        if from == 0 || from == to {
            return Ok(vec![]);
        }
        Ok(digests(
            &prove_tree(to, from, self).map_err(|error| failed(&error))?,
        ))
    }

    /// A leaf's bytes.
    ///
    /// # Errors
    /// [`LogError`] when the database fails.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        let mut rows = self.0.prepare_cached("SELECT bytes FROM leaves WHERE idx = ?1")?;
        Ok(rows.query_row([int(index)], |row| row.get(0)).optional()?)
    }

    /// The leaves from `from` up to, not including, `to`.
    ///
    /// # Errors
    /// [`LogError`] when one is missing.
    pub fn leaves(&self, from: u64, to: u64) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
        let mut rows = self
            .0
            .prepare_cached("SELECT idx, bytes FROM leaves WHERE idx >= ?1 AND idx < ?2 ORDER BY idx")?;
        let found = rows.query_map(params![int(from), int(to)], |row| {
            Ok((uint(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
        })?;
        let leaves: Vec<(u64, Vec<u8>)> = found.collect::<Result<_, _>>()?;
        if u64::try_from(leaves.len()).ok() == Some(to.saturating_sub(from)) {
            Ok(leaves)
        } else {
            Err(LogError::Tree(format!(
                "a leaf between {from} and {to} is missing"
            )))
        }
    }

    /// A tile's bytes, when the tree of `size` has it.
    ///
    /// # Errors
    /// [`LogError`] when the database fails.
    pub fn tile(&self, tile: &Tile, size: u64) -> Result<Option<Vec<u8>>, LogError> {
        let level = match tile.kind {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => level,
        };
        let shift = u32::from(level) * TILE_HEIGHT;
        let held = size.checked_shr(shift).unwrap_or(0);
        let Some(first) = tile.number.checked_mul(TILE_WIDTH) else {
            return Ok(None);
        };
        let Some(end) = first.checked_add(tile.width).filter(|end| *end <= held) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        match tile.kind {
            TileKind::Entries => {
                for (index, leaf) in self.leaves(first, end)? {
                    let length = u16::try_from(leaf.len())
                        .map_err(|_| LogError::Tree(format!("leaf {index} is too long")))?;
                    bytes.extend_from_slice(&length.to_be_bytes());
                    bytes.extend_from_slice(&leaf);
                }
            }
            TileKind::Hashes(_) => {
                let Ok(level) = u8::try_from(shift) else {
                    return Ok(None);
                };
                let indexes: Vec<u64> = (first..end).map(|n| stored_hash_index(level, n)).collect();
                for hash in self.read_hashes(&indexes).map_err(|error| failed(&error))? {
                    bytes.extend_from_slice(&hash.0);
                }
            }
        }
        Ok(Some(bytes))
    }
}

/// The number as SQLite keeps it.
#[must_use]
pub fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number as SQLite kept it.
#[must_use]
pub fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn failed(error: &tlog_tiles::Error) -> LogError {
    LogError::Tree(error.to_string())
}

fn digests(hashes: &[Hash]) -> Vec<Sha256Digest> {
    hashes
        .iter()
        .map(|hash| Sha256Digest::from_bytes(hash.0))
        .collect()
}
